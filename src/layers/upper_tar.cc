#include "layers/upper_tar.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/strings.h"
#include "codec/tar_header.h"
#include "codec/tar_writer.h"
#include "layers/upper_walk.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/hole.h"

namespace strata::layers {
namespace {

using codec::TarEntry;

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr const char* kOpaqueName = ".wh..wh..opq";
constexpr std::size_t kBufferSize = 256 << 10;

bool belongs_in_layer(const std::string& xattr) {
  return xattr == "security.capability" || xattr.starts_with("user.") || xattr.starts_with("trusted.") ||
         xattr == "system.posix_acl_access" || xattr == "system.posix_acl_default";
}

std::uint64_t round_up(std::uint64_t value) { return value + codec::tar_padding(value); }

// As TarWriter and GNU tar want them: at multiples of a block, small holes filled. Empty when the
// file is not worth being written as sparse.
std::vector<codec::Segment> segments_of(const std::vector<sys::DataRange>& ranges, std::uint64_t size) {
  std::vector<codec::Segment> segments;
  std::uint64_t stored = 0;
  for (const sys::DataRange& range : ranges) {
    const std::uint64_t begin = range.offset - range.offset % codec::kTarBlockSize;
    const std::uint64_t end = std::min(round_up(range.offset + range.length), size);
    const std::uint64_t last_end = segments.empty() ? 0 : segments.back().offset + segments.back().length;
    if (!segments.empty() && begin < last_end + kMinimumHole)
      segments.back().length = end - segments.back().offset;
    else
      segments.push_back({begin, end - begin, 0});
  }
  for (const codec::Segment& segment : segments) stored += segment.length;
  if (size - stored < kMinimumHole) segments.clear();
  return segments;
}

class TarVisitor final : public UpperVisitor {
 public:
  explicit TarVisitor(codec::ByteSink& out) : tar_(out), buffer_(kBufferSize) {}

  Result<> enter(int, const UpperNode& node, const std::vector<std::string>&) override {
    TRY(check_name(node));
    TarEntry entry = describe(node, TarEntry::Type::kDirectory);
    if (entry.path.empty()) entry.path = '.';
    TRY(add(entry));
    if (node.path.empty()) entries_ = 0;
    if (!node.opaque) return {};
    const std::string prefix = node.path.empty() ? "" : node.path + "/";
    return add(marker(prefix + kOpaqueName));
  }
  Result<> leave() override { return {}; }

  Result<> visit(int dir, const UpperNode& node) override {
    if (node.whiteout) {
      const std::string prefix = node.path.substr(0, node.path.size() - node.name.size());
      return add(marker(fmt::format("{}{}{}", prefix, kWhiteoutPrefix, node.name)));
    }
    if (S_ISSOCK(node.st.st_mode)) return {};
    TRY(check_name(node));
    if (node.st.st_nlink > 1) {
      const auto first = links_.find({node.st.st_dev, node.st.st_ino});
      if (first != links_.end()) {
        TarEntry link = describe(node, TarEntry::Type::kHardLink);
        link.link_target = first->second;
        link.xattrs.clear();
        return add(link);
      }
    }
    TRY(S_ISREG(node.st.st_mode) ? add_file(dir, node) : add_special(dir, node));
    if (node.st.st_nlink > 1) links_.try_emplace({node.st.st_dev, node.st.st_ino}, node.path);
    return {};
  }

  Result<std::uint64_t> finish() {
    TRY(tar_.finish());
    return entries_;
  }

 private:
  static Result<> check_name(const UpperNode& node) {
    if (!node.name.starts_with(kWhiteoutPrefix)) return {};
    return error(ErrorKind::kUnsupported, "/{}: a name that begins with \".wh.\" cannot be kept in a layer",
                 printable(node.path));
  }

  static TarEntry describe(const UpperNode& node, TarEntry::Type type) {
    TarEntry entry{.type = type, .path = node.path};
    entry.mode = node.st.st_mode & 07777;
    entry.uid = node.st.st_uid;
    entry.gid = node.st.st_gid;
    entry.mtime_sec = node.st.st_mtim.tv_sec;
    entry.mtime_nsec = static_cast<std::uint32_t>(node.st.st_mtim.tv_nsec);
    for (const auto& [name, value] : node.xattrs)
      if (belongs_in_layer(name)) entry.xattrs.emplace(name, value);
    return entry;
  }

  // Whiteouts have no time and owner of their own: readers look at their name alone.
  static TarEntry marker(std::string path) { return {.path = std::move(path), .mode = 0600}; }

  Result<> add(const TarEntry& entry) {
    TRY(tar_.add(entry));
    ++entries_;
    return {};
  }

  Result<> add_special(int dir, const UpperNode& node) {
    TarEntry entry = describe(node, TarEntry::Type::kFifo);
    if (S_ISLNK(node.st.st_mode)) {
      entry.type = TarEntry::Type::kSymlink;
      entry.link_target = TRY(sys::read_link_entry(dir, node.name));
    } else if (S_ISCHR(node.st.st_mode) || S_ISBLK(node.st.st_mode)) {
      entry.type = S_ISCHR(node.st.st_mode) ? TarEntry::Type::kCharDevice : TarEntry::Type::kBlockDevice;
      entry.dev_major = major(node.st.st_rdev);
      entry.dev_minor = minor(node.st.st_rdev);
    }
    return add(entry);
  }

  Result<> add_file(int dir, const UpperNode& node) {
    // O_NONBLOCK: should a FIFO be there by now, opening it does not wait.
    const sys::UniqueFd file =
        TRY(sys::open_at(dir, node.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    const struct stat st = TRY(sys::stat_fd(file.get()));
    if (!S_ISREG(st.st_mode) || st.st_ino != node.st.st_ino || st.st_size != node.st.st_size)
      return error(ErrorKind::kConflict, "/{} changed while it was read", printable(node.path));
    TarEntry entry = describe(node, TarEntry::Type::kFile);
    entry.size = static_cast<std::uint64_t>(st.st_size);
    if (static_cast<std::uint64_t>(st.st_blocks) * 512 < entry.size && entry.size >= kMinimumHole) {
      const auto ranges = TRY(sys::data_ranges(file.get(), entry.size), "/{}", printable(node.path));
      entry.segments = segments_of(ranges, entry.size);
      entry.sparse = !entry.segments.empty() || ranges.empty();
    }
    TRY(add(entry));
    if (!entry.sparse) return copy(file.get(), node, 0, entry.size);
    for (const codec::Segment& segment : entry.segments) TRY(copy(file.get(), node, segment.offset, segment.length));
    return {};
  }

  Result<> copy(int file, const UpperNode& node, std::uint64_t offset, std::uint64_t length) {
    while (length > 0) {
      const auto part = std::span(buffer_).first(std::min<std::uint64_t>(length, buffer_.size()));
      if (TRY(sys::pread_full(file, part, offset), "/{}", printable(node.path)) < part.size())
        return error(ErrorKind::kConflict, "/{} became shorter while it was read", printable(node.path));
      TRY(tar_.write_data(part));
      offset += part.size();
      length -= part.size();
    }
    return {};
  }

  codec::TarWriter tar_;
  std::vector<std::byte> buffer_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  std::uint64_t entries_ = 0;
};

}  // namespace

Result<std::uint64_t> write_upper_tar(int upper, codec::ByteSink& out, const UpperOptions& options) {
  TarVisitor visitor(out);
  TRY(walk_upper(upper, options, visitor));
  return visitor.finish();
}

}  // namespace strata::layers
