// For tests: a store of its own with layers made of hand-made tars, in both forms.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/tar_writer.h"
#include "layers/layers.h"
#include "layers/test_tree.h"
#include "oci/chain_id.h"
#include "store/lease.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/process.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::layers::test {

// A tar, entry by entry.
class Tar {
 public:
  using Type = codec::TarEntry::Type;
  Tar& add(codec::TarEntry entry, std::string_view data = "") {
    if (entry.type == Type::kFile && !entry.sparse) entry.size = data.size();
    const auto added = writer_.add(entry);
    EXPECT_TRUE(added) << added.error().message();
    EXPECT_TRUE(writer_.write_data(std::as_bytes(std::span(data))));
    return *this;
  }
  Tar& file(std::string path, std::string_view data = "", std::uint32_t mode = 0644) {
    return add({.path = std::move(path), .mode = mode, .mtime_sec = 1000}, data);
  }
  Tar& dir(std::string path, std::uint32_t mode = 0755) {
    return add({.type = Type::kDirectory, .path = std::move(path), .mode = mode, .mtime_sec = 1000});
  }
  Tar& symlink(std::string path, std::string target) {
    return add({.type = Type::kSymlink,
                .path = std::move(path),
                .link_target = std::move(target),
                .mode = 0777,
                .mtime_sec = 1000});
  }
  Tar& link(std::string path, std::string target) {
    return add({.type = Type::kHardLink, .path = std::move(path), .link_target = std::move(target)});
  }
  Tar& device(std::string path, unsigned major, unsigned minor) {
    return add({.type = Type::kCharDevice,
                .path = std::move(path),
                .mode = 0600,
                .mtime_sec = 1000,
                .dev_major = major,
                .dev_minor = minor});
  }
  Tar& whiteout(std::string path) { return file(std::move(path)); }
  // Bytes made elsewhere, whole blocks.
  Tar& raw(std::string_view bytes) {
    EXPECT_TRUE(sink_.write(std::as_bytes(std::span(bytes))));
    return *this;
  }
  std::string bytes() {
    EXPECT_TRUE(writer_.finish());
    return sink_.take();
  }

 private:
  codec::MemorySink sink_;
  codec::TarWriter writer_{sink_};
};

class TestStore {
 public:
  explicit TestStore(Form form, const std::string& parent = "/tmp")
      : form_(form), directory_(std::move(*sys::TempDir::create(parent, "strata-layers-test."))) {
    open("");
  }
  ~TestStore() {
    lease_.reset();
    const auto unmounted = layers_->unmount_unused({});
    EXPECT_TRUE(unmounted) << unmounted.error().message();
  }

  // As after a power loss: another boot, and nothing is mounted.
  void reboot(const std::string& boot_id) {
    lease_.reset();
    EXPECT_TRUE(layers_->unmount_unused({}));
    layers_.reset();
    store_.reset();
    open(boot_id);
  }

  Layers& layers() { return *layers_; }
  store::Store& store() { return *store_; }
  store::Lease& lease() { return *lease_; }
  void drop_lease() { lease_.reset(); }
  const std::string& path() const { return directory_.path(); }

  Result<Unpacked> unpack(std::string_view bytes, const Limits& limits = {}) {
    const sys::UniqueFd file = TRY(sys::memory_file("blob", bytes));
    return layers_->unpack(*lease_, file.get(), limits);
  }
  // Tars on top of each other; the chain, bottom first.
  Result<std::vector<oci::Digest>> chain(const std::vector<std::string>& tars) {
    std::vector<oci::Digest> ids;
    std::optional<oci::Digest> parent;
    for (const std::string& tar : tars) {
      const Unpacked unpacked = TRY(unpack(tar));
      const Layer layer = TRY(layers_->commit(*lease_, unpacked, parent));
      ids.push_back(layer.chain_id);
      parent = layer.chain_id;
    }
    return ids;
  }
  Result<Tree> tree(const std::vector<oci::Digest>& chain) {
    const sys::UniqueFd rootfs = TRY(layers_->mount_rootfs(chain, nullptr));
    Tree mounted = look_at(rootfs.get());
    // Whoever asks without a mount gets the same answer.
    if (chain.empty()) return mounted;
    MergedTree merged = TRY(layers_->tree(chain));
    EXPECT_EQ(difference(without_lone_links(mounted), look_at(merged)), "") << "the walk differs from the mount";
    return mounted;
  }
  Result<Tree> tree_of(const std::vector<std::string>& tars) {
    const auto ids = TRY(chain(tars));
    return tree(ids);
  }

 private:
  void open(const std::string& boot_id) {
    static const store::Schema schemas[] = {schema()};
    auto opened = store::Store::open({directory_.path() + "/root", directory_.path() + "/run"}, schemas,
                                     {.settle_in_background = false, .boot_id = boot_id});
    EXPECT_TRUE(opened) << opened.error().message();
    store_ = std::move(*opened);
    layers_ = std::make_unique<Layers>(*store_, Options{.force_directory_form = form_ == Form::kDirectory,
                                                        .worker_program = *sys::own_directory() + "/strata-layer"});
    lease_.emplace(std::move(*store::Lease::create(*store_)));
  }

  Form form_;
  sys::TempDir directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Layers> layers_;
  std::optional<store::Lease> lease_;
};

inline bool is_root() { return ::geteuid() == 0; }

// What GNU tar makes of it.
inline Tree gnu_tar(const std::string& tar_path, const std::string& scratch) {
  EXPECT_TRUE(sys::make_directories(scratch));
  auto child = sys::spawn({.program = "/bin/tar",
                           .arguments = {"tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-xpf",
                                         tar_path, "-C", scratch},
                           .environment = std::nullopt,
                           .fds = {{2, 2}}});
  EXPECT_TRUE(child);
  EXPECT_EQ(child->wait()->code, 0);
  const auto directory = sys::open_file(scratch, O_RDONLY | O_DIRECTORY);
  return look_at(directory->get());
}

}  // namespace strata::layers::test
