#include <fmt/core.h>

#include <cstdio>

#include "base/strings.h"
#include "cli/container_options.h"
#include "cli/transfer_view.h"
#include "engine/restore.h"
#include "oci/platform.h"
#include "registry/client.h"

namespace strata::cli {
namespace {

void tell(const std::string& line) { fmt::print(stderr, "{}\n", line); }

}  // namespace

Result<images::Image> image_for_container(Context& context, const ContainerOptions& options) {
  const std::string& name = options.image_name();
  if (options.pull != "always" && options.pull != "missing" && options.pull != "never")
    return error(ErrorKind::kInvalidArgument,
                 "invalid pull option: '{}': must be one of \"always\", \"missing\" or \"never\"",
                 printable(options.pull));
  engine::Engine& engine = *TRY(context.engine());
  if (options.pull != "always") {
    Result<images::Image> image = engine.images().find(name);
    if (image) TRY(engine::restore(engine, *image, tell));
    if (image || image.error().kind() != ErrorKind::kNotFound || options.pull == "never") return image;
  }
  const oci::Reference typed = TRY(oci::Reference::parse(name));
  const oci::Reference reference = typed.with_default_tag();
  if (!options.quiet && options.pull == "missing")
    fmt::print(stderr, "Unable to find image '{}' locally\n", reference.familiar());
  images::PullOptions pull;
  if (!options.platform.empty()) pull.platform = TRY(oci::parse_platform(options.platform));
  pull.max_layer_size = context.settings().max_layer_size;
  // Standard output is the container's (or its id's) alone.
  PullView view(true);
  registry::Client& client = *TRY(engine.registry());
  images::Pulled pulled = TRY(engine.images().pull(client, reference, pull, view));
  if (!options.quiet)
    fmt::print(stderr, "Digest: {}\nStatus: {} for {}\n", pulled.digest.to_string(),
               pulled.changed ? "Downloaded newer image" : "Image is up to date", reference.familiar());
  return std::move(pulled.image);
}

Result<> restore_image_of(Context& context, const containers::Container& container) {
  engine::Engine& engine = *TRY(context.engine());
  return engine::restore(engine, TRY(engine.images().get(container.image_id), "image {}", container.image_name), tell);
}

}  // namespace strata::cli
