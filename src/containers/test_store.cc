#include "containers/test_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "base/check.h"
#include "codec/tar_writer.h"
#include "oci/image_config.h"
#include "store/lease.h"
#include "sys/file.h"
#include "sys/process.h"
#include <fmt/core.h>

namespace strata::containers {
namespace {

constexpr const char* kBusybox = "/usr/bin/busybox";

template <class T>
T need(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "test store: {}\n", result.error().message());
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class FileSink : public codec::ByteSink {
 public:
  explicit FileSink(int fd) : fd_(fd) {}
  Result<> write(std::span<const std::byte> bytes) override { return sys::write_all(fd_, bytes); }

 private:
  int fd_;
};

void add(codec::TarWriter& tar, codec::TarEntry::Type type, const std::string& path, std::uint32_t mode,
         const std::string& content = "") {
  codec::TarEntry entry;
  entry.type = type;
  entry.path = path;
  entry.mode = mode;
  if (type == codec::TarEntry::Type::kSymlink)
    entry.link_target = content;
  else
    entry.size = entry.stored_size = content.size();
  need(tar.add(entry));
  if (entry.size != 0) need(tar.write_data(std::as_bytes(std::span(content))));
}

const std::array<store::Schema, 4>& schemas() {
  static const std::array<store::Schema, 4> all = {layers::schema(), images::Images::schema(),
                                                   network::Networks::schema(), Containers::schema()};
  return all;
}

}  // namespace

std::string TestStore::reason_to_skip() {
  if (::geteuid() != 0) return "needs root";
  if (!sys::exists(kBusybox)) return "needs busybox-static";
  const std::string programs = need(sys::own_directory());
  for (const char* program : {"/strata-monitor", "/strata-layer"})
    if (!sys::exists(programs + program)) return fmt::format("needs {}{}", programs, program);
  return "";
}

TestStore::TestStore() : directory_(need(sys::TempDir::create("/tmp", "strata-test."))) {
  const std::string programs = need(sys::own_directory());
  store_ = need(store::Store::open({directory_.path() + "/root", directory_.path() + "/run"}, schemas(),
                                   {.settle_in_background = false}));
  layers_ = std::make_unique<layers::Layers>(*store_, layers::Options{.worker_program = programs + "/strata-layer"});
  images_ = std::make_unique<images::Images>(*store_, *layers_);
  networks_ = std::make_unique<network::Networks>(*store_);
  containers_ = another();
  make_image();
}

TestStore::~TestStore() {
  for (const Container& container : need(containers_->list()))
    need(containers_->remove(container, {.force = true, .volumes = true}));
  containers_.reset();
  (void)!networks_->remove_if_unused();
  need(layers_->unmount_unused({}));
}

std::unique_ptr<Containers> TestStore::another() {
  // The tests tear down themselves, or look at what happens when nobody does.
  return std::make_unique<Containers>(
      Parts{*store_, *layers_, *images_, *networks_, need(sys::own_directory()) + "/strata-monitor", {"/bin/true"}});
}

void TestStore::make_image() {
  store::Lease lease = need(store::Lease::create(*store_));
  const std::string path = lease.directory() + "/layer.tar";
  {
    const sys::UniqueFd file = need(sys::open_file(path, O_WRONLY | O_CREAT));
    FileSink sink(file.get());
    codec::TarWriter tar(sink);
    using Type = codec::TarEntry::Type;
    add(tar, Type::kDirectory, "bin", 0755);
    add(tar, Type::kFile, "bin/busybox", 0755, need(sys::read_file(kBusybox)));
    for (const char* name : {"sh", "sleep", "echo", "true", "false", "cat", "id", "touch", "rm", "kill", "ls", "env",
                             "hostname", "mkdir", "stat"})
      add(tar, Type::kSymlink, fmt::format("bin/{}", name), 0777, "busybox");
    add(tar, Type::kDirectory, "etc", 0755);
    add(tar, Type::kFile, "etc/passwd", 0644, "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n");
    add(tar, Type::kFile, "etc/group", 0644, "root:x:0:\nweb:x:33:\nextra:x:50:web\n");
    add(tar, Type::kDirectory, "srv", 0750);
    add(tar, Type::kFile, "srv/page", 0644, "hello\n");
    add(tar, Type::kFile, "etc/notrunnable", 0644, "x");
    need(tar.finish());
  }
  const layers::Unpacked unpacked = need(layers_->adopt_tar(lease, path));
  const layers::Layer layer = need(layers_->commit(lease, unpacked, std::nullopt));
  oci::ImageConfig config;
  config.architecture = "amd64";
  config.os = "linux";
  config.config.cmd = {"sh"};
  config.config.env = {"PATH=/bin"};
  config.diff_ids = {layer.diff_id};
  image_ = std::make_unique<images::Image>(
      need(images_->add(config.to_json(), need(oci::Reference::parse("busybox:latest")))));
}

Container TestStore::run(std::vector<std::string> command, Config config) {
  config.cmd = std::move(command);
  if (config.network_mode == "bridge") config.network_mode = "none";
  const Container container = need(containers_->create({.image_name = "busybox", .config = config}, *image_));
  need(containers_->start(container, {}));
  return container;
}

std::vector<std::string> TestStore::leftovers(const std::vector<std::string>& ids) const {
  std::vector<std::string> out;
  for (const std::string& id : ids) {
    const ContainerPaths paths = containers_->paths(id);
    if (sys::exists(paths.run_directory)) out.push_back(paths.run_directory);
    for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/cgroup")) {
      const std::string cgroup = entry.path().string() + Containers::cgroup_path(id);
      if (sys::exists(cgroup)) out.push_back(cgroup);
    }
    if (sys::exists("/sys/fs/cgroup" + Containers::cgroup_path(id))) out.push_back("cgroup of " + id);
  }
  return out;
}

}  // namespace strata::containers
