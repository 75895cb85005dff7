// The whole way of a build step: what was done on an overlay becomes a tar, the tar a tree, the
// tree a layer on the same lower; the two root file systems must be equal in all that a container
// can see.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "codec/tar_reader.h"
#include "layers/directory_form.h"
#include "layers/layer_tree.h"
#include "layers/upper_tar.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/overlay.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::layers {
namespace {

namespace fs = std::filesystem;

sys::UniqueFd open_directory(const std::string& path) { return sys::open_file(path, O_RDONLY | O_DIRECTORY).value(); }

void write(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// One line for each entry, with its attributes and content.
std::vector<std::string> describe(const std::string& root) {
  std::vector<std::string> lines;
  std::map<ino_t, std::string> links;
  std::vector<std::string> names = {"."};
  for (const auto& entry : fs::recursive_directory_iterator(root))
    names.push_back(entry.path().lexically_relative(root));
  std::sort(names.begin(), names.end());
  const sys::UniqueFd directory = open_directory(root);
  for (const std::string& name : names) {
    const struct stat st = sys::stat_entry(directory.get(), name).value();
    std::string line = fmt::format("{} {:o} {}:{} {}.{} {}", name, st.st_mode, st.st_uid, st.st_gid, st.st_mtim.tv_sec,
                                   st.st_mtim.tv_nsec, st.st_rdev);
    if (!S_ISDIR(st.st_mode)) line += fmt::format(" {} x{}", st.st_size, st.st_nlink);
    if (S_ISLNK(st.st_mode)) line += " -> " + sys::read_link_entry(directory.get(), name).value();
    if (S_ISREG(st.st_mode)) line += fmt::format(" #{}", std::hash<std::string>()(content_of(fs::path(root) / name)));
    if (st.st_nlink > 1 && !S_ISDIR(st.st_mode)) line += " = " + links.try_emplace(st.st_ino, name).first->second;
    const auto xattrs = sys::xattrs_of_entry(directory.get(), name).value();
    for (const auto& [key, value] : xattrs) line += " " + key + "=" + value;
    lines.push_back(std::move(line));
  }
  return lines;
}

TEST(UpperRoundTrip, TheLayerMadeOfAnUpperGivesTheSameRootFileSystem) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  const sys::TempDir place = sys::TempDir::create("/tmp", "upper_round_trip.").value();
  const auto at = [&](const std::string& name) { return place.path() + "/" + name; };
  for (const char* name : {"lower", "upper", "work", "layer"}) fs::create_directories(at(name));
  fs::create_directories(at("lower/etc/keep"));
  fs::create_directories(at("lower/usr/replaced/deep"));
  fs::create_directories(at("lower/tmp"));
  ::chmod(at("lower/tmp").c_str(), 01777);
  for (const char* name : {"etc/hosts", "etc/gone", "etc/keep/f", "usr/replaced/deep/f", "usr/replaced/g", "usr/file"})
    write(at("lower/") + name, name);
  fs::create_symlink("usr", at("lower/bin"));

  const sys::UniqueFd lower = open_directory(at("lower"));
  const int lowers[] = {lower.get()};
  const auto worked = sys::mount_overlay({.lowers = lowers, .upper = at("upper"), .work = at("work")});
  if (!worked) GTEST_SKIP() << worked.error().message();
  const std::string root = "/proc/self/fd/" + std::to_string(worked->get()) + "/";
  write(root + "etc/hosts", "changed");
  fs::remove(root + "etc/gone");
  fs::remove_all(root + "usr/replaced");
  fs::create_directory(root + "usr/replaced");
  write(root + "usr/replaced/new", "new");
  fs::remove(root + "bin");
  fs::create_directories(root + "bin/sub");
  fs::remove(root + "usr/file");
  fs::create_directory(root + "usr/file");
  fs::remove_all(root + "etc/keep");
  write(root + "etc/keep", "a file now");
  write(root + "tmp/x", "x");
  ::chmod((root + "tmp/x").c_str(), 06711);
  fs::create_hard_link(root + "tmp/x", root + "tmp/y");
  fs::create_symlink("nowhere", root + "tmp/s");
  ASSERT_EQ(::lchown((root + "tmp/s").c_str(), 70000, 70001), 0);
  ASSERT_EQ(::mknod((root + "tmp/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(::mkfifo((root + "tmp/fifo").c_str(), 0600), 0);
  write(root + "tmp/sparse", "head");
  fs::resize_file(root + "tmp/sparse", 3'000'001);
  std::fstream(root + "tmp/sparse", std::ios::in | std::ios::out).seekp(1'000'001) << "middle";
  ASSERT_EQ(::setxattr((root + "tmp/sparse").c_str(), "user.note", "n\0n", 3, 0), 0);
  const timespec times[2] = {{-100, 5}, {-100, 5}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root + "tmp/sparse").c_str(), times, 0), 0);
  const std::string far = root + "tmp/" + std::string(200, 'd') + "/" + std::string(200, 'e');
  fs::create_directories(far);
  write(far + "/" + std::string(255, 'f'), "far");

  codec::MemorySink sink;
  const sys::UniqueFd upper = open_directory(at("upper"));
  ASSERT_TRUE(write_upper_tar(upper.get(), sink));
  write(at("layer.tar"), sink.bytes());
  codec::MemorySource source(sink.bytes());
  codec::TarReader tar(source);
  LayerTree tree;
  while (const auto entry = tar.next().value()) {
    const auto added = tree.add(*entry);
    ASSERT_TRUE(added) << added.error().message();
  }
  ASSERT_TRUE(tree.finish());
  EXPECT_TRUE(tree.implied().empty());
  const sys::UniqueFd tar_file = sys::open_file(at("layer.tar"), O_RDONLY).value();
  const sys::UniqueFd layer = open_directory(at("layer"));
  const auto made = write_directory_form(tree.tree(), tar_file.get(), layer.get(), 2);
  ASSERT_TRUE(made) << made.error().message();

  const int stacked[] = {layer.get(), lower.get()};
  const sys::UniqueFd again = sys::mount_overlay({.lowers = stacked, .upper = "", .work = ""}).value();
  EXPECT_EQ(describe("/proc/self/fd/" + std::to_string(again.get())), describe(root.substr(0, root.size() - 1)));
}

}  // namespace
}  // namespace strata::layers
