#include "codec/tar_reader.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/strings.h"
#include "codec/pax_header.h"
#include "codec/posix_acl.h"
#include "codec/tar_pending.h"

namespace strata::codec {
namespace {

constexpr std::string_view kSchilyXattr = "SCHILY.xattr.";
constexpr std::string_view kLibarchiveXattr = "LIBARCHIVE.xattr.";
constexpr std::pair<const char*, const char*> kAcls[] = {{"SCHILY.acl.access", "system.posix_acl_access"},
                                                         {"SCHILY.acl.default", "system.posix_acl_default"}};

bool is_xattr_keyword(std::string_view keyword) {
  return keyword.starts_with(kSchilyXattr) || keyword.starts_with(kLibarchiveXattr);
}

bool has_no_data(TarEntry::Type type) { return type != TarEntry::Type::kFile; }

// As GNU tar extracts: a type that it does not know is a file.
TarEntry::Type entry_type(char type) {
  using enum TarEntry::Type;
  switch (type) {
    case '1':
      return kHardLink;
    case '2':
      return kSymlink;
    case '3':
      return kCharDevice;
    case '4':
      return kBlockDevice;
    case '5':
    case 'D':
      return kDirectory;  // D: a directory with GNU's list of its names as data
    case '6':
      return kFifo;
    default:
      return kFile;
  }
}

// 32 bits as chown(2) takes them; some writers sign-extended nobody's -2.
std::optional<std::uint32_t> to_id(std::int64_t value) {
  if (value < std::numeric_limits<std::int32_t>::min() || value > 0xffffffff) return std::nullopt;
  const auto id = static_cast<std::uint32_t>(value);
  return id == 0xffffffff ? std::nullopt : std::optional(id);
}

}  // namespace

TarReader::TarReader(ByteSource& in, TarLimits limits) : in_(in), limits_(limits) {}

Error TarReader::corrupt(std::string_view what) const {
  return error(ErrorKind::kCorrupt, "tar header at offset {}: {}", header_offset_, what);
}

Error TarReader::over_limit(std::string_view limit, std::uint64_t value) const {
  return error(ErrorKind::kResourceExhausted, "tar header at offset {}: beyond the limit of {} {}", header_offset_,
               value, limit);
}

Result<> TarReader::check_path(std::string_view what, std::string_view path) const {
  if (path.size() > limits_.max_path) return over_limit(fmt::format("bytes for a {}", what), limits_.max_path);
  if (path.find('\0') != path.npos) return corrupt(fmt::format("a NUL in the {}", what));
  return {};
}

Result<std::int64_t> TarReader::number(const TarBlock& block, TarField field, std::string_view what) const {
  const auto value = parse_tar_number(block.field(field));
  if (!value) return corrupt(fmt::format("{} \"{}\" is not a number", what, printable(block.text(field))));
  return *value;
}

Result<> TarReader::read_exactly(std::span<std::byte> buffer, std::string_view what) {
  const std::size_t got = TRY(read_full(in_, buffer));
  position_ += got;
  if (got < buffer.size())
    return error(ErrorKind::kCorrupt, "tar archive ends at offset {}, inside {}", position_, what);
  return {};
}

Result<bool> TarReader::read_block(TarBlock& block) {
  const std::size_t got = TRY(read_full(in_, block.writable()));
  position_ += got;
  if (got == 0) return false;
  if (got < kTarBlockSize)
    return error(ErrorKind::kCorrupt, "tar archive ends at offset {}, inside a header", position_);
  return true;
}

Result<> TarReader::skip(std::uint64_t bytes) {
  const std::uint64_t skipped = TRY(in_.skip(bytes));
  position_ += skipped;
  if (skipped < bytes)
    return error(ErrorKind::kCorrupt, "tar archive ends at offset {}, inside \"{}\"", position_, printable(path_));
  return {};
}

Result<std::string> TarReader::read_payload(const TarBlock& block, std::size_t limit, std::string_view what) {
  const std::int64_t size = TRY(number(block, kTarSize, "size"));
  if (size < 0) return corrupt("negative size");
  if (static_cast<std::uint64_t>(size) > limit) return over_limit(fmt::format("bytes for {}", what), limit);
  std::string payload(static_cast<std::size_t>(size), '\0');
  TRY(read_exactly(std::as_writable_bytes(std::span(payload)), what));
  std::array<std::byte, kTarBlockSize> padding;
  TRY(read_exactly(std::span(padding).first(tar_padding(payload.size())), what));
  return payload;
}

Result<std::size_t> TarReader::read_data(std::span<std::byte> buffer) {
  if (data_left_ == 0) return 0;
  const std::size_t count = std::min<std::uint64_t>(data_left_, buffer.size());
  const std::size_t got = TRY(in_.read(buffer.first(count)));
  position_ += got;
  if (got == 0)
    return error(ErrorKind::kCorrupt, "tar archive ends at offset {}, inside \"{}\"", position_, printable(path_));
  data_left_ -= got;
  return got;
}

Result<std::optional<TarEntry>> TarReader::next() {
  TRY(skip(std::exchange(data_left_, 0)));
  TRY(skip(std::exchange(padding_left_, 0)));
  Pending pending;
  pending.global = &global_;
  while (!ended_) {
    TarBlock block;
    header_offset_ = position_;
    ended_ = !TRY(read_block(block)) || block.is_zero();
    if (ended_) break;
    const std::int64_t checksum = TRY(number(block, kTarChecksum, "checksum"));
    if (checksum != block.unsigned_checksum() && checksum != block.signed_checksum())
      return corrupt(header_offset_ == 0 ? "bad checksum: not a tar archive" : "bad checksum");
    const char type = block.field(kTarType)[0];
    switch (type) {
      case 'x':
      case 'X':  // Solaris, before the standard
      case 'g':
      case 'L':
      case 'K':
        TRY(read_extension(block, type, pending));
        break;
      case 'V':  // a volume's label
        path_ = "the volume label";
        TRY(read_payload(block, limits_.max_pax_header, path_));
        break;
      case 'M':
        return corrupt("a file that continues from another volume");
      default:
        return TRY(read_entry(block, pending));
    }
  }
  return std::nullopt;
}

Result<> TarReader::read_extension(const TarBlock& block, char type, Pending& pending) {
  if (type == 'L' || type == 'K') {
    // The size counts a NUL at the end.
    std::string name = TRY(read_payload(block, limits_.max_path + 1, "a GNU long name"));
    name.resize(std::min(name.find('\0'), name.size()));
    (type == 'L' ? pending.gnu_path : pending.gnu_link_target) = std::move(name);
    return {};
  }
  const std::string payload = TRY(read_payload(block, limits_.max_pax_header, "an extended header"));
  return type == 'g' ? read_global_header(payload) : read_pax_header(payload, pending);
}

// Of several extended headers before one entry the last alone counts, as in GNU tar.
Result<> TarReader::read_pax_header(std::string_view payload, Pending& pending) {
  pending.pax.clear();
  pending.sparse_numbers.clear();
  for (auto& [keyword, value] : TRY(parse_pax_header(payload), "tar header at offset {}", header_offset_)) {
    if (keyword == "GNU.sparse.offset" || keyword == "GNU.sparse.numbytes")
      pending.sparse_numbers.push_back(std::move(value));
    else
      pending.pax.insert_or_assign(std::move(keyword), std::move(value));
  }
  return {};
}

Result<> TarReader::read_global_header(std::string_view payload) {
  for (auto& [keyword, value] : TRY(parse_pax_header(payload), "tar header at offset {}", header_offset_)) {
    if (keyword.starts_with("GNU.sparse.")) return corrupt("a sparse map in a global header");
    if (value.empty() && !is_xattr_keyword(keyword))
      global_.erase(keyword);
    else
      global_.insert_or_assign(std::move(keyword), std::move(value));
  }
  std::size_t total = 0;
  for (const auto& [keyword, value] : global_) total += keyword.size() + value.size();
  if (total > limits_.max_pax_header)
    return over_limit("bytes for all global extended headers", limits_.max_pax_header);
  return {};
}

Result<TarEntry> TarReader::read_entry(const TarBlock& block, Pending& pending) {
  TarEntry entry;
  entry.type = entry_type(block.field(kTarType)[0]);
  TRY(read_names(block, pending, entry));
  path_ = entry.path;
  TRY(read_attributes(block, pending, entry));
  TRY(read_xattrs(pending, entry));
  // A link's or directory's size is not followed by data (GNU tar, Go's archive/tar).
  std::int64_t size = 0;
  if (block.field(kTarType)[0] == 'D' || entry.type == TarEntry::Type::kFile) {
    size = TRY(number(block, kTarSize, "size"));
    if (const std::string* text = pending.find("size")) {
      const auto value = parse_unsigned(*text);
      if (!value || *value > std::numeric_limits<std::int64_t>::max())
        return corrupt(fmt::format("size \"{}\" is not a number", printable(*text)));
      size = static_cast<std::int64_t>(*value);
    }
    if (size < 0) return corrupt("negative size");
  }
  data_left_ = static_cast<std::uint64_t>(size);
  padding_left_ = tar_padding(data_left_);
  // Before ustar a slash at the end was what made a directory.
  if (entry.type == TarEntry::Type::kFile && entry.path.ends_with('/')) entry.type = TarEntry::Type::kDirectory;
  if (has_no_data(entry.type)) {
    padding_left_ += std::exchange(data_left_, 0);
    entry.data_offset = position_;
    return entry;
  }
  entry.size = entry.stored_size = data_left_;
  TRY(read_sparse(block, pending, entry));
  entry.data_offset = position_;
  return entry;
}

Result<> TarReader::read_names(const TarBlock& block, const Pending& pending, TarEntry& entry) const {
  if (const std::string* sparse_name = pending.find("GNU.sparse.name")) {
    entry.path = *sparse_name;
  } else if (const std::string* path = pending.find("path")) {
    entry.path = *path;
  } else if (pending.gnu_path) {
    entry.path = *pending.gnu_path;
  } else {
    // GNU's magic is "ustar  " and its prefix field holds other things.
    if (block.field(kTarMagic).starts_with(std::string_view("ustar\0", 6))) entry.path = block.text(kTarPrefix);
    if (!entry.path.empty()) entry.path += '/';
    entry.path += block.text(kTarName);
  }
  if (entry.path.empty()) entry.path = ".";  // as GNU tar
  TRY(check_path("path", entry.path));

  if (entry.type != TarEntry::Type::kHardLink && entry.type != TarEntry::Type::kSymlink) return {};
  if (const std::string* target = pending.find("linkpath"))
    entry.link_target = *target;
  else if (pending.gnu_link_target)
    entry.link_target = *pending.gnu_link_target;
  else
    entry.link_target = block.text(kTarLinkName);
  if (entry.link_target.empty()) return corrupt("a link without a target");
  return check_path("link target", entry.link_target);
}

Result<> TarReader::read_attributes(const TarBlock& block, const Pending& pending, TarEntry& entry) const {
  entry.mode = TRY(number(block, kTarMode, "mode")) & 07777;
  const auto id = [&](TarField field, const char* keyword, std::uint32_t& out) -> Result<> {
    const std::string* text = pending.find(keyword);
    const auto value = text ? parse_signed(*text) : parse_tar_number(block.field(field));
    const auto checked = value ? to_id(*value) : std::nullopt;
    if (!checked)
      return corrupt(fmt::format("{} \"{}\" is not an id", keyword, printable(text ? *text : block.text(field))));
    out = *checked;
    return {};
  };
  TRY(id(kTarUid, "uid", entry.uid));
  TRY(id(kTarGid, "gid", entry.gid));
  if (const std::string* text = pending.find("mtime")) {
    const auto time = parse_pax_time(*text);
    if (!time) return corrupt(fmt::format("mtime \"{}\" is not a time", printable(*text)));
    entry.mtime_sec = time->seconds;
    entry.mtime_nsec = time->nanoseconds;
  } else {
    entry.mtime_sec = TRY(number(block, kTarMtime, "mtime"));
  }
  if (entry.type == TarEntry::Type::kCharDevice || entry.type == TarEntry::Type::kBlockDevice) {
    const std::int64_t major = TRY(number(block, kTarDevMajor, "device major"));
    const std::int64_t minor = TRY(number(block, kTarDevMinor, "device minor"));
    if (major < 0 || minor < 0 || major > 0xffffffff || minor > 0xffffffff)
      return corrupt("device number out of range");
    entry.dev_major = static_cast<std::uint32_t>(major);
    entry.dev_minor = static_cast<std::uint32_t>(minor);
  }
  return {};
}

Result<> TarReader::read_xattrs(const Pending& pending, TarEntry& entry) const {
  const auto read_from = [&](const std::map<std::string, std::string>& records) -> Result<> {
    // LIBARCHIVE sorts before SCHILY, whose raw values so win where both are.
    for (auto at = records.lower_bound("LIBARCHIVE."); at != records.end(); ++at) {
      const auto& [keyword, value] = *at;
      std::optional<std::string> name, content;
      if (keyword.starts_with(kSchilyXattr)) {
        name = decode_xattr_keyword(keyword.substr(kSchilyXattr.size()));
        content = value;
      } else if (keyword.starts_with(kLibarchiveXattr)) {
        name = decode_percent(keyword.substr(kLibarchiveXattr.size()));
        content = decode_base64(value);
      } else {
        continue;
      }
      if (!name || !content || name->empty() || name->find('\0') != name->npos)
        return corrupt(fmt::format("malformed {}", printable(keyword)));
      if (name->size() > limits_.max_xattr_name)
        return over_limit("bytes for the name of an xattr", limits_.max_xattr_name);
      if (content->size() > limits_.max_xattr_value)
        return over_limit("bytes for the value of an xattr", limits_.max_xattr_value);
      entry.xattrs.insert_or_assign(std::move(*name), std::move(*content));
    }
    return {};
  };
  TRY(read_from(global_));
  TRY(read_from(pending.pax));
  for (const auto& [keyword, name] : kAcls) {
    const std::string* text = pending.find(keyword);
    if (text == nullptr || entry.xattrs.contains(name)) continue;
    // One that cannot be converted is left out, as GNU tar does; the mode still holds its mask.
    if (auto acl = acl_xattr_from_text(*text)) entry.xattrs.emplace(name, std::move(*acl));
  }
  return {};
}

}  // namespace strata::codec
