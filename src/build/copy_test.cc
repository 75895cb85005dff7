#include "build/copy.h"

#include <map>

#include "build/test_tree.h"
#include "codec/compression.h"
#include "codec/tar_reader.h"

namespace strata::build {
namespace {

using codec::TarEntry;

// "d755 0:0 app/", "-644 0:0 app/x=content", "l app/y->z", "h a=>b", one line per entry.
std::string describe_tar(const std::string& bytes) {
  codec::MemorySource source(bytes);
  codec::TarReader tar(source);
  std::string out;
  for (;;) {
    auto next = tar.next();
    EXPECT_TRUE(next) << next.error().message();
    if (!next || !*next) return out;
    const TarEntry& e = **next;
    if (e.type == TarEntry::Type::kSymlink) {
      out += fmt::format("l {}->{}\n", e.path, e.link_target);
    } else if (e.type == TarEntry::Type::kHardLink) {
      out += fmt::format("h {}=>{}\n", e.path, e.link_target);
    } else if (e.type == TarEntry::Type::kDirectory) {
      out += fmt::format("d{:o} {}:{} {}\n", e.mode, e.uid, e.gid, e.path);
    } else {
      std::string content(e.stored_size, '\0');
      for (std::size_t at = 0; at < content.size();)
        at += tar.read_data(std::as_writable_bytes(std::span(content)).subspan(at)).value();
      out += fmt::format("-{:o} {}:{} {}={}\n", e.mode, e.uid, e.gid, e.path, content);
    }
  }
}

class CopyTest : public testing::Test {
 protected:
  void SetUp() override {
    context.file("app.py", "hi", 0640);
    context.file("dir/a", "A");
    context.file("dir/sub/b", "B", 0755);
    context.symlink("dir/link", "a");
    below.directory("etc");
    below.file("etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/:/bin/sh\n");
    below.file("etc/group", "root:x:0:\nstaff:x:50:\n");
    below.directory("usr/bin", 0711);
    below.symlink("bin", "usr/bin");
    below.file("file", "old");
    below.symlink("dangling", "/new/place");
  }

  Result<std::string> layer(const std::vector<std::string>& words, CopyRequest request,
                            const std::vector<InlineFile>& inline_files = {}) {
    const auto tree = SourceTree::open_context(context.path(), {}).value();
    std::vector<Source> sources;
    for (const auto& word : words)
      for (Source& source : TRY(tree.find(word))) sources.push_back(std::move(source));
    TRY(tree.hash(sources));
    const auto root = below.open();
    NewLayer layer(root.get());
    std::vector<Archive> archives;
    request.work_directory = work.path();
    TRY(copy_into(layer, tree, sources, inline_files, request, archives));
    codec::MemorySink sink;
    codec::TarWriter tar(sink);
    TRY(layer.write(tar));
    return sink.bytes();
  }
  std::string copy(const std::vector<std::string>& words, const std::string& destination, CopyRequest request = {},
                   const std::vector<InlineFile>& inline_files = {}) {
    request.destination = destination;
    const auto bytes = layer(words, request, inline_files);
    return bytes ? describe_tar(*bytes) : "error: " + bytes.error().message();
  }

