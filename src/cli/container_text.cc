#include "cli/container_text.h"

#include <algorithm>
#include <tuple>

#include "base/strings.h"
#include "cli/table.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

constexpr std::size_t kCommandWidth = 20;

std::string ago(Timestamp then, Timestamp now) {
  return human_duration(std::chrono::duration_cast<std::chrono::seconds>(now - then));
}

}  // namespace

std::string command_text(const containers::Container& container, bool whole) {
  std::string text = join(container.command(), " ");
  if (!whole) text = ellipsis(text, kCommandWidth);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else
      out += c;
  }
  return printable(out) + "\"";
}

std::string status_text(const containers::State& state, Timestamp now) {
  switch (state.status) {
    case containers::Status::kRunning:
      return state.started ? fmt::format("Up {}", ago(*state.started, now)) : "Up";
    case containers::Status::kExited:
      return state.finished ? fmt::format("Exited ({}) {} ago", state.exit_code, ago(*state.finished, now))
                            : fmt::format("Exited ({})", state.exit_code);
    case containers::Status::kCreated:
      return "Created";
    case containers::Status::kDead:
      return "Dead";
  }
  return "";
}

std::string ports_text(const std::vector<containers::PublishedPort>& published, const containers::Config& config) {
  std::vector<containers::PublishedPort> ports = published;
  std::ranges::sort(ports, {}, [](const containers::PublishedPort& port) {
    return std::tuple(port.container_port, port.protocol, port.host_ip, port.host_port);
  });
  std::vector<std::string> out;
  for (const std::string& exposed : config.exposed_ports) {
    const bool mapped = std::ranges::any_of(ports, [&](const containers::PublishedPort& port) {
      return exposed == fmt::format("{}/{}", port.container_port, port.protocol);
    });
    if (!mapped) out.push_back(exposed);
  }
  for (const containers::PublishedPort& port : ports)
    out.push_back(fmt::format("{}:{}->{}/{}", port.host_ip.empty() ? "0.0.0.0" : port.host_ip, port.host_port,
                              port.container_port, port.protocol));
  return join(out, ", ");
}

}  // namespace strata::cli
