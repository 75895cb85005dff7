#include "layers/probe.h"

#include <fcntl.h>

#include "base/strings.h"
#include "layers/direct_reads.h"
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

constexpr Ability kAnswers[] = {{Form::kIndex, true}, {Form::kIndex, false}, {Form::kDirectory, false}};

std::string answer_path(const store::Paths& paths) { return paths.run_root + "/layers-form"; }

Result<std::string> question_of(const store::Paths& paths) {
  return fmt::format("{} {}\n", trim(TRY(sys::boot_id())), paths.root);
}

std::string answer_of(const Ability& ability) {
  return fmt::format("{}, {} reads\n", ability.form == Form::kIndex ? "index" : "directory",
                     ability.direct_reads ? "direct" : "buffered");
}

// `directory` is to be made.
Result<> try_index(const std::string& directory, MountCache& mounts, const std::string& key, Reads reads) {
  TRY(sys::make_directories(directory, 0700));
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
  if (reads == Reads::kDirect && !(TRY(has_direct_blocks(tar_path)) && TRY(has_direct_blocks(index_path))))
    return error(ErrorKind::kUnsupported, "the store's file system does not read blocks of 512 bytes directly");
  // Attached, as those of layers are: before Linux 6.15 or so overlayfs takes no detached mount.
  const sys::UniqueFd lower =
      TRY(mounts.get(key, [&] { return mount_index(index_path, std::span(&tar_path, 1), reads); }));
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

Result<std::optional<Ability>> known_ability(const store::Paths& paths) {
  const Result<std::string> known = sys::read_file(answer_path(paths), 64 << 10);
  if (!known) return std::nullopt;
  const std::string question = TRY(question_of(paths));
  for (const Ability& ability : kAnswers)
    if (*known == question + answer_of(ability)) return ability;
  return std::nullopt;
}

Result<Ability> probe(store::Store& store) {
  const store::Paths& paths = store.paths();
  if (const auto known = TRY(known_ability(paths))) return *known;
  // In a lease: whoever is killed while trying leaves nothing.
  const store::Lease lease = TRY(store::Lease::create(store));
  MountCache mounts(paths.run_root);
  const auto works = [&](Reads reads) {
    const std::string name = reads == Reads::kDirect ? "direct" : "buffered";
    const std::string key = "probe." + lease.id() + "." + name;
    const bool read = try_index(lease.directory() + "/" + name, mounts, key, reads).has_value();
    (void)mounts.drop({key});  // what cannot be unmounted is a cached mount like others
    return read;
  };
  Ability ability;
  if (works(Reads::kBuffered)) ability.form = Form::kIndex;
  ability.direct_reads =
      ability.form == Form::kIndex && uses_direct_reads_safely(sys::kernel_release()) && works(Reads::kDirect);
  TRY(sys::replace_file(answer_path(paths), TRY(question_of(paths)) + answer_of(ability)));
  return ability;
}

}  // namespace strata::layers
