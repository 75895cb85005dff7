// One layer that does all that a hostile one may: both forms give the same tree, or the same error, in bounded memory.
#include <sys/resource.h>

#include "codec/tar_fixture.h"
#include "layers/test_store.h"

namespace strata::layers {
namespace {

namespace f = codec::fixture;
using test::Tar;

constexpr std::uint64_t kExabyte = std::uint64_t{1} << 60;

std::string base() {
  return Tar()
      .dir("victim", 0700)
      .file("victim/secret", "s")
      .dir("opaque")
      .file("opaque/old")
      .file("hidden")
      .dir("dir")
      .file("dir/lower")
      .file("file")
      .dir("gone")
      .file("gone/old")
      .bytes();
}

// All but what makes the layer as a whole an error.
void add_hostile(Tar& tar) {
  tar.file("../escape", "1").file("a/../../../escape2", "22").file("/absolute", "333");
  tar.symlink("out", "/../../../../tmp").file("out/through", "4444").symlink("up", "../..").file("up/above", "5");
  tar.file("etc/passwd", "image's").link("shadow", "../../../../etc/passwd");
  tar.file("dir", "a file now").dir("file").file("file/inside", "6");
  tar.whiteout("opaque/.wh..wh..opq").file("opaque/new", "7").whiteout(".wh.gone").dir("gone").file("gone/new", "8");
  tar.device("hidden", 0, 0);
  tar.add({.type = Tar::Type::kDirectory,
           .path = "redirected",
           .mode = 0755,
           .mtime_sec = 1000,
           .xattrs = {{"trusted.overlay.redirect", "/victim"}, {"trusted.overlay.opaque", "y"}}});
  tar.add({.path = "metacopy",
           .mode = 0644,
           .mtime_sec = 1000,
           .xattrs = {{"trusted.overlay.metacopy", ""}, {"trusted.overlay.redirect", "/victim/secret"}}},
          "own");
  tar.dir("last");  // what is added raw begins at a block
}

std::string exabyte() {
  Tar tar;
  add_hostile(tar);
  tar.raw(f::pax({{"GNU.sparse.major", "1"},
                  {"GNU.sparse.minor", "0"},
                  {"GNU.sparse.name", "exabyte"},
                  {"GNU.sparse.realsize", std::to_string(kExabyte)}}));
  tar.raw(f::file("GNUSparseFile.0/exabyte", f::padded("0\n")));
  return tar.bytes();
}

std::string long_header() {
  Tar tar;
  add_hostile(tar);
  tar.raw(f::pax({{"comment", std::string(10 << 20, 'x')}})).raw(f::file("commented"));
  return tar.bytes();
}

// The same of both forms: a tree, or a message without the form's own words.
struct Outcome {
  test::Tree tree;
  std::string error;
};

Outcome outcome(Form form, const std::string& layer) {
  test::TestStore store(form);
  EXPECT_EQ(*store.layers().form(), form) << "this kernel cannot mount the index";
  auto tree = store.tree_of({base(), layer});
  if (!tree) return {{}, tree.error().message()};
  return {std::move(*tree), ""};
}

class HostileLayer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::is_root()) GTEST_SKIP() << "mounting needs root";
  }
  void TearDown() override {
    rusage workers{};
    ::getrusage(RUSAGE_CHILDREN, &workers);
    EXPECT_LT(workers.ru_maxrss, 128 << 10) << "KiB";
  }
};

TEST_F(HostileLayer, GivesTheSameTreeInBothForms) {
  Tar tar;
  add_hostile(tar);
  const std::string layer = tar.bytes();
  const Outcome index = outcome(Form::kIndex, layer), directory = outcome(Form::kDirectory, layer);
  EXPECT_EQ(index.error, "");
  EXPECT_EQ(directory.error, "");
  EXPECT_EQ(test::difference(index.tree, directory.tree), "");
  const auto has = [&](const std::string& path) { return index.tree.contains(path); };
  for (const char* path : {"escape", "escape2", "absolute", "tmp/through", "above", "shadow", "file/inside",
                           "opaque/new", "gone/new", "victim/secret"})
    EXPECT_TRUE(has(path)) << path;
  for (const char* path : {"dir/lower", "opaque/old", "gone/old", "hidden", "redirected/secret"})
    EXPECT_FALSE(has(path)) << path;
  EXPECT_TRUE(index.tree.at("metacopy").content.starts_with("3 ")) << index.tree.at("metacopy").content;
  EXPECT_FALSE(sys::exists("/tmp/through"));
}

// Not compared byte by byte: what matters is that both take it, or that both refuse it in the same words.
TEST_F(HostileLayer, WithASparseFileOfAnExabyte) {
  const std::string layer = exabyte();
  std::vector<std::string> said;
  for (const Form form : {Form::kIndex, Form::kDirectory}) {
    test::TestStore store(form);
    const auto chain = store.chain({base(), layer});
    said.push_back(chain ? "taken" : chain.error().message());
  }
  EXPECT_EQ(said[0], said[1]);
  EXPECT_NE(said[0].find("the limit is"), std::string::npos) << said[0];
}

TEST_F(HostileLayer, WithAHeaderOfTenMegabytes) {
  const std::string layer = long_header();
  const Outcome index = outcome(Form::kIndex, layer), directory = outcome(Form::kDirectory, layer);
  EXPECT_NE(index.error.find("limit"), std::string::npos) << index.error;
  EXPECT_EQ(index.error, directory.error);
}

}  // namespace
}  // namespace strata::layers
