#include <cstdio>
#include <optional>

#include "base/strings.h"
#include "cli/container_options.h"
#include "cli/transfer_view.h"
#include "engine/restore.h"
#include "oci/platform.h"
#include "registry/client.h"
#include "store/lease.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

void tell(const std::string& line) { fmt::print(stderr, "{}\n", line); }

// The image of that name if it is for the platform asked for; one for another platform counts as missing.
Result<images::Image> find_image(engine::Engine& engine, const std::string& name,
                                 const std::optional<oci::Platform>& wanted) {
  images::Image image = TRY(engine.images().find(name));
  const oci::Platform have{
      .os = image.config.os, .architecture = image.config.architecture, .variant = image.config.variant};
  if (wanted && !oci::matches(*wanted, have))
    return error(ErrorKind::kNotFound,
                 "image with reference {} was found but its platform ({}) does not match the specified platform ({})",
                 printable(name), have.to_string(), wanted->to_string());
  return image;
}

}  // namespace

Result<images::Image> image_for_container(Context& context, const ContainerOptions& options, store::Lease* lease) {
  const std::string& name = options.image_name();
  if (options.pull != "always" && options.pull != "missing" && options.pull != "never")
    return error(ErrorKind::kInvalidArgument,
                 "invalid pull option: '{}': must be one of \"always\", \"missing\" or \"never\"",
                 printable(options.pull));
  std::optional<oci::Platform> platform;
  if (!options.platform.empty()) platform = TRY(oci::parse_platform(options.platform));
  engine::Engine& engine = *TRY(context.engine());
  if (options.pull != "always") {
    Result<images::Image> image = find_image(engine, name, platform);
    if (image && lease != nullptr) {
      TRY(images::Images::hold(*lease, image->id));
      image = find_image(engine, name, platform);
    }
    if (image) TRY(engine::restore(engine, *image, tell));
    if (image || image.error().kind() != ErrorKind::kNotFound || options.pull == "never") return image;
  }
  const oci::Reference typed = TRY(oci::Reference::parse(name));
  const oci::Reference reference = typed.with_default_tag();
  if (!options.quiet && options.pull == "missing")
    fmt::print(stderr, "Unable to find image '{}' locally\n", reference.familiar());
  images::PullOptions pull;
  pull.platform = platform;
  pull.max_layer_size = context.settings().max_layer_size;
  pull.lease = lease;
  // Standard output is the container's (or its id's) alone.
  PullView view(true);
  registry::Client& client = *TRY(engine.registry());
  images::Pulled pulled = TRY(engine.images().pull(client, reference, pull, view));
  if (!options.quiet)
    fmt::print(stderr, "Digest: {}\nStatus: {} for {}\n", pulled.digest.to_string(),
               pulled.changed ? "Downloaded newer image" : "Image is up to date", reference.familiar());
  return std::move(pulled.image);
}

Result<containers::Container> create_container(Context& context, const ContainerOptions& options,
                                               const containers::CreateRequest& request) {
  engine::Engine& engine = *TRY(context.engine());
  if (const auto image = image_for_container(context, options, nullptr)) {
    Result<containers::Container> created = engine.containers().create(request, *image);
    if (created || created.error().kind() != ErrorKind::kNotFound || engine.images().get(image->id)) return created;
  } else if (image.error().kind() != ErrorKind::kCorrupt) {
    return image.error();
  }
  // A prune has taken the image between the two. Not this time; a lease costs more than most runs should pay.
  store::Lease lease = TRY(store::Lease::create(engine.store()));
  const images::Image image = TRY(image_for_container(context, options, &lease));
  return engine.containers().create(request, image);
}

Result<> restore_image_of(Context& context, const containers::Container& container) {
  engine::Engine& engine = *TRY(context.engine());
  return engine::restore(engine, TRY(engine.images().get(container.image_id), "image {}", container.image_name), tell);
}

}  // namespace strata::cli
