#include "runtime/rootfs_dev.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <string>

#include "sys/file.h"
#include "sys/mount_attr.h"
#include "sys/process_state.h"
#include "sys/rooted_path.h"
#include "sys/special_file.h"

namespace strata::runtime {
namespace {

struct Node {
  const char* name;
  unsigned major, minor;
};
constexpr std::array<Node, 6> kNodes = {
    {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}}};

struct Link {
  const char *name, *target;
};
constexpr std::array<Link, 6> kLinks = {{{"fd", "/proc/self/fd"},
                                         {"stdin", "/proc/self/fd/0"},
                                         {"stdout", "/proc/self/fd/1"},
                                         {"stderr", "/proc/self/fd/2"},
                                         {"core", "/proc/kcore"},
                                         {"ptmx", "pts/ptmx"}}};

Result<mode_t> type_bits(char type) {
  switch (type) {
    case 'c':
    case 'u':
      return S_IFCHR;
    case 'b':
      return S_IFBLK;
    case 'p':
      return S_IFIFO;
    default:
      return error(ErrorKind::kInvalidArgument, "unknown device type '{}'", type);
  }
}

bool is_default(const std::string& path) {
  for (const Node& node : kNodes)
    if (path == std::string("/dev/") + node.name) return true;
  return path == "/dev/ptmx" || path == "/dev/console";
}

Result<> make_device(int root, const oci::Device& device) {
  if (!device.path.starts_with('/'))
    return error(ErrorKind::kInvalidArgument, "device path {:?} is not absolute", device.path);
  const mode_t type = TRY(type_bits(device.type));
  const std::size_t slash = device.path.rfind('/');
  const std::string name = device.path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..")
    return error(ErrorKind::kInvalidArgument, "device path {:?} names no file", device.path);
  const sys::UniqueFd parent = TRY(sys::make_directories_in_root(root, device.path.substr(0, slash + 1)));
  return sys::make_node(parent.get(), name, type | (device.file_mode.value_or(0666) & 07777),
                        static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor), device.uid,
                        device.gid);
}

}  // namespace

Result<> fill_dev(int root, const oci::LinuxPart& linux_part) {
  const sys::UniqueFd dev = TRY(sys::make_directories_in_root(root, "/dev"));
  const mode_t umask = sys::set_umask(0);
  const auto fill = [&]() -> Result<> {
    for (const Node& node : kNodes) TRY(sys::make_node(dev.get(), node.name, S_IFCHR | 0666, node.major, node.minor));
    for (const oci::Device& device : linux_part.devices)
      if (!is_default(device.path)) TRY(make_device(root, device));
    for (const Link& link : kLinks) TRY(sys::make_symlink(dev.get(), link.name, link.target));
    return {};
  };
  Result<> filled = fill();
  sys::set_umask(umask);
  return filled;
}

Result<sys::Pty> make_console(int root, int devpts) {
  sys::Pty pty = TRY(sys::open_pty(devpts, "ptmx"));
  const sys::UniqueFd dev = TRY(sys::open_in_root(root, "/dev", O_PATH | O_DIRECTORY));
  auto console = sys::open_at(dev.get(), "console", O_CREAT | O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (!console) return std::move(console).take_error();
  // The terminal itself is cloned, whatever the name /dev/pts/N may have become meanwhile.
  const sys::UniqueFd terminal = TRY(sys::clone_mount_at(pty.terminal.get(), "", false));
  const sys::UniqueFd target = TRY(sys::open_at(dev.get(), "console", O_PATH | O_NOFOLLOW));
  TRY(sys::attach_mount_at(terminal.get(), target.get()), "mount /dev/console");
  return pty;
}

}  // namespace strata::runtime
