#include <sys/resource.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/strings.h"
#include "fetch/service.h"
#include "sys/landlock.h"
#include "sys/privileges.h"

namespace strata::fetch {
namespace {

// What glibc's resolver and OpenSSL read, and the libraries the resolver loads by name.
std::vector<std::string> readable_paths() {
  std::vector<std::string> paths{
      "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
      "/etc/services", "/etc/protocols", "/etc/ld.so.cache", "/etc/localtime",
      "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies",
      "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/pki",
      "/usr/lib", "/usr/lib64", "/lib", "/lib64",
      "/dev/null", "/dev/urandom", "/sys/devices/system/cpu"};
  if (const char* file = ::getenv("SSL_CERT_FILE")) paths.emplace_back(file);
  if (const char* directories = ::getenv("SSL_CERT_DIR"))
    for (const std::string_view directory : split(directories, ':')) paths.emplace_back(directory);
  return paths;
}

}  // namespace

Result<> enter_sandbox(int socket) {
  TRY(sys::close_from(socket + 1));
  // As Go programs do: the upper-case name counts too. libcurl leaves it out for CGI's sake.
  if (const char* proxy = ::getenv("HTTP_PROXY")) ::setenv("http_proxy", proxy, 0);
  TRY(sys::drop_all_privileges(), "drop privileges");
  TRY(sys::landlock_read_only(readable_paths()), "Landlock");
  TRY(sys::lower_limit(RLIMIT_NOFILE, 1024));
  return sys::lower_limit(RLIMIT_FSIZE, 0);
}

}  // namespace strata::fetch
