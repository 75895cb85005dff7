// What a monitor executes when its container has ended.
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/containers.h"

namespace strata::cli {

Result<int> run_internal_teardown(Context& context, const Verb& verb, Arguments arguments) {
  std::vector<std::string> ids;
  Options options(verb);
  options.arguments(ids, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;
  engine::Engine& engine = *TRY(context.engine());
  TRY(engine.containers().teardown(ids[0]));
  return 0;
}

}  // namespace strata::cli
