#include "tests/servers/registry_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/servers/http_server.h"

namespace strata::test {
namespace {

// Where ./test unpacked it, or where the package installs it.
const char* program() {
  const char* unpacked = std::getenv("STRATA_TEST_REGISTRY");
  return unpacked != nullptr ? unpacked : "/usr/bin/docker-registry";
}

// Whether it is this process that listens on 127.0.0.1:port: another one may have taken the port
// meanwhile.
bool listens(pid_t pid, int port) {
  char local[32];
  std::snprintf(local, sizeof local, "0100007F:%04X", static_cast<unsigned>(port));
  std::ifstream table("/proc/net/tcp");
  std::string line, inode;
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string slot, address, peer, state, queues, timer, retransmits, uid, timeout, number;
    fields >> slot >> address >> peer >> state >> queues >> timer >> retransmits >> uid >> timeout >> number;
    if (address == local && state == "0A") inode = number;
  }
  if (inode.empty()) return false;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error))
    if (std::filesystem::read_symlink(entry.path(), error) == "socket:[" + inode + "]") return true;
  return false;
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
    const std::string command =
        "htpasswd -bBc -C 4 " + file + " " + options.user + " " + options.password + " 2>/dev/null";
    if (std::system(command.c_str()) != 0) std::abort();
    config << "auth:\n  htpasswd:\n    realm: test\n    path: " << file << "\n";
  }
  if (!options.token_realm.empty())
    config << "auth:\n  token:\n    realm: " << options.token_realm << "\n    service: " << options.token_service
           << "\n    issuer: " << options.token_issuer << "\n    rootcertbundle: " << options.token_certificates
           << "\n";
}

}  // namespace

bool RegistryProcess::installed() { return ::access(program(), X_OK) == 0; }

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
      ::execl(program(), program(), "serve", config.c_str(), nullptr);
      ::_exit(127);
    }
    // Another program may have taken the port meanwhile: then this one ends and the next port is
    // tried.
    while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
      if (listens(pid_, port_)) return;
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
