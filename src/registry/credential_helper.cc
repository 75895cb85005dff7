#include "registry/credential_helper.h"

#include <fcntl.h>

#include <cstdlib>

#include "base/json.h"
#include "base/strings.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/process.h"

namespace strata::registry {
namespace {

constexpr std::string_view kTokenUser = "<token>";  // the secret is an identity token then
constexpr std::size_t kMaxOutput = 1 << 20;

bool is_plain_name(std::string_view name) { return !name.empty() && name.find('/') == std::string_view::npos; }

Result<std::string> find_program(const std::string& name) {
  const std::string file = "docker-credential-" + name;
  const char* path = ::getenv("PATH");
  if (is_plain_name(name) && path != nullptr)
    for (const std::string_view directory : split(path, ':')) {
      const std::string candidate = std::string(directory.empty() ? "." : directory) + "/" + file;
      const auto status = sys::stat_path(candidate);
      if (status && S_ISREG(status->st_mode) && (status->st_mode & 0111) != 0) return candidate;
    }
  return error(ErrorKind::kNotFound, "credential helper {} is not in PATH", printable(file));
}

struct Output {
  bool success = false;
  std::string text;
};

Result<Output> run(const std::string& name, const char* verb, std::string_view input) {
  const std::string program = TRY(find_program(name));
  const auto in = TRY(sys::memory_file("credential", input));
  const auto null = TRY(sys::open_file("/dev/null", O_RDWR));
  auto out = TRY(sys::make_pipe());
  sys::SpawnOptions options;
  options.program = program;
  options.arguments = {"docker-credential-" + name, verb};
  options.fds = {{in.get(), 0}, {out.write.get(), 1}, {null.get(), 2}};
  auto child = TRY(sys::spawn(options));
  out.write.reset();
  auto text = sys::read_fd(out.read.get(), kMaxOutput);
  out.read.reset();
  const auto status = TRY(child.wait());
  return Output{status.shell_code() == 0, TRY(std::move(text))};
}

Error failed(const std::string& name, const char* verb, std::string_view output) {
  return error(ErrorKind::kUnavailable, "docker-credential-{} {}: {}", printable(name), verb,
               printable(trim(output.substr(0, 300))));
}

}  // namespace

Result<Credentials> helper_get(const std::string& name, std::string_view key) {
  const Output output = TRY(run(name, "get", key));
  if (!output.success) {
    if (output.text.find("credentials not found") != std::string::npos) return Credentials{};
    return failed(name, "get", output.text);
  }
  const json answer = TRY(parse_json(output.text), "docker-credential-{}", printable(name));
  Credentials credentials;
  const std::string user = TRY(string_member(answer, "Username"));
  const std::string secret = TRY(string_member(answer, "Secret"));
  if (user == kTokenUser) {
    credentials.identity_token = secret;
  } else {
    credentials.username = user;
    credentials.password = secret;
  }
  return credentials;
}

Result<> helper_store(const std::string& name, std::string_view key, const Credentials& credentials) {
  const bool token = !credentials.identity_token.empty();
  const json input{{"ServerURL", key},
                   {"Username", token ? std::string(kTokenUser) : credentials.username},
                   {"Secret", token ? credentials.identity_token : credentials.password}};
  const Output output = TRY(run(name, "store", input.dump(-1, ' ', false, json::error_handler_t::replace)));
  if (!output.success) return failed(name, "store", output.text);
  return {};
}

Result<> helper_erase(const std::string& name, std::string_view key) {
  const Output output = TRY(run(name, "erase", key));
  if (!output.success && output.text.find("credentials not found") == std::string::npos)
    return failed(name, "erase", output.text);
  return {};
}

}  // namespace strata::registry
