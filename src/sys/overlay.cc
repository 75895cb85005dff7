#include "sys/overlay.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "sys/file.h"
#include "sys/mount.h"
#include "sys/temp_dir.h"

namespace strata::sys {
namespace {

struct Setting {
  const char* key;
  const char* value;
};
// Of these an older kernel may lack one ("xino" came with 4.17, "metacopy" with 4.19): all are said.
constexpr Setting kSettings[] = {
    {"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}, {"nfs_export", "off"}, {"xino", "off"}};

// "descriptors", "names" or "mount" makes that way the first one tried: for tests on new kernels.
std::string_view forced_way() {
  const char* value = std::getenv("STRATA_OVERLAY_LOWERS");
  return value != nullptr ? value : "";
}

std::string name_of(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

// By name where that can be: so /proc/mounts says where a container's changes are. fsconfig(2) takes 255 bytes,
// and overlayfs takes a backslash for its own.
std::string option_for(const std::string& path, int fd) {
  return path.size() < 255 && !path.contains('\\') ? path : name_of(fd);
}

struct Uppers {
  UniqueFd upper;
  UniqueFd work;
};

Result<Uppers> open_uppers(const OverlayOptions& options) {
  Uppers uppers;
  if (options.upper.empty()) return uppers;
  uppers.upper = TRY(open_file(options.upper, O_PATH | O_DIRECTORY));
  uppers.work = TRY(open_file(options.work, O_PATH | O_DIRECTORY));
  return uppers;
}

// A kernel that finds this mark refuses the upper (EINVAL): the last use may have lost data in a crash.
// Who asks for `volatile` again has decided that this is acceptable.
Result<> forget_volatile_use(const OverlayOptions& options) {
  if (options.upper.empty()) return {};
  return remove_tree(options.work + "/work/incompat/volatile");
}

Result<UniqueFd> mount_by_context(const OverlayOptions& options, const Uppers& uppers, bool descriptors) {
  FsContext context = TRY(FsContext::open("overlay"));
  TRY(context.set_string("source", "overlay"));
  for (const Setting& setting : kSettings) TRY(context.set_string(setting.key, setting.value));
  if (options.volatile_ && uppers.upper) TRY(context.set_flag("volatile"));
  for (const int lower : options.lowers) {
    if (descriptors) {
      TRY(context.set_fd("lowerdir+", lower));
    } else {
      TRY(context.set_string("lowerdir+", name_of(lower)));
    }
  }
  if (uppers.upper) {
    TRY(context.set_string("upperdir", option_for(options.upper, uppers.upper.get())));
    TRY(context.set_string("workdir", option_for(options.work, uppers.work.get())));
  }
  return context.mount(uppers.upper ? 0 : MOUNT_ATTR_RDONLY);
}

// mount(2) attaches, so the mount is made on a directory for a moment and a detached copy is taken.
Result<UniqueFd> mount_by_call(const OverlayOptions& options, const Uppers& uppers) {
  std::string data;
  for (const Setting& setting : kSettings) data += fmt::format("{}={},", setting.key, setting.value);
  if (options.volatile_ && uppers.upper) data += "volatile,";
  if (uppers.upper)
    data += fmt::format("upperdir={},workdir={},", name_of(uppers.upper.get()), name_of(uppers.work.get()));
  data += "lowerdir=";
  for (std::size_t i = 0; i < options.lowers.size(); ++i) data += (i == 0 ? "" : ":") + name_of(options.lowers[i]);
  if (data.size() >= static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)))
    return error(ErrorKind::kUnsupported, "{} layers: this kernel's overlayfs takes options of one page only",
                 options.lowers.size());
  const TempDir place = TRY(TempDir::create(options.scratch, "strata-mount."));
  TRY(bind_private(place.path(), place.path()));
  if (::mount("overlay", place.path().c_str(), "overlay", uppers.upper ? 0 : MS_RDONLY, data.c_str()) != 0) {
    const Error failed = error_from(errno, "mount overlay with {}", data);
    (void)unmount(place.path(), MNT_DETACH);
    return failed;
  }
  Result<UniqueFd> mount = clone_mount(place.path(), false);
  (void)unmount(place.path(), MNT_DETACH);
  (void)unmount(place.path(), MNT_DETACH);
  return mount;
}

}  // namespace

Result<UniqueFd> mount_overlay(const OverlayOptions& options) {
  if (options.lowers.size() > kMaxOverlayLowers)
    return error(ErrorKind::kResourceExhausted, "{} layers: overlayfs takes {} at most", options.lowers.size(),
                 kMaxOverlayLowers);
  const Uppers uppers = TRY(open_uppers(options));
  TRY(forget_volatile_use(options));
  const std::string_view forced = forced_way();
  if (forced == "mount") return mount_by_call(options, uppers);
  if (forced != "names") {
    Result<UniqueFd> mount = mount_by_context(options, uppers, true);
    if (mount || forced == "descriptors") return mount;
    // An unknown parameter, or a known one that does not come as a descriptor, is EINVAL; before Linux 6.13
    // fsconfig(2) already refuses an O_PATH descriptor with EBADF.
    const int why = mount.error().error_number();
    if (why != EINVAL && why != EBADF) return mount;
  }
  Result<UniqueFd> mount = mount_by_context(options, uppers, false);
  if (mount || mount.error().error_number() != EINVAL) return mount;
  Result<UniqueFd> old_way = mount_by_call(options, uppers);
  if (!old_way && old_way.error().error_number() == EINVAL) return mount;  // the better explanation
  return old_way;
}

}  // namespace strata::sys
