#include "build/source_tree.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/strings.h"
#include "build/path_pattern.h"
#include "codec/sha256.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/rooted_path.h"

namespace strata::build {
namespace {

constexpr int kMaxDepth = 1000;  // directories below each other
constexpr unsigned kHashThreads = 4;
constexpr std::size_t kFilesPerThread = 64;
constexpr std::size_t kReadSize = 256 << 10;

Error not_found(std::string_view word) {
  const std::string clean = clean_path("/" + std::string(word));
  return error(ErrorKind::kNotFound, "\"{}\": not found", printable(clean));
}

std::string join_path(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + "/" + std::string(name);
}

// A context's attributes stay behind, but for these; of an image all that are not overlayfs's own.
bool keeps_xattr(std::string_view name, bool is_context) {
  if (is_context) return name.starts_with("user.") || name == "security.capability";
  return !name.starts_with("trusted.") && name != "security.selinux";
}

}  // namespace

Result<SourceTree> SourceTree::open_context(const std::string& directory, IgnoreFile ignore) {
  auto root = sys::open_file(directory, O_PATH | O_DIRECTORY);
  if (!root && root.error().error_number() == ENOENT)
    return error(ErrorKind::kNotFound, "unable to prepare context: path \"{}\" not found", printable(directory));
  return SourceTree(TRY(std::move(root), "build context"), true, std::move(ignore));
}

SourceTree SourceTree::rootfs(sys::UniqueFd root) { return SourceTree(std::move(root), false, {}); }

Result<SourceEntry> SourceTree::entry_at(int dir, const std::string& name, std::string path) const {
  SourceEntry entry{.path = std::move(path)};
  entry.st = TRY(sys::stat_entry(dir, name));
  if (S_ISLNK(entry.st.st_mode)) entry.link_target = TRY(sys::read_link_entry(dir, name));
  entry.xattrs = TRY(sys::xattrs_of_entry(dir, name));
  std::erase_if(entry.xattrs, [&](const auto& x) { return !keeps_xattr(x.first, is_context_); });
  if (is_context_) entry.st.st_uid = entry.st.st_gid = 0;
  return entry;
}

struct SourceTree::Walk {
  std::vector<SourceEntry>& entries;
  const IgnoreFile& excludes;
  int depth = 0;
  // What the directory's parents say to the ignore file and the excludes.
  IgnoreFile::Inherited ignored, excluded;
};

// Adds what lies in a directory, sorted. A directory that is ignored itself is there all the same when
// something in it is not.
Result<> SourceTree::walk(int dir, Walk& state, const std::string& path, const std::string& relative) const {
  if (++state.depth > kMaxDepth)
    return error(ErrorKind::kResourceExhausted, "directories are nested more than {} deep", kMaxDepth);
  auto names = TRY(sys::list_directory(dir), "/{}", path);
  std::ranges::sort(names);
  for (const std::string& name : names) {
    std::string child = join_path(path, name);
    std::string child_relative = join_path(relative, name);
    auto ignored = ignore_.check(child, state.ignored);
    auto excluded = state.excludes.check(child_relative, state.excluded);
    const bool left_out = ignored.ignored || excluded.ignored;
    const bool may_come_back =
        (!ignored.ignored || ignore_.has_exceptions()) && (!excluded.ignored || state.excludes.has_exceptions());
    if (left_out && !may_come_back) continue;
    SourceEntry entry = TRY(entry_at(dir, name, std::move(child)), "/{}", path);
    const bool is_directory = S_ISDIR(entry.st.st_mode);
    if (left_out && !is_directory) continue;
    if (state.entries.size() >= kMaxSourceFiles)
      return error(ErrorKind::kResourceExhausted, "more than {} files", kMaxSourceFiles);
    entry.relative = child_relative;
    const std::string entry_path = entry.path;
    const std::size_t index = state.entries.size();
    state.entries.push_back(std::move(entry));
    if (!is_directory) continue;
    const auto inner = TRY(sys::open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), "/{}", entry_path);
    std::swap(state.ignored, ignored.inherited);
    std::swap(state.excluded, excluded.inherited);
    TRY(walk(inner.get(), state, entry_path, child_relative));
    std::swap(state.ignored, ignored.inherited);
    std::swap(state.excluded, excluded.inherited);
    if (left_out && state.entries.size() == index + 1) state.entries.pop_back();
  }
  --state.depth;
  return {};
}

