// tree, explain and diff of images whose layers are hand-made tars, in a real store.
#include "images/explain.h"

#include "images/image_diff.h"
#include "images/layer_tree_summary.h"
#include "images/manifest_list.h"
#include "layers/test_store.h"
#include "store/database.h"
#include <gtest/gtest.h>

namespace strata::images {
namespace {

using layers::test::Tar;

class ExplainTest : public ::testing::Test {
 protected:
  sys::TempDir directory_ = sys::TempDir::create("/tmp").value();
  std::vector<store::Schema> schemas_{Images::schema(), layers::schema()};
  std::unique_ptr<store::Store> store_ = store::Store::open({directory_.path() + "/root", directory_.path() + "/run"},
                                                            schemas_, {.settle_in_background = false})
                                             .value();
  layers::Layers layers_{*store_, layers::Options{.worker_program = *sys::own_directory() + "/strata-layer"}};
  Images images_{*store_, layers_};
  store::Lease lease_ = store::Lease::create(*store_).value();

  Image make(std::string_view tag, std::vector<Tar*> tars, std::vector<std::string> env = {}) {
    oci::ImageConfig config;
    config.os = "linux";
    config.architecture = "amd64";
    config.config.env = std::move(env);
    std::optional<oci::Digest> parent;
    for (std::size_t i = 0; i < tars.size(); ++i) {
      const sys::UniqueFd file = sys::memory_file("layer", bytes_of(*tars[i])).value();
      const layers::Unpacked unpacked = layers_.unpack(lease_, file.get()).value();
      const layers::Layer layer = layers_.commit(lease_, unpacked, parent).value();
      parent = layer.chain_id;
      config.diff_ids.push_back(layer.diff_id);
      config.history.push_back({"", "/bin/sh -c #(nop) COPY " + std::to_string(i), "", "", false});
      config.history.push_back({"", "ENV x", "", "", true});
    }
    return images_.add(config.to_json(), oci::Reference::parse(tag).value()).value();
  }
  // A tar ends when its bytes are taken, and images share layers.
  const std::string& bytes_of(Tar& tar) {
    const auto [known, fresh] = bytes_.try_emplace(&tar);
    if (fresh) known->second = tar.bytes();
    return known->second;
  }
  std::map<Tar*, std::string> bytes_;

