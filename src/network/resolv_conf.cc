#include "base/strings.h"
#include "network/networks.h"
#include "sys/file.h"

namespace strata::network {
namespace {

constexpr const char* kHost = "/etc/resolv.conf";
constexpr const char* kResolved = "/run/systemd/resolve/resolv.conf";

struct Filtered {
  std::string text;
  bool has_server = false;
};

bool unreachable(std::string_view server) { return server.starts_with("127.") || server == "::1"; }

Filtered filter(std::string_view text) {
  Filtered result;
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view stripped = trim(line);
    if (stripped.empty() || stripped.starts_with('#') || stripped.starts_with(';')) continue;
    if (stripped.starts_with("nameserver")) {
      if (unreachable(trim(stripped.substr(10)))) continue;
      result.has_server = true;
    }
    result.text += std::string(stripped) + '\n';
  }
  return result;
}

}  // namespace

Result<std::string> resolv_conf() {
  const Result<std::string> host = sys::read_file(kHost, 64 << 10);
  if (!host && host.error().error_number() != ENOENT) return host.error();
  Filtered filtered = filter(host ? *host : "");
  if (!filtered.has_server)
    if (const Result<std::string> resolved = sys::read_file(kResolved, 64 << 10)) filtered = filter(*resolved);
  return filtered.text;
}

}  // namespace strata::network
