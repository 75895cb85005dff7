#include "layers/upper_tar.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "base/strings.h"
#include "codec/tar_reader.h"
#include "sys/file.h"
#include "sys/overlay.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::layers {
namespace {

namespace fs = std::filesystem;

// A directory in which tests make entries by path; times are set last, so that they stay.
class Tree {
 public:
  explicit Tree(std::string root) : root_(std::move(root)) { fs::create_directories(root_); }
  const std::string& root() const { return root_; }
  std::string path(const std::string& name) const { return root_ + "/" + name; }

  void file(const std::string& name, std::string_view content = "", mode_t mode = 0644) const {
    std::ofstream(path(name), std::ios::binary) << content;
    ::chmod(path(name).c_str(), mode);
  }
  void directory(const std::string& name, mode_t mode = 0755) const {
    fs::create_directories(path(name));
    ::chmod(path(name).c_str(), mode);
  }
  void node(const std::string& name, mode_t mode, unsigned major = 0, unsigned minor = 0) const {
    ASSERT_EQ(::mknod(path(name).c_str(), mode, makedev(major, minor)), 0) << name;
  }
  void whiteout(const std::string& name) const { node(name, S_IFCHR, 0, 0); }
  void xattr(const std::string& name, const char* xattr, std::string_view value) const {
    ASSERT_EQ(::lsetxattr(path(name).c_str(), xattr, value.data(), value.size(), 0), 0) << name << xattr;
  }
  void time(const std::string& name, std::int64_t seconds, long nanoseconds) const {
    const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path(name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  sys::UniqueFd open() const { return sys::open_file(root_, O_RDONLY | O_DIRECTORY).value(); }

 private:
  std::string root_;
};

std::string tar_of(const Tree& tree, const UpperOptions& options = {}) {
  codec::MemorySink sink;
  const sys::UniqueFd upper = tree.open();
  const auto written = write_upper_tar(upper.get(), sink, options);
  EXPECT_TRUE(written) << written.error().message();
  return sink.take();
}

std::vector<codec::TarEntry> entries_of(const std::string& bytes) {
  std::vector<codec::TarEntry> entries;
  codec::MemorySource source(bytes);
  codec::TarReader tar(source);
  while (auto entry = tar.next().value()) entries.push_back(std::move(*entry));
  return entries;
}

// "dir d/", "file a 3", "symlink s -> t", …
std::string list(const std::string& bytes) {
  static constexpr std::string_view kNames[] = {"file", "link", "symlink", "char", "block", "dir", "fifo"};
  std::string text;
  for (const codec::TarEntry& entry : entries_of(bytes)) {
    text += fmt::format("{} {}", kNames[static_cast<int>(entry.type)], entry.path);
    if (!entry.link_target.empty()) text += " -> " + entry.link_target;
    if (entry.type == codec::TarEntry::Type::kFile && entry.size > 0) text += fmt::format(" {}", entry.size);
    if (entry.dev_major != 0) text += fmt::format(" {}:{}", entry.dev_major, entry.dev_minor);
    text += "\n";
  }
  return text;
}

class UpperTarTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "devices and trusted xattrs need root";
    temporary_ = std::make_unique<sys::TempDir>(sys::TempDir::create("/tmp", "upper_tar.").value());
    tree_ = std::make_unique<Tree>(temporary_->path() + "/upper");
    if (::setxattr(tree_->root().c_str(), "trusted.strata", "", 0, 0) != 0) GTEST_SKIP() << "no trusted xattrs on /tmp";
    ::removexattr(tree_->root().c_str(), "trusted.strata");
  }
  Tree& tree() { return *tree_; }
  Error refusal() {
    codec::MemorySink sink;
    const sys::UniqueFd upper = tree().open();
    return write_upper_tar(upper.get(), sink).error();
  }

