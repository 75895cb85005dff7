#include "build/exposed_ports.h"

#include "base/strings.h"

namespace strata::build {

Result<std::vector<std::string>> parse_exposed_ports(std::string_view text) {
  const auto invalid = [&](std::string_view what) {
    return error(ErrorKind::kInvalidArgument, "{}", std::string(what));
  };
  const std::string_view container = text.substr(text.rfind(':') == std::string_view::npos ? 0 : text.rfind(':') + 1);
  const std::size_t slash = container.find('/');
  const std::string_view ports = container.substr(0, slash);
  std::string protocol = slash == std::string_view::npos ? "tcp" : to_lower(container.substr(slash + 1));
  if (protocol.empty()) protocol = "tcp";
  if (ports.empty()) return invalid(fmt::format("invalid port: \"{}\": no port specified", printable(text)));
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    return invalid(fmt::format("invalid port: \"{}\": invalid proto: {}", printable(text), printable(protocol)));
  const std::size_t dash = ports.find('-');
  const auto first = parse_unsigned(ports.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_unsigned(ports.substr(dash + 1));
  if (!first || !last || *first > 65535 || *last > 65535 || *last < *first)
    return invalid(fmt::format("invalid containerPort: {}", printable(ports)));
  std::vector<std::string> out;
  for (auto port = *first; port <= *last; ++port) out.push_back(fmt::format("{}/{}", port, protocol));
  return out;
}

}  // namespace strata::build
