#include "build/copy.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "base/strings.h"
#include "build/path_pattern.h"
#include "codec/sha256.h"
#include "sys/file.h"

namespace strata::build {
namespace {

using codec::TarEntry;

constexpr std::size_t kChunk = 256 << 10;

std::string child_of(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + "/" + std::string(name);
}

// The file's bytes, which must be those that were hashed.
ContentWriter content_of(const SourceTree& tree, const SourceEntry& entry) {
  return [&tree, &entry](codec::TarWriter& tar) -> Result<> {
    const auto fd = TRY(tree.open_file(entry));
    std::vector<std::byte> buffer(std::min<std::uint64_t>(static_cast<std::uint64_t>(entry.st.st_size), kChunk));
    codec::Sha256 hash;
    for (auto left = static_cast<std::uint64_t>(entry.st.st_size); left > 0;) {
      const auto want = std::span(buffer).first(std::min<std::uint64_t>(left, buffer.size()));
      const std::size_t n = TRY(sys::read_full(fd.get(), want));
      if (n < want.size()) return error(ErrorKind::kConflict, "file changed while it was read");
      hash.update(want);
      TRY(tar.write_data(want));
      left -= n;
    }
    if (entry.content && *entry.content != oci::Digest::from_bytes(hash.finish()))
      return error(ErrorKind::kConflict, "file changed while it was read");
    return {};
  };
}

class Copier {
 public:
  Copier(NewLayer& layer, const SourceTree& tree, const CopyRequest& request, std::vector<Archive>& archives)
      : layer_(layer), tree_(tree), request_(request), archives_(archives) {}

  void use_time_of(const SourceEntry& entry) {
    const auto time = std::pair<std::int64_t, std::uint32_t>(entry.st.st_mtim.tv_sec, entry.st.st_mtim.tv_nsec);
    newest_ = std::max(newest_, time);
  }

  Result<> copy(const Source& source) {
    if (request_.unpack && S_ISREG(source.entries.front().st.st_mode)) {
      const auto fd = TRY(tree_.open_file(source.entries.front()), "/{}", source.entries.front().path);
      if (TRY(is_archive(fd.get()), "/{}", source.entries.front().path)) return unpack(source, fd.get());
    }
    const std::string target = TRY(target_for(source.is_directory(), source.name));
    linked_.clear();  // hard links are kept within one source
    if (!source.is_directory()) return put(target, source.entries.front());
    for (const SourceEntry& entry : std::span(source.entries).subspan(1))
      TRY(put(child_of(target, entry.relative), entry));
    return {};
  }

  Result<> copy(const InlineFile& file) {
    const std::string target = TRY(target_for(false, file.name));
    TRY(refuse_directory(target));
    TarEntry entry;
    entry.mode = 0644;
    entry.size = file.text.size();
    own(entry);
    return layer_.put(target, std::move(entry), [text = file.text](codec::TarWriter& tar) {
      return tar.write_data(std::as_bytes(std::span(text)));
    });
  }

 private:
  // A directory that has to be made on the way. Its time is that of the newest source, so that the same
  // sources always give the same layer.
  TarEntry fresh_directory() const {
    TarEntry entry;
    entry.type = TarEntry::Type::kDirectory;
    entry.mode = request_.mode ? request_.mode->absolute().value_or(0755) : 0755;
    if (request_.owner) entry.uid = request_.owner->uid, entry.gid = request_.owner->gid;
    entry.mtime_sec = newest_.first;
    entry.mtime_nsec = newest_.second;
    return entry;
  }

  void own(TarEntry& entry) const {
    if (request_.owner) entry.uid = request_.owner->uid, entry.gid = request_.owner->gid;
    if (request_.mode && entry.type != TarEntry::Type::kSymlink)
      entry.mode = request_.mode->apply(entry.mode, entry.type == TarEntry::Type::kDirectory);
  }

