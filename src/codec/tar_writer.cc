#include "codec/tar_writer.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "codec/pax_header.h"
#include "codec/tar_header.h"

namespace strata::codec {
namespace {

char type_flag(TarEntry::Type type) {
  using enum TarEntry::Type;
  switch (type) {
    case kFile:
      return '0';
    case kHardLink:
      return '1';
    case kSymlink:
      return '2';
    case kCharDevice:
      return '3';
    case kBlockDevice:
      return '4';
    case kDirectory:
      return '5';
    case kFifo:
      return '6';
  }
  return '0';
}

// What the header block has as a name where a pax record has the whole of it: for readers that do
// not know pax, and people who look.
std::string short_name(std::string_view folder, std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  path.remove_prefix(path.rfind('/') + 1);
  return fmt::format("{}/{}", folder, path.substr(0, kTarName.length - folder.size() - 1));
}

// As name, or split at a slash into prefix and name.
bool set_path(TarBlock& block, std::string_view path) {
  if (path.size() <= kTarName.length) {
    block.set(kTarName, path);
    return true;
  }
  if (path.size() > kTarPrefix.length + 1 + kTarName.length) return false;
  // The first slash that leaves a name that fits; the one at the end of a directory's path is no
  // cut.
  const std::size_t slash = path.find('/', path.size() - kTarName.length - 1);
  if (slash == path.npos || slash == 0 || slash > kTarPrefix.length || slash + 1 == path.size()) return false;
  block.set(kTarPrefix, path.substr(0, slash));
  block.set(kTarName, path.substr(slash + 1));
  return true;
}

void begin_block(TarBlock& block, char type) {
  block.set(kTarType, std::string_view(&type, 1));
  block.set(kTarMagic, std::string_view("ustar\0"
                                        "00",
                                        8));
  format_tar_number(block, kTarDevMajor, 0);
  format_tar_number(block, kTarDevMinor, 0);
}

Result<> write_block(ByteSink& out, TarBlock& block) {
  format_tar_number(block, {kTarChecksum.offset, 7}, static_cast<std::uint64_t>(block.unsigned_checksum()));
  block.set({kTarChecksum.offset + 7, 1}, " ");
  return out.write(std::as_bytes(std::span(block.bytes)));
}

// The list at the front of the data of GNU.sparse 1.0. Its last, empty segment makes GNU tar give
// the file its size where that ends in a hole.
std::string sparse_map(const TarEntry& entry) {
  const std::uint64_t end = entry.segments.empty() ? 0 : entry.segments.back().offset + entry.segments.back().length;
  const bool hole_at_end = end < entry.size || entry.segments.empty();
  std::string map = fmt::format("{}\n", entry.segments.size() + (hole_at_end ? 1 : 0));
  for (const Segment& segment : entry.segments) map += fmt::format("{}\n{}\n", segment.offset, segment.length);
  if (hole_at_end) map += fmt::format("{}\n0\n", entry.size);
  map.append(tar_padding(map.size()), '\0');
  return map;
}

bool is_link(const TarEntry& entry) {
  return entry.type == TarEntry::Type::kHardLink || entry.type == TarEntry::Type::kSymlink;
}

Result<> check(const TarEntry& entry) {
  const auto refuse = [&](std::string_view what) {
    return error(ErrorKind::kInvalidArgument, "tar: \"{}\": {}", printable(entry.path), what);
  };
  const auto has_nul = [](const std::string& text) { return text.find('\0') != text.npos; };
  if (entry.path.empty() || has_nul(entry.path)) return refuse("a path is empty or has a NUL");
  if (is_link(entry) && (entry.link_target.empty() || has_nul(entry.link_target)))
    return refuse("a link target is empty or has a NUL");
  for (const auto& [name, value] : entry.xattrs)
    if (name.empty() || has_nul(name)) return refuse("the name of an xattr is empty or has a NUL");
  std::uint64_t end = 0;
  for (const Segment& segment : entry.segments) {
    if (segment.offset < end || segment.offset > entry.size || segment.length > entry.size - segment.offset)
      return refuse("segments out of order or beyond the size");
    end = segment.offset + segment.length;
    // GNU tar reads each segment from a block of its own, other readers do not: say only what all
    // agree on.
    if (segment.length % kTarBlockSize != 0 && &segment != &entry.segments.back())
      return refuse("a segment's length is not a multiple of 512");
  }
  return {};
}

// An entry as it will stand in the archive.
struct Prepared {
  TarBlock block;
  std::string pax;         // records that the block cannot hold
  std::string sparse_map;  // in front of the data
  std::uint64_t data = 0;  // bytes that write_data() brings