Result<std::vector<std::string>> SourceTree::expand_wildcards(const std::string& pattern) const {
  // The part before the first wildcard is walked by name, the rest is compared with everything below.
  std::string base;
  std::string rest;
  for (const std::string_view part : split(pattern, '/')) {
    if (rest.empty() && !has_wildcard(part)) {
      base = join_path(base, part);
    } else {
      rest = join_path(rest, part);
    }
  }
  const auto glob = TRY(PathPattern::parse(rest, PathPattern::Dialect::kGlob));
  const auto levels = std::ranges::count(rest, '/') + 1;
  std::vector<std::string> found;
  auto resolved = sys::resolve_in_root(root_.get(), base);
  if (!resolved) return found;
  struct Directory {
    std::string path, relative;
    long level;
  };
  std::vector<Directory> queue{{resolved->substr(1), "", 1}};
  for (std::size_t next = 0; next < queue.size(); ++next) {
    const Directory at = queue[next];
    auto dir = sys::open_in_root(root_.get(), at.path, O_RDONLY | O_DIRECTORY);
    if (!dir) continue;
    auto names = TRY(sys::list_directory(dir->get()), "/{}", at.path);
    for (const std::string& name : names) {
      const std::string path = join_path(at.path, name);
      const std::string relative = join_path(at.relative, name);
      const bool is_directory = S_ISDIR(TRY(sys::stat_entry(dir->get(), name), "/{}", at.path).st_mode);
      if (glob.matches(relative)) {
        if (!hidden(path) || (is_directory && ignore_.has_exceptions())) found.push_back(path);
      } else if (is_directory && at.level < levels) {
        queue.push_back({path, relative, at.level + 1});
      }
    }
    if (queue.size() > kMaxSourceFiles)
      return error(ErrorKind::kResourceExhausted, "more than {} files", kMaxSourceFiles);
  }
  std::ranges::sort(found);
  return found;
}

Result<std::vector<Source>> SourceTree::find(std::string_view word, const IgnoreFile& excludes) const {
  const std::string clean = clean_path("/" + std::string(word)).substr(1);
  const bool wild = has_wildcard(clean);
  std::vector<std::string> paths;
  if (wild) {
    paths = TRY(expand_wildcards(clean), "{}", printable(word));
  } else {
    paths.push_back(clean);
  }
  std::vector<Source> sources;
  for (const std::string& path : paths) {
    // Symlinks count as what they stand for; what they stand for must be visible too.
    const auto resolved = sys::resolve_in_root(root_.get(), path);
    auto file = resolved ? sys::open_in_root(root_.get(), *resolved, O_PATH | O_NOFOLLOW)
                         : Result<sys::UniqueFd>(Error(resolved.error()));
    if (!file) {
      if (wild) continue;
      const int number = file.error().error_number();
      if (number == ENOENT || number == ENOTDIR) return not_found(word);
      return std::move(file).take_error().with_context(printable(word));
    }
    const std::string real = resolved->substr(1);
    Source source{.written = std::string(word), .name = path.substr(path.rfind('/') + 1), .entries = {}};
    source.entries.push_back(TRY(entry_at(file->get(), "", real), "/{}", real));
    const bool is_hidden = hidden(real);
    if (source.is_directory()) {
      Walk state{.entries = source.entries, .excludes = excludes, .depth = 0, .ignored = {}, .excluded = {}};
      for (std::size_t slash = real.find('/'); !real.empty(); slash = real.find('/', slash + 1)) {
        state.ignored = ignore_.check(real.substr(0, slash), state.ignored).inherited;
        if (slash == std::string::npos) break;
      }
      const auto dir = TRY(sys::open_in_root(root_.get(), *resolved, O_RDONLY | O_DIRECTORY), "/{}", real);
      TRY(walk(dir.get(), state, real, ""));
    }
    if (is_hidden && source.entries.size() == 1) {
      if (wild) continue;
      return not_found(word);
    }
    if (!source.is_directory() && excludes.ignores(source.name)) continue;
    sources.push_back(std::move(source));
  }
  return sources;
}

