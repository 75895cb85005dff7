#include "containers/etc_files.h"

#include <fcntl.h>

#include "base/strings.h"
#include "containers/spec.h"
#include "network/networks.h"
#include "sys/file.h"

namespace strata::containers {
namespace {

Result<> write_in_place(const std::string& path, std::string_view text) {
  const sys::UniqueFd file = TRY(sys::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  TRY(sys::write_all(file.get(), text), "write {}", path);
  return {};
}

}  // namespace

std::string hosts_file(const Config& config) {
  std::string out =
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::\tip6-localnet\n"
      "ff00::\tip6-mcastprefix\n"
      "ff02::1\tip6-allnodes\n"
      "ff02::2\tip6-allrouters\n";
  for (const std::string& host : config.extra_hosts) {
    // "name:address" or "name=address"; an IPv6 address holds colons itself.
    const std::size_t separator = host.find_first_of(":=");
    if (separator != std::string::npos)
      out += fmt::format("{}\t{}\n", host.substr(separator + 1), host.substr(0, separator));
  }
  return out;
}

std::string resolv_conf_file(const Config& config, std::string_view standard) {
  if (config.dns.empty() && config.dns_search.empty() && config.dns_options.empty()) return std::string(standard);
  std::string out;
  for (const std::string_view line : split(standard, '\n')) {
    const std::string_view word = line.substr(0, line.find_first_of(" \t"));
    if (word == "nameserver" && config.dns.empty()) out += fmt::format("{}\n", line);
    if ((word == "search" || word == "domain") && config.dns_search.empty()) out += fmt::format("{}\n", line);
    if (word == "options" && config.dns_options.empty()) out += fmt::format("{}\n", line);
  }
  for (const std::string& server : config.dns) out += fmt::format("nameserver {}\n", server);
  // "--dns-search ." means none at all.
  if (!config.dns_search.empty() && config.dns_search.front() != ".")
    out += fmt::format("search {}\n", join(config.dns_search, " "));
  if (!config.dns_options.empty()) out += fmt::format("options {}\n", join(config.dns_options, " "));
  return out;
}

Result<> write_etc_files(const std::string& id, const Config& config, const ContainerPaths& paths) {
  TRY(write_in_place(paths.hostname, container_hostname(id, config) + "\n"));
  if (config.network_mode == "host") {
    TRY(write_in_place(paths.hosts, sys::read_file("/etc/hosts").value_or(hosts_file(config))));
    return write_in_place(paths.resolv_conf, resolv_conf_file(config, sys::read_file("/etc/resolv.conf").value_or("")));
  }
  TRY(write_in_place(paths.hosts, hosts_file(config)));
  return write_in_place(paths.resolv_conf, resolv_conf_file(config, TRY(network::resolv_conf())));
}

Result<> add_own_address(const std::string& id, const Config& config, const ContainerPaths& paths,
                         std::string_view address) {
  const std::string name = container_hostname(id, config);
  std::string names = config.domainname.empty() ? name : fmt::format("{}.{} {}", name, config.domainname, name);
  return write_in_place(paths.hosts, hosts_file(config) + fmt::format("{}\t{}\n", address, names));
}

}  // namespace strata::containers
