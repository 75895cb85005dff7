#include "cli/container_options.h"
#include "cli/foreground.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/client_streams.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

// Which of its streams a container in the foreground shares with us; none is what -d means.
void choose_streams(containers::Config& config, bool detach) {
  if (!detach && !config.attach_stdin && !config.attach_stdout && !config.attach_stderr) {
    config.attach_stdin = config.open_stdin;
    config.attach_stdout = config.attach_stderr = true;
  }
  config.stdin_once = config.open_stdin && config.attach_stdin;
}

}  // namespace

Result<int> run_run(Context& context, const Verb& verb, Arguments arguments) {
  bool detach = false;
  bool signal_proxy = true;
  std::string detach_keys = containers::AttachOptions().detach_keys;
  Options options(verb);
  options.flag("-d,--detach", detach, "Run container in background and print container ID");
  options.flag("--sig-proxy", signal_proxy, "Proxy received signals to the process");
  options.value("--detach-keys", detach_keys, "Override the key sequence for detaching a container");
  ContainerOptions container_options(options);
  if (!TRY(options.parse(arguments))) return 0;
  if (detach && !container_options.attach.empty())
    return error(ErrorKind::kInvalidArgument, "conflicting options: cannot specify both --attach and --detach");
  containers::CreateRequest request = TRY(container_options.request());
  request.for_run = true;
  containers::Config& config = request.config;
  choose_streams(config, detach);
  TRY(containers::DetachKeys::parse(detach_keys));
  if (!detach) TRY(containers::check_terminal_input(config.tty, config.attach_stdin));
  TRY(container_options.check_cid_file());

  const containers::Container container = TRY(create_container(context, container_options, request));
  containers::Containers& all = TRY(context.engine())->containers();
  TRY(container_options.write_cid_file(container.id));
  if (detach) {
    TRY(all.start(container, {}));
    fmt::print("{}\n", container.id);
    return 0;
  }
  return start_in_foreground(all, container,
                             {.terminal = config.tty,
                              .want_stdin = config.attach_stdin,
                              .want_stdout = config.attach_stdout,
                              .want_stderr = config.attach_stderr,
                              .signal_proxy = signal_proxy,
                              .detach_keys = detach_keys});
}

}  // namespace strata::cli
