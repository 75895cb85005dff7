// What layers mean, in both forms: each trap of layer formats as a hand-made tar.
#include "layers/layers.h"

#include <map>

#include "base/strings.h"
#include "codec/sha256.h"
#include "codec/tar_fixture.h"
#include "layers/test_store.h"

namespace strata::layers::test {
namespace {

// "dir 0755", "file 0644 3", "link → x", "char 1:3"; "-" for what must not be there.
std::string short_form(const Seen& seen) {
  if (seen.kind == "file") return fmt::format("file {} {}", seen.mode, seen.content.substr(0, seen.content.find(' ')));
  if (seen.kind == "dir") return "dir " + seen.mode;
  return seen.kind;
}

struct Case {
  std::string name;
  std::vector<std::string> layers;
  std::map<std::string, std::string> expected;
  std::string error;  // a part of the message, when the last layer must be refused
};

std::vector<Case> cases() {
  using E = codec::TarEntry;
  using T = Tar::Type;
  std::vector<Case> all;
  const auto add = [&](Case c) { all.push_back(std::move(c)); };
  add({"LastEntryWins", {Tar().file("a", "x").file("a", "yyy").bytes()}, {{"a", "file 0644 3"}}, {}});
  add({"FileReplacesDirectory",
       {Tar().dir("a").file("a/b").file("a", "x").bytes()},
       {{"a", "file 0644 1"}, {"a/b", "-"}},
       {}});
  add({"DirectoryReplacesFile",
       {Tar().file("a").dir("a", 0700).file("a/b", "x").bytes()},
       {{"a", "dir 0700"}, {"a/b", "file 0644 1"}},
       {}});
  add({"DirectoryAgainKeepsItsFiles",
       {Tar().dir("a", 0700).file("a/b").dir("a", 0711).bytes()},
       {{"a", "dir 0711"}, {"a/b", "file 0644 0"}},
       {}});
  add({"RecreatedDirectoryIsEmpty",
       {Tar().dir("a").file("a/b").file("a").dir("a").bytes()},
       {{"a", "dir 0755"}, {"a/b", "-"}},
       {}});
  add({"HardLinkOutlivesItsTarget",
       {Tar().file("a", "old").link("b", "a").file("a", "newer").bytes()},
       {{"a", "file 0644 5"}, {"b", "file 0644 3"}},
       {}});
  add({"HardLinkToNothing", {Tar().link("b", "a").bytes()}, {}, "hard link to 'a', which this layer does not hold"});
  add({"HardLinkToLowerLayer",
       {Tar().file("a").bytes(), Tar().link("b", "a").bytes()},
       {},
       "hard link to 'a', which this layer does not hold"});
  add({"HardLinkOutside",
       {Tar().file("etc/passwd", "x").link("b", "../../etc/passwd").bytes()},
       {{"b", "file 0644 1"}},
       {}});
  add({"HardLinkToDirectory", {Tar().dir("a").link("b", "a").bytes()}, {}, "hard link to the directory 'a'"});
  add({"HardLinkToItself", {Tar().file("a", "x").link("a", "./a").bytes()}, {{"a", "file 0644 1"}}, {}});
  add({"HardLinkToSymlink", {Tar().symlink("a", "x").link("b", "a").bytes()}, {{"b", "link → x"}}, {}});
  add({"NamesStayInside",
       {Tar().file("../../x").file("/y").file("a/../../../z").file("./b//c").bytes()},
       {{"x", "file 0644 0"}, {"y", "file 0644 0"}, {"z", "file 0644 0"}, {"b/c", "file 0644 0"}},
       {}});
  add({"ChildOfSymlinkFollowsItInside",
       {Tar()
            .dir("real")
            .symlink("a", "real")
            .file("a/x", "1")
            .symlink("out", "/../../etc")
            .file("out/y", "22")
            .bytes()},
       {{"a", "link → real"}, {"real/x", "file 0644 1"}, {"out", "link → /../../etc"}, {"etc/y", "file 0644 2"}},
       {}});
  add({"ChildOfFile", {Tar().file("a").file("a/b").bytes()}, {}, "entry 'a/b': 'a' is not a directory"});
  add({"SymlinkLoop", {Tar().symlink("a", "b").symlink("b", "a").file("a/x").bytes()}, {}, "more than 40 symlinks"});
  add({"SymlinkReplacedByDirectory",
       {Tar().symlink("a", "/b").dir("a").file("a/x").bytes()},
       {{"a", "dir 0755"}, {"a/x", "file 0644 0"}, {"b", "-"}},
       {}});
  add({"RootThatIsNoDirectory", {Tar().symlink("./", "/etc").bytes()}, {}, "the root of a layer must be a directory"});
  add({"Devices",
       {Tar()
            .device("null", 1, 3)
            .device("big", 4095, 1048575)
            .add({.type = T::kBlockDevice, .path = "sda", .mode = 0660, .dev_major = 8, .dev_minor = 300})
            .add({.type = T::kFifo, .path = "p", .mode = 0600})
            .bytes()},
       {{"null", "char 1:3"}, {"big", "char 4095:1048575"}, {"sda", "block 8:300"}, {"p", "fifo"}},
       {}});

  add({"Whiteout",
       {Tar().file("d/a").file("d/b").file("e").bytes(), Tar().whiteout("d/.wh.a").whiteout(".wh.e").bytes()},
       {{"d/a", "-"}, {"d/b", "file 0644 0"}, {"e", "-"}},
       {}});
  add({"WhiteoutOfDirectory", {Tar().file("d/a").bytes(), Tar().whiteout(".wh.d").bytes()}, {{"d", "-"}}, {}});
  add({"WhiteoutOfNothing",
       {Tar().dir("d").bytes(), Tar().whiteout("d/.wh.x").whiteout("n/.wh.y").bytes()},
       {{"d", "dir 0755"}, {"d/x", "-"}, {"d/.wh.x", "-"}, {"n/y", "-"}},
       {}});
  add({"WhiteoutInOneLayerOnly",
       {Tar().dir("d").whiteout("d/.wh.x").file("d/y").bytes()},
       {{"d/x", "-"}, {"d/y", "file 0644 0"}},
       {}});
  add({"FileBeatsWhiteoutBeforeIt",
       {Tar().file("a", "1").bytes(), Tar().whiteout(".wh.a").file("a", "22").bytes()},
       {{"a", "file 0644 2"}},
       {}});
  add({"FileBeatsWhiteoutBehindIt",
       {Tar().file("a", "1").bytes(), Tar().file("a", "22").whiteout(".wh.a").bytes()},
       {{"a", "file 0644 2"}},
       {}});
  add({"DirectoryWithWhiteoutIsNew",
       {Tar().file("d/old").bytes(), Tar().whiteout(".wh.d").dir("d").file("d/new").bytes()},
       {{"d/old", "-"}, {"d/new", "file 0644 0"}},
       {}});
  add({"DirectoryBeforeItsWhiteoutIsNew",
       {Tar().file("d/old").bytes(), Tar().file("d/new").whiteout(".wh.d").bytes()},
       {{"d/old", "-"}, {"d/new", "file 0644 0"}},
       {}});
  add({"Opaque",
       {Tar().file("d/old").file("d/s/old").bytes(), Tar().whiteout("d/.wh..wh..opq").file("d/new").dir("d/s").bytes()},
       {{"d/old", "-"}, {"d/s/old", "-"}, {"d/s", "dir 0755"}, {"d/new", "file 0644 0"}},
       {}});
  add({"OpaqueBehindItsFiles",
       {Tar().file("d/old").bytes(), Tar().file("d/new").whiteout("d/.wh..wh..opq").bytes()},
       {{"d/old", "-"}, {"d/new", "file 0644 0"}, {"d/.wh..wh..opq", "-"}},
       {}});
  add({"OpaqueWithWhiteout",
       {Tar().file("d/old").bytes(),
        Tar().whiteout("d/.wh..wh..opq").whiteout("d/.wh.old").whiteout("d/.wh.more").file("d/new").bytes()},
       {{"d/old", "-"}, {"d/more", "-"}, {"d/new", "file 0644 0"}},
       {}});
  add({"OpaqueRoot",
       {Tar().file("old").bytes(), Tar().whiteout(".wh..wh..opq").file("new").bytes()},
       {{"old", "-"}, {"new", "file 0644 0"}},
       {}});
  add({"FileOverLowerDirectory",
       {Tar().file("d/x").bytes(), Tar().file("d", "1").bytes()},
       {{"d", "file 0644 1"}, {"d/x", "-"}},
       {}});
  add({"AufsFilesArePassedOver",
       {Tar().dir(".wh..wh.plnk").file(".wh..wh.plnk/1.2").file(".wh..wh.aufs").file("a").bytes()},
       {{"a", "file 0644 0"}, {".wh..wh.plnk", "-"}, {".wh..wh.aufs", "-"}},
       {}});
  add({"WhiteoutOfParent", {Tar().whiteout("d/.wh...").bytes()}, {}, "a whiteout of no file"});
  add({"WhiteoutWithoutName", {Tar().whiteout("d/.wh.").bytes()}, {}, "a whiteout of no file"});
  add({"WhiteoutAsDirectory", {Tar().file(".wh.d/x").bytes()}, {}, "'.wh.d' is a whiteout and cannot hold files"});
  add({"NativeWhiteoutHides",
       {Tar().file("a").bytes(), Tar().device("a", 0, 0).device("b", 0, 0).bytes()},
       {{"a", "-"}, {"b", "-"}},
       {}});
  add({"NativeWhiteoutLosesToFile",
       {Tar().file("a").bytes(), Tar().device("a", 0, 0).file("a", "22").bytes()},
       {{"a", "file 0644 2"}},
       {}});
  add({"ForeignOverlayXattrs",
       {Tar().file("victim/secret").bytes(),
        Tar()
            .add({.type = T::kDirectory,
                  .path = "d",
                  .mode = 0755,
                  .xattrs = {{"trusted.overlay.redirect", "/victim"}, {"trusted.overlay.opaque", "y"}}})
            .add({.path = "f",
                  .mode = 0644,
                  .xattrs = {{"trusted.overlay.metacopy", ""}, {"trusted.overlay.redirect", "/victim/secret"}}},
                 "abc")
            .bytes()},
       {{"d", "dir 0755"}, {"d/secret", "-"}, {"f", "file 0644 3"}},
       {}});
  add({"LongName", {Tar().file(std::string(256, 'n')).bytes()}, {}, "a name of 256 bytes, the limit is 255"});
  add({"LongTarget",
       {Tar().symlink("a", std::string(4096, 't')).bytes()},
       {},
       "target of 4096 bytes, the limit is 4095"});
  add({"LongestTarget",
       {Tar()
            .symlink("a", std::string(4095, 't'))
            .symlink("b", std::string(511, 't'))
            .symlink("c", std::string(512, 't'))
            .bytes()},
       {{"a", "link → " + std::string(4095, 't')},
        {"b", "link → " + std::string(511, 't')},
        {"c", "link → " + std::string(512, 't')}},
       {}});
  add({"NamesOfAnyBytes",
       {Tar().file("\x01\x7f\xff \n").file("ä").bytes()},
       {{"\x01\x7f\xff \n", "file 0644 0"}, {"ä", "file 0644 0"}},
       {}});
  add({"NoSuchUser", {Tar().add(E{.path = "a", .uid = 0xFFFFFFFF}).bytes()}, {}, "is not an id"});
  add({"EmptyLayer", {Tar().bytes()}, {{"", "dir 0755"}}, {}});
  return all;
}

std::string name_of(Form form) { return form == Form::kIndex ? "Index" : "Directory"; }

class LayerTraps : public ::testing::TestWithParam<std::tuple<Form, Case>> {};

TEST_P(LayerTraps, AreHandled) {
  if (!is_root()) GTEST_SKIP() << "mounting needs root";
  const auto& [form, trap] = GetParam();
  TestStore store(form);
  ASSERT_EQ(*store.layers().form(), form) << "this kernel cannot mount the index";
  const auto tree = store.tree_of(trap.layers);
  if (!trap.error.empty()) {
    ASSERT_FALSE(tree);
    EXPECT_NE(tree.error().message().find(trap.error), std::string::npos) << tree.error().message();
    return;
  }
  ASSERT_TRUE(tree) << tree.error().message();
  for (const auto& [path, expected] : trap.expected) {
    const auto seen = tree->find(path);
    EXPECT_EQ(seen == tree->end() ? "-" : short_form(seen->second), expected) << printable(path);
  }
}

INSTANTIATE_TEST_SUITE_P(Both, LayerTraps,
                         ::testing::Combine(::testing::Values(Form::kIndex, Form::kDirectory),
                                            ::testing::ValuesIn(cases())),
                         [](const auto& made) {
                           return name_of(std::get<0>(made.param)) + std::get<1>(made.param).name;
                         });

class LayersInBothForms : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "mounting needs root";
    store_.emplace(GetParam());
    ASSERT_EQ(*store_->layers().form(), GetParam()) << "this kernel cannot mount the index";
  }
  std::optional<TestStore> store_;
};
INSTANTIATE_TEST_SUITE_P(Both, LayersInBothForms, ::testing::Values(Form::kIndex, Form::kDirectory),
                         [](const auto& made) { return name_of(made.param); });

