#include "build/new_layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <deque>

#include "base/strings.h"
#include "sys/entry.h"
#include "sys/rooted_path.h"

namespace strata::build {
namespace {

using codec::TarEntry;

constexpr int kMaxSymlinks = 40;

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string child_of(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + "/" + std::string(name);
}

NewLayer::Kind kind_of(TarEntry::Type type) {
  switch (type) {
    case TarEntry::Type::kDirectory:
      return NewLayer::Kind::kDirectory;
    case TarEntry::Type::kSymlink:
      return NewLayer::Kind::kSymlink;
    default:
      return NewLayer::Kind::kOther;
  }
}

}  // namespace

bool NewLayer::ByComponent::operator()(std::string_view a, std::string_view b) const {
  return std::ranges::lexicographical_compare(a, b, [](char x, char y) {
    const auto rank = [](char c) { return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c)) + 1; };
    return rank(x) < rank(y);
  });
}

// What the layers below have at a resolved path.
Result<const NewLayer::Below*> NewLayer::below(const std::string& path) {
  if (const auto found = below_.find(path); found != below_.end()) return &found->second;
  Below result;
  if (parent_root_ >= 0) {
    auto file = sys::open_in_root(parent_root_, path.empty() ? "/" : path, O_PATH | O_NOFOLLOW);
    if (file) {
      const struct stat st = TRY(sys::stat_entry(file->get(), ""), "/{}", path);
      TarEntry entry;
      entry.mode = st.st_mode & 07777;
      entry.uid = st.st_uid;
      entry.gid = st.st_gid;
      entry.mtime_sec = st.st_mtim.tv_sec;
      entry.mtime_nsec = static_cast<std::uint32_t>(st.st_mtim.tv_nsec);
      entry.type = S_ISDIR(st.st_mode)   ? TarEntry::Type::kDirectory
                   : S_ISLNK(st.st_mode) ? TarEntry::Type::kSymlink
                                         : TarEntry::Type::kFile;
      if (S_ISLNK(st.st_mode)) entry.link_target = TRY(sys::read_link_entry(file->get(), ""), "/{}", path);
      if (S_ISDIR(st.st_mode)) {
        entry.xattrs = TRY(sys::xattrs_of_entry(file->get(), ""), "/{}", path);
        std::erase_if(entry.xattrs,
                      [](const auto& x) { return x.first.starts_with("trusted.") || x.first == "security.selinux"; });
      }
      result.kind = kind_of(entry.type);
      result.entry = std::move(entry);
    } else if (file.error().error_number() != ENOENT && file.error().error_number() != ENOTDIR) {
      return std::move(file).take_error();
    }
  } else if (path.empty()) {
    result.kind = Kind::kDirectory;
  }
  return &below_.emplace(path, std::move(result)).first->second;
}

Result<NewLayer::Kind> NewLayer::kind(const std::string& path) {
  if (path.empty()) return Kind::kDirectory;
  if (const auto found = nodes_.find(path); found != nodes_.end()) return kind_of(found->second.file->entry.type);
  // Below a directory that is new here, nothing shows.
  const std::string parent = parent_of(path);
  if (const auto found = nodes_.find(parent); found != nodes_.end() && found->second.fresh) return Kind::kMissing;
  const Below* under = TRY(below(path));
  return under->kind;
}

Result<std::string> NewLayer::link_target(const std::string& path) {
  if (const auto found = nodes_.find(path); found != nodes_.end()) return found->second.file->entry.link_target;
  const Below* under = TRY(below(path));
  return under->entry->link_target;
}