  // A number that does not fit is cut in the block and whole in the record.
  void set_number(TarField field, const char* keyword, std::uint64_t value) {
    if (!format_tar_number(block, field, value)) append_pax_record(pax, keyword, std::to_string(value));
  }
};

void set_names(const TarEntry& entry, const std::string& path, Prepared& prepared) {
  auto& [block, pax, map, data] = prepared;
  if (!map.empty()) {
    block.set(kTarName, short_name("GNUSparseFile.0", path));
    append_pax_record(pax, "GNU.sparse.major", "1");
    append_pax_record(pax, "GNU.sparse.minor", "0");
    append_pax_record(pax, "GNU.sparse.name", path);
    append_pax_record(pax, "GNU.sparse.realsize", std::to_string(entry.size));
  } else if (!set_path(block, path)) {
    block.set(kTarName, path.substr(0, kTarName.length));
    append_pax_record(pax, "path", path);
  }
  if (!is_link(entry)) return;
  block.set(kTarLinkName, entry.link_target);
  if (entry.link_target.size() > kTarLinkName.length) append_pax_record(pax, "linkpath", entry.link_target);
}

Result<> set_attributes(const TarEntry& entry, Prepared& prepared) {
  format_tar_number(prepared.block, kTarMode, entry.mode & 07777);
  prepared.set_number(kTarUid, "uid", entry.uid);
  prepared.set_number(kTarGid, "gid", entry.gid);
  prepared.set_number(kTarSize, "size", prepared.sparse_map.size() + prepared.data);
  const std::uint64_t seconds = entry.mtime_sec < 0 ? 0 : static_cast<std::uint64_t>(entry.mtime_sec);
  if (!format_tar_number(prepared.block, kTarMtime, seconds) || entry.mtime_sec < 0 || entry.mtime_nsec != 0)
    append_pax_record(prepared.pax, "mtime", format_pax_time({entry.mtime_sec, entry.mtime_nsec}));
  if (entry.type == TarEntry::Type::kCharDevice || entry.type == TarEntry::Type::kBlockDevice) {
    if (!format_tar_number(prepared.block, kTarDevMajor, entry.dev_major) ||
        !format_tar_number(prepared.block, kTarDevMinor, entry.dev_minor))
      return error(ErrorKind::kInvalidArgument, "tar: \"{}\": device number {}:{} does not fit", printable(entry.path),
                   entry.dev_major, entry.dev_minor);
  }
  for (const auto& [name, value] : entry.xattrs)
    append_pax_record(prepared.pax, "SCHILY.xattr." + encode_xattr_keyword(name), value);
  return {};
}

Result<> write_pax_header(ByteSink& out, const std::string& path, std::string payload) {
  TarBlock block;
  begin_block(block, 'x');
  block.set(kTarName, short_name("PaxHeaders.0", path));
  for (const TarField field : {kTarUid, kTarGid, kTarMtime}) format_tar_number(block, field, 0);
  format_tar_number(block, kTarMode, 0644);
  format_tar_number(block, kTarSize, payload.size());
  TRY(write_block(out, block));
  payload.append(tar_padding(payload.size()), '\0');
  return out.write(std::as_bytes(std::span(payload)));
}

}  // namespace

Result<> TarWriter::add(const TarEntry& entry) {
  if (data_left_ > 0)
    return error(ErrorKind::kInvalidArgument, "tar: \"{}\" begins while {} bytes of another are missing",
                 printable(entry.path), data_left_);
  TRY(check(entry));
  std::string path = entry.path;
  if (entry.type == TarEntry::Type::kDirectory && !path.ends_with('/')) path += '/';

  Prepared prepared;
  begin_block(prepared.block, type_flag(entry.type));
  if (entry.type == TarEntry::Type::kFile && entry.sparse) {
    prepared.sparse_map = sparse_map(entry);
    for (const Segment& segment : entry.segments) prepared.data += segment.length;
  } else if (entry.type == TarEntry::Type::kFile) {
    prepared.data = entry.size;
  }
  set_names(entry, path, prepared);
  TRY(set_attributes(entry, prepared));

  TRY(write_padding(std::exchange(padding_, 0)));
  if (!prepared.pax.empty()) TRY(write_pax_header(out_, path, std::move(prepared.pax)));
  TRY(write_block(out_, prepared.block));
  if (!prepared.sparse_map.empty()) TRY(out_.write(std::as_bytes(std::span(prepared.sparse_map))));
  data_left_ = prepared.data;
  padding_ = tar_padding(prepared.data);
  return {};
}

Result<> TarWriter::write_data(std::span<const std::byte> bytes) {
  if (bytes.size() > data_left_)
    return error(ErrorKind::kInvalidArgument, "tar: {} bytes more than the entry's size", bytes.size() - data_left_);
  data_left_ -= bytes.size();
  return out_.write(bytes);
}

Result<> TarWriter::finish() {
  if (data_left_ > 0)
    return error(ErrorKind::kInvalidArgument, "tar: {} bytes of the last entry are missing", data_left_);
  TRY(write_padding(std::exchange(padding_, 0)));
  return write_padding(2 * kTarBlockSize);
}

Result<> TarWriter::write_padding(std::uint64_t count) {
  static constexpr std::array<std::byte, 2 * kTarBlockSize> kZeros{};
  if (count == 0) return {};
  return out_.write(std::span(kZeros).first(count));
}

}  // namespace strata::codec
