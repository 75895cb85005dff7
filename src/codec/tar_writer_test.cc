// What the writer says, read again by our reader and by GNU tar.
#include "codec/tar_writer.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "codec/tar_reader.h"
#include <gtest/gtest.h>

namespace strata::codec {
namespace {

using Type = TarEntry::Type;

struct Item {
  TarEntry entry;
  std::string data;  // stored bytes
};

std::string write(const std::vector<Item>& items) {
  MemorySink sink;
  TarWriter tar(sink);
  for (const Item& item : items) {
    const auto added = tar.add(item.entry);
    EXPECT_TRUE(added) << added.error().message();
    EXPECT_TRUE(tar.write_data(std::as_bytes(std::span(item.data))));
  }
  EXPECT_TRUE(tar.finish());
  return sink.take();
}

TarEntry file(std::string path, std::uint64_t size = 0) {
  return {.type = Type::kFile, .path = std::move(path), .mode = 0644, .size = size};
}

std::vector<Item> all_kinds() {
  const std::string deep = [] {
    std::string path = "deep";
    for (int i = 0; i < 60; ++i) path += "/component";
    return path;
  }();
  TarEntry full = file("full", 3);
  full.mode = 06755;
  full.uid = 3000000;
  full.gid = 4294967294;
  full.mtime_sec = 4294967296 + 5;
  full.mtime_nsec = 123456789;
  full.xattrs = {{"user.a=b%", "1\n2"}, {"user.empty", ""}, {"user.raw", std::string("\0\xff", 2)}};
  TarEntry old = file("old");
  old.mtime_sec = -2;
  old.mtime_nsec = 500000000;
  TarEntry sparse = file("sparse/with/a/name", 1 << 20);
  sparse.sparse = true;
  sparse.segments = {{4096, 512, 0}, {65536, 5, 0}};
  TarEntry ends_in_data = file("sparse2", 10000);
  ends_in_data.sparse = true;
  ends_in_data.segments = {{8192, 1808, 0}};
  TarEntry hole = file("hole", 1 << 30);
  hole.sparse = true;
  return {
      {{.type = Type::kDirectory, .path = "sparse", .mode = 01777}, ""},
      {{.type = Type::kDirectory, .path = "sparse/with/", .mode = 0755}, ""},
      {{.type = Type::kDirectory, .path = "sparse/with/a", .mode = 0755}, ""},
      {file("plain", 600), std::string(600, 'x')},
      {file("block", 512), std::string(512, 'y')},
      {full, "abc"},
      {old, ""},
      {file(std::string(100, 'n')), ""},
      {file(std::string(101, 'n')), ""},
      {file(std::string(120, 'p') + "/" + std::string(100, 'n'), 1), "z"},
      {{.type = Type::kDirectory, .path = std::string(100, 'd'), .mode = 0755}, ""},
      {file(deep + "/" + std::string(255, 'f'), 1), "w"},
      {{.type = Type::kHardLink, .path = "hard", .link_target = "plain"}, ""},
      {{.type = Type::kSymlink, .path = "soft", .link_target = std::string(300, 't'), .mode = 0777}, ""},
      {{.type = Type::kCharDevice, .path = "null", .mode = 0666, .dev_major = 1, .dev_minor = 3}, ""},
      {{.type = Type::kBlockDevice, .path = "disk", .mode = 0660, .dev_major = 4095, .dev_minor = 1048575}, ""},
      {{.type = Type::kFifo, .path = "pipe", .mode = 0600}, ""},
      {file("\xff\xfe not UTF-8\n"), ""},
      {sparse, std::string(512, 'a') + "defgh"},
      {ends_in_data, std::string(1808, 'e')},
      {hole, ""},
  };
}

TEST(TarWriter, OurReaderReadsItAllBack) {
  const std::vector<Item> items = all_kinds();
  const std::string bytes = write(items);
  EXPECT_EQ(bytes.size() % 512, 0u);
  MemorySource source(bytes);
  TarReader tar(source);
  for (const Item& item : items) {
    const auto next = tar.next();
    ASSERT_TRUE(next) << next.error().message();
    ASSERT_TRUE(*next);
    const TarEntry& entry = **next;
    std::string path = item.entry.path;
    if (item.entry.type == Type::kDirectory && !path.ends_with('/')) path += '/';
    EXPECT_EQ(entry.path, path);
    EXPECT_EQ(entry.type, item.entry.type);
    EXPECT_EQ(entry.link_target, item.entry.link_target);
    EXPECT_EQ(entry.mode, item.entry.mode);
    EXPECT_EQ(entry.uid, item.entry.uid);
    EXPECT_EQ(entry.gid, item.entry.gid);
    EXPECT_EQ(entry.size, item.entry.size);
    EXPECT_EQ(entry.mtime_sec, item.entry.mtime_sec);
    EXPECT_EQ(entry.mtime_nsec, item.entry.mtime_nsec);
    EXPECT_EQ(entry.dev_major, item.entry.dev_major);
    EXPECT_EQ(entry.dev_minor, item.entry.dev_minor);
    EXPECT_EQ(entry.xattrs, item.entry.xattrs);
    EXPECT_EQ(entry.sparse, item.entry.sparse);
    ASSERT_EQ(entry.segments.size(), item.entry.segments.size());
    for (std::size_t i = 0; i < entry.segments.size(); ++i) {
      EXPECT_EQ(entry.segments[i].offset, item.entry.segments[i].offset);
      EXPECT_EQ(entry.segments[i].length, item.entry.segments[i].length);
    }
    EXPECT_EQ(entry.stored_size, item.data.size());
    EXPECT_EQ(bytes.substr(entry.data_offset, entry.stored_size), item.data);
  }
  EXPECT_FALSE(tar.next().value());
}

TEST(TarWriter, GnuTarExtractsIt) {
  if (geteuid() != 0) GTEST_SKIP() << "devices and owners need root";
  const std::filesystem::path directory = testing::TempDir() + "tar_writer." + std::to_string(getpid());
  std::filesystem::create_directories(directory / "out");
  std::ofstream(directory / "t.tar", std::ios::binary) << write(all_kinds());
  const std::string command =
      "cd " + directory.string() + " && tar -xpf t.tar -C out --xattrs --xattrs-include='user.*' 2> errors";
  EXPECT_EQ(std::system(command.c_str()), 0);
  const auto status = [&](const std::string& name) {
    struct stat st{};
    EXPECT_EQ(::lstat((directory / "out" / name).c_str(), &st), 0) << name;
    return st;
  };
  for (const Item& item : all_kinds()) {
    const TarEntry& entry = item.entry;
    const struct stat st = status(entry.path);
    if (entry.type == Type::kHardLink) continue;
    EXPECT_EQ(st.st_mode & 07777, entry.mode) << entry.path;
    EXPECT_EQ(st.st_uid, entry.uid) << entry.path;
    EXPECT_EQ(st.st_gid, entry.gid) << entry.path;
    if (entry.type != Type::kFile) continue;
    EXPECT_EQ(static_cast<std::uint64_t>(st.st_size), entry.size) << entry.path;
    EXPECT_EQ(st.st_mtim.tv_nsec, entry.mtime_nsec) << entry.path;
    EXPECT_EQ(st.st_mtim.tv_sec, entry.mtime_sec) << entry.path;
  }
  EXPECT_EQ(status("hard").st_ino, status("plain").st_ino);
  EXPECT_EQ(status("disk").st_rdev, makedev(4095, 1048575));
  EXPECT_LT(status("hole").st_blocks, 100);
  std::ifstream sparse(directory / "out/sparse/with/a/name", std::ios::binary);
  const std::string content(std::istreambuf_iterator<char>(sparse), {});
  std::string expected(1 << 20, '\0');
  expected.replace(4096, 512, 512, 'a').replace(65536, 5, "defgh");
  EXPECT_TRUE(content == expected);
  std::filesystem::remove_all(directory);
}

TEST(TarWriter, PaxOnlyWhereUstarDoesNotDo) {
  EXPECT_EQ(write({{file("a", 2), "hi"}}).size(), 512u + 512 + 1024);
  EXPECT_EQ(write({{file(std::string(100, 'p') + "/" + std::string(100, 'n')), ""}}).size(), 512u + 1024);
  TarEntry with_nanoseconds = file("a");
  with_nanoseconds.mtime_nsec = 1;
  EXPECT_EQ(write({{with_nanoseconds, ""}}).size(), 3 * 512u + 1024);
}

TEST(TarWriter, RefusesWhatMakesNoArchive) {
  MemorySink sink;
  TarWriter tar(sink);
  EXPECT_EQ(tar.add(file("")).error().message(), "tar: \"\": a path is empty or has a NUL");
  EXPECT_EQ(tar.add({.type = Type::kSymlink, .path = "s"}).error().message(),
            "tar: \"s\": a link target is empty or has a NUL");
  TarEntry sparse = file("s", 10);
  sparse.sparse = true;
  sparse.segments = {{9, 2, 0}};
  EXPECT_EQ(tar.add(sparse).error().message(), "tar: \"s\": segments out of order or beyond the size");
  sparse.segments = {{1, 2, 0}, {6, 1, 0}};
  EXPECT_EQ(tar.add(sparse).error().message(), "tar: \"s\": a segment's length is not a multiple of 512");
  EXPECT_EQ(sink.bytes(), "");
  ASSERT_TRUE(tar.add(file("a", 2)));
  EXPECT_EQ(tar.add(file("b")).error().message(), "tar: \"b\" begins while 2 bytes of another are missing");
  EXPECT_FALSE(tar.finish());
  EXPECT_EQ(tar.write_data(std::as_bytes(std::span("abc", 3))).error().message(),
            "tar: 1 bytes more than the entry's size");
}

}  // namespace
}  // namespace strata::codec
