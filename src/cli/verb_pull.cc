#include "cli/options.h"
#include "cli/transfer_view.h"
#include "cli/verbs.h"
#include "images/images.h"
#include "oci/platform.h"
#include "registry/client.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

// As docker names what was pulled: a digest takes the tag's place.
std::string status_name(const oci::Reference& reference) {
  oci::Reference named = reference;
  if (named.digest) named.tag.reset();
  return named.familiar();
}

}  // namespace

Result<int> run_pull(Context& context, const Verb& verb, Arguments arguments) {
  bool quiet = false;
  bool all = false;
  std::optional<std::string> platform;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-a,--all-tags", all, "Download all tagged images in the repository");
  options.flag("-q,--quiet", quiet, "Suppress verbose output");
  options.value("--platform", platform, "Set platform if server is multi-platform capable");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;

  const oci::Reference typed = TRY(oci::Reference::parse(names[0]));
  if (all && !typed.is_name_only()) return error(ErrorKind::kInvalidArgument, "tag can't be used with --all-tags/-a");
  images::PullOptions pull;
  if (platform) pull.platform = TRY(oci::parse_platform(*platform));
  pull.max_layer_size = context.settings().max_layer_size;
  engine::Engine& engine = *TRY(context.engine());
  registry::Client& client = *TRY(engine.registry());
  std::vector<oci::Reference> references{typed.with_default_tag()};
  if (all) {
    references.clear();
    for (std::string& tag : TRY(client.tags(typed))) {
      oci::Reference& reference = references.emplace_back(typed);
      reference.tag = std::move(tag);
    }
    if (references.empty()) return error(ErrorKind::kNotFound, "{} has no tags", typed.familiar_name());
  } else if (typed.is_name_only() && !quiet) {
    fmt::print("Using default tag: latest\n");
  }
  bool changed = false;
  for (const oci::Reference& reference : references) {
    PullView view(quiet);
    const images::Pulled pulled = TRY(engine.images().pull(client, reference, pull, view));
    changed = changed || pulled.changed;
    if (!quiet) fmt::print("Digest: {}\n", pulled.digest.to_string());
  }
  if (!quiet)
    fmt::print("Status: {} for {}\n", changed ? "Downloaded newer image" : "Image is up to date",
               status_name(all ? typed : references[0]));
  fmt::print("{}\n", (all ? typed : references[0]).to_string());
  return 0;
}

}  // namespace strata::cli
