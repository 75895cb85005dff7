#include <fmt/core.h>

#include "base/json.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/containers.h"

namespace strata::cli {

Result<int> run_container_inspect(Context& context, const Verb& verb, Arguments arguments) {
  std::vector<std::string> names;
  Options options(verb);
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;

  containers::Containers& containers = TRY(context.engine())->containers();
  ordered_json list = ordered_json::array();
  std::string errors;
  for (const std::string& name : names) {
    const auto container = containers.find(name);
    if (container)
      list.push_back(ordered_json::parse(TRY(containers.inspect(*container))));
    else
      errors += (errors.empty() ? "" : "\n") + container.error().message();
  }
  fmt::print("{}\n", list.dump(4, ' ', false, ordered_json::error_handler_t::replace));
  if (!errors.empty()) return Error(ErrorKind::kNotFound, errors);
  return 0;
}

}  // namespace strata::cli
