// The rules are those of github.com/moby/sys/user, GetExecUser: a name is looked up first; digits that are
// no name are an id that need not be in the file; supplementary groups only when no group was given.
#include "containers/rootfs_user.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/rooted_path.h"

namespace strata::containers {
namespace {

constexpr std::uint64_t kMaxId = 2147483647;

Result<std::string> read_accounts(int rootfs, std::string_view path) {
  // O_NONBLOCK: an image may have a FIFO there.
  Result<sys::UniqueFd> fd = sys::open_in_root(rootfs, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) {
    const int number = fd.error().error_number();
    if (number == ENOENT || number == ENOTDIR || number == ELOOP) return std::string();
    return std::move(fd).take_error();
  }
  if (!S_ISREG(TRY(sys::stat_fd(fd->get())).st_mode))
    return error(ErrorKind::kInvalidArgument, "{} of the image is no regular file", path);
  return TRY(sys::read_fd(fd->get(), kMaxAccountFile), "{} of the image", path);
}

std::optional<std::uint32_t> parse_id(std::string_view text) {
  const auto id = parse_unsigned(text);
  if (!id || *id > kMaxId) return std::nullopt;
  return static_cast<std::uint32_t>(*id);
}

struct PasswdEntry {
  std::string_view name, home;
  uid_t uid;
  gid_t gid;
};

std::optional<PasswdEntry> find_user(std::string_view passwd, std::string_view user) {
  for (std::string_view line : split(passwd, '\n')) {
    const std::vector<std::string_view> field = split(line, ':');
    if (field.size() < 4) continue;
    const auto uid = parse_id(field[2]);
    const auto gid = parse_id(field[3]);
    if (!uid || !gid) continue;
    if (field[0] != user && parse_id(user) != uid) continue;
    return PasswdEntry{field[0], field.size() > 5 ? field[5] : std::string_view(), *uid, *gid};
  }
  return std::nullopt;
}

std::optional<gid_t> find_group(std::string_view groups, std::string_view group) {
  for (std::string_view line : split(groups, '\n')) {
    const std::vector<std::string_view> field = split(line, ':');
    if (field.size() < 3) continue;
    const auto gid = parse_id(field[2]);
    if (gid && (field[0] == group || parse_id(group) == gid)) return gid;
  }
  return std::nullopt;
}

void add_groups_of(std::string_view groups, std::string_view name, std::vector<gid_t>& out) {
  for (std::string_view line : split(groups, '\n')) {
    const std::vector<std::string_view> field = split(line, ':');
    if (field.size() < 4) continue;
    const auto gid = parse_id(field[2]);
    if (!gid || std::ranges::find(out, *gid) != out.end()) continue;
    const std::vector<std::string_view> members = split(trim(field[3]), ',');
    if (std::ranges::find(members, name) != members.end()) out.push_back(*gid);
  }
}

Error out_of_range() { return error(ErrorKind::kInvalidArgument, "uids and gids must be in range 0-{}", kMaxId); }

}  // namespace

Result<RootfsUser> resolve_user(int rootfs, std::string_view user) {
  const std::size_t colon = user.find(':');
  std::string_view name = user.substr(0, colon);
  const std::string_view group = colon == std::string_view::npos ? std::string_view() : user.substr(colon + 1);
  if (name.empty()) name = "0";

  RootfsUser out;
  const std::string passwd = TRY(read_accounts(rootfs, "/etc/passwd"));
  const std::optional<PasswdEntry> entry = find_user(passwd, name);
  if (entry) {
    out.uid = entry->uid;
    out.gid = entry->gid;
    if (entry->home.starts_with('/')) out.home = entry->home;
  } else if (const auto uid = parse_id(name)) {
    out.uid = *uid;
  } else if (parse_unsigned(name)) {
    return out_of_range();
  } else {
    return error(ErrorKind::kInvalidArgument, "unable to find user {}: no matching entries in passwd file",
                 printable(name));
  }

  if (group.empty() && !entry) {
    out.groups = {out.gid};
    return out;
  }
  const std::string groups = TRY(read_accounts(rootfs, "/etc/group"));
  if (!group.empty()) {
    if (const auto gid = find_group(groups, group))
      out.gid = *gid;
    else if (const auto id = parse_id(group))
      out.gid = *id;
    else if (parse_unsigned(group))
      return out_of_range();
    else
      return error(ErrorKind::kInvalidArgument, "unable to find group {}: no matching entries in group file",
                   printable(group));
  }
  out.groups = {out.gid};
  if (group.empty()) add_groups_of(groups, entry->name, out.groups);
  return out;
}

}  // namespace strata::containers