  std::unique_ptr<sys::TempDir> temporary_;
  std::unique_ptr<Tree> tree_;
};

TEST_F(UpperTarTest, EveryKindOfEntryInOrder) {
  tree().directory("dir");
  tree().file("dir/b", "two");
  tree().file("dir/a", "one");
  tree().file("dir-file");  // sorts before "dir/" as bytes, but a directory's entries stay together
  fs::create_hard_link(tree().path("dir/b"), tree().path("again"));
  fs::create_hard_link(tree().path("dir/b"), tree().path("dir/c"));
  fs::create_symlink("/etc/passwd", tree().path("link"));
  tree().node("fifo", S_IFIFO | 0600);
  tree().node("null", S_IFCHR | 0666, 1, 3);
  tree().node("disk", S_IFBLK | 0660, 8, 1);
  tree().whiteout("gone");
  fs::create_hard_link(tree().path("gone"), tree().path("dir/gone"));  // overlayfs shares one inode
  tree().directory("opaque");
  tree().xattr("opaque", "trusted.overlay.opaque", "y");
  tree().file("opaque/new");
  tree().directory("merged");
  tree().xattr("merged", "trusted.overlay.opaque", "x");
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  tree().path("socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(socket);

  EXPECT_EQ(list(tar_of(tree())),
            "dir ./\nfile again 3\ndir dir/\nfile dir/a 3\nlink dir/b -> again\nlink dir/c -> again\n"
            "file dir/.wh.gone\nfile dir-file\nblock disk 8:1\nfifo fifo\nfile .wh.gone\nsymlink link -> "
            "/etc/passwd\n"
            "dir merged/\nchar null 1:3\ndir opaque/\nfile opaque/.wh..wh..opq\nfile opaque/new\n");
}

TEST_F(UpperTarTest, AttributesAreKeptAndOverlaysOwnAreNot) {
  tree().file("f", "x", 06755);
  ASSERT_EQ(::lchown(tree().path("f").c_str(), 123456, 3000000), 0);
  ::chmod(tree().path("f").c_str(), 06755);
  tree().xattr("f", "user.note", "a\nb");
  tree().xattr("f", "trusted.overlay.origin", "o");
  tree().xattr("f", "trusted.other", "t");
  tree().xattr("f", "user.overlay.opaque", "y");
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  tree().xattr("f", "security.capability", capability);
  tree().time("f", -2, 123456789);
  fs::create_symlink("t", tree().path("s"));
  tree().time("s", 4294967296, 5);
  const auto entries = entries_of(tar_of(tree()));
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[1].mode, 06755u);
  EXPECT_EQ(entries[1].uid, 123456u);
  EXPECT_EQ(entries[1].gid, 3000000u);
  EXPECT_EQ(entries[1].mtime_sec, -2);
  EXPECT_EQ(entries[1].mtime_nsec, 123456789u);
  EXPECT_EQ(entries[1].xattrs, (std::map<std::string, std::string>{{"security.capability", capability},
                                                                   {"trusted.other", "t"},
                                                                   {"user.note", "a\nb"},
                                                                   {"user.overlay.opaque", "y"}}));
  EXPECT_EQ(entries[2].mtime_sec, 4294967296);
  EXPECT_EQ(entries[2].mtime_nsec, 5u);
}

TEST_F(UpperTarTest, MarksOfAnOverlayInAUserNamespace) {
  tree().directory("d");
  tree().xattr("d", "user.overlay.opaque", "y");
  EXPECT_EQ(list(tar_of(tree(), {.user_xattrs = true})), "dir ./\ndir d/\nfile d/.wh..wh..opq\n");
  EXPECT_EQ(list(tar_of(tree())), "dir ./\ndir d/\n");
}

TEST_F(UpperTarTest, HolesAreNotStored) {
  tree().file("sparse", "head");
  fs::resize_file(tree().path("sparse"), 10 << 20);
  std::fstream(tree().path("sparse"), std::ios::in | std::ios::out | std::ios::binary).seekp(5 << 20) << "middle";
  tree().file("hole");
  fs::resize_file(tree().path("hole"), std::uint64_t{1} << 40);
  tree().file("small");
  fs::resize_file(tree().path("small"), 5000);
  const std::string bytes = tar_of(tree());
  EXPECT_LT(bytes.size(), 100000u);
  const auto entries = entries_of(bytes);
  EXPECT_EQ(entries[1].path, "hole");
  EXPECT_EQ(entries[1].size, std::uint64_t{1} << 40);
  EXPECT_TRUE(entries[1].sparse);
  EXPECT_FALSE(entries[2].sparse);
  ASSERT_EQ(entries[3].segments.size(), 2u);
  EXPECT_EQ(bytes.substr(entries[3].segments[0].stored_offset, 4), "head");
  EXPECT_EQ(entries[3].segments[1].offset % 512, 0u);
  EXPECT_EQ(bytes.substr(entries[3].segments[1].stored_offset + (5 << 20) - entries[3].segments[1].offset, 6),
            "middle");
}

TEST_F(UpperTarTest, TheSameUpperGivesTheSameBytes) {
  const auto fill = [](const Tree& tree, std::vector<std::string> names) {
    for (const std::string& name : names) tree.file(name, name);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) tree.time(name, 1000, 7);
    tree.time(".", 1000, 7);
  };
  const Tree other(temporary_->path() + "/other");
  fill(tree(), {"a", "b", "c", "ä"});
  fill(other, {"ä", "c", "b", "a"});
  EXPECT_EQ(tar_of(tree()), tar_of(tree()));
  EXPECT_EQ(tar_of(tree()), tar_of(other));
}

