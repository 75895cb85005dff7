#include "layers/test_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <stdexcept>
#include <utility>

#include "base/strings.h"
#include "codec/sha256.h"
#include "sys/entry.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace strata::layers::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

std::string hash_of(int directory, const std::string& name) {
  const sys::UniqueFd file = must(sys::open_at(directory, name, O_RDONLY | O_NOFOLLOW));
  codec::Sha256 hash;
  std::vector<std::byte> buffer(256 << 10);
  while (const std::size_t got = must(sys::read_some(file.get(), buffer))) hash.update(std::span(buffer).first(got));
  return hex(hash.finish());
}

struct Looker {
  bool with_content;
  Tree tree;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names;

  void look(int directory, const std::string& path, const std::string& name) {
    const struct stat info = must(sys::stat_entry(directory, name));
    Seen& seen = tree[path];
    seen.owner = fmt::format("{}:{}", info.st_uid, info.st_gid);
    seen.mode = fmt::format("{:04o}", info.st_mode & 07777);
    seen.time = fmt::format("{}.{:09}", info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    for (const auto& [xattr, value] : must(sys::xattrs_of_entry(directory, name)))
      if (!xattr.starts_with("trusted.overlay."))
        seen.xattrs += fmt::format(
            " {}={}", xattr, value.size() < 100 ? hex(std::as_bytes(std::span(value))) : hex(codec::sha256(value)));
    const std::string device = fmt::format(" {}:{}", major(info.st_rdev), minor(info.st_rdev));
    if (S_ISDIR(info.st_mode)) seen.kind = "dir";
    if (S_ISCHR(info.st_mode)) seen.kind = "char" + device;
    if (S_ISBLK(info.st_mode)) seen.kind = "block" + device;
    if (S_ISFIFO(info.st_mode)) seen.kind = "fifo";
    if (S_ISLNK(info.st_mode)) seen.kind = "link → " + must(sys::read_link_entry(directory, name));
    if (S_ISREG(info.st_mode)) {
      seen.kind = "file";
      seen.content = fmt::format("{} {}", info.st_size, with_content ? hash_of(directory, name) : "");
    }
    if (S_ISDIR(info.st_mode)) return look_below(directory, path, name);
    if (info.st_nlink > 1) seen.same_as = first_names.emplace(std::pair(info.st_dev, info.st_ino), path).first->second;
  }

  void look_below(int parent, const std::string& path, const std::string& name) {
    const sys::UniqueFd directory = must(sys::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    auto names = must(sys::list_directory(directory.get()));
    std::sort(names.begin(), names.end());
    for (const std::string& entry : names) look(directory.get(), path.empty() ? entry : path + "/" + entry, entry);
  }
};

}  // namespace

std::string to_string(const Seen& s) {
  std::string text = fmt::format("{} {} {} {}", s.kind, s.mode, s.owner, s.time);
  if (!s.content.empty()) text += " " + s.content;
  if (!s.xattrs.empty()) text += " xattrs" + s.xattrs;
  if (!s.same_as.empty()) text += " same as " + s.same_as;
  return text;
}

Tree look_at(int directory, bool with_content) {
  Looker looker{with_content, {}, {}};
  looker.look(directory, "", ".");
  return std::move(looker.tree);
}

Tree look_at(MergedTree& merged, bool with_content) {
  using codec::FileType;
  Tree tree;
  const Result<> walked = merged.walk([&](const TreeEntry& entry) -> Result<> {
    Seen& seen = tree[std::string(entry.path)];
    seen.owner = fmt::format("{}:{}", entry.uid, entry.gid);
    seen.mode = fmt::format("{:04o}", entry.mode);
    seen.time = fmt::format("{}.{:09}", entry.mtime_sec, entry.mtime_nsec);
    for (const auto& [xattr, value] : entry.xattrs)
      seen.xattrs += fmt::format(" {}={}", xattr,
                                 value.size() < 100 ? hex(std::as_bytes(std::span(value))) : hex(codec::sha256(value)));
    const std::string device = fmt::format(" {}:{}", entry.dev_major, entry.dev_minor);
    switch (entry.type) {
      case FileType::kDirectory:
        seen.kind = "dir";
        break;
      case FileType::kCharDevice:
        seen.kind = "char" + device;
        break;
      case FileType::kBlockDevice:
        seen.kind = "block" + device;
        break;
      case FileType::kFifo:
        seen.kind = "fifo";
        break;
      case FileType::kSymlink:
        seen.kind = "link → " + entry.target;
        break;
      case FileType::kFile:
        seen.kind = "file";
        codec::Sha256 hash;
        std::vector<std::byte> buffer(100'000);
        for (std::uint64_t at = 0; with_content && at < entry.size; at += buffer.size()) {
          const std::size_t got = TRY(merged.read(entry, at, buffer));
          hash.update(std::span(buffer).first(got));
        }
        seen.content = fmt::format("{} {}", entry.size, with_content ? hex(hash.finish()) : "");
    }
    if (entry.whiteout) seen.kind = "whiteout";
    if (entry.opaque) seen.kind = "opaque";
    if (entry.implied) seen.kind += " implied";
    if (!entry.link_of.empty()) seen.same_as = tree[std::string(entry.link_of)].same_as = entry.link_of;
    return {};
  });
  if (!walked) throw std::runtime_error(walked.error().message());
  return tree;
}

Tree without_lone_links(Tree tree) {
  std::map<std::string, int> names;
  for (const auto& [path, seen] : tree) ++names[seen.same_as];
  for (auto& [path, seen] : tree)
    if (names[seen.same_as] == 1) seen.same_as.clear();
  return tree;
}

std::string difference(const Tree& a, const Tree& b) {
  std::string text;
  int count = 0;
  const auto say = [&](const std::string& path, const Seen* x, const Seen* y) {
    if (++count <= 20)
      text += fmt::format("{}: {} | {}\n", printable(path), x ? to_string(*x) : "(nothing)",
                          y ? to_string(*y) : "(nothing)");
  };
  for (const auto& [path, seen] : a) {
    const auto other = b.find(path);
    if (other == b.end())
      say(path, &seen, nullptr);
    else if (seen != other->second)
      say(path, &seen, &other->second);
  }
  for (const auto& [path, seen] : b)
    if (!a.contains(path)) say(path, nullptr, &seen);
  return text;
}

}  // namespace strata::layers::test
