// What the kernel does not forgive, or does not do, with indexes and overlays: docs/layers.md has the list.
#include <sys/stat.h>

#include <cstring>

#include "layers/test_store.h"

namespace strata::layers::test {
namespace {

class KernelTraps : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "mounting needs root";
    ASSERT_EQ(*store_.layers().form(), Form::kIndex) << "this kernel cannot mount the index";
  }
  std::string index_path(const oci::Digest& diff_id) {
    return store_.store().paths().root + "/layers/" + std::string(diff_id.hex()) + ".erofs";
  }
  UpperDir upper(const std::string& name) {
    const UpperDir dir{store_.path() + '/' + name + "-upper", store_.path() + '/' + name + "-work"};
    EXPECT_TRUE(sys::make_directories(dir.upper) && sys::make_directories(dir.work));
    return dir;
  }
  static std::string read(int root, const std::string& name) {
    const auto file = sys::open_at(root, name, O_RDONLY);
    return file ? *sys::read_fd(file->get()) : file.error().message();
  }
  TestStore store_{Form::kIndex};
};

// Overlayfs finds files again by the UUID of the file system they are in, and by inode numbers.
TEST_F(KernelTraps, AnIndexHasAnIdentityOfItsOwnAndKeepsItWhenMadeAgain) {
  const std::string tars[] = {Tar().dir(".").file("a", "one").bytes(), Tar().dir(".").file("b", "two").bytes()};
  std::string uuids[2];
  for (int i : {0, 1}) {
    const auto chain = store_.chain({tars[i]});
    ASSERT_TRUE(chain) << chain.error().message();
    const std::string path = index_path(oci::Digest::of(tars[i]));
    const std::string made = *sys::read_file(path);
    constexpr std::size_t kUuid = 1024 + 48;  // of struct erofs_super_block
    uuids[i] = made.substr(kUuid, 16);
    EXPECT_NE(uuids[i], std::string(16, '\0'));
    ASSERT_TRUE(sys::remove_file(path));
    ASSERT_TRUE(store_.layers().mount_rootfs(*chain, nullptr));
    EXPECT_EQ(*sys::read_file(path), made);
  }
  EXPECT_NE(uuids[0], uuids[1]);
}

// Pages are cached for each mount: two of one index would hold them twice.
TEST_F(KernelTraps, RootFileSystemsShareTheMountsOfTheirLayers) {
  const std::string base = Tar().dir(".").file("a").bytes();
  const auto one = store_.chain({base, Tar().dir(".").file("b").bytes()});
  const auto two = store_.chain({base, Tar().dir(".").file("c").bytes()});
  ASSERT_TRUE(one && two);
  const UpperDir first = upper("first"), second = upper("second"), third = upper("third");
  const auto a = store_.layers().mount_rootfs(*one, &first);
  const auto b = store_.layers().mount_rootfs(*one, &second);
  const auto c = store_.layers().mount_rootfs(*two, &third);
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(sys::list_directory(store_.store().paths().run_root + "/mounts")->size(), 3U);
}

// Without overlayfs's index a changed name of a file with several is a file of its own, as in every engine.
TEST_F(KernelTraps, AChangeOfOneNameLeavesTheOthers) {
  const auto chain = store_.chain({Tar().dir(".").file("a", "old").link("b", "a").bytes()});
  ASSERT_TRUE(chain);
  const UpperDir dir = upper("changed");
  {
    const auto root = store_.layers().mount_rootfs(*chain, &dir);
    ASSERT_TRUE(root);
    struct stat a, b;
    ASSERT_EQ(::fstatat(root->get(), "a", &a, 0) + ::fstatat(root->get(), "b", &b, 0), 0);
    EXPECT_EQ(a.st_ino, b.st_ino);
    const auto file = sys::open_at(root->get(), "a", O_WRONLY | O_TRUNC);
    ASSERT_TRUE(file && sys::write_all(file->get(), "new"));
    EXPECT_EQ(read(root->get(), "a"), "new");
    EXPECT_EQ(read(root->get(), "b"), "old");
  }
  EXPECT_EQ(*sys::list_directory(dir.upper), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace strata::layers::test
