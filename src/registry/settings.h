// What the registry client must know about this host and its user; made by engine/ from config.toml
// and the command line. Plain values.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace strata::registry {

struct Settings {
  // By registry domain ("docker.io"): hosts ("mirror.lan:5000") or base URLs
  // ("http://127.0.0.1:5000", "https://proxy.lan/hub") asked in this order for pulls, before the
  // registry itself. Never for pushes.
  std::map<std::string, std::vector<std::string>> mirrors;
  // "host" or "host:port" that may be spoken to without a verified certificate or in plain HTTP.
  // Loopback addresses and localhost always may.
  std::set<std::string> insecure;
  // Each may hold HOST[:PORT]/ with *.crt (CAs trusted for this host besides the system's) and
  // NAME.cert + NAME.key (the client's). The first directory that has the host decides.
  std::vector<std::string> certificate_directories{"/etc/strata/certs.d", "/etc/docker/certs.d"};
  // ~/.docker/config.json (or $DOCKER_CONFIG/config.json); empty: nobody is logged in anywhere.
  std::string docker_config;
  // Path of the strata-fetch program.
  std::string fetch_program;

  std::chrono::milliseconds connect_timeout{5000};  // name lookup, TCP and TLS together
  std::chrono::seconds stall_timeout{60};           // a transfer without a byte for so long is broken
  int retries = 4;                                  // of what may be repeated, with growing pauses
  std::chrono::milliseconds first_retry_pause{250};
};

// $DOCKER_CONFIG/config.json, else $HOME/.docker/config.json, else "".
std::string default_docker_config();

}  // namespace strata::registry
