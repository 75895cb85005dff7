#include <fmt/core.h>

#include "base/json.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/containers.h"
#include "images/images.h"

namespace strata::cli {
namespace {

// The object of that name as JSON; kNotFound when there is none of this kind.
using Describe = Result<std::string> (*)(engine::Engine&, const std::string& name);

Result<std::string> describe_container(engine::Engine& engine, const std::string& name) {
  return engine.containers().inspect(TRY(engine.containers().find(name)));
}

Result<std::string> describe_image(engine::Engine& engine, const std::string& name) {
  return images::inspect_json(TRY(engine.images().find(name)));
}

// A container goes before an image of the same name, as in docker.
Result<std::string> describe_any(engine::Engine& engine, const std::string& name) {
  Result<std::string> container = describe_container(engine, name);
  if (container || container.error().kind() != ErrorKind::kNotFound) return container;
  Result<std::string> image = describe_image(engine, name);
  if (image || image.error().kind() != ErrorKind::kNotFound) return image;
  return error(ErrorKind::kNotFound, "No such object: {}", name);
}

// What was found is printed even when something else was not.
Result<int> inspect_with(Context& context, const Verb& verb, Arguments arguments, Describe describe) {
  std::vector<std::string> names;
  std::string type;
  Options options(verb);
  if (describe == describe_any) options.value("--type", type, "Only inspect objects of this type (container, image)");
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;
  if (type == "container") describe = describe_container;
  else if (type == "image") describe = describe_image;
  else if (!type.empty()) return error(ErrorKind::kInvalidArgument, "\"{}\" is not a valid value for --type", type);

  engine::Engine& engine = *TRY(context.engine());
  ordered_json list = ordered_json::array();
  std::string errors;
  for (const std::string& name : names) {
    const Result<std::string> text = describe(engine, name);
    if (text) list.push_back(ordered_json::parse(*text));
    else errors += (errors.empty() ? "" : "\n") + text.error().message();
  }
  fmt::print("{}\n", list.dump(4, ' ', false, ordered_json::error_handler_t::replace));
  if (!errors.empty()) return Error(ErrorKind::kNotFound, errors);
  return 0;
}

}  // namespace

Result<int> run_inspect(Context& context, const Verb& verb, Arguments arguments) {
  return inspect_with(context, verb, arguments, describe_any);
}
Result<int> run_container_inspect(Context& context, const Verb& verb, Arguments arguments) {
  return inspect_with(context, verb, arguments, describe_container);
}
Result<int> run_image_inspect(Context& context, const Verb& verb, Arguments arguments) {
  return inspect_with(context, verb, arguments, describe_image);
}

}  // namespace strata::cli
