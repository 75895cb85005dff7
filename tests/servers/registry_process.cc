#include "tests/servers/registry_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/servers/http_server.h"

namespace strata::test {
namespace {

constexpr const char* kProgram = "/usr/bin/docker-registry";

bool answers(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

void write_config(const std::string& directory, int port, const RegistryProcess::Options& options) {
  std::ofstream config(directory + "/config.yml");
  config << "version: 0.1\nlog:\n  accesslog:\n    disabled: true\n  level: error\n"
         << "storage:\n  filesystem:\n    rootdirectory: " << directory << "/data\n  delete:\n    enabled: true\n"
         << "http:\n  addr: 127.0.0.1:" << port << "\n  secret: test\n";
  if (!options.certificate.empty())
    config << "  tls:\n    certificate: " << options.certificate << "\n    key: " << options.key << "\n";
  if (!options.user.empty()) {
    const std::string file = directory + "/htpasswd";
    const std::string command = "htpasswd -bBc -C 4 " + file + " " + options.user + " " + options.password + " 2>/dev/null";
    if (std::system(command.c_str()) != 0) std::abort();
    config << "auth:\n  htpasswd:\n    realm: test\n    path: " << file << "\n";
  }
  if (!options.token_realm.empty())
    config << "auth:\n  token:\n    realm: " << options.token_realm << "\n    service: " << options.token_service
           << "\n    issuer: " << options.token_issuer << "\n    rootcertbundle: " << options.token_certificates << "\n";
}

}  // namespace

bool RegistryProcess::installed() { return ::access(kProgram, X_OK) == 0; }

RegistryProcess::RegistryProcess() : RegistryProcess(Options{}) {}

RegistryProcess::RegistryProcess(const Options& options) {
  std::string pattern = (std::filesystem::temp_directory_path() / "strata-registry.XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) std::abort();
  directory_ = pattern;
  for (int attempt = 0; attempt < 5; ++attempt) {
    port_ = free_port();
    write_config(directory_, port_, options);
    const std::string config = directory_ + "/config.yml";
    const std::string log = directory_ + "/log";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(out, 1);
      ::dup2(out, 2);
      ::execl(kProgram, kProgram, "serve", config.c_str(), nullptr);
      ::_exit(127);
    }
    // Another program may have taken the port meanwhile: then this one ends and the next port is tried.
    while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
      if (answers(port_)) return;
      ::usleep(5000);
    }
  }
  std::fprintf(stderr, "docker-registry does not start; see %s/log\n", directory_.c_str());
  std::abort();
}

RegistryProcess::~RegistryProcess() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  std::filesystem::remove_all(directory_);
}

}  // namespace strata::test
