#include "cli/port_flag.h"

#include <optional>

#include "base/strings.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

struct Range {
  std::uint16_t first = 0, last = 0;
  int count() const { return last - first + 1; }
};

std::optional<Range> parse_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_unsigned(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_unsigned(text.substr(dash + 1));
  if (!first || !last || *first > 65535 || *last > 65535 || *last < *first) return std::nullopt;
  return Range{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

struct Protocol {
  std::string_view rest;
  std::string name;
};

Result<Protocol> split_protocol(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return Protocol{text, "tcp"};
  std::string name = to_lower(text.substr(slash + 1));
  if (name != "tcp" && name != "udp" && name != "sctp")
    return error(ErrorKind::kInvalidArgument, "invalid proto: {}", printable(name));
  if (name == "sctp") return error(ErrorKind::kUnsupported, "publishing sctp ports is not supported yet");
  return Protocol{text.substr(0, slash), std::move(name)};
}

}  // namespace

Result<std::vector<containers::PublishedPort>> parse_publish(std::string_view text) {
  const Protocol protocol = TRY(split_protocol(text));
  std::string_view rest = protocol.rest;
  std::string_view host_ip, host_port;
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find("]:");
    if (close == std::string_view::npos)
      return error(ErrorKind::kInvalidArgument, "invalid IP address: {}", printable(rest));
    host_ip = rest.substr(1, close - 1);
    rest.remove_prefix(close + 2);
    const std::size_t colon = rest.find(':');
    if (colon != std::string_view::npos) {
      host_port = rest.substr(0, colon);
      rest.remove_prefix(colon + 1);
    }
  } else {
    const std::vector<std::string_view> parts = split(rest, ':');
    if (parts.size() > 3) return error(ErrorKind::kInvalidArgument, "invalid port mapping: {}", printable(text));
    rest = parts.back();
    if (parts.size() >= 2) host_port = parts[parts.size() - 2];
    if (parts.size() == 3) host_ip = parts[0];
  }
  if (rest.empty()) return error(ErrorKind::kInvalidArgument, "no port specified: {}<empty>", printable(text));
  const std::optional<Range> container = parse_range(rest);
  if (!container || container->first == 0)
    return error(ErrorKind::kInvalidArgument, "invalid containerPort: {}", printable(rest));
  std::optional<Range> host = host_port.empty() ? Range{} : parse_range(host_port);
  if (!host) return error(ErrorKind::kInvalidArgument, "invalid hostPort: {}", printable(host_port));
  const bool any_host = host->first == 0;
  if (!any_host && host->count() != container->count() && container->count() != 1)
    return error(ErrorKind::kInvalidArgument, "invalid ranges specified for container and host Ports: {} and {}",
                 printable(rest), printable(host_port));
  std::vector<containers::PublishedPort> out;
  for (int i = 0; i < container->count(); ++i)
    out.push_back({.host_ip = std::string(host_ip),
                   .host_port = any_host ? std::uint16_t{0} : static_cast<std::uint16_t>(host->first + i),
                   .container_port = static_cast<std::uint16_t>(container->first + i),
                   .protocol = protocol.name});
  return out;
}

Result<std::vector<std::string>> parse_expose(std::string_view text) {
  const Protocol protocol = TRY(split_protocol(text));
  const std::optional<Range> range = parse_range(protocol.rest);
  if (!range || range->first == 0)
    return error(ErrorKind::kInvalidArgument, "invalid range format for --expose: {}", printable(text));
  std::vector<std::string> out;
  for (int port = range->first; port <= range->last; ++port) out.push_back(fmt::format("{}/{}", port, protocol.name));
  return out;
}

}  // namespace strata::cli