  TestTree context, below, work;
};

TEST_F(CopyTest, AFileGoesToAPathOrIntoADirectory) {
  EXPECT_EQ(copy({"app.py"}, "/app/"), "d755 0:0 app/\n-640 0:0 app/app.py=hi\n");
  EXPECT_EQ(copy({"app.py"}, "/app/main.py"), "d755 0:0 app/\n-640 0:0 app/main.py=hi\n");
  EXPECT_EQ(copy({"app.py"}, "/x"), "-640 0:0 x=hi\n");
  EXPECT_EQ(copy({"app.py"}, "/etc"), "d755 0:0 etc/\n-640 0:0 etc/app.py=hi\n");
  EXPECT_EQ(copy({"app.py"}, "/"), "-640 0:0 app.py=hi\n");
  EXPECT_EQ(copy({"app.py"}, "/a/."), "d755 0:0 a/\n-640 0:0 a/app.py=hi\n");
}

TEST_F(CopyTest, ADirectoryGivesItsContent) {
  EXPECT_EQ(copy({"dir"}, "/app"),
            "d755 0:0 app/\n-644 0:0 app/a=A\nl app/link->a\nd755 0:0 app/sub/\n-755 0:0 app/sub/b=B\n");
  EXPECT_EQ(copy({"app.py", "dir"}, "/app/"),
            "d755 0:0 app/\n-644 0:0 app/a=A\n-640 0:0 app/app.py=hi\nl app/link->a\nd755 0:0 app/sub/\n-755 0:0 "
            "app/sub/b=B\n");
  EXPECT_EQ(copy({"dir/*"}, "/app/"), "d755 0:0 app/\n-644 0:0 app/a=A\n-755 0:0 app/b=B\n-644 0:0 app/link=A\n");
}

TEST_F(CopyTest, ExistingDirectoriesKeepTheirAttributesAndSymlinksAreFollowed) {
  EXPECT_EQ(copy({"app.py"}, "/bin/"), "d755 0:0 usr/\nd711 0:0 usr/bin/\n-640 0:0 usr/bin/app.py=hi\n");
  EXPECT_EQ(copy({"app.py"}, "/bin/../x/"), "d755 0:0 usr/\nd755 0:0 usr/x/\n-640 0:0 usr/x/app.py=hi\n");
  EXPECT_EQ(copy({"app.py"}, "/dangling"), "d755 0:0 new/\n-640 0:0 new/place=hi\n");
  EXPECT_EQ(copy({"app.py"}, "/../../../x"), "-640 0:0 x=hi\n");
}

TEST_F(CopyTest, OwnerAndModeAreReplacedWhereAsked) {
  const auto root = below.open();
  CopyRequest request{.owner = parse_ownership("web:staff", root.get()).value(),
                      .mode = ModeChange::parse("0750").value()};
  EXPECT_EQ(copy({"dir"}, "/app", request),
            "d750 33:50 app/\n-750 33:50 app/a=A\nl app/link->a\nd750 33:50 app/sub/\n-750 33:50 app/sub/b=B\n");
  EXPECT_EQ(copy({"dir/sub"}, "/etc/x/", {.mode = ModeChange::parse("u=rwX,go=").value()}),
            "d755 0:0 etc/\nd755 0:0 etc/x/\n-700 0:0 etc/x/b=B\n");
}

TEST_F(CopyTest, InlineFilesAreFiles) {
  EXPECT_EQ(copy({}, "/etc/", {}, {{"hello.txt", "hi\n"}}), "d755 0:0 etc/\n-644 0:0 etc/hello.txt=hi\n\n");
  EXPECT_EQ(copy({}, "/motd", {}, {{"EOF", "x"}}), "-644 0:0 motd=x\n");
}

TEST_F(CopyTest, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(copy({"app.py"}, "/file/x"), "error: /file: not a directory");
  EXPECT_EQ(copy({"dir"}, "/file"), "error: /file: not a directory");
  context.file("tree/etc/passwd/x", "");
  EXPECT_EQ(copy({"tree"}, "/"), "error: cannot copy to non-directory: /etc/passwd");
  context.file("flat/usr", "");
  EXPECT_EQ(copy({"flat"}, "/"), "error: cannot replace to directory /usr with file");
  context.file(".wh.x", "");
  EXPECT_EQ(copy({".wh.x"}, "/"), "error: /.wh.x: names that begin with .wh. mean deleted files in a layer");
}

TEST_F(CopyTest, HardLinksWithinASourceStayHardLinks) {
  context.file("links/z", "same");
  context.link("links/a", "links/z");
  EXPECT_EQ(copy({"links"}, "/l"), "d755 0:0 l/\n-644 0:0 l/a=same\nh l/z=>l/a\n");
}

TEST_F(CopyTest, EqualSourcesGiveEqualBytes) {
  const auto first = layer({"dir", "app.py"}, {.destination = "/new/"}).value();
  EXPECT_EQ(layer({"dir", "app.py"}, {.destination = "/new/"}).value(), first);
}

TEST_F(CopyTest, AChangeBetweenHashingAndWritingIsAnError) {
  const auto tree = SourceTree::open_context(context.path(), {}).value();
  auto sources = tree.find("app.py").value();
  ASSERT_TRUE(tree.hash(sources));
  NewLayer layer(-1);
  std::vector<Archive> archives;
  ASSERT_TRUE(copy_into(layer, tree, sources, {}, {.destination = "/x"}, archives));
  const auto fd = sys::open_file(context.path("app.py"), O_WRONLY).value();
  ASSERT_TRUE(sys::write_all(fd.get(), "HI"));  // same size, same inode
  codec::MemorySink sink;
  codec::TarWriter tar(sink);
  EXPECT_EQ(layer.write(tar).error().message(), "/x: file changed while it was read");
}

class AddTest : public CopyTest {
 protected:
  struct Item {
    TarEntry::Type type;
    std::string path;
    std::string content_or_target;
  };
  void archive(const std::string& name, const std::vector<Item>& items,
               codec::Compression compression = codec::Compression::kNone) {
    codec::MemorySink out;
    auto compressor = codec::compress(compression, out).value();
    codec::TarWriter tar(*compressor);
    for (const Item& item : items) {
      TarEntry entry{.type = item.type, .path = item.path, .mode = 0755, .uid = 7, .gid = 8};
      if (item.type == TarEntry::Type::kFile) {
        entry.size = item.content_or_target.size();
      } else {
        entry.link_target = item.content_or_target;
      }
      ASSERT_TRUE(tar.add(entry));
      if (item.type != TarEntry::Type::kFile) continue;
      ASSERT_TRUE(tar.write_data(std::as_bytes(std::span(item.content_or_target))));
    }
    ASSERT_TRUE(tar.finish());
    ASSERT_TRUE(compressor->finish());
    context.file(name, out.bytes());
  }
  std::string add(const std::string& name, const std::string& destination) {
    return copy({name}, destination, {.unpack = true});
  }
  static constexpr auto kFile = TarEntry::Type::kFile;
  static constexpr auto kDirectory = TarEntry::Type::kDirectory;
  static constexpr auto kSymlink = TarEntry::Type::kSymlink;
  static constexpr auto kHardLink = TarEntry::Type::kHardLink;
};

TEST_F(AddTest, ArchivesAreUnpackedWhateverTheyAreCalled) {
  const std::vector<Item> items = {{kDirectory, "./", ""},
                                   {kFile, "./b/deep/x", "X"},
                                   {kSymlink, "./lib", "b"},
                                   {kFile, "./lib/through", "T"},
                                   {kHardLink, "./aa", "./b/deep/x"}};
  const std::string unpacked =
      "d755 0:0 opt/\nd755 7:8 opt/rootfs/\n-755 7:8 opt/rootfs/aa=X\nd755 0:0 opt/rootfs/b/\nd755 0:0 "
      "opt/rootfs/b/deep/\n"
      "h opt/rootfs/b/deep/x=>opt/rootfs/aa\n-755 7:8 opt/rootfs/b/through=T\nl opt/rootfs/lib->b\n";
  for (const auto compression : {codec::Compression::kNone, codec::Compression::kGzip, codec::Compression::kZstd}) {
    archive("anything", items, compression);
    EXPECT_EQ(add("anything", "/opt/rootfs"), unpacked);
  }
}

TEST_F(AddTest, OtherFilesAreCopied) {
  EXPECT_EQ(add("app.py", "/x"), "-640 0:0 x=hi\n");
  context.file("fake.tar.gz", "\x1f\x8b no gzip at all");
  EXPECT_EQ(add("fake.tar.gz", "/x"), "-644 0:0 x=\x1f\x8b no gzip at all\n");
  context.file("empty", "");
  EXPECT_EQ(add("empty", "/x"), "-644 0:0 x=\n");
}

TEST_F(AddTest, TheLastOfTwoEntriesWins) {
  archive("t", {{kFile, "x", "1"}, {kFile, "x", "2"}, {kFile, "d/y", "1"}, {kFile, "d", "f"}});
  EXPECT_EQ(add("t", "/"), "-755 7:8 d=f\n-755 7:8 x=2\n");
}

TEST_F(AddTest, HostileArchivesStayInside) {
  archive("up", {{kFile, "../../x", "1"}});
  EXPECT_EQ(add("up", "/opt"), "error: up: archive entry \"../../x\" leaves the destination");
  archive("absolute", {{kFile, "/etc/x", "1"}});
  EXPECT_EQ(add("absolute", "/opt"), "d755 0:0 opt/\nd755 0:0 opt/etc/\n-755 7:8 opt/etc/x=1\n");
  archive("via", {{kSymlink, "l", "/../../.."}, {kFile, "l/x", "1"}});
  EXPECT_EQ(add("via", "/opt"), "d755 0:0 opt/\nl opt/l->/../../..\n-755 7:8 x=1\n");
  archive("loop", {{kSymlink, "l", "l"}, {kFile, "l/x", "1"}});
  EXPECT_EQ(add("loop", "/opt"), "error: loop: l/x: /opt/l: too many levels of symbolic links");
  archive("nowhere", {{kHardLink, "a", "b"}});
  EXPECT_EQ(add("nowhere", "/opt"), "error: nowhere: /opt/a: hard link to /opt/b, which is not there");
}

TEST_F(AddTest, AnArchiveThatInflatesTooFarIsRefused) {
  archive("big", {{kFile, "x", std::string(100'000, 'x')}}, codec::Compression::kGzip);
  EXPECT_EQ(copy({"big"}, "/x/", {.unpack = true, .max_archive_size = 50'000}),
            "error: big: archive inflates beyond 50kB");
}

TEST(Ownership, NamesAreThoseOfTheRootFileSystem) {
  TestTree root;
  root.file("etc/passwd", "web:x:33:34::/:\n");
  root.file("etc/group", "staff:x:50:\n");
  const auto fd = root.open();
  const auto parse = [&](std::string_view text) {
    const auto owner = parse_ownership(text, fd.get());
    return owner ? fmt::format("{}:{}", owner->uid, owner->gid) : owner.error().message();
  };
  EXPECT_EQ(parse("web"), "33:34");
  EXPECT_EQ(parse("web:staff"), "33:50");
  EXPECT_EQ(parse("5"), "5:5");
  EXPECT_EQ(parse("5:6"), "5:6");
  EXPECT_EQ(parse("5:staff"), "5:50");
  EXPECT_EQ(parse(":staff"), "0:50");
  EXPECT_EQ(parse("nobody"), "no such user: nobody");
  EXPECT_EQ(parse("web:nogroup"), "no such group: nogroup");
}

TEST(ModeChange, IsOctalOrSymbolic) {
  const auto apply = [](std::string_view text, std::uint32_t mode, bool directory = false) {
    return ModeChange::parse(text).value().apply(mode, directory);
  };
  EXPECT_EQ(apply("0755", 0600), 0755u);
  EXPECT_EQ(apply("4755", 0), 04755u);
  EXPECT_EQ(apply("u+x", 0644), 0744u);
  EXPECT_EQ(apply("a=rX", 0600), 0444u);
  EXPECT_EQ(apply("a=rX", 0600, true), 0555u);
  EXPECT_EQ(apply("go-rwx,u=rw", 0777), 0600u);
  EXPECT_EQ(apply("+t", 0777), 01777u);
  EXPECT_EQ(apply("ug+s", 0755), 06755u);
  for (const char* bad : {"99", "10000", "u", "z+x", "u+q", "0x1"}) EXPECT_FALSE(ModeChange::parse(bad)) << bad;
}

}  // namespace
}  // namespace strata::build