  // Where a source goes: a directory's content into the destination, a file there or in there.
  Result<std::string> target_for(bool is_directory, const std::string& name) {
    const std::string& destination = request_.destination;
    const bool must_be_directory = destination.ends_with('/') || destination.ends_with("/.");
    const std::size_t slash = destination.rfind('/');
    TRY(layer_.make_directories(must_be_directory || is_directory ? destination : destination.substr(0, slash),
                                fresh_directory()));
    std::string target = TRY(layer_.resolve(destination));
    if (is_directory) return target;
    if (TRY(layer_.kind(target)) == NewLayer::Kind::kDirectory) return child_of(target, name);
    // A dangling symlink was followed: what it points to may need directories.
    if (const std::size_t last = target.rfind('/'); last != std::string::npos)
      TRY(layer_.make_directories(target.substr(0, last), fresh_directory()));
    return target;
  }

  Result<> refuse_directory(const std::string& target) {
    if (TRY(layer_.kind(target)) == NewLayer::Kind::kDirectory)
      return error(ErrorKind::kInvalidArgument, "cannot replace to directory /{} with file", target);
    return {};
  }

  Result<> put(const std::string& target, const SourceEntry& source) {
    TarEntry entry;
    entry.mode = source.st.st_mode & 07777;
    entry.uid = source.st.st_uid;
    entry.gid = source.st.st_gid;
    entry.mtime_sec = source.st.st_mtim.tv_sec;
    entry.mtime_nsec = static_cast<std::uint32_t>(source.st.st_mtim.tv_nsec);
    entry.xattrs = source.xattrs;
    ContentWriter content;
    switch (source.st.st_mode & S_IFMT) {
      case S_IFDIR:
        entry.type = TarEntry::Type::kDirectory;
        if (const auto kind = TRY(layer_.kind(target));
            kind != NewLayer::Kind::kDirectory && kind != NewLayer::Kind::kMissing)
          return error(ErrorKind::kInvalidArgument, "cannot copy to non-directory: /{}", target);
        break;
      case S_IFLNK:
        entry.type = TarEntry::Type::kSymlink;
        entry.link_target = source.link_target;
        entry.mode = 0777;
        break;
      case S_IFREG: {
        entry.size = static_cast<std::uint64_t>(source.st.st_size);
        if (source.st.st_nlink > 1) {
          const auto [first, fresh] = linked_.try_emplace({source.st.st_dev, source.st.st_ino}, target);
          if (!fresh) {
            TRY(refuse_directory(target));
            return layer_.put_link(target, first->second);
          }
        }
        if (entry.size > 0) content = content_of(tree_, source);
        break;
      }
      case S_IFIFO:
        entry.type = TarEntry::Type::kFifo;
        break;
      case S_IFCHR:
      case S_IFBLK:
        entry.type = S_ISCHR(source.st.st_mode) ? TarEntry::Type::kCharDevice : TarEntry::Type::kBlockDevice;
        entry.dev_major = major(source.st.st_rdev);
        entry.dev_minor = minor(source.st.st_rdev);
        break;
      default:
        return {};  // a socket: no tar can hold one
    }
    own(entry);
    if (entry.type != TarEntry::Type::kDirectory) TRY(refuse_directory(target));
    return layer_.put(target, std::move(entry), std::move(content));
  }

  Result<> unpack(const Source& source, int fd) {
    const std::string target = TRY(layer_.make_directories(request_.destination, fresh_directory()));
    const std::string path = fmt::format("{}/archive-{}.tar", request_.work_directory, archives_.size());
    archives_.push_back(TRY(Archive::open(fd, path, request_.max_archive_size), "{}", source.written));
    std::optional<Archive::Owner> owner;
    if (request_.owner) owner = Archive::Owner{request_.owner->uid, request_.owner->gid};
    return archives_.back().put_into(layer_, target, owner).context(source.written);
  }

  NewLayer& layer_;
  const SourceTree& tree_;
  const CopyRequest& request_;
  std::vector<Archive>& archives_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  std::pair<std::int64_t, std::uint32_t> newest_{0, 0};
};

}  // namespace

Result<> copy_into(NewLayer& layer, const SourceTree& tree, const std::vector<Source>& sources,
                   const std::vector<InlineFile>& inline_files, const CopyRequest& request,
                   std::vector<Archive>& archives) {
  Copier copier(layer, tree, request, archives);
  for (const Source& source : sources)
    for (const SourceEntry& entry : source.entries) copier.use_time_of(entry);
  for (const Source& source : sources) TRY(copier.copy(source));
  for (const InlineFile& file : inline_files) TRY(copier.copy(file));
  return {};
}

}  // namespace strata::build
