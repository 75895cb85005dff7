#include "layers/probe.h"

#include <fcntl.h>

#include "base/strings.h"
#include "layers/index.h"
#include "layers/layer_tree.h"
#include "layers/mounts.h"
#include "store/lease.h"
#include "sys/file.h"
#include "sys/overlay.h"
#include "sys/process.h"

namespace strata::layers {
namespace {

constexpr std::string_view kContent = "the file that is read through overlayfs and EROFS";

Result<> try_index(const std::string& directory, MountCache& mounts, const std::string& key) {
  const std::string tar_path = directory + "/probe.tar", index_path = directory + "/probe.erofs";
  std::string data(kContent);
  data.resize(512);
  TRY(sys::replace_file(tar_path, data));
  LayerTree tree;
  codec::TarEntry entry;
  entry.path = "file";
  entry.size = kContent.size();
  TRY(tree.add(entry));
  TRY(tree.finish());
  {
    const sys::UniqueFd tar = TRY(sys::open_file(tar_path, O_RDONLY));
    const sys::UniqueFd index = TRY(sys::open_file(index_path, O_RDWR | O_CREAT | O_EXCL, 0600));
    // A UUID of its own each time: several probes may run at once.
    TRY(write_index(tree.tree(), "probe " + directory, "probe", tar.get(), data.size(), index.get()));
  }
  // Attached, as those of layers are: before Linux 6.15 or so overlayfs takes no detached mount.
  const sys::UniqueFd lower = TRY(mounts.get(key, [&] { return mount_index(index_path, std::span(&tar_path, 1)); }));
  const std::string below = directory + "/below";
  TRY(sys::make_directories(below));
  const sys::UniqueFd bottom = TRY(sys::open_file(below, O_PATH | O_DIRECTORY));
  const int lowers[] = {lower.get(), bottom.get()};
  sys::OverlayOptions overlay;
  overlay.lowers = lowers;
  const sys::UniqueFd rootfs = TRY(sys::mount_overlay(overlay));
  const sys::UniqueFd file = TRY(sys::open_at(rootfs.get(), "file", O_RDONLY));
  if (TRY(sys::read_fd(file.get())) != kContent) return error(ErrorKind::kCorrupt, "other bytes came back");
  return {};
}

}  // namespace

Result<Form> probe_form(store::Store& store) {
  const store::Paths& paths = store.paths();
  const std::string answer_path = paths.run_root + "/layers-form";
  const std::string question = fmt::format("{} {}\n", trim(TRY(sys::boot_id())), paths.root);
  if (const Result<std::string> known = sys::read_file(answer_path, 64 << 10)) {
    if (*known == question + "index\n") return Form::kIndex;
    if (*known == question + "directory\n") return Form::kDirectory;
  }
  // In a lease: whoever is killed while trying leaves nothing.
  const store::Lease lease = TRY(store::Lease::create(store));
  MountCache mounts(paths.run_root);
  const std::string key = "probe." + lease.id();
  const bool works = try_index(lease.directory(), mounts, key).has_value();
  (void)mounts.drop({key});  // what cannot be unmounted is a cached mount like others
  TRY(sys::replace_file(answer_path, question + (works ? "index\n" : "directory\n")));
  return works ? Form::kIndex : Form::kDirectory;
}

}  // namespace strata::layers
