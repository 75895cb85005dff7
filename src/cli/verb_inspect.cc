#include "base/json.h"
#include "cli/format.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/containers.h"
#include "images/images.h"
#include "sys/tree_size.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

enum class Kind { kAny, kContainer, kImage };

// The object of that name as JSON; kNotFound when there is none of this kind.
Result<ordered_json> describe_container(engine::Engine& engine, const std::string& name, bool sizes) {
  const containers::Container container = TRY(engine.containers().find(name));
  ordered_json object = ordered_json::parse(TRY(engine.containers().inspect(container)));
  if (sizes) {
    const std::uint64_t own = TRY(sys::tree_size(engine.containers().paths(container.id).upper));
    const auto image = engine.images().get(container.image_id);
    object["SizeRw"] = own;
    object["SizeRootFs"] = own + (image ? image->size : 0);
  }
  return object;
}

Result<ordered_json> describe_image(engine::Engine& engine, const std::string& name) {
  return ordered_json::parse(TRY(images::inspect_json(TRY(engine.images().find(name)))));
}

// A container goes before an image of the same name, as in docker.
Result<ordered_json> describe(engine::Engine& engine, Kind kind, const std::string& name, bool sizes) {
  if (kind == Kind::kContainer) return describe_container(engine, name, sizes);
  if (kind == Kind::kImage) return describe_image(engine, name);
  Result<ordered_json> container = describe_container(engine, name, sizes);
  if (container || container.error().kind() != ErrorKind::kNotFound) return container;
  Result<ordered_json> image = describe_image(engine, name);
  if (image && sizes) fmt::print(stderr, "WARNING: --size ignored for image\n");
  if (image || image.error().kind() != ErrorKind::kNotFound) return image;
  return error(ErrorKind::kNotFound, "No such object: {}", name);
}

Result<std::string> shown(const ordered_json& list, const std::string& format) {
  std::string text;
  if (format.empty()) return list.dump(4, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  // All of them on one line, as docker has it for this format alone.
  if (format == "json") return format_object("json", list);
  for (const ordered_json& object : list) text += TRY(format_object(format, object));
  return text;
}

// What was found is printed even when something else was not.
Result<int> inspect_with(Context& context, const Verb& verb, Arguments arguments, Kind kind) {
  std::vector<std::string> names;
  std::string type, format;
  bool sizes = false;
  Options options(verb);
  options.value("-f,--format", format, "Format output using a Go template, or 'json'");
  if (kind != Kind::kImage) options.flag("-s,--size", sizes, "Display total file sizes if the type is container");
  if (kind == Kind::kAny) options.value("--type", type, "Only inspect objects of this type (container, image)");
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;
  if (type == "container")
    kind = Kind::kContainer;
  else if (type == "image")
    kind = Kind::kImage;
  else if (!type.empty())
    return error(ErrorKind::kInvalidArgument, "unknown type: \"{}\": must be one of \"container\", \"image\"", type);
  if (!is_template(format)) return kBrokenTemplate;

  engine::Engine& engine = *TRY(context.engine());
  ordered_json list = ordered_json::array();
  std::string errors;
  for (const std::string& name : names) {
    Result<ordered_json> object = describe(engine, kind, name, sizes);
    if (object)
      list.push_back(*std::move(object));
    else
      errors += (errors.empty() ? "" : "\n") + object.error().message();
  }
  fmt::print("{}", TRY(shown(list, format)));
  if (!errors.empty()) return Error(ErrorKind::kNotFound, errors);
  return 0;
}

}  // namespace

Result<int> run_inspect(Context& context, const Verb& verb, Arguments arguments) {
  return inspect_with(context, verb, arguments, Kind::kAny);
}
Result<int> run_container_inspect(Context& context, const Verb& verb, Arguments arguments) {
  return inspect_with(context, verb, arguments, Kind::kContainer);
}
Result<int> run_image_inspect(Context& context, const Verb& verb, Arguments arguments) {
  return inspect_with(context, verb, arguments, Kind::kImage);
}

}  // namespace strata::cli
