#include "runtime/rootfs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.h"
#include "runtime/rootfs_dev.h"
#include "sys/file.h"
#include "sys/mount.h"
#include "sys/mount_attr.h"
#include "sys/rooted_path.h"
#include "sys/special_file.h"

namespace strata::runtime {
namespace {

using sys::UniqueFd;

// Files of /proc that may be replaced by what somebody binds there (lxcfs and the like), as runc
// has it.
constexpr std::array<std::string_view, 9> kReplaceableProc = {
    "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",
    "/proc/stat",    "/proc/swaps",     "/proc/uptime",
    "/proc/loadavg", "/proc/slabinfo",  "/proc/sys/kernel/ns_last_pid"};

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

class Builder {
 public:
  explicit Builder(const ContainerPlan& plan) : plan_(plan) {}

  Result<BuiltRootfs> build() {
    TRY(take_host_things());
    TRY(place_root(), "root file system");
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i)
      TRY(place(plan_.mounts[i], sources_[i]), "mount {}", plan_.mounts[i].mount.destination);
    sys::Pty pty;
    if (!dev_is_bound_) TRY(fill_dev(root_.get(), plan_.spec.linux_part), "fill /dev");
    if (plan_.process.process.terminal) {
      if (!devpts_) return error(ErrorKind::kInvalidArgument, "a terminal needs a mount of type devpts");
      pty = TRY(make_console(root_.get(), devpts_.get()), "terminal");
    }
    if (read_only_dev_) TRY(sys::set_mount_attributes(read_only_dev_.get(), {.set = MOUNT_ATTR_RDONLY}));
    for (const std::string& path : plan_.spec.linux_part.readonly_paths)
      TRY(make_read_only(path), "read-only {}", path);
    for (const std::string& path : plan_.spec.linux_part.masked_paths) TRY(mask(path), "mask {}", path);
    if (plan_.spec.root.readonly) TRY(sys::set_mount_attributes(root_.get(), {.set = MOUNT_ATTR_RDONLY}));
    TRY(sys::change_root(root_.get()));
    return BuiltRootfs{std::move(pty), std::move(sysctls_)};
  }

 private:
  // Clones of what is the host's, while its tree is still in sight and the container's is not.
  Result<> take_host_things() {
    const UniqueFd host_root = TRY(sys::open_file("/", O_PATH | O_DIRECTORY));
    TRY(sys::set_mount_attributes(host_root.get(), {.propagation = plan_.root_propagation.flag,
                                                    .recursive = plan_.root_propagation.recursive}),
        "propagation of /");
    for (const PlannedMount& planned : plan_.mounts) {
      std::vector<UniqueFd> sources;
      if (planned.options.bind)
        sources.push_back(TRY(clone_source(planned), "mount {}", planned.mount.destination));
      else if (planned.mount.type == "cgroup" || planned.mount.type == "cgroup2")
        for (const auto& [name, directory] : plan_.cgroups)
          sources.push_back(TRY(sys::clone_mount_at(AT_FDCWD, directory, false)));
      sources_.push_back(std::move(sources));
    }
    if (plan_.rootfs_mount >= 0)
      root_ = TRY(sys::duplicate(plan_.rootfs_mount));
    else
      root_ = TRY(sys::clone_mount_at(AT_FDCWD, plan_.spec.root.path, true));
    // By path: the descriptor that the plan holds lies in the caller's mount namespace.
    null_ = TRY(sys::clone_mount_at(AT_FDCWD, "/dev/null", false));
    if (!TRY(sys::is_character_device(null_.get(), 1, 3)))
      return error(ErrorKind::kPermissionDenied, "the host's /dev/null is something else");
    host_root_ = TRY(sys::duplicate(host_root.get()));
    return {};
  }

  Result<UniqueFd> clone_source(const PlannedMount& planned) {
    const std::string& source = planned.mount.source;
    if (!source.starts_with('/'))
      return error(ErrorKind::kInvalidArgument, "bind source path {:?} is not absolute", source);
    auto clone = sys::clone_mount_at(AT_FDCWD, source, planned.options.bind_recursive);
    if (!clone && clone.error().error_number() == ENOENT)
      return Error(ErrorKind::kNotFound, fmt::format("bind source path does not exist: {}", source), ENOENT);
    return clone;
  }

  Result<> place_root() {
    TRY(sys::set_mount_attributes(root_.get(), {.set = plan_.no_devices ? MOUNT_ATTR_NODEV : 0u,
                                                .propagation = MS_PRIVATE,
                                                .recursive = plan_.rootfs_mount < 0}));
    // On top of "/" of this namespace: seen by who looks through the descriptor, and by nobody
    // else.
    TRY(sys::attach_mount_at(root_.get(), host_root_.get()));
    const struct stat status = TRY(sys::stat_fd(root_.get()));
    if (!S_ISDIR(status.st_mode)) return error(ErrorKind::kInvalidArgument, "it is not a directory");
    return {};
  }

