// Layers as a service: from streams to layers, uppers, mounts that come and go, damage, limits.
#include <sys/mount.h>
#include <sys/wait.h>

#include <cstdlib>
#include <thread>

#include "base/strings.h"
#include "codec/compression.h"
#include "codec/sha256.h"
#include "layers/test_store.h"
#include "store/reference.h"
#include "sys/mount.h"
#include "sys/new_entry.h"

namespace strata::layers::test {
namespace {

class LayerService : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "mounting needs root";
    store_.emplace(Form::kIndex);
    ASSERT_EQ(*store_->layers().form(), Form::kIndex) << "this kernel cannot mount the index";
  }
  UpperDir upper(const std::string& name, bool is_volatile = false) {
    const UpperDir dir{store_->path() + "/" + name + "-upper", store_->path() + "/" + name + "-work", is_volatile};
    EXPECT_TRUE(sys::make_directories(dir.upper) && sys::make_directories(dir.work));
    return dir;
  }
  std::string mounts() { return store_->store().paths().run_root + "/mounts"; }
  std::string layers_directory() { return store_->store().paths().root + "/layers"; }
  std::vector<std::string> files() { return *sys::list_directory(layers_directory()); }
  static void write(int root, const std::string& name, const std::string& text) {
    const auto file = sys::open_at(root, name, O_WRONLY | O_CREAT, 0644);
    ASSERT_TRUE(file) << file.error().message();
    ASSERT_TRUE(sys::write_all(file->get(), text));
  }
  static std::string read(int root, const std::string& name) {
    const auto file = sys::open_at(root, name, O_RDONLY);
    return file ? *sys::read_fd(file->get()) : file.error().message();
  }
  std::optional<TestStore> store_;
};

std::string compressed(codec::Compression how, const std::string& bytes) {
  codec::MemorySink sink;
  auto compressor = codec::compress(how, sink);
  EXPECT_TRUE(compressor);
  EXPECT_TRUE((*compressor)->write(std::as_bytes(std::span(bytes))));
  EXPECT_TRUE((*compressor)->finish());
  return sink.take();
}

TEST_F(LayerService, TakesStreamsOfAllKinds) {
  const std::string tar = Tar().file("a", std::string(1 << 20, 'a')).bytes();
  for (const auto how : {codec::Compression::kNone, codec::Compression::kGzip, codec::Compression::kZstd}) {
    const std::string blob = compressed(how, tar);
    const auto unpacked = store_->unpack(blob);
    ASSERT_TRUE(unpacked) << unpacked.error().message();
    EXPECT_EQ(unpacked->compression, how);
    EXPECT_EQ(unpacked->blob_digest, oci::Digest::of(blob));
    EXPECT_EQ(unpacked->blob_size, blob.size());
    EXPECT_EQ(unpacked->diff_id, oci::Digest::of(tar));
    EXPECT_EQ(unpacked->tar_size, tar.size());
    EXPECT_EQ(unpacked->index_digest, oci::Digest::of(*sys::read_file(unpacked->index_path)));
    EXPECT_EQ(*sys::read_file(unpacked->tar_path), tar);
  }
}