TEST_P(LayersInBothForms, ImpliedParentsKeepWhatIsBelow) {
  using T = Tar::Type;
  const std::string acl(
      "\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x02\0\x05\0\xe8\x03\0\0\x04\0\x05\0\xff\xff\xff\xff\x10\0\x05\0\xff\xff"
      "\xff\xff\x20\0\x05\0\xff\xff\xff\xff",
      44);
  const std::string base =
      Tar()
          .add({.type = T::kDirectory, .path = "./", .mode = 0711, .uid = 3, .mtime_sec = 5, .mtime_nsec = 7})
          .dir("tmp", 01777)
          .dir("gone", 0700)
          .dir("opaque", 0701)
          .file("opaque/x")
          .symlink("lib", "tmp")
          .add({.type = T::kDirectory,
                .path = "var",
                .mode = 0755,
                .uid = 7,
                .gid = 8,
                .mtime_sec = -5,
                .mtime_nsec = 9})
          .dir("var/deep", 0711)
          .add({.type = T::kDirectory,
                .path = "acl",
                .mode = 0755,
                .xattrs = {{"system.posix_acl_default", acl}, {"user.x", "y"}}})
          .bytes();
  const std::string top = Tar()
                              .file("tmp/a")
                              .file("var/deep/b")
                              .file("lib/c")
                              .file("acl/d")
                              .file("new/e")
                              .whiteout(".wh.gone")
                              .file("gone/f")
                              .whiteout("opaque/.wh..wh..opq")
                              .file("opaque/g")
                              .bytes();
  const auto tree = store_->tree_of({base, top});
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_EQ(to_string(tree->at("")), "dir 0711 3:0 5.000000007");
  EXPECT_EQ(to_string(tree->at("tmp")), "dir 1777 0:0 1000.000000000");
  EXPECT_EQ(to_string(tree->at("var")), "dir 0755 7:8 -5.000000009");
  EXPECT_EQ(tree->at("var/deep").mode, "0711");
  EXPECT_EQ(tree->at("lib").kind, "dir");  // hides the symlink below, whose target is left alone
  EXPECT_FALSE(tree->contains("tmp/c"));
  EXPECT_EQ(tree->at("acl").xattrs, " system.posix_acl_default=" + hex(std::as_bytes(std::span(acl))) + " user.x=79");
  EXPECT_EQ(tree->at("new").mode, "0755");
  EXPECT_EQ(tree->at("gone").mode, "0755");  // the one below was deleted
  EXPECT_EQ(tree->at("opaque").mode, "0701");
  EXPECT_FALSE(tree->contains("opaque/x"));
}

