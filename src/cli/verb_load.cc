#include <fcntl.h>

#include "cli/load_view.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "images/archive.h"
#include "images/images.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_load(Context& context, const Verb& verb, Arguments arguments) {
  std::string input;
  bool quiet = false;
  std::optional<std::string> platform;
  std::vector<std::string> none;
  Options options(verb);
  options.value("-i,--input", input, "Read from tar archive file, instead of STDIN");
  options.flag("-q,--quiet", quiet, "Suppress the load output");
  options.value("--platform", platform, "Load only the given platform");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;

  images::LoadOptions load;
  if (platform) load.platform = TRY(oci::parse_platform(*platform));
  load.max_layer_size = context.settings().max_layer_size;
  constexpr int kStandardInput = 0;
  sys::UniqueFd file;
  if (!input.empty())
    file = TRY(sys::open_file(input, O_RDONLY));
  else if (is_terminal(kStandardInput))
    return error(ErrorKind::kInvalidArgument, "requested load from stdin, but stdin is empty");
  LoadView view(quiet);
  const auto loaded =
      TRY(images::load((*TRY(context.engine())).images(), file ? file.get() : kStandardInput, load, view));
  for (const images::Loaded& image : loaded) {
    for (const auto& [tag, id] : image.replaced)
      fmt::print("The image {} already exists, renaming the old one with ID {} to empty string\n", tag.familiar(),
                 id.to_string());
    for (const oci::Reference& tag : image.tags) fmt::print("Loaded image: {}\n", tag.familiar());
    if (image.tags.empty()) fmt::print("Loaded image ID: {}\n", image.id.to_string());
  }
  return 0;
}

}  // namespace strata::cli
