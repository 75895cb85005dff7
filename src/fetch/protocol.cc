#include "fetch/protocol.h"

#include <array>

#include "base/json.h"

namespace strata::fetch {
namespace {

constexpr std::array<std::string_view, 13> kFailureNames{"none",    "resolve",   "connect", "tls",      "certificate",
                                                         "timeout", "broken",    "limit",   "redirect", "output",
                                                         "upload",  "cancelled", "process"};

json json_of(const Headers& headers) {
  json list = json::array();
  for (const auto& [name, value] : headers) list.push_back({name, value});
  return list;
}

Result<Headers> headers_from(const json& object) {
  Headers headers;
  const json* list = find(object, "headers");
  if (list == nullptr) return headers;
  if (!list->is_array()) return error(ErrorKind::kCorrupt, "\"headers\" should be a list");
  for (const json& pair : *list) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string())
      return error(ErrorKind::kCorrupt, "\"headers\" should hold pairs of strings");
    headers.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
  }
  return headers;
}

// A server's header may hold any byte; what is no UTF-8 matters to nobody.
std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

Result<std::uint64_t> number(const json& object, std::string_view name) {
  const std::int64_t value = TRY(int_member(object, name, 0));
  if (value < 0) return error(ErrorKind::kCorrupt, "\"{}\" is negative", name);
  return static_cast<std::uint64_t>(value);
}

struct Encoder {
  std::string operator()(const RequestMessage& request) const {
    json value{{"type", "request"},
               {"id", request.id},
               {"method", request.method},
               {"url", request.url},
               {"headers", json_of(request.headers)},
               {"max_body", request.max_body},
               {"range_start", request.range_start},
               {"output", request.has_output},
               {"upload", request.has_upload},
               {"ca", request.has_ca},
               {"client_certificate", request.has_client_certificate},
               {"verify", request.verify}};
    if (request.upload_size) value["upload_size"] = *request.upload_size;
    return text_of(value);
  }
  std::string operator()(const CancelMessage& cancel) const { return text_of({{"type", "cancel"}, {"id", cancel.id}}); }
  std::string operator()(const Head& head) const {
    return text_of({{"type", "head"},
                    {"id", head.id},
                    {"status", head.status},
                    {"url", head.url},
                    {"headers", json_of(head.headers)}});
  }
  std::string operator()(const BodyPart& part) const {
    return text_of({{"type", "body"}, {"id", part.id}}) + '\0' + part.bytes;
  }
  std::string operator()(const Progress& progress) const {
    return text_of({{"type", "progress"}, {"id", progress.id}, {"bytes", progress.bytes}});
  }
  std::string operator()(const End& end) const {
    return text_of({{"type", "end"},
                    {"id", end.id},
                    {"failure", to_string(end.failure)},
                    {"message", end.message},
                    {"bytes", end.bytes}});
  }
};

Failure failure_named(std::string_view name) {
  for (std::size_t i = 0; i < kFailureNames.size(); ++i)
    if (kFailureNames[i] == name) return static_cast<Failure>(i);
  return Failure::kProcess;
}

Result<RequestMessage> request_from(const json& value) {
  RequestMessage request;
  request.id = TRY(number(value, "id"));
  request.method = TRY(string_member(value, "method"));
  request.url = TRY(string_member(value, "url"));
  request.headers = TRY(headers_from(value));
  request.max_body = TRY(number(value, "max_body"));
  request.range_start = TRY(number(value, "range_start"));
  request.has_output = TRY(bool_member(value, "output"));
  request.has_upload = TRY(bool_member(value, "upload"));
  if (find(value, "upload_size") != nullptr) request.upload_size = TRY(number(value, "upload_size"));
  request.has_ca = TRY(bool_member(value, "ca"));
  request.has_client_certificate = TRY(bool_member(value, "client_certificate"));
  request.verify = TRY(bool_member(value, "verify", true));
  return request;
}

Result<Head> head_from(const json& value) {
  Head head;
  head.id = TRY(number(value, "id"));
  head.status = static_cast<int>(TRY(int_member(value, "status")));
  head.url = TRY(string_member(value, "url"));
  head.headers = TRY(headers_from(value));
  return head;
}

Result<End> end_from(const json& value) {
  End end;
  end.id = TRY(number(value, "id"));
  end.failure = failure_named(TRY(string_member(value, "failure")));
  end.message = TRY(string_member(value, "message"));
  end.bytes = TRY(number(value, "bytes"));
  return end;
}

}  // namespace

std::string_view to_string(Failure failure) { return kFailureNames[static_cast<std::size_t>(failure)]; }

std::string encode(const ToFetch& message) { return std::visit(Encoder(), message); }
std::string encode(const ToCommand& message) { return std::visit(Encoder(), message); }

Result<ToFetch> decode_to_fetch(std::string_view bytes) {
  const json value = TRY(parse_json(bytes));
  const std::string type = TRY(string_member(value, "type"));
  if (type == "request") return ToFetch(TRY(request_from(value)));
  if (type == "cancel") return ToFetch(CancelMessage{TRY(number(value, "id"))});
  return error(ErrorKind::kCorrupt, "unknown message");
}

Result<ToCommand> decode_to_command(std::string_view bytes) {
  const std::size_t end_of_json = bytes.find('\0');
  const json value = TRY(parse_json(bytes.substr(0, end_of_json)));
  const std::string type = TRY(string_member(value, "type"));
  if (type == "head") return ToCommand(TRY(head_from(value)));
  if (type == "end") return ToCommand(TRY(end_from(value)));
  if (type == "progress") return ToCommand(Progress{TRY(number(value, "id")), TRY(number(value, "bytes"))});
  if (type == "body" && end_of_json != std::string_view::npos)
    return ToCommand(BodyPart{TRY(number(value, "id")), std::string(bytes.substr(end_of_json + 1))});
  return error(ErrorKind::kCorrupt, "unknown message");
}

}  // namespace strata::fetch