TEST_F(UpperTarTest, RefusesWhatALayerCannotSay) {
  tree().directory("d");
  tree().file("d/.wh.x");
  EXPECT_EQ(refusal().message(), "/d/.wh.x: a name that begins with \".wh.\" cannot be kept in a layer");
  EXPECT_EQ(refusal().kind(), ErrorKind::kUnsupported);
  tree().xattr("d", "trusted.overlay.redirect", "/other");
  EXPECT_EQ(refusal().message(), "/d: overlayfs keeps its data elsewhere (trusted.overlay.redirect)");
}

TEST_F(UpperTarTest, DepthCostsNoDescriptors) {
  constexpr int kDepth = 1000;  // far beyond PATH_MAX too
  sys::UniqueFd at = tree().open();
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "component", 0755), 0);
    at = sys::open_at(at.get(), "component", O_RDONLY | O_DIRECTORY).value();
  }
  ::close(::openat(at.get(), "leaf", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  rlimit old;
  ::getrlimit(RLIMIT_NOFILE, &old);
  const rlimit few{64, old.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);
  codec::MemorySink sink;
  const sys::UniqueFd upper = tree().open();
  EXPECT_EQ(write_upper_tar(upper.get(), sink).value(), kDepth + 1u);
  EXPECT_EQ(list_upper_changes(upper.get(), upper.get()).value().size(), kDepth + 1u);
  ::setrlimit(RLIMIT_NOFILE, &old);
}

// Does something while the walk is on its way.
class Interference final : public codec::ByteSink {
 public:
  explicit Interference(std::function<void()> action) : action_(std::move(action)) {}
  Result<> write(std::span<const std::byte> bytes) override {
    seen_ += bytes.size();
    if (seen_ > 100'000 && action_) std::exchange(action_, nullptr)();
    return {};
  }

 private:
  std::function<void()> action_;
  std::size_t seen_ = 0;
};

TEST_F(UpperTarTest, ADirectoryMovedMeanwhileLeadsNowhere) {
  tree().directory("a/b/c");
  tree().file("a/b/c/big", std::string(300'000, 'x'));
  Interference sink([&] { fs::rename(tree().path("a/b/c"), tree().path("moved")); });
  const sys::UniqueFd upper = tree().open();
  const auto written = write_upper_tar(upper.get(), sink);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind(), ErrorKind::kConflict);
  EXPECT_EQ(written.error().message(), "/a/b: a directory was moved while it was read");
}

TEST_F(UpperTarTest, AFileThatShrinksMeanwhileIsAConflictAndOneThatGoesIsLeftOut) {
  tree().file("a", std::string(300'000, 'x'));
  tree().file("b", "gone soon");
  const sys::UniqueFd upper = tree().open();
  Interference removal([&] { fs::remove(tree().path("b")); });
  EXPECT_EQ(write_upper_tar(upper.get(), removal).value(), 1u);
  tree().file("a", std::string(900'000, 'x'));
  Interference cut([&] { fs::resize_file(tree().path("a"), 10); });
  EXPECT_EQ(write_upper_tar(upper.get(), cut).error().message(), "/a became shorter while it was read");
}

// What docker diff would say after real work on a real overlay.
class OverlayChangesTest : public UpperTarTest {
 protected:
  void SetUp() override {
    UpperTarTest::SetUp();
    if (IsSkipped()) return;
    lower_ = std::make_unique<Tree>(temporary_->path() + "/lower");
    lower_->directory("etc");
    lower_->file("etc/hosts", "h");
    lower_->file("etc/passwd", "p");
    lower_->directory("usr/lib/old");
    lower_->file("usr/lib/old/1");
    lower_->file("usr/lib/old/2");
    lower_->directory("usr/lib/kept");
    lower_->file("usr/lib/kept/f");
    fs::create_symlink("usr/lib", lower_->path("lib"));
  }
  // The root of the overlay as a path.
  std::string mount() {
    fs::create_directories(temporary_->path() + "/work");
    lower_fd_ = lower_->open();
    const int lowers[] = {lower_fd_.get()};
    auto mounted = sys::mount_overlay({.lowers = lowers, .upper = tree().root(), .work = temporary_->path() + "/work"});
    if (!mounted) {
      skipped_ = mounted.error().message();
      return "";
    }
    mount_ = std::move(*mounted);
    return "/proc/self/fd/" + std::to_string(mount_.get()) + "/";
  }
  std::string changes() {
    const sys::UniqueFd upper = tree().open();
    std::string text;
    const std::vector<Change> changes = list_upper_changes(upper.get(), lower_fd_.get()).value();
    for (const Change& change : changes) text += fmt::format("{} {}\n", letter(change.kind), change.path);
    return text;
  }

  std::unique_ptr<Tree> lower_;
  sys::UniqueFd lower_fd_, mount_;
  std::string skipped_;
};

TEST_F(OverlayChangesTest, NothingDoneIsNothingSaid) {
  const std::string root = mount();
  if (root.empty()) GTEST_SKIP() << skipped_;
  EXPECT_EQ(changes(), "");
  // A copied-up parent alone is no change, and restoring a time leaves none.
  EXPECT_EQ(::chmod((root + "usr/lib").c_str(), 0755), 0);
  EXPECT_EQ(changes(), "");
  EXPECT_EQ(::chmod((root + "usr/lib").c_str(), 0700), 0);
  EXPECT_EQ(changes(), "C /usr\nC /usr/lib\n");
}

TEST_F(OverlayChangesTest, AddedChangedDeletedReplaced) {
  const std::string root = mount();
  if (root.empty()) GTEST_SKIP() << skipped_;
  std::ofstream(root + "etc/hosts", std::ios::app) << "more";
  fs::remove(root + "etc/passwd");
  fs::create_directories(root + "srv/www");
  std::ofstream(root + "srv/www/index.html") << "hi";
  fs::remove_all(root + "usr/lib/kept");
  fs::remove_all(root + "usr/lib/old");
  fs::create_directory(root + "usr/lib/old");  // opaque now
  std::ofstream(root + "usr/lib/old/2") << "new";
  fs::remove(root + "lib");
  fs::create_directory(root + "lib");
  EXPECT_EQ(changes(),
            "C /etc\nC /etc/hosts\nD /etc/passwd\nC /lib\nA /srv\nA /srv/www\nA /srv/www/index.html\n"
            "C /usr\nC /usr/lib\nD /usr/lib/kept\nC /usr/lib/old\nD /usr/lib/old/1\nC /usr/lib/old/2\n");
  EXPECT_EQ(list(tar_of(tree())),
            "dir ./\ndir etc/\nfile etc/hosts 5\nfile etc/.wh.passwd\ndir lib/\nfile "
            "lib/.wh..wh..opq\ndir srv/\ndir srv/www/\n"
            "file srv/www/index.html 2\ndir usr/\ndir usr/lib/\nfile usr/lib/.wh.kept\ndir usr/lib/old/\n"
            "file usr/lib/old/.wh..wh..opq\nfile usr/lib/old/2 3\n");
}

}  // namespace
}  // namespace strata::layers
