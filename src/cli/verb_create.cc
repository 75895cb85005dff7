#include "cli/container_options.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_create(Context& context, const Verb& verb, Arguments arguments) {
  Options options(verb);
  ContainerOptions container_options(options);
  if (!TRY(options.parse(arguments))) return 0;
  containers::CreateRequest request = TRY(container_options.request());
  // What a later `start -a` joins.
  containers::Config& config = request.config;
  if (!config.attach_stdin && !config.attach_stdout && !config.attach_stderr) {
    config.attach_stdin = container_options.interactive;
    config.attach_stdout = config.attach_stderr = true;
  }
  config.stdin_once = container_options.interactive && config.attach_stdin;
  TRY(container_options.check_cid_file());
  const containers::Container container = TRY(create_container(context, container_options, request));
  TRY(container_options.write_cid_file(container.id));
  fmt::print("{}\n", container.id);
  return 0;
}

}  // namespace strata::cli