TEST_F(LayerService, BytesBehindTheEndOfTheArchiveBelongToTheTar) {
  const std::string tar = Tar().file("a").bytes() + std::string(10'240, '\0') + "rest";
  const auto unpacked = store_->unpack(compressed(codec::Compression::kGzip, tar));
  ASSERT_TRUE(unpacked) << unpacked.error().message();
  EXPECT_EQ(unpacked->diff_id, oci::Digest::of(tar));
  EXPECT_TRUE(store_->layers().commit(store_->lease(), *unpacked, std::nullopt));
}

TEST_F(LayerService, DamagedStreamsAreRefused) {
  const std::string tar = Tar().file("a", std::string(100'000, 'a')).bytes();
  std::string gzip = compressed(codec::Compression::kGzip, tar);
  EXPECT_EQ(store_->unpack(gzip.substr(0, gzip.size() / 2)).error().kind(), ErrorKind::kCorrupt);
  EXPECT_EQ(store_->unpack(tar.substr(0, 50'000)).error().kind(), ErrorKind::kCorrupt);
  EXPECT_EQ(store_->unpack("this is no tar, but " + std::string(1000, 'x')).error().kind(), ErrorKind::kCorrupt);
  gzip[gzip.size() - 6] ^= 1;
  EXPECT_EQ(store_->unpack(gzip).error().kind(), ErrorKind::kCorrupt);
  // Nothing of them stays.
  EXPECT_EQ(*sys::list_directory(store_->lease().directory()), std::vector<std::string>{"lock"});
}

TEST_F(LayerService, LimitsAreNamed) {
  const auto message = [&](const Limits& limits, const std::string& blob) {
    const auto unpacked = store_->unpack(blob, limits);
    return unpacked ? "" : unpacked.error().message();
  };
  const std::string bomb =
      compressed(codec::Compression::kGzip, Tar().file("zeros", std::string(30 << 20, '\0')).bytes());
  ASSERT_LT(bomb.size(), 100'000u);
  EXPECT_EQ(message({.max_tar_size = 10 << 20}, bomb), "layer inflates beyond the limit of 10485760 bytes");
  Tar many;
  for (int i = 0; i < 100; ++i) many.file(std::to_string(i));
  const std::string bytes = many.bytes();
  EXPECT_NE(message({.max_entries = 99}, bytes).find("more than 99 entries, which is the limit"), std::string::npos);
  EXPECT_EQ(message({.max_entries = 100}, bytes), "");
  EXPECT_NE(message({.max_metadata = 1000}, bytes).find("the limit of 1000 bytes"), std::string::npos);
}

// File-backed EROFS does not work on tmpfs: the probe says so, and the directory form serves.
TEST_F(LayerService, AStoreThatCannotHoldIndexesUsesDirectories) {
  const sys::UniqueFd memory = *sys::open_file("/dev/shm", O_PATH | O_DIRECTORY);
  constexpr std::uint64_t kTmpfs = 0x01021994;
  if (*sys::file_system_type(memory.get()) != kTmpfs) GTEST_SKIP() << "/dev/shm is no tmpfs";
  TestStore store(Form::kIndex, "/dev/shm");
  EXPECT_EQ(*store.layers().form(), Form::kDirectory);
  const auto chain =
      store.chain({Tar().dir("tmp", 01777).file("a", "x").bytes(), Tar().file("tmp/b").whiteout(".wh.a").bytes()});
  ASSERT_TRUE(chain) << chain.error().message();
  const Tree tree = *store.tree(*chain);
  EXPECT_EQ(tree.at("tmp").mode, "1777");
  EXPECT_EQ(tree.size(), 3u);
  const auto all = *store.layers().usage();
  for (const layers::Usage& usage : all) EXPECT_GE(usage.tree_bytes, 4096u);
}

TEST_F(LayerService, TheFormMayChangeLater) {
  const auto chain = store_->chain({Tar().dir("tmp", 01777).file("a", "x").bytes(), Tar().file("tmp/b").bytes()});
  const Tree before = *store_->tree(*chain);
  Layers other(store_->store(),
               {.force_directory_form = true, .worker_program = *sys::own_directory() + "/strata-layer"});
  const auto rootfs = other.mount_rootfs(*chain, nullptr);
  ASSERT_TRUE(rootfs) << rootfs.error().message();
  EXPECT_EQ(difference(before, look_at(rootfs->get())), "");
}

TEST_F(LayerService, AWorkerThatIsNotThereIsAnError) {
  Layers layers(store_->store(), {.worker_program = "/nonexistent/strata-layer"});
  const sys::UniqueFd file = *sys::memory_file("blob", Tar().bytes());
  EXPECT_NE(layers.unpack(store_->lease(), file.get()).error().message().find("/nonexistent/strata-layer"),
            std::string::npos);
}

TEST_F(LayerService, CommitTwiceAndAtOnceIsOneLayer) {
  const std::string tar = Tar().file("a", "x").bytes();
  std::vector<Result<Layer>> made(4, error(ErrorKind::kInternal, "not run"));
  {
    std::vector<std::jthread> threads;
    for (auto& slot : made)
      threads.emplace_back([&] {
        const auto unpacked = store_->unpack(tar);
        slot = unpacked ? store_->layers().commit(store_->lease(), *unpacked, std::nullopt)
                        : Result<Layer>(unpacked.error());
      });
  }
  for (const auto& layer : made) {
    ASSERT_TRUE(layer) << layer.error().message();
    EXPECT_EQ(layer->chain_id, oci::Digest::of(tar));
  }
  EXPECT_EQ(files().size(), 2u);
  EXPECT_TRUE(store_->layers().find(oci::Digest::of(tar))->has_value());
  EXPECT_FALSE(store_->layers().find(oci::Digest::of("else"))->has_value());
}

TEST_F(LayerService, ALayerNeedsItsParent) {
  const auto unpacked = store_->unpack(Tar().bytes());
  const auto layer = store_->layers().commit(store_->lease(), *unpacked, oci::Digest::of("nothing"));
  EXPECT_EQ(layer.error().kind(), ErrorKind::kNotFound);
}

TEST_F(LayerService, AdoptsATarOfTheLease) {
  const std::string path = store_->lease().directory() + "/made-here.tar";
  const std::string tar = Tar().file("a", "here").bytes();
  ASSERT_TRUE(sys::replace_file(path, tar));
  const auto unpacked = store_->layers().adopt_tar(store_->lease(), path);
  ASSERT_TRUE(unpacked) << unpacked.error().message();
  EXPECT_EQ(unpacked->diff_id, oci::Digest::of(tar));
  const auto layer = store_->layers().commit(store_->lease(), *unpacked, std::nullopt);
  ASSERT_TRUE(layer);
  EXPECT_FALSE(sys::exists(path));
  const auto rootfs = store_->layers().mount_rootfs(std::vector{layer->chain_id}, nullptr);
  EXPECT_EQ(read(rootfs->get(), "a"), "here");
  const auto whole = store_->layers().open_tar(layer->diff_id);
  EXPECT_EQ(*sys::read_fd(whole->get()), tar);
}

TEST_F(LayerService, ChangesGoToTheUpper) {
  const auto chain = store_->chain({Tar().dir("d", 0750).file("d/a", "old").file("d/b").bytes()});
  ASSERT_TRUE(chain);
  const UpperDir dir = upper("c");
  {
    const auto rootfs = store_->layers().mount_rootfs(*chain, &dir);
    ASSERT_TRUE(rootfs) << rootfs.error().message();
    write(rootfs->get(), "d/a", "new");
    write(rootfs->get(), "d/c", "made");
  }
  EXPECT_EQ(*sys::read_file(dir.upper + "/d/a"), "new");
  EXPECT_FALSE(sys::exists(dir.upper + "/d/b"));
  // What the container has changed is there again, and what it has is a layer to others.
  const std::vector<std::string> finished{dir.upper};
  const UpperDir second = upper("second");
  const auto rootfs = store_->layers().mount_rootfs(*chain, &second, finished);
  ASSERT_TRUE(rootfs) << rootfs.error().message();
  EXPECT_EQ(read(rootfs->get(), "d/a"), "new");
  EXPECT_EQ(read(rootfs->get(), "d/c"), "made");
  EXPECT_EQ(read(rootfs->get(), "d/b"), "");
}

TEST_F(LayerService, AnEmptyUpperGetsTheRootsAttributes) {
  using T = Tar::Type;
  const auto chain = store_->chain({Tar()
                                        .add({.type = T::kDirectory,
                                              .path = "./",
                                              .mode = 01750,
                                              .uid = 11,
                                              .gid = 12,
                                              .mtime_sec = 77,
                                              .xattrs = {{"user.r", "x"}}})
                                        .bytes(),
                                    Tar().file("a").bytes()});
  ASSERT_TRUE(chain);
  const UpperDir dir = upper("c");
  {
    const auto rootfs = store_->layers().mount_rootfs(*chain, &dir);
    EXPECT_EQ(to_string(look_at(rootfs->get()).at("")), "dir 1750 11:12 77.000000000 xattrs user.r=78");
    ASSERT_TRUE(sys::set_entry_mode(rootfs->get(), ".", 0700));
  }
  const auto again = store_->layers().mount_rootfs(*chain, &dir);
  EXPECT_EQ(look_at(again->get()).at("").mode, "0700");
}

TEST_F(LayerService, VolatileUppersCanBeUsedAgain) {
  const auto chain = store_->chain({Tar().file("a").bytes()});
  const UpperDir dir = upper("v", true);
  for (const char* text : {"one", "two"}) {
    const auto rootfs = store_->layers().mount_rootfs(*chain, &dir);
    ASSERT_TRUE(rootfs) << rootfs.error().message();
    write(rootfs->get(), text, text);
  }
  const UpperDir safe{dir.upper, dir.work, false};
  const auto rootfs = store_->layers().mount_rootfs(*chain, &safe);
  ASSERT_TRUE(rootfs) << rootfs.error().message();
  EXPECT_EQ(read(rootfs->get(), "one"), "one");
}

TEST_F(LayerService, FromScratchIsAnEmptyRoot) {
  const UpperDir dir = upper("s");
  const auto rootfs = store_->layers().mount_rootfs({}, &dir);
  ASSERT_TRUE(rootfs) << rootfs.error().message();
  write(rootfs->get(), "a", "x");
  EXPECT_TRUE(store_->tree({})->size() == 1);
}

TEST_F(LayerService, ReadOnlyWithoutAnUpper) {
  const auto chain = store_->chain({Tar().file("a").bytes()});
  const auto rootfs = store_->layers().mount_rootfs(*chain, nullptr);
  EXPECT_EQ(sys::open_at(rootfs->get(), "b", O_WRONLY | O_CREAT).error().error_number(), EROFS);
}

TEST_F(LayerService, EveryWayToTellOverlayfsItsLowers) {
  const auto chain = store_->chain({Tar().file("a", "1").file("b", "1").bytes(), Tar().file("b", "2").bytes()});
  for (const char* way : {"descriptors", "names", "mount"}) {
    SCOPED_TRACE(way);
    ::setenv("STRATA_OVERLAY_LOWERS", way, 1);
    const UpperDir dir = upper(way);
    const auto rootfs = store_->layers().mount_rootfs(*chain, &dir);
    ::unsetenv("STRATA_OVERLAY_LOWERS");
    ASSERT_TRUE(rootfs) << rootfs.error().message();
    EXPECT_EQ(read(rootfs->get(), "a") + read(rootfs->get(), "b"), "12");
    write(rootfs->get(), "c", "new");
    EXPECT_TRUE(sys::exists(dir.upper + "/c"));
  }
}

TEST_F(LayerService, MoreLayersThanOverlayfsTakes) {
  std::vector<std::string> lowers;
  for (int i = 0; i < 501; ++i)
    ASSERT_TRUE(sys::make_directories(lowers.emplace_back(fmt::format("{}/lower-{}", store_->path(), i))));
  const UpperDir dir = upper("u");
  EXPECT_EQ(store_->layers().mount_rootfs({}, &dir, lowers).error().message(),
            "501 layers: overlayfs takes 500 at most");
}

TEST_F(LayerService, UnmountedLayersServeOnAndComeBack) {
  const auto chain = store_->chain({Tar().file("a", "x").bytes()});
  const auto rootfs = store_->layers().mount_rootfs(*chain, nullptr);
  EXPECT_EQ(sys::list_directory(mounts())->size(), 1u);
  ASSERT_TRUE(store_->layers().unmount_unused(*chain));
  EXPECT_EQ(sys::list_directory(mounts())->size(), 1u);
  ASSERT_TRUE(store_->layers().unmount_unused({}));
  EXPECT_EQ(sys::list_directory(mounts())->size(), 0u);
  EXPECT_FALSE(*sys::is_mount_point(mounts()));
  EXPECT_EQ(read(rootfs->get(), "a"), "x");
  EXPECT_EQ(store_->tree(*chain)->size(), 2u);
}

// The mounts of this process's namespace are not there in another one.
TEST_F(LayerService, AnotherMountNamespaceMountsAgain) {
  const auto chain = store_->chain({Tar().file("a", "x").bytes()});
  ASSERT_TRUE(store_->tree(*chain));
  const pid_t child = ::fork();
  if (child == 0) {
    bool good = ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    good = good && ::umount2((mounts() + "/" + chain->back().hex()).c_str(), 0) == 0;
    const auto rootfs = store_->layers().mount_rootfs(*chain, nullptr);
    good = good && rootfs && read(rootfs->get(), "a") == "x";
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(*sys::is_mount_point(mounts() + "/" + chain->back().hex()));
}

// ext4 has no room for these, so the directory form says so; an index has.
TEST_F(LayerService, LargeXattrs) {
  const std::string value(60'000, 'v');
  const std::string tar = Tar()
                              .add({.path = "a",
                                    .mode = 0644,
                                    .xattrs = {{"user.one", value}, {"user.two", value}, {"trusted.three", value}}},
                                   "data")
                              .bytes();
  const auto tree = store_->tree_of({tar});
  ASSERT_TRUE(tree) << tree.error().message();
  const std::string hash = hex(codec::sha256(value));
  EXPECT_EQ(tree->at("a").xattrs, fmt::format(" trusted.three={0} user.one={0} user.two={0}", hash));
  EXPECT_EQ(tree->at("a").content.substr(0, 2), "4 ");
  TestStore other(Form::kDirectory);
  const auto refused = other.tree_of({tar});
  if (!refused) {
    EXPECT_NE(refused.error().message().find("lsetxattr trusted.three of 'a'"), std::string::npos)
        << refused.error().message();
  }
}

TEST_F(LayerService, AHundredThousandFilesInOneDirectory) {
  Tar tar;
  for (int i = 0; i < 100'000; ++i) tar.file(fmt::format("d/{}", i));
  const auto chain = store_->chain({tar.bytes()});
  ASSERT_TRUE(chain) << chain.error().message();
  const auto rootfs = store_->layers().mount_rootfs(*chain, nullptr);
  const auto directory = sys::open_at(rootfs->get(), "d", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(sys::list_directory(directory->get())->size(), 100'000u);
  for (const char* name : {"0", "54321", "99999"}) EXPECT_TRUE(sys::open_at(directory->get(), name, O_RDONLY));
  EXPECT_EQ(sys::open_at(directory->get(), "100000", O_RDONLY).error().error_number(), ENOENT);
}

TEST_F(LayerService, ADamagedIndexIsMadeAnew) {
  const auto chain = store_->chain({Tar().dir("tmp", 01777).bytes(), Tar().file("tmp/a", "x").bytes()});
  const Tree before = *store_->tree(*chain);
  ASSERT_TRUE(store_->layers().unmount_unused({}));
  for (const std::string& name : files()) {
    if (!name.ends_with(".erofs")) continue;
    ASSERT_TRUE(sys::replace_file(layers_directory() + "/" + name, "no index"));
  }
  const auto after = store_->tree(*chain);
  ASSERT_TRUE(after) << after.error().message();
  EXPECT_EQ(difference(before, *after), "");
}

TEST_F(LayerService, AShortTarIsNoticed) {
  const auto chain = store_->chain({Tar().file("a", "x").bytes()});
  const auto tar = sys::open_file(layers_directory() + "/" + chain->back().hex() + ".tar", O_WRONLY);
  ASSERT_TRUE(sys::set_file_size(tar->get(), 1024));
  const auto tree = store_->tree(*chain);
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().kind(), ErrorKind::kCorrupt);
  EXPECT_NE(tree.error().message().find("its tar is lost or damaged"), std::string::npos) << tree.error().message();
}

TEST_F(LayerService, RemovesWhatNobodyNeeds) {
  const auto chain = store_->chain({Tar().file("a").bytes(), Tar().file("b").bytes()});
  ASSERT_TRUE(chain);
  const auto rootfs = store_->layers().mount_rootfs(*chain, nullptr);
  EXPECT_EQ(files().size(), 4u);
  // The lease still holds them.
  ASSERT_TRUE(store_->layers().remove(*chain));
  EXPECT_EQ(files().size(), 4u);
  store_->drop_lease();
  // A parent stays as long as its child.
  ASSERT_TRUE(store_->layers().remove(std::vector{chain->front()}));
  EXPECT_EQ(files().size(), 4u);
  ASSERT_TRUE(store::add_reference(store_->store(), store::kLayer, chain->front().to_string(), "image/x"));
  ASSERT_TRUE(store_->layers().remove(*chain));
  EXPECT_EQ(files().size(), 2u);
  ASSERT_TRUE(store::drop_references(store_->store(), "image/x"));
  ASSERT_TRUE(store_->layers().remove(*chain));
  EXPECT_EQ(files().size(), 0u);
  EXPECT_EQ(sys::list_directory(mounts())->size(), 0u);
  EXPECT_FALSE(store_->layers().find(chain->front())->has_value());
  EXPECT_EQ(read(rootfs->get(), "a"), "");  // a container that runs keeps its files
}

TEST_F(LayerService, SweepsWhatADeadProcessLeft) {
  const auto chain = store_->chain({Tar().file("a").bytes()});
  ASSERT_TRUE(sys::replace_file(layers_directory() + "/orphan.tar", "x"));
  ASSERT_TRUE(sys::make_directories(layers_directory() + "/orphan.dir/a/b"));
  ASSERT_TRUE(sys::make_directories(layers_directory() + "/dead.1234/a"));
  ASSERT_TRUE(store_->layers().sweep());
  EXPECT_EQ(files().size(), 2u);
  EXPECT_TRUE(store_->tree(*chain));
}

TEST_F(LayerService, UsageIsWhatFilesTake) {
  const auto chain = store_->chain({Tar().file("a", std::string(100'000, 'x')).bytes()});
  const auto usage = *store_->layers().usage();
  ASSERT_EQ(usage.size(), 1u);
  EXPECT_EQ(usage[0].chain_id, chain->back());
  EXPECT_EQ(usage[0].tar_bytes % 512, 0u);
  EXPECT_GE(usage[0].tar_bytes, 100'000u);
  EXPECT_GE(usage[0].tree_bytes, 512u);
}

TEST_F(LayerService, TheSameTarGivesTheSameIndex) {
  Tar tar;
  for (int i = 0; i < 100; ++i) tar.file(fmt::format("{}/{}", i % 7, i), std::string(static_cast<std::size_t>(i), 'x'));
  const std::string bytes = tar.bytes();
  const auto one = store_->unpack(bytes), two = store_->unpack(compressed(codec::Compression::kZstd, bytes));
  EXPECT_EQ(one->index_digest, two->index_digest);
}

}  // namespace
}  // namespace strata::layers::test