  // The destination, made when it is missing; a file when `directory` is false. Where a symlink leads to nothing
  // (/etc/resolv.conf of an image that once ran systemd), it is made there.
  Result<UniqueFd> target(const std::string& destination, bool directory) {
    auto there = sys::open_in_root(root_.get(), destination, O_PATH);
    if (there || there.error().error_number() != ENOENT) return there;
    const std::string path = TRY(sys::resolve_new_in_root(root_.get(), without_trailing_slashes(destination)));
    if (directory) return sys::make_directories_in_root(root_.get(), path);
    (void)TRY(sys::make_directories_in_root(root_.get(), path.substr(0, path.rfind('/') + 1)));
    (void)TRY(sys::open_in_root(root_.get(), path, O_CREAT | O_RDONLY | O_NONBLOCK, 0644));
    return sys::open_in_root(root_.get(), path, O_PATH);
  }

  // /proc and /sys: a directory that is really there, reached without symlinks, so that what the
  // container (and the masks below) finds under that name is what was mounted.
  Result<UniqueFd> plain_target(const std::string& destination) {
    const std::string path = without_trailing_slashes(destination);
    UniqueFd directory = TRY(target(path, true));
    if (TRY(sys::resolve_in_root(root_.get(), path)) != path)
      return error(ErrorKind::kInvalidArgument, "it must be an ordinary directory, not a symlink");
    return directory;
  }

  Result<> place(const PlannedMount& planned, std::vector<UniqueFd>& sources) {
    const std::string& type = planned.mount.type;
    if (planned.options.bind) return place_bind(planned, sources.at(0));
    if (type == "cgroup" || type == "cgroup2") return place_cgroup(planned, sources);
    return place_file_system(planned);
  }

  Result<> place_bind(const PlannedMount& planned, const UniqueFd& source) {
    const MountOptions& options = planned.options;
    const bool directory = S_ISDIR(TRY(sys::stat_fd(source.get())).st_mode);
    const UniqueFd onto = TRY(target(planned.mount.destination, directory));
    TRY(check_not_proc(onto, planned.mount.destination));
    if (directory != S_ISDIR(TRY(sys::stat_fd(onto.get())).st_mode))
      return error(ErrorKind::kInvalidArgument,
                   "not a directory: are you trying to mount a directory onto a file (or vice-versa)?");
    if (options.set != 0 || options.clear != 0 || plan_.no_devices)
      TRY(sys::set_mount_attributes(
          source.get(), {.set = options.set | (plan_.no_devices ? MOUNT_ATTR_NODEV : 0u), .clear = options.clear}));
    if (options.set_recursive != 0 || options.clear_recursive != 0)
      TRY(sys::set_mount_attributes(
          source.get(), {.set = options.set_recursive, .clear = options.clear_recursive, .recursive = true}));
    if (options.propagation != 0)
      TRY(sys::set_mount_attributes(source.get(),
                                    {.propagation = options.propagation, .recursive = options.propagation_recursive}));
    TRY(sys::attach_mount_at(source.get(), onto.get()));
    if (without_trailing_slashes(planned.mount.destination) == "/dev") dev_is_bound_ = true;
    return {};
  }

  Result<> check_not_proc(const UniqueFd& onto, const std::string& destination) {
    if (TRY(sys::file_system_type(onto.get())) != PROC_SUPER_MAGIC) return {};
    const std::string path = TRY(sys::resolve_in_root(root_.get(), destination));
    if (std::ranges::find(kReplaceableProc, path) != kReplaceableProc.end()) return {};
    return error(ErrorKind::kInvalidArgument, "it is inside /proc, which nothing may be mounted over");
  }

  Result<> place_file_system(const PlannedMount& planned) {
    const std::string& type = planned.mount.type;
    const MountOptions& options = planned.options;
    if (type.empty()) return error(ErrorKind::kInvalidArgument, "it has no type");
    const bool system = type == "proc" || type == "sysfs";
    const UniqueFd onto =
        TRY(system ? plain_target(planned.mount.destination) : target(planned.mount.destination, true));
    if (!system) TRY(check_not_proc(onto, planned.mount.destination));
    sys::FsContext context = TRY(sys::FsContext::open(type));
    if (!planned.mount.source.empty()) TRY(context.set_string("source", planned.mount.source));
    for (const auto& [key, value] : options.data) {
      if (type == "devpts" && key == "newinstance") continue;  // always so since Linux 4.7
      TRY(value.empty() ? context.set_flag(key) : context.set_string(key, value));
    }
    // As the directory that is covered.
    if (type == "tmpfs" && options.value_of("mode") == nullptr)
      TRY(context.set_string("mode", fmt::format("{:o}", TRY(sys::stat_fd(onto.get())).st_mode & 01777)));
    const bool is_dev = without_trailing_slashes(planned.mount.destination) == "/dev";
    std::uint64_t attributes = options.set | options.set_recursive;
    if (is_dev) attributes &= ~std::uint64_t{MOUNT_ATTR_RDONLY};  // after it is filled
    if (plan_.no_devices && type == "tmpfs" && !is_dev) attributes |= MOUNT_ATTR_NODEV;
    const UniqueFd mount = TRY(context.mount(static_cast<unsigned>(attributes)));
    TRY(sys::attach_mount_at(mount.get(), onto.get()));
    if (options.propagation != 0)
      TRY(sys::set_mount_attributes(mount.get(),
                                    {.propagation = options.propagation, .recursive = options.propagation_recursive}));
    // Before /proc/sys is covered, and through the mount itself: nothing can stand in its place.
    if (type == "proc" && !plan_.spec.linux_part.sysctl.empty())
      sysctls_ = TRY(sys::open_at(mount.get(), "sys", O_PATH | O_DIRECTORY));
    if (type == "devpts") devpts_ = TRY(sys::duplicate(mount.get()));
    if (is_dev && options.read_only()) read_only_dev_ = TRY(sys::duplicate(mount.get()));
    return {};
  }