TEST_P(LayersInBothForms, OneTarOnTwoParents) {
  const std::string top = Tar().file("tmp/a").bytes();
  const std::string sticky = Tar().dir("tmp", 01777).bytes(), plain = Tar().dir("tmp", 0700).bytes();
  const auto one = store_->chain({sticky, top});
  ASSERT_TRUE(one) << one.error().message();
  const auto other_base = store_->chain({plain});
  ASSERT_TRUE(other_base);
  const oci::Digest diff_id = oci::Digest::of(top);
  const auto other = store_->layers().reuse(store_->lease(), diff_id, other_base->back());
  ASSERT_TRUE(other) << other.error().message();
  const auto alone = store_->layers().reuse(store_->lease(), diff_id, std::nullopt);
  ASSERT_TRUE(alone) << alone.error().message();
  EXPECT_EQ(store_->tree(*one)->at("tmp").mode, "1777");
  EXPECT_EQ(store_->tree({other_base->back(), other->chain_id})->at("tmp").mode, "0700");
  EXPECT_EQ(store_->tree({alone->chain_id})->at("tmp").mode, "0755");
  const auto usage = *store_->layers().usage();
  EXPECT_EQ(usage.size(), 5u);
}

TEST_P(LayersInBothForms, ADirectoryOfManyFiles) {
  Tar tar;
  for (int i = 0; i < 20'000; ++i) tar.file(fmt::format("d/{}", i));
  const auto tree = store_->tree_of({tar.bytes()});
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_EQ(tree->size(), 20'002u);
}

TEST_P(LayersInBothForms, PathsBeyondPathMax) {
  std::string path;
  for (int i = 0; i < 60; ++i) path += std::string(150, static_cast<char>('a' + i % 26)) + "/";
  const auto tree =
      store_->tree_of({Tar().file(path + "end", "x").file(path + "other").link("near", path + "end").bytes()});
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_EQ(short_form(tree->at(path + "end")), "file 0644 1");
  EXPECT_EQ(tree->at(path + "end").same_as, tree->at("near").same_as);
}

TEST_P(LayersInBothForms, SparseFiles) {
  using codec::Segment;
  const auto sparse = [](std::string path, std::uint64_t size, std::vector<Segment> segments) {
    return codec::TarEntry{
        .path = std::move(path), .mode = 0644, .size = size, .sparse = true, .segments = std::move(segments)};
  };
  const std::string block(512, 'b');
  Tar tar;
  tar.add(sparse("hole", 1 << 20, {}));
  tar.add(sparse("terabyte", 1ull << 40, {{0, 512}, {1ull << 39, 512}}), block + block);
  // What GNU tar never writes, but reads: segments that are not blocks, their data one after the other.
  const auto raw_sparse = [&](const std::string& name, std::uint64_t size, const std::string& map,
                              const std::string& data) {
    namespace f = codec::fixture;
    tar.raw(f::pax({{"GNU.sparse.major", "1"},
                    {"GNU.sparse.minor", "0"},
                    {"GNU.sparse.name", name},
                    {"GNU.sparse.realsize", std::to_string(size)}}));
    tar.raw(f::file("GNUSparseFile.0/" + name, f::padded(map) + data));
  };
  raw_sparse("unaligned", 100'000, "3\n5\n7\n600\n3\n99990\n10\n", "1234567abc0123456789");
  raw_sparse("shifted", 10'000, "1\n100\n9000\n", std::string(9'000, 's'));
  tar.add(sparse("tail", 5000, {{4096, 904}}), std::string(904, 't'));
  const auto chain = store_->chain({tar.bytes()});
  ASSERT_TRUE(chain) << chain.error().message();
  const auto rootfs = store_->layers().mount_rootfs(*chain, nullptr);
  ASSERT_TRUE(rootfs) << rootfs.error().message();
  const auto read = [&](const std::string& name, std::uint64_t offset, std::size_t length) {
    const auto file = sys::open_at(rootfs->get(), name, O_RDONLY);
    EXPECT_TRUE(file);
    std::string bytes(length, '?');
    const auto got = sys::pread_full(file->get(), std::as_writable_bytes(std::span(bytes)), offset);
    EXPECT_TRUE(got) << got.error().message();
    bytes.resize(*got);
    return bytes;
  };
  const std::string zeros(512, '\0');
  EXPECT_EQ(read("hole", (1 << 20) - 512, 1000), zeros);
  EXPECT_EQ(read("terabyte", 0, 512), block);
  EXPECT_EQ(read("terabyte", 512, 512), zeros);
  EXPECT_EQ(read("terabyte", (1ull << 39) - 512, 512), zeros);
  EXPECT_EQ(read("terabyte", 1ull << 39, 512), block);
  EXPECT_EQ(read("terabyte", (1ull << 39) + 512, 512), zeros);
  EXPECT_EQ(read("terabyte", (1ull << 40) - 10, 100).size(), 10u);
  std::string expected(100'000, '\0');
  expected.replace(5, 7, "1234567").replace(600, 3, "abc").replace(99'990, 10, "0123456789");
  EXPECT_EQ(read("unaligned", 0, 200'000), expected);
  expected.assign(10'000, '\0');
  expected.replace(100, 9'000, std::string(9'000, 's'));
  EXPECT_EQ(read("shifted", 0, 20'000), expected);
  EXPECT_EQ(read("tail", 4090, 2000), std::string(6, '\0') + std::string(904, 't'));
}

TEST_P(LayersInBothForms, AttributesOfAnyKind) {
  using T = Tar::Type;
  using E = codec::TarEntry;
  const std::string capability("\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const std::string capability3("\x01\0\0\x03\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xe8\x03\0\0", 24);
  Tar tar;
  tar.add(E{
      .path = "suid", .mode = 06755, .uid = 70'000, .gid = 4'000'000'000u, .mtime_sec = 1, .mtime_nsec = 999'999'999});
  tar.add(E{.path = "early", .mode = 0600, .mtime_sec = -1'000'000'000, .mtime_nsec = 5});
  tar.add(E{.path = "late", .mode = 0600, .mtime_sec = 5'000'000'000, .mtime_nsec = 1});
  tar.add(E{.path = "cap", .mode = 0755, .xattrs = {{"security.capability", capability}}});
  tar.add(E{.path = "cap3", .mode = 0755, .xattrs = {{"security.capability", capability3}}});
  tar.add(E{.path = "x",
            .mode = 0644,
            .xattrs = {{"user.a", std::string("\0b", 2)}, {"trusted.t", ""}, {"foreign.ns", "x"}, {"user.", "x"}}},
          "data");
  tar.add(E{.type = T::kSymlink, .path = "l", .link_target = "x", .xattrs = {{"trusted.t", "link"}, {"user.no", "x"}}});
  tar.add(E{.type = T::kDirectory, .path = "d", .mode = 01777, .xattrs = {{"user.d", std::string(3000, 'v')}}});
  const auto tree = store_->tree_of({tar.bytes()});
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_EQ(to_string(tree->at("suid")).substr(0, 37), "file 6755 70000:4000000000 1.99999999");
  EXPECT_EQ(tree->at("early").time, "-1000000000.000000005");
  EXPECT_EQ(tree->at("late").time, "5000000000.000000001");
  EXPECT_EQ(tree->at("cap").xattrs, " security.capability=" + hex(std::as_bytes(std::span(capability))));
  EXPECT_FALSE(tree->at("cap3").xattrs.empty());
  EXPECT_EQ(tree->at("x").xattrs, " trusted.t= user.a=0062");
  EXPECT_EQ(tree->at("l").xattrs, " trusted.t=6c696e6b");
  EXPECT_EQ(tree->at("d").xattrs, " user.d=" + hex(codec::sha256(std::string(3000, 'v'))));
}

TEST_P(LayersInBothForms, ModesFollowTheirAcls) {
  const auto acl = [](std::initializer_list<std::array<unsigned, 3>> entries) {
    std::string value("\x02\0\0\0", 4);
    for (const auto& [tag, permissions, id] : entries) {
      value += {static_cast<char>(tag), 0, static_cast<char>(permissions), 0};
      for (int i = 0; i < 4; ++i) value += static_cast<char>(id >> (8 * i));
    }
    return value;
  };
  const unsigned none = 0xFFFFFFFF;
  const std::string full = acl({{1, 6, none}, {2, 7, 1000}, {4, 4, none}, {16, 5, none}, {32, 0, none}});
  const std::string trivial = acl({{1, 7, none}, {4, 1, none}, {32, 2, none}});
  Tar tar;
  tar.add({.path = "full", .mode = 04777, .xattrs = {{"system.posix_acl_access", full}}});
  tar.add({.path = "trivial", .mode = 0600, .xattrs = {{"system.posix_acl_access", trivial}}});
  tar.add({.path = "broken",
           .mode = 0604,
           .xattrs = {{"system.posix_acl_access", "x"}, {"system.posix_acl_default", full}}});
  const auto tree = store_->tree_of({tar.bytes()});
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_EQ(tree->at("full").mode, "4650");
  EXPECT_EQ(tree->at("full").xattrs, " system.posix_acl_access=" + hex(std::as_bytes(std::span(full))));
  EXPECT_EQ(tree->at("trivial").mode, "0712");
  EXPECT_EQ(tree->at("trivial").xattrs, "");
  EXPECT_EQ(tree->at("broken").mode, "0604");
  EXPECT_EQ(tree->at("broken").xattrs, "");
}

}  // namespace
}  // namespace strata::layers::test
