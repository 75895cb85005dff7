#include <cstdlib>

#include "base/strings.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/client_streams.h"
#include "containers/exec_session.h"
#include "sys/file.h"

namespace strata::cli {
namespace {

// "K=V" as it is; "K" with our own value, or not at all when we have none.
void add_variable(std::string_view text, std::vector<std::string>& out) {
  std::string variable(text);
  if (variable.find('=') == std::string::npos) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr) return;
    variable = variable + '=' + value;
  }
  out.push_back(std::move(variable));
}

Result<> add_file(const std::string& path, std::vector<std::string>& out) {
  const std::string text = TRY(sys::read_file(path));
  for (const std::string_view line : split(text, '\n'))
    if (!trim(line).empty() && !trim(line).starts_with('#')) add_variable(trim(line), out);
  return {};
}

}  // namespace

Result<int> run_exec(Context& context, const Verb& verb, Arguments arguments) {
  containers::ExecSession session;
  std::vector<std::string> env, env_files, words;
  Options options(verb);
  options.flag("-d,--detach", session.detach, "Detached mode: run command in the background");
  options.value("--detach-keys", session.detach_keys, "Override the key sequence for detaching a container");
  options.list("-e,--env", env, "Set environment variables");
  options.list("--env-file", env_files, "Read in a file of environment variables");
  options.flag("-i,--interactive", session.interactive, "Keep STDIN open even if not attached");
  options.flag("--privileged", session.privileged, "Give extended privileges to the command");
  options.flag("-t,--tty", session.tty, "Allocate a pseudo-TTY");
  options.value("-u,--user", session.user, "Username or UID (format: \"<name|uid>[:<group|gid>]\")");
  options.value("-w,--workdir", session.working_dir, "Working directory inside the container");
  options.arguments(words, 2);
  options.stop_at_first_argument();
  if (!TRY(options.parse(arguments))) return 0;
  for (const std::string& path : env_files) TRY(add_file(path, session.env));
  for (const std::string& variable : env) add_variable(variable, session.env);
  session.arguments.assign(words.begin() + 1, words.end());
  if (!session.detach) TRY(containers::check_terminal_input(session.tty, session.interactive));
  containers::Containers& all = TRY(context.engine())->containers();
  return containers::exec_in(all, TRY(all.find(words[0])), session);
}

}  // namespace strata::cli