  std::string diff(const Image& before, const Image& after) {
    std::string text;
    const auto sums = diff_files(images_, before, after, [&](const FileDifference& one) {
      text += one.kind == FileDifference::Kind::kAdded     ? "A "
              : one.kind == FileDifference::Kind::kDeleted ? "D "
                                                           : "C ";
      text += one.path;
      for (const std::string& what : one.what) text += " " + what;
      text += "\n";
      return Result<>();
    });
    return sums ? text : sums.error().message();
  }
};

const std::string kBig(100'000, 'a');

TEST_F(ExplainTest, HiddenBytesAreThoseThatNoPathShowsAnyMore) {
  Tar base, middle, top;
  base.dir("usr")
      .file("usr/kept", kBig)
      .file("usr/gone", kBig + "1")
      .file("usr/replaced", kBig + "22")
      .link("usr/other-name", "usr/kept");
  middle.dir("usr").whiteout("usr/.wh.gone").file("usr/replaced", "new");
  top.dir("etc").file("etc/x", "12345");
  const Image image = make("a", {&base, &middle, &top});
  const Explanation explanation = explain(images_, image).value();
  ASSERT_EQ(explanation.layers.size(), 3u);
  EXPECT_EQ(explanation.layers[0].instruction, "COPY 0");
  EXPECT_EQ(explanation.layers[0].total.bytes, 300'003u);
  EXPECT_EQ(explanation.layers[0].total.hidden_bytes, 200'003u);
  EXPECT_EQ(explanation.layers[0].directories.at("usr").hidden_files, 2u);
  EXPECT_EQ(explanation.layers[1].total.bytes, 3u);
  EXPECT_EQ(explanation.total.hidden_bytes, 200'003u);
  ASSERT_EQ(explanation.hidden.size(), 2u);
  EXPECT_EQ(explanation.hidden[0].path, "usr/replaced");
  EXPECT_TRUE(explanation.hidden[0].overwritten);
  EXPECT_EQ(explanation.hidden[1].path, "usr/gone");
  EXPECT_FALSE(explanation.hidden[1].overwritten);
  EXPECT_TRUE(explanation.limits.empty());
}

TEST_F(ExplainTest, AFileWhoseOtherNameStaysIsNotHidden) {
  Tar base, top;
  base.file("a", kBig).link("b", "a");
  top.whiteout(".wh.a");
  const Explanation explanation = explain(images_, make("a", {&base, &top})).value();
  EXPECT_EQ(explanation.total.hidden_bytes, 0u);
  EXPECT_TRUE(explanation.hidden.empty());
}

TEST_F(ExplainTest, IdenticalFilesAndCachesAreFound) {
  Tar base, top;
  base.dir("var")
      .dir("var/cache")
      .dir("var/cache/apt")
      .file("var/cache/apt/pkgcache.bin", kBig)
      .file("different", std::string(100'000, 'b'));
  base.file("small", "same").file("small-too", "same");
  top.file("copy", kBig).dir("root").dir("root/.cache").dir("root/.cache/pip").file("root/.cache/pip/x", "wheel");
  const Explanation explanation = explain(images_, make("a", {&base, &top})).value();
  ASSERT_EQ(explanation.duplicates.size(), 1u);
  EXPECT_EQ(explanation.duplicates[0].paths, (std::vector<std::string>{"var/cache/apt/pkgcache.bin", "copy"}));
  EXPECT_EQ(explanation.duplicate_bytes, kBig.size());
  ASSERT_EQ(explanation.caches.size(), 2u);
  EXPECT_EQ(explanation.caches[0].path, "var/cache/apt");
  EXPECT_EQ(explanation.caches[0].size.bytes, kBig.size());
  EXPECT_EQ(explanation.caches[1].of, "pip");
  EXPECT_EQ(explanation.caches[1].layers, std::vector<std::size_t>{1});
}

TEST(PackageCaches, AreKnownByTheirDirectories) {
  EXPECT_EQ(cache_of("var/lib/apt/lists/deb.debian.org_x").of, "apt");
  EXPECT_EQ(cache_of("home/me/.npm/_cacache/x").path, "home/me/.npm");
  EXPECT_EQ(cache_of("var/cache/apt").of, "");
  EXPECT_EQ(cache_of("var/cache/aptitude/x").of, "");
  EXPECT_EQ(cache_of("root/x").of, "");
  EXPECT_EQ(cache_of("home/x").of, "");
}

TEST_F(ExplainTest, TreeCountsEntriesAndNamesWhoSharesALayer) {
  Tar base, top;
  base.dir("d").file("d/f", "123").symlink("l", "d").link("d/g", "d/f");
  top.whiteout(".wh.l").file("x");
  const Image a = make("a:1", {&base});
  const Image b = make("b:1", {&base, &top});
  const auto layers = summarize_layers(images_, b).value();
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].files, 1u);
  EXPECT_EQ(layers[0].bytes, 3u);
  EXPECT_EQ(layers[0].directories, 1u);
  EXPECT_EQ(layers[0].links, 2u);
  EXPECT_EQ(layers[0].shared_with, std::vector<std::string>{"a:1"});
  EXPECT_EQ(layers[1].removed, 1u);
  EXPECT_TRUE(layers[1].shared_with.empty());
}

TEST_F(ExplainTest, DiffTellsWhatIsDifferentAndWhatOnlyLooksSo) {
  Tar base, rebuilt;
  base.dir("a")
      .file("a/same", "content")
      .file("a.c", "x")
      .file("changed", "one")
      .file("gone")
      .symlink("l", "old")
      .file("mode", "", 0644);
  // The same content with another time, and paths that sort around a directory's.
  rebuilt.dir("a")
      .add({.path = "a/same", .mode = 0644, .mtime_sec = 5000}, "content")
      .file("a.c", "x")
      .file("changed", "two");
  rebuilt.symlink("l", "new").file("mode", "", 0755).dir("new").file("new/file", "123");
  const Image before = make("a:1", {&base}, {"A=1", "B=2"});
  const Image after = make("a:2", {&rebuilt}, {"A=2", "C="});
  EXPECT_EQ(diff(before, after), "C changed content\nD gone\nC l target\nC mode mode\nA new\nA new/file\n");
  EXPECT_EQ(diff(before, before), "");
  const auto configs = diff_configs(before, after);
  ASSERT_EQ(configs.size(), 3u);
  EXPECT_EQ(configs[0].field, "Env A");
  EXPECT_EQ(configs[0].new_value, "2");
  EXPECT_TRUE(configs[1].removed);
  EXPECT_EQ(configs[2].field, "Env C");
  EXPECT_TRUE(configs[2].added);
}

TEST_F(ExplainTest, DiffSeesThroughWhiteoutsAndManyEntries) {
  Tar base, top;
  base.dir("d");
  for (int i = 0; i < 3000; ++i) base.file(fmt::format("d/{:05}", i), "x");
  top.dir("d").whiteout("d/.wh.02000").file("d/zzz", "new");
  const Image before = make("a:1", {&base});
  const Image after = make("a:2", {&base, &top});
  EXPECT_EQ(diff(before, after), "D d/02000\nA d/zzz\n");
  EXPECT_EQ(diff(after, before), "A d/02000\nD d/zzz\n");
}

TEST_F(ExplainTest, HolesAreNotRead) {
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 40;
  const auto sparse = [](std::uint64_t offset) {
    return codec::TarEntry{.path = "s", .mode = 0644, .size = kHuge, .sparse = true, .segments = {{offset, 4}}};
  };
  Tar one, same, other;
  one.add(sparse(0), "data");
  same.add(sparse(0), "data").file("x");
  other.add(sparse(kHuge / 2), "data");
  const Image image = make("a:1", {&one});
  EXPECT_EQ(diff(image, make("a:2", {&same})), "A x\n");
  EXPECT_EQ(diff(image, make("a:3", {&other})), "C s content\n");
  // An index knows data by chunks, which are large in large files.
  EXPECT_LE(explain(images_, image)->total.bytes, 2u << 20);
}

TEST_F(ExplainTest, AVisitorThatFailsEndsTheDiff) {
  Tar base, other;
  for (int i = 0; i < 5000; ++i) base.file(fmt::format("{:05}", i));
  other.file("x");
  const auto sums = diff_files(images_, make("a:1", {&base}), make("a:2", {&other}),
                               [](const FileDifference&) -> Result<> { return Error(ErrorKind::kIo, "no more"); });
  EXPECT_EQ(sums.error().message(), "no more");
}

TEST_F(ExplainTest, ManifestListsAreKeptAsTheyAre) {
  const auto name = oci::Reference::parse("host:5000/a:list").value();
  EXPECT_EQ(load_manifest_list(*store_, name).error().message(), "No such manifest: host:5000/a:list");
  ListedManifest entry;
  entry.source = oci::Reference::parse("host:5000/a:arm64").value();
  entry.descriptor.media_type = oci::media_type::kOciManifest;
  entry.descriptor.digest = oci::Digest::of(std::string_view("{}"));
  entry.descriptor.size = 2;
  entry.descriptor.platform = oci::Platform{"linux", "arm64", "v8", "10"};
  entry.descriptor.annotations["k"] = "v";
  entry.os_features = {"x"};
  entry.bytes = "{}";
  ASSERT_TRUE(save_manifest_list(*store_, name, {entry, entry}));
  ASSERT_TRUE(save_manifest_list(*store_, name, {entry}));
  const ManifestList list = load_manifest_list(*store_, name).value();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].descriptor, entry.descriptor);
  EXPECT_EQ(list[0].source, entry.source);
  EXPECT_EQ(list[0].os_features, entry.os_features);
  EXPECT_EQ(list[0].bytes, "{}");
  EXPECT_EQ(manifest_list_type(list), oci::media_type::kOciIndex);
  ASSERT_TRUE(remove_manifest_list(*store_, name));
  EXPECT_FALSE(remove_manifest_list(*store_, name));
}

TEST(PruneFilter, NeedsAllOfIt) {
  const Timestamp created(std::chrono::seconds(100));
  const std::map<std::string, std::string> labels{{"a", "1"}, {"b", "2"}};
  const auto matches = [&](const PruneFilter& filter) { return filter.matches(created, labels); };
  EXPECT_TRUE(matches({}));
  EXPECT_TRUE(matches({.until = Timestamp(std::chrono::seconds(101))}));
  EXPECT_FALSE(matches({.until = created}));
  EXPECT_TRUE(matches({.labels = {"a", "b=2"}}));
  EXPECT_FALSE(matches({.labels = {"a", "b=3"}}));
  EXPECT_TRUE(matches({.other_labels = {"c", "a=2"}}));
  EXPECT_FALSE(matches({.labels = {"a"}, .other_labels = {"b"}}));
}

}  // namespace
}  // namespace strata::images
