#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/strings.h"
#include "cli/options.h"
#include "cli/registry_name.h"
#include "cli/verbs.h"
#include "engine/registry_settings.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "sys/file.h"
#include "sys/hidden_line.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

constexpr std::size_t kMaxPassword = 64 << 10;  // tokens are passwords, too

struct LoginFlags {
  std::optional<std::string> username;
  std::optional<std::string> password;
  bool password_stdin = false;
};

Result<std::string> password_from_stdin() {
  std::string text = TRY(sys::read_fd(0, kMaxPassword), "password on standard input");
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

Result<> check(LoginFlags& flags) {
  if (flags.password && flags.password_stdin)
    return error(ErrorKind::kInvalidArgument, "--password and --password-stdin are mutually exclusive");
  if (flags.password_stdin && !flags.username)
    return error(ErrorKind::kInvalidArgument, "Must provide --username with --password-stdin");
  if (flags.password) fmt::print(stderr, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
  if (flags.password_stdin) flags.password = TRY(password_from_stdin());
  return {};
}

Result<registry::Credentials> ask(const std::string& domain, const LoginFlags& flags,
                                  const std::string& known_username) {
  registry::Credentials credentials;
  credentials.username = flags.username.value_or("");
  credentials.password = flags.password.value_or("");
  if (!credentials.username.empty() && !credentials.password.empty()) return credentials;
  if (!is_terminal(0))
    return error(ErrorKind::kInvalidArgument, "Cannot perform an interactive login from a non TTY device");
  if (credentials.username.empty()) {
    if (domain == oci::kDockerHub)
      fmt::print("Log in with your Docker ID or email address to push and pull images from Docker Hub.\n");
    fmt::print("{}", known_username.empty() ? "Username: " : fmt::format("Username ({}): ", known_username));
    std::fflush(stdout);
    std::string line;
    std::getline(std::cin, line);
    credentials.username = trim(line);
    if (credentials.username.empty()) credentials.username = known_username;
    if (credentials.username.empty()) return error(ErrorKind::kInvalidArgument, "Error: Non-null Username Required");
  }
  if (credentials.password.empty()) {
    fmt::print("Password: ");
    std::fflush(stdout);
    auto password = sys::read_hidden_line(0);
    fmt::print("\n");
    credentials.password = TRY(std::move(password));
    if (credentials.password.empty()) return error(ErrorKind::kInvalidArgument, "Error: Password Required");
  }
  return credentials;
}

}  // namespace

Result<int> run_login(Context& context, const Verb& verb, Arguments arguments) {
  LoginFlags flags;
  std::vector<std::string> servers;
  Options options(verb);
  options.value("-u,--username", flags.username, "Username");
  options.value("-p,--password", flags.password, "Password");
  options.flag("--password-stdin", flags.password_stdin, "Take the password from stdin");
  options.arguments(servers, 0, 1);
  if (!TRY(options.parse(arguments))) return 0;
  TRY(check(flags));

  const std::string domain = TRY(registry_domain(servers.empty() ? "" : servers[0]));
  const registry::Settings settings = engine::registry_settings(context.settings());
  registry::CredentialFile file(settings.docker_config);
  const registry::Credentials known = TRY(file.get(domain));
  const bool may_reuse = !known.empty() && !flags.password && (!flags.username || *flags.username == known.username);
  if (may_reuse) {
    fmt::print("Authenticating with existing credentials...\n");
    std::fflush(stdout);
    const auto client = TRY(registry::Client::open(settings));
    const auto accepted = client->check_login(domain, known);
    if (accepted) {
      fmt::print("Login Succeeded\n");
      return 0;
    }
    fmt::print(stderr, "Login did not succeed, error: {}\n", accepted.error().message());
  }
  const auto typed = TRY(ask(domain, flags, known.username));
  const auto client = TRY(registry::Client::open(settings));
  const auto accepted = TRY(client->check_login(domain, typed), "login to {}", domain);
  const auto stored = TRY(file.store(domain, accepted));
  if (stored.in_clear)
    fmt::print(stderr,
               "WARNING! Your password will be stored unencrypted in {}.\n"
               "Configure a credential helper to remove this warning. See\n"
               "https://docs.docker.com/engine/reference/commandline/login/#credential-stores\n\n",
               stored.where);
  fmt::print("Login Succeeded\n");
  return 0;
}

}  // namespace strata::cli