  // The container's own groups: on v2 its directory, on v1 a tmpfs with one directory for each
  // hierarchy.
  Result<> place_cgroup(const PlannedMount& planned, std::vector<UniqueFd>& groups) {
    const UniqueFd onto = TRY(plain_target(planned.mount.destination));
    if (groups.empty()) return {};
    for (const UniqueFd& group : groups)
      TRY(sys::set_mount_attributes(
          group.get(), {.set = planned.options.set, .clear = planned.options.clear, .propagation = MS_PRIVATE}));
    if (groups.size() == 1 && plan_.cgroups[0].first.empty()) return sys::attach_mount_at(groups[0].get(), onto.get());
    sys::FsContext context = TRY(sys::FsContext::open("tmpfs"));
    TRY(context.set_string("source", "tmpfs"));
    TRY(context.set_string("mode", "755"));
    TRY(context.set_string("size", "64k"));
    const UniqueFd directory =
        TRY(context.mount(static_cast<unsigned>(planned.options.set & ~std::uint64_t{MOUNT_ATTR_RDONLY})));
    TRY(sys::attach_mount_at(directory.get(), onto.get()));
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::string name = plan_.cgroups[i].first.empty() ? "unified" : plan_.cgroups[i].first;
      const UniqueFd place = TRY(sys::make_directories_in_root(directory.get(), name));
      TRY(sys::attach_mount_at(groups[i].get(), place.get()));
      if (name.find(',') == std::string::npos) continue;
      for (const std::string_view controller : split(name, ','))
        TRY(sys::make_symlink(directory.get(), std::string(controller), name));
    }
    if (planned.options.read_only()) TRY(sys::set_mount_attributes(directory.get(), {.set = MOUNT_ATTR_RDONLY}));
    return {};
  }

  Result<> make_read_only(const std::string& path) {
    auto there = sys::open_in_root(root_.get(), path, O_PATH);
    if (!there) return missing(there.error()) ? Result<>{} : std::move(there).take_error();
    const UniqueFd copy = TRY(sys::clone_mount_at(there->get(), "", true));
    TRY(sys::set_mount_attributes(copy.get(), {.set = MOUNT_ATTR_RDONLY, .recursive = true}));
    return sys::attach_mount_at(copy.get(), there->get());
  }

  Result<> mask(const std::string& path) {
    auto there = sys::open_in_root(root_.get(), path, O_PATH);
    if (!there) return missing(there.error()) ? Result<>{} : std::move(there).take_error();
    UniqueFd& cover = S_ISDIR(TRY(sys::stat_fd(there->get())).st_mode) ? empty_ : null_;
    bool& used = &cover == &empty_ ? empty_used_ : null_used_;
    if (!cover) {
      sys::FsContext context = TRY(sys::FsContext::open("tmpfs"));
      TRY(context.set_string("source", "tmpfs"));
      TRY(context.set_string("nr_blocks", "1"));
      TRY(context.set_string("nr_inodes", "1"));
      cover = TRY(context.mount(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    }
    if (!used) {
      if (&cover == &null_) TRY(sys::set_mount_attributes(cover.get(), {.propagation = MS_PRIVATE}));
      used = true;
      return sys::attach_mount_at(cover.get(), there->get());
    }
    // What is attached already may be cloned; a detached mount only on new kernels.
    const UniqueFd copy = TRY(sys::clone_mount_at(cover.get(), "", false));
    return sys::attach_mount_at(copy.get(), there->get());
  }

  static bool missing(const Error& error) { return error.error_number() == ENOENT || error.error_number() == ENOTDIR; }

  const ContainerPlan& plan_;
  std::vector<std::vector<UniqueFd>> sources_;  // of each mount
  UniqueFd host_root_, root_, null_, empty_, devpts_, sysctls_, read_only_dev_;
  bool null_used_ = false, empty_used_ = false, dev_is_bound_ = false;
};

}  // namespace

Result<BuiltRootfs> build_rootfs(const ContainerPlan& plan) { return Builder(plan).build(); }

}  // namespace strata::runtime