Result<sys::UniqueFd> SourceTree::open_file(const SourceEntry& entry) const {
  auto fd = TRY(sys::open_in_root(root_.get(), entry.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  const struct stat now = TRY(sys::stat_fd(fd.get()));
  if (now.st_ino != entry.st.st_ino || now.st_dev != entry.st.st_dev || now.st_size != entry.st.st_size ||
      !S_ISREG(now.st_mode))
    return error(ErrorKind::kConflict, "/{}: file changed while it was read", entry.path);
  return fd;
}

Result<> SourceTree::hash(std::vector<Source>& sources) const {
  std::vector<SourceEntry*> files;
  for (Source& source : sources)
    for (SourceEntry& entry : source.entries)
      if (S_ISREG(entry.st.st_mode)) files.push_back(&entry);

  std::atomic<std::size_t> next{0};
  const auto work = [&]() -> Result<> {
    std::vector<std::byte> buffer(kReadSize);
    for (std::size_t i = 0; (i = next++) < files.size();) {
      SourceEntry& entry = *files[i];
      const auto fd = TRY(open_file(entry), "/{}", entry.path);
      codec::Sha256 hash;
      std::uint64_t total = 0;
      while (const std::size_t n = TRY(sys::read_some(fd.get(), buffer), "/{}", entry.path)) {
        hash.update(std::span(buffer).first(n));
        total += n;
      }
      if (total != static_cast<std::uint64_t>(entry.st.st_size))
        return error(ErrorKind::kConflict, "/{}: file changed while it was read", entry.path);
      entry.content = oci::Digest::from_bytes(hash.finish());
    }
    return {};
  };

  const std::size_t helpers = std::min<std::size_t>(kHashThreads, files.size() / kFilesPerThread + 1) - 1;
  std::vector<Result<>> results(helpers);
  Result<> own;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < helpers; ++i) threads.emplace_back([&, i] { results[i] = work(); });
    own = work();
    if (!own) next = files.size();
  }
  TRY(std::move(own));
  for (auto& result : results) TRY(std::move(result));
  return {};
}

SourceDigest digest_of(const std::vector<Source>& sources, bool with_mode, bool with_owner) {
  SourceDigest out;
  codec::Sha256 all;
  std::size_t count = 0;
  for (const Source& source : sources) count += source.entries.size();
  const auto text = [](codec::Sha256& hash, std::string_view value) {
    // Length first: no two different sequences of values give the same bytes.
    const std::string length = std::to_string(value.size()) + ":";
    hash.update(std::as_bytes(std::span(length)));
    hash.update(std::as_bytes(std::span(value)));
  };
  for (const Source& source : sources) {
    text(all, "source");
    text(all, source.is_directory() ? "" : source.name);
    std::map<std::pair<dev_t, ino_t>, const std::string*> linked;
    for (const SourceEntry& entry : source.entries) {
      codec::Sha256 meta;
      const mode_t type = entry.st.st_mode & S_IFMT;
      text(meta, std::to_string(type));
      if (with_mode && type != S_IFLNK) text(meta, std::to_string(entry.st.st_mode & 07777));
      if (with_owner) text(meta, fmt::format("{}:{}", entry.st.st_uid, entry.st.st_gid));
      if (type == S_IFCHR || type == S_IFBLK) text(meta, std::to_string(entry.st.st_rdev));
      text(meta, entry.link_target);
      for (const auto& [name, value] : entry.xattrs) {
        text(meta, name);
        text(meta, value);
      }
      if (type == S_IFREG && entry.st.st_nlink > 1) {
        const auto [first, fresh] = linked.try_emplace({entry.st.st_dev, entry.st.st_ino}, &entry.relative);
        if (!fresh) text(meta, *first->second);
      }
      const auto metadata = oci::Digest::from_bytes(meta.finish());
      const std::string content = entry.content ? entry.content->hex() : "";
      text(all, entry.relative);
      text(all, metadata.hex());
      text(all, content);
      if (count <= kMaxListed) out.files["/" + entry.path] = metadata.hex().substr(0, 16) + "/" + content.substr(0, 16);
    }
  }
  out.all = oci::Digest::from_bytes(all.finish());
  return out;
}

}  // namespace strata::build
