#include "cli/options.h"
#include "cli/transfer_view.h"
#include "cli/verbs.h"
#include "images/images.h"
#include "oci/platform.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_pull(Context& context, const Verb& verb, Arguments arguments) {
  bool quiet = false;
  std::optional<std::string> platform;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-q,--quiet", quiet, "Suppress verbose output");
  options.value("--platform", platform, "Set platform if server is multi-platform capable");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;

  const oci::Reference typed = TRY(oci::Reference::parse(names[0]));
  const oci::Reference reference = typed.with_default_tag();
  images::PullOptions pull;
  if (platform) pull.platform = TRY(oci::parse_platform(*platform));
  pull.max_layer_size = context.settings().max_layer_size;
  engine::Engine& engine = *TRY(context.engine());
  if (typed.is_name_only() && !quiet) fmt::print("Using default tag: latest\n");
  PullView view(quiet);
  registry::Client& client = *TRY(engine.registry());
  const images::Pulled pulled = TRY(engine.images().pull(client, reference, pull, view));
  if (!quiet)
    fmt::print("Digest: {}\nStatus: {} for {}\n", pulled.digest.to_string(),
               pulled.changed ? "Downloaded newer image" : "Image is up to date",
               reference.familiar());
  fmt::print("{}\n", reference.to_string());
  return 0;
}

}  // namespace strata::cli
