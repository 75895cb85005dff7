#include "registry/registry_error.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"

namespace strata::registry {
namespace {

constexpr std::size_t kMaxText = 300;

std::string_view status_text(int status) {
  switch (status) {
    case 400:
      return "bad request";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not found";
    case 405:
      return "method not allowed";
    case 408:
      return "request timeout";
    case 413:
      return "content too large";
    case 416:
      return "range not satisfiable";
    case 429:
      return "toomanyrequests";
    case 500:
      return "internal server error";
    case 502:
      return "bad gateway";
    case 503:
      return "service unavailable";
    case 504:
      return "gateway timeout";
    default:
      return "";
  }
}

ErrorKind kind_of(int status) {
  if (status == 401 || status == 403) return ErrorKind::kUnauthorized;
  if (status == 404) return ErrorKind::kNotFound;
  if (status == 413 || status == 429) return ErrorKind::kResourceExhausted;
  if (status == 405) return ErrorKind::kUnsupported;
  return ErrorKind::kUnavailable;
}

ErrorKind kind_of(fetch::Failure failure) {
  switch (failure) {
    case fetch::Failure::kTimeout:
      return ErrorKind::kTimeout;
    case fetch::Failure::kLimit:
      return ErrorKind::kResourceExhausted;
    case fetch::Failure::kUpload:
      return ErrorKind::kIo;
    case fetch::Failure::kCancelled:
      return ErrorKind::kCancelled;
    default:
      return ErrorKind::kUnavailable;
  }
}

std::string shortened(std::string_view text) {
  return printable(trim(text.substr(0, std::min(text.size(), kMaxText))));
}

// Docker's ErrorCode.Error(): "MANIFEST_UNKNOWN" is "manifest unknown".
std::string words_of(std::string_view code) {
  std::string words = to_lower(code.substr(0, 64));
  std::ranges::replace(words, '_', ' ');
  return printable(words);
}

}  // namespace

RegistryError parse_registry_error(int status, std::string_view body) {
  RegistryError result;
  if (const auto document = parse_json(body)) {
    const json* errors = find(*document, "errors");
    if (errors != nullptr && errors->is_array() && !errors->empty()) {
      result.code = string_member((*errors)[0], "code").value_or("");
      const std::string message = shortened(string_member((*errors)[0], "message").value_or(""));
      const std::string words = words_of(result.code);
      result.message = words.empty() || words == message ? message : message.empty() ? words : words + ": " + message;
    } else {
      // Token servers answer {"details": …} or {"error": …}.
      for (const char* name : {"details", "message", "error_description", "error"})
        if (result.message.empty()) result.message = shortened(string_member(*document, name).value_or(""));
    }
  }
  if (!result.message.empty()) return result;
  // The answer to a HEAD has no body; the registry would say this.
  if (status == 401) return {"UNAUTHORIZED", "unauthorized: authentication required"};
  if (status == 403) return {"DENIED", "denied: requested access to the resource is denied"};
  const std::string_view text = status_text(status);
  result.message = text.empty() ? fmt::format("status {}", status) : fmt::format("status {} ({})", status, text);
  return result;
}

Error to_error(const fetch::Response& response, std::string_view host) {
  if (response.failure != fetch::Failure::kNone) return Error(kind_of(response.failure), response.message);
  const RegistryError parsed = parse_registry_error(response.status, response.body);
  if (response.status >= 500 && !parsed.code.empty())  // "unknown: unknown error" alone helps nobody
    return Error(kind_of(response.status), fmt::format("{}: status {}: {}", host, response.status, parsed.message));
  const bool explains_itself = !parsed.code.empty() || response.status == 429;
  return Error(kind_of(response.status),
               explains_itself ? parsed.message : fmt::format("{}: {}", host, parsed.message));
}

bool is_passing(const fetch::Response& response) {
  if (response.failure != fetch::Failure::kNone) return response.failure == fetch::Failure::kBroken;
  const int status = response.status;
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

}  // namespace strata::registry
