// Hand-made tars for tests: each trap in its bytes.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/pax_header.h"
#include "codec/tar_header.h"

namespace strata::codec::fixture {

struct Header {
  std::string name;
  char type = '0';
  std::uint64_t size = 0;
  std::string link;
  std::uint32_t mode = 0644;
  std::uint64_t mtime = 0;
  std::string prefix;
  std::string_view magic = std::string_view(
      "ustar\0"
      "00",
      8);
  // Raw bytes put over the header before the checksum is made.
  std::vector<std::pair<TarField, std::string>> raw;
};

inline constexpr std::string_view kGnuMagic = std::string_view("ustar  \0", 8);
inline constexpr std::string_view kNoMagic = std::string_view("\0\0\0\0\0\0\0\0", 8);

inline std::string padded(std::string data) {
  data.append(tar_padding(data.size()), '\0');
  return data;
}

inline std::string block(const Header& header) {
  TarBlock block;
  block.set(kTarName, header.name);
  format_tar_number(block, kTarMode, header.mode);
  format_tar_number(block, kTarUid, 0);
  format_tar_number(block, kTarGid, 0);
  format_tar_number(block, kTarSize, header.size);
  format_tar_number(block, kTarMtime, header.mtime);
  block.set(kTarType, std::string(1, header.type));
  block.set(kTarLinkName, header.link);
  block.set(kTarMagic, header.magic);
  block.set(kTarPrefix, header.prefix);
  for (const auto& [field, bytes] : header.raw) block.set(field, bytes);
  format_tar_number(block, kTarChecksum, static_cast<std::uint64_t>(block.unsigned_checksum()));
  return {block.bytes.data(), block.bytes.size()};
}

// A header and data of its size.
inline std::string member(Header header, const std::string& data) {
  header.size = data.size();
  return block(header) + padded(data);
}
inline std::string file(const std::string& name, const std::string& data = "") { return member({.name = name}, data); }

inline std::string pax(const std::vector<PaxRecord>& records, char type = 'x') {
  std::string payload;
  for (const auto& [keyword, value] : records) append_pax_record(payload, keyword, value);
  return member({.name = "pax", .type = type}, payload);
}
inline std::string gnu_long(char type, const std::string& name) {
  return member({.name = "././@LongLink", .type = type, .magic = kGnuMagic}, name + '\0');
}

inline std::string end() { return std::string(2 * kTarBlockSize, '\0'); }

}  // namespace strata::codec::fixture
