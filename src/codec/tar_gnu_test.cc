// Archives that GNU tar writes, in every format it knows, as our reader sees them.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "codec/tar_reader.h"
#include <gtest/gtest.h>

namespace strata::codec {
namespace {

namespace fs = std::filesystem;

class GnuTarTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "gnu_tar." + std::to_string(getpid());
    fs::remove_all(directory_);
    fs::create_directories(directory_ / "in/dir");
  }
  void TearDown() override { fs::remove_all(directory_); }

  void write(const std::string& name, std::string_view data, std::uint64_t offset = 0) {
    std::ofstream(directory_ / "in" / name, std::ios::app | std::ios::binary);  // creates it
    std::fstream file(directory_ / "in" / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file << data;
  }
  std::string content(const std::string& name) {
    std::ifstream file(directory_ / "in" / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string archive() {
    const std::string command =
        fmt::format("cd {} && tar --sort=name -C in {} -cf t.tar . 2> errors", directory_.string(), GetParam());
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    std::ifstream file(directory_ / "t.tar", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool option(std::string_view text) { return std::string_view(GetParam()).find(text) != std::string_view::npos; }

  fs::path directory_;
};

struct Member {
  TarEntry entry;
  std::string content;  // holes filled in
};

std::map<std::string, Member> read_members(const std::string& bytes) {
  std::map<std::string, Member> members;
  MemorySource source(bytes);
  TarReader tar(source);
  while (true) {
    auto next = tar.next();
    if (!next) ADD_FAILURE() << next.error().message();
    if (!next || !*next) return members;
    TarEntry& entry = **next;
    std::string content =
        entry.sparse ? std::string(entry.size, '\0') : bytes.substr(entry.data_offset, entry.stored_size);
    for (const Segment& segment : entry.segments)
      content.replace(segment.offset, segment.length, bytes, segment.stored_offset, segment.length);
    const std::string path = entry.path;
    members[path] = {std::move(entry), std::move(content)};
  }
}

TEST_P(GnuTarTest, IsRead) {
  const std::string long_name = option("v7") ? "short" : std::string(90, 'n') + "/" + std::string(90, 'm');
  write("plain", std::string(1000, 'x'));
  fs::create_directories((directory_ / "in" / long_name).parent_path());
  write(long_name, "long");
  fs::create_symlink("dir/target", directory_ / "in/soft");
  fs::create_hard_link(directory_ / "in/plain", directory_ / "in/hard");
  fs::permissions(directory_ / "in/plain", fs::perms(04751));
  std::string sparse(3 << 20, '\0');
  for (std::uint64_t at = 65536; at < sparse.size(); at += 131072) {
    write("sparse", "data" + std::to_string(at), at);
    sparse.replace(at, 4, "data").replace(at + 4, std::to_string(at).size(), std::to_string(at));
  }
  fs::resize_file(directory_ / "in/sparse", sparse.size());
  write("all_hole", "");
  fs::resize_file(directory_ / "in/all_hole", 1 << 20);

  auto members = read_members(archive());
  EXPECT_EQ(members["./plain"].content.size() + members["./hard"].content.size(), 1000u);
  EXPECT_EQ(members["./plain"].entry.type == TarEntry::Type::kHardLink,
            members["./plain"].entry.link_target == "./hard");
  EXPECT_EQ(members["./hard"].entry.mode, 04751u);
  EXPECT_EQ(members["./" + long_name].content, "long");
  EXPECT_EQ(members["./soft"].entry.link_target, "dir/target");
  EXPECT_EQ(members["./dir/"].entry.type, TarEntry::Type::kDirectory);
  EXPECT_EQ(members["./"].entry.type, TarEntry::Type::kDirectory);
  EXPECT_TRUE(members["./sparse"].content == sparse && content("sparse") == sparse);
  EXPECT_EQ(members["./all_hole"].content, std::string(1 << 20, '\0'));
  EXPECT_EQ(members["./sparse"].entry.sparse, option("-S") || option("sparse"));
}

INSTANTIATE_TEST_SUITE_P(Formats, GnuTarTest,
                         testing::Values("--format=v7", "--format=ustar", "--format=oldgnu -S", "--format=gnu",
                                         "--format=gnu -S", "--format=pax", "--format=pax --sparse-version=0.0 -S",
                                         "--format=pax --sparse-version=0.1 -S",
                                         "--format=pax --sparse-version=1.0 -S"),
                         [](const auto& param) {
                           std::string name;
                           for (const char c : std::string_view(param.param))
                             if (isalnum(static_cast<unsigned char>(c))) name += c;
                           return name;
                         });

}  // namespace
}  // namespace strata::codec
