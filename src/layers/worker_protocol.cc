#include "layers/worker_protocol.h"

#include <span>

#include "base/json.h"
#include "base/strings.h"

namespace strata::layers {
namespace {

std::string to_hex(std::string_view bytes) { return hex(std::as_bytes(std::span(bytes))); }

Result<std::string> from_hex(const std::string& text) {
  const auto bytes = unhex(text);
  if (!bytes) return error(ErrorKind::kCorrupt, "not hexadecimal");
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

json implied_json(const std::vector<WorkerReport::Implied>& implied) {
  json list = json::array();
  for (const auto& parent : implied) list.push_back({{"path", to_hex(parent.path)}, {"offset", parent.offset}});
  return list;
}

Result<std::vector<WorkerReport::Implied>> implied_of(const json& list) {
  std::vector<WorkerReport::Implied> implied;
  if (!list.is_array()) return error(ErrorKind::kCorrupt, "implied parents: not a list");
  for (const json& item : list) {
    WorkerReport::Implied& parent = implied.emplace_back();
    const std::string path = TRY(string_member(item, "path"));
    parent.path = TRY(from_hex(path));
    parent.offset = static_cast<std::uint64_t>(TRY(int_member(item, "offset")));
  }
  return implied;
}

}  // namespace

std::string to_json(const std::vector<WorkerReport::Implied>& implied) { return implied_json(implied).dump(); }

Result<std::vector<WorkerReport::Implied>> parse_implied(std::string_view text) {
  return implied_of(TRY(parse_json(text)));
}

std::string to_json(const WorkerReport& report) {
  const json object = {{"blobDigest", report.blob_digest},
                       {"blobSize", report.blob_size},
                       {"compression", static_cast<int>(report.compression)},
                       {"diffID", report.diff_id},
                       {"tarSize", report.tar_size},
                       {"entries", report.entries},
                       {"indexDigest", report.index_digest},
                       {"indexSize", report.index_size},
                       {"implied", implied_json(report.implied)}};
  return object.dump();
}

std::string to_json(const Error& failed) {
  const json object = {
      {"error", to_hex(failed.message())}, {"kind", static_cast<int>(failed.kind())}, {"errno", failed.error_number()}};
  return object.dump();
}

Result<WorkerReport> parse_report(std::string_view text) {
  const json object = TRY(parse_json(text));
  if (const json* message = find(object, "error"); message != nullptr && message->is_string()) {
    const auto kind = TRY(int_member(object, "kind"));
    if (kind < 0 || kind > static_cast<int>(ErrorKind::kInternal))
      return error(ErrorKind::kCorrupt, "unknown kind of error {}", kind);
    const std::int64_t number = TRY(int_member(object, "errno"));
    return Error(static_cast<ErrorKind>(kind), TRY(from_hex(message->get<std::string>())), static_cast<int>(number));
  }
  WorkerReport report;
  report.blob_digest = TRY(string_member(object, "blobDigest"));
  report.diff_id = TRY(string_member(object, "diffID"));
  report.index_digest = TRY(string_member(object, "indexDigest"));
  report.blob_size = static_cast<std::uint64_t>(TRY(int_member(object, "blobSize")));
  report.tar_size = static_cast<std::uint64_t>(TRY(int_member(object, "tarSize")));
  report.index_size = static_cast<std::uint64_t>(TRY(int_member(object, "indexSize")));
  report.entries = static_cast<std::uint64_t>(TRY(int_member(object, "entries")));
  report.compression = static_cast<codec::Compression>(TRY(int_member(object, "compression")));
  if (const json* implied = find(object, "implied")) report.implied = TRY(implied_of(*implied));
  return report;
}

std::string to_json(const ImpliedAttributes& attributes) {
  json list = json::array();
  for (const auto& [path, a] : attributes) {
    json xattrs = json::object();
    for (const auto& [name, value] : a.xattrs) xattrs[to_hex(name)] = to_hex(value);
    list.push_back({{"path", to_hex(path)},
                    {"mode", a.mode},
                    {"uid", a.uid},
                    {"gid", a.gid},
                    {"sec", a.mtime_sec},
                    {"nsec", a.mtime_nsec},
                    {"xattrs", std::move(xattrs)}});
  }
  return list.dump();
}

Result<ImpliedAttributes> parse_implied_attributes(std::string_view text) {
  const json list = TRY(parse_json(text));
  ImpliedAttributes attributes;
  if (!list.is_array()) return error(ErrorKind::kCorrupt, "not a list");
  for (const json& item : list) {
    const std::string path = TRY(string_member(item, "path"));
    DirectoryAttributes& a = attributes[TRY(from_hex(path))];
    a.mode = static_cast<std::uint16_t>(TRY(int_member(item, "mode")));
    a.uid = static_cast<std::uint32_t>(TRY(int_member(item, "uid")));
    a.gid = static_cast<std::uint32_t>(TRY(int_member(item, "gid")));
    a.mtime_sec = TRY(int_member(item, "sec"));
    a.mtime_nsec = static_cast<std::uint32_t>(TRY(int_member(item, "nsec")));
    if (const json* xattrs = find(item, "xattrs"); xattrs != nullptr && xattrs->is_object())
      for (const auto& [name, value] : xattrs->items()) {
        if (!value.is_string()) return error(ErrorKind::kCorrupt, "an xattr that is no text");
        std::string plain_name = TRY(from_hex(name));
        a.xattrs.emplace_back(std::move(plain_name), TRY(from_hex(value.get<std::string>())));
      }
  }
  return attributes;
}

}  // namespace strata::layers