Result<std::string> NewLayer::walk(std::string_view path, const TarEntry* fresh) {
  std::deque<std::string> rest;
  for (const std::string_view part : split(path, '/')) rest.emplace_back(part);
  std::string at;
  bool missing = false;
  int symlinks = 0;
  while (!rest.empty()) {
    const std::string part = std::move(rest.front());
    rest.pop_front();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      at = parent_of(at);
      continue;
    }
    std::string child = child_of(at, part);
    const Kind found = missing ? Kind::kMissing : TRY(kind(child));
    if (found == Kind::kSymlink) {
      if (++symlinks > kMaxSymlinks)
        return error(ErrorKind::kInvalidArgument, "/{}: too many levels of symbolic links", child);
      const std::string target = TRY(link_target(child));
      if (target.starts_with('/')) at.clear();
      const auto parts = split(target, '/');
      rest.insert(rest.begin(), parts.begin(), parts.end());
      continue;
    }
    const bool more = std::ranges::any_of(rest, [](const std::string& r) { return !r.empty() && r != "."; });
    if (found == Kind::kOther && (more || fresh != nullptr))
      return error(ErrorKind::kInvalidArgument, "/{}: not a directory", child);
    if (found == Kind::kMissing) {
      if (fresh != nullptr) {
        TRY(put(child, *fresh));
      } else {
        missing = true;
      }
    }
    at = std::move(child);
  }
  return at;
}

Result<std::string> NewLayer::resolve(std::string_view path) { return walk(path, nullptr); }

Result<std::string> NewLayer::make_directories(std::string_view path, const TarEntry& fresh) {
  return walk(path, &fresh);
}

Result<> NewLayer::put_parents(const std::string& path) {
  for (std::string parent = parent_of(path); !parent.empty() && !nodes_.contains(parent); parent = parent_of(parent)) {
    const Below* under = TRY(below(parent));
    if (under->kind != Kind::kDirectory)
      return error(ErrorKind::kInternal, "/{}: no directory to put things in", parent);
    nodes_.emplace(parent, Node{std::make_shared<File>(File{*under->entry, {}, {}}), false});
  }
  return {};
}

Result<> NewLayer::put(const std::string& path, TarEntry entry, ContentWriter content) {
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  if (name.starts_with(".wh."))
    return error(ErrorKind::kInvalidArgument, "/{}: names that begin with .wh. mean deleted files in a layer", path);
  const bool is_directory = entry.type == TarEntry::Type::kDirectory;
  const auto old = nodes_.find(path);
  bool fresh = is_directory;
  if (old != nodes_.end()) {
    if (kind_of(old->second.file->entry.type) == Kind::kDirectory) {
      fresh = old->second.fresh;
      if (!is_directory) {  // what was put below it goes with it
        auto last = std::next(old);
        while (last != nodes_.end() && last->first.starts_with(path + "/")) ++last;
        nodes_.erase(std::next(old), last);
      }
    }
  } else if (is_directory) {
    const Kind before = TRY(kind(path));
    fresh = before != Kind::kDirectory;
  }
  if (!path.empty()) TRY(put_parents(path));
  nodes_[path] = Node{std::make_shared<File>(File{std::move(entry), std::move(content), {}}), fresh && is_directory};
  return {};
}

Result<> NewLayer::put_link(const std::string& path, const std::string& target) {
  const auto found = nodes_.find(target);
  if (found == nodes_.end() || kind_of(found->second.file->entry.type) == Kind::kDirectory)
    return error(ErrorKind::kNotFound, "/{}: hard link to /{}, which is not there", path, target);
  if (path == target) return {};
  auto file = found->second.file;
  TRY(put_parents(path));
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  if (name.starts_with(".wh."))
    return error(ErrorKind::kInvalidArgument, "/{}: names that begin with .wh. mean deleted files in a layer", path);
  nodes_[path] = Node{std::move(file), false};
  return {};
}

Result<> NewLayer::write(codec::TarWriter& tar) {
  for (auto& [path, node] : nodes_) {
    File& file = *node.file;
    if (!file.written_as.empty()) {
      TarEntry link = file.entry;
      link.type = TarEntry::Type::kHardLink;
      link.path = path;
      link.link_target = file.written_as;
      link.size = 0;
      link.sparse = false;
      link.segments.clear();
      link.xattrs.clear();
      TRY(tar.add(link), "/{}", path);
      continue;
    }
    file.entry.path = path.empty() ? "./" : path;
    TRY(tar.add(file.entry), "/{}", path);
    if (file.content) TRY(file.content(tar), "/{}", path);
    if (kind_of(file.entry.type) == Kind::kOther) file.written_as = path;
  }
  return tar.finish();
}

}  // namespace strata::build
