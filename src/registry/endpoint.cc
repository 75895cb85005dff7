#include "registry/endpoint.h"

#include <algorithm>

#include "base/strings.h"
#include "oci/reference.h"
#include "sys/file.h"

namespace strata::registry {
namespace {

bool may_be_insecure(const Settings& settings, std::string_view host) {
  return is_loopback(host) || settings.insecure.contains(std::string(host));
}

Result<> add_certificates(const std::string& directory, fetch::Tls& tls) {
  auto names = TRY(sys::list_directory(directory));
  std::ranges::sort(names);
  for (const std::string& name : names) {
    const std::string path = directory + "/" + name;
    if (name.ends_with(".crt")) {
      tls.ca += TRY(sys::read_file(path, fetch::kMaxPemBytes)) + "\n";
    } else if (name.ends_with(".cert") && tls.certificate.empty()) {
      const std::string key = path.substr(0, path.size() - 5) + ".key";
      if (!sys::exists(key)) return error(ErrorKind::kNotFound, "missing key {} for client certificate {}", key, name);
      tls.certificate = TRY(sys::read_file(path, fetch::kMaxPemBytes));
      tls.key = TRY(sys::read_file(key, fetch::kMaxPemBytes));
    }
  }
  if (tls.ca.size() > fetch::kMaxPemBytes)
    return error(ErrorKind::kResourceExhausted, "the certificates in {} take more than {} bytes", directory,
                 fetch::kMaxPemBytes);
  return {};
}

}  // namespace

bool is_loopback(std::string_view host) {
  if (host == "[::1]" || host.starts_with("[::1]:")) return true;
  host = host.substr(0, host.find(':'));
  if (host == "localhost") return true;
  const auto numbers = split(host, '.');
  return numbers.size() == 4 && numbers[0] == "127" && std::ranges::all_of(numbers, [](auto text) {
           const auto number = parse_unsigned(text);
           return number && *number < 256;
         });
}

Result<fetch::Tls> tls_of(const Settings& settings, std::string_view host) {
  fetch::Tls tls;
  for (const std::string& root : settings.certificate_directories) {
    const std::string directory = root + "/" + std::string(host);
    if (host.find('/') != std::string_view::npos || !sys::exists(directory)) continue;
    TRY(add_certificates(directory, tls), "certificates for {}", printable(host));
    break;
  }
  // Certificates of one's own are a wish for verified TLS, even on loopback.
  tls.verify = !may_be_insecure(settings, host) || !tls.ca.empty();
  return tls;
}

Result<Endpoint> origin_of(const Settings& settings, std::string_view domain) {
  Endpoint endpoint;
  endpoint.domain = domain;
  endpoint.host = domain == oci::kDockerHub ? "registry-1.docker.io" : domain;
  endpoint.schemes = {"https"};
  endpoint.tls = TRY(tls_of(settings, endpoint.host));
  if (may_be_insecure(settings, domain)) endpoint.schemes.emplace_back("http");
  return endpoint;
}

Result<std::vector<Endpoint>> mirrors_of(const Settings& settings, std::string_view domain) {
  std::vector<Endpoint> mirrors;
  const auto configured = settings.mirrors.find(std::string(domain));
  if (configured == settings.mirrors.end()) return mirrors;
  for (const std::string& text : configured->second) {
    std::string_view rest = text;
    Endpoint endpoint;
    endpoint.is_mirror = true;
    if (const std::size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
      endpoint.schemes = {std::string(rest.substr(0, scheme))};
      rest.remove_prefix(scheme + 3);
    }
    while (rest.ends_with('/')) rest.remove_suffix(1);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    endpoint.host = rest.substr(0, slash);
    endpoint.prefix = rest.substr(slash);
    endpoint.domain = endpoint.host;
    const bool known_scheme =
        endpoint.schemes.empty() || endpoint.schemes[0] == "http" || endpoint.schemes[0] == "https";
    if (endpoint.host.empty() || !known_scheme || endpoint.host.find('@') != std::string::npos)
      return error(ErrorKind::kInvalidArgument, "mirror \"{}\" of {}: write a host or an http or https URL",
                   printable(text), domain);
    if (endpoint.schemes.empty()) {
      endpoint.schemes = {"https"};
      if (may_be_insecure(settings, endpoint.host)) endpoint.schemes.emplace_back("http");
    }
    endpoint.tls = TRY(tls_of(settings, endpoint.host));
    mirrors.push_back(std::move(endpoint));
  }
  return mirrors;
}

}  // namespace strata::registry
