#include "codec/pax_header.h"

#include <limits>

#include "base/strings.h"

namespace strata::codec {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<unsigned> hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

}  // namespace

Result<std::vector<PaxRecord>> parse_pax_header(std::string_view payload) {
  std::vector<PaxRecord> records;
  // GNU tar takes a NUL for the end.
  while (!payload.empty() && payload[0] != '\0') {
    const std::size_t space = payload.find(' ');
    const auto length = parse_unsigned(payload.substr(0, space == payload.npos ? 0 : space));
    if (!length) return error(ErrorKind::kCorrupt, "extended header: a record does not begin with its length");
    if (*length > payload.size() || *length < space + 2)
      return error(ErrorKind::kCorrupt, "extended header: record length {} is out of range", *length);
    std::string_view record = payload.substr(space + 1, *length - space - 1);
    if (record.back() != '\n')
      return error(ErrorKind::kCorrupt, "extended header: a record does not end with a newline");
    record.remove_suffix(1);
    const std::size_t equals = record.find('=');
    if (equals == record.npos || equals == 0 || record.substr(0, equals).find('\0') != record.npos)
      return error(ErrorKind::kCorrupt, "extended header: a record has no keyword");
    records.emplace_back(record.substr(0, equals), record.substr(equals + 1));
    payload.remove_prefix(*length);
  }
  return records;
}

void append_pax_record(std::string& payload, std::string_view keyword, std::string_view value) {
  // The length counts its own digits.
  const std::size_t rest = keyword.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) length = rest + std::to_string(length).size();
  payload.append(std::to_string(length)).append(" ");
  payload.append(keyword).append("=").append(value).append("\n");
}

std::optional<PaxTime> parse_pax_time(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const auto whole = parse_unsigned(text.substr(0, point));
  if (!whole || *whole > std::uint64_t{std::numeric_limits<std::int64_t>::max()} - 1) return std::nullopt;
  std::uint32_t nanoseconds = 0;
  bool more = false;  // digits that nanoseconds cannot hold
  if (point != text.npos) {
    std::uint32_t unit = 100'000'000;
    for (const char c : text.substr(point + 1)) {
      if (!is_digit(c)) return std::nullopt;
      nanoseconds += unit * static_cast<std::uint32_t>(c - '0');
      more = more || (unit == 0 && c != '0');
      unit /= 10;
    }
  }
  PaxTime time{static_cast<std::int64_t>(*whole), nanoseconds};
  if (!negative) return time;
  time.seconds = -time.seconds;
  if (more) ++time.nanoseconds;
  if (time.nanoseconds > 0) {
    --time.seconds;
    time.nanoseconds = 1'000'000'000 - time.nanoseconds;
  }
  return time;
}

std::string format_pax_time(PaxTime time) {
  const bool negative = time.seconds < 0;
  // Through unsigned: the most negative second has no positive counterpart.
  std::uint64_t seconds = negative ? -static_cast<std::uint64_t>(time.seconds) : time.seconds;
  std::uint32_t nanoseconds = time.nanoseconds;
  if (negative && nanoseconds > 0) {
    --seconds;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  std::string text = fmt::format("{}{}", negative ? "-" : "", seconds);
  if (nanoseconds > 0) {
    text += fmt::format(".{:09}", nanoseconds);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text;
}

std::string decode_xattr_keyword(std::string_view keyword) {
  std::string name;
  for (std::size_t i = 0; i < keyword.size(); ++i) {
    const std::string_view code = keyword.substr(i, 3);
    if (code == "%3D" || code == "%25") {
      name += code == "%3D" ? '=' : '%';
      i += 2;
    } else {
      name += keyword[i];
    }
  }
  return name;
}

std::string encode_xattr_keyword(std::string_view name) {
  std::string keyword;
  for (const char c : name) {
    if (c == '=')
      keyword += "%3D";
    else if (c == '%')
      keyword += "%25";
    else
      keyword += c;
  }
  return keyword;
}

std::optional<std::string> decode_percent(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    plain += static_cast<char>(*high << 4 | *low);
    i += 2;
  }
  return plain;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    std::uint32_t six = 0;
    if (c >= 'A' && c <= 'Z')
      six = c - 'A';
    else if (c >= 'a' && c <= 'z')
      six = c - 'a' + 26;
    else if (is_digit(c))
      six = c - '0' + 52;
    else if (c == '+' || c == '/')
      six = c == '+' ? 62 : 63;
    else
      return std::nullopt;
    bits = bits << 6 | six;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  return bytes;
}

}  // namespace strata::codec
