// The judge: the same tar extracted by GNU tar, compared entry by entry with what both forms show.
#include <cstdlib>

#include "layers/test_store.h"
#include "sys/new_entry.h"

namespace strata::layers::test {
namespace {

class Judge : public ::testing::TestWithParam<Form> {};
INSTANTIATE_TEST_SUITE_P(Both, Judge, ::testing::Values(Form::kIndex, Form::kDirectory),
                         [](const auto& made) { return made.param == Form::kIndex ? "Index" : "Directory"; });

void compare(Form form, const std::string& tar_path) {
  TestStore store(form);
  ASSERT_EQ(*store.layers().form(), form) << "this kernel cannot mount the index";
  const auto file = sys::open_file(tar_path, O_RDONLY);
  ASSERT_TRUE(file) << file.error().message();
  const auto unpacked = store.layers().unpack(store.lease(), file->get());
  ASSERT_TRUE(unpacked) << unpacked.error().message();
  const auto layer = store.layers().commit(store.lease(), *unpacked, std::nullopt);
  ASSERT_TRUE(layer) << layer.error().message();
  const auto ours = store.tree({layer->chain_id});
  ASSERT_TRUE(ours) << ours.error().message();
  EXPECT_EQ(difference(*ours, gnu_tar(tar_path, store.path() + "/gnu")), "");
}

TEST_P(Judge, DebianRootFileSystem) {
  const char* rootfs = std::getenv("STRATA_TEST_ROOTFS");
  if (rootfs == nullptr) GTEST_SKIP() << "STRATA_TEST_ROOTFS names no tar of a root file system (./test makes one)";
  if (!is_root()) GTEST_SKIP() << "mounting needs root";
  compare(GetParam(), rootfs);
}

// GNU tar itself writes these: every kind of entry in its own dialects.
TEST_P(Judge, WhatGnuTarWrites) {
  if (!is_root()) GTEST_SKIP() << "mounting needs root";
  const auto scratch = sys::TempDir::create("/tmp", "strata-layers-test.");
  ASSERT_TRUE(scratch);
  const auto run = [&](const std::string& script) {
    auto child = sys::spawn({.program = "/bin/bash",
                             .arguments = {"bash", "-ec", "cd " + scratch->path() + "\n" + script},
                             .environment = std::nullopt,
                             .fds = {{2, 2}}});
    return child && child->wait()->code == 0;
  };
  ASSERT_TRUE(run(R"sh(
    times() { head -c $1 /dev/zero | tr '\0' $2; }
    mkdir -p src/d/e; cd src
    echo hello > a; ln a d/hard; ln -s a soft; ln -s $(times 300 x) long
    mkfifo p; mknod n c 1 3; mknod b b 8 1
    mkdir $(times 200 n); touch $(times 200 n)/$(times 200 m)
    chmod 4755 a; chmod 1777 d; chown 12345:54321 d/e
    truncate -s 3M sparse; echo mid | dd of=sparse bs=1 seek=1234567 conv=notrunc status=none; echo end >> sparse
    head -c 1000000 /dev/urandom > random; head -c 511 random > s511; head -c 512 random > s512; head -c 513 random > s513
  )sh"));
  const auto source = sys::open_file(scratch->path() + "/src", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(source);
  const auto set = [&](const char* name, const char* xattr, std::string_view value) {
    const sys::UniqueFd here = *sys::open_file(".", O_PATH | O_DIRECTORY);
    EXPECT_TRUE(sys::set_entry_xattr(source->get(), name, xattr, value));
    EXPECT_EQ(::fchdir(here.get()), 0);
  };
  set("a", "user.one", "1");
  set("d", "user.two", std::string_view("\0\xff", 2));
  set("random", "trusted.t", "t");
  set("s511", "security.capability", std::string_view("\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
  ASSERT_TRUE(run(R"sh(
    touch -d '1969-12-31 23:00:00.123456789 UTC' src/a; touch -d '2106-03-01 00:00:00.5 UTC' src/random
    tar --format=posix --xattrs --xattrs-include='*' --acls -C src -cf posix.tar .
    tar --format=gnu -C src -cf gnu.tar .
    tar --format=gnu -S -C src -cf gnu-sparse.tar .
    for v in 0.0 0.1 1.0; do tar --format=posix -S --sparse-version=$v -C src -cf posix-sparse-$v.tar .; done
  )sh"));
  for (const char* name : {"posix", "gnu", "gnu-sparse", "posix-sparse-0.0", "posix-sparse-0.1", "posix-sparse-1.0"}) {
    SCOPED_TRACE(name);
    compare(GetParam(), scratch->path() + "/" + name + ".tar");
  }
}

}  // namespace
}  // namespace strata::layers::test
