#include <fmt/core.h>

#include "base/strings.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "engine/disk_usage.h"

namespace strata::cli {
namespace {

using engine::DiskUsage;

std::string reclaimable(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? human_size(part) : fmt::format("{} ({}%)", human_size(part), part * 100 / whole);
}

void print_summary(const DiskUsage& usage) {
  Table table({"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"});
  std::size_t active_images = 0, running = 0, used_volumes = 0;
  std::uint64_t container_bytes = 0, stopped_bytes = 0, volume_bytes = 0, unused_bytes = 0;
  for (const auto& image : usage.images) active_images += image.containers > 0 ? 1 : 0;
  for (const auto& container : usage.containers) {
    container_bytes += container.size;
    if (container.state.running()) ++running;
    else stopped_bytes += container.size;
  }
  for (const auto& volume : usage.volumes) {
    volume_bytes += volume.size;
    if (volume.links > 0) ++used_volumes;
    else unused_bytes += volume.size;
  }
  table.add({"Images", std::to_string(usage.images.size()), std::to_string(active_images), human_size(usage.image_bytes),
             reclaimable(usage.reclaimable_image_bytes, usage.image_bytes)});
  table.add({"Containers", std::to_string(usage.containers.size()), std::to_string(running), human_size(container_bytes),
             reclaimable(stopped_bytes, container_bytes)});
  table.add({"Local Volumes", std::to_string(usage.volumes.size()), std::to_string(used_volumes), human_size(volume_bytes),
             reclaimable(unused_bytes, volume_bytes)});
  table.add({"Build Cache", std::to_string(usage.cache_layers), "0", human_size(usage.cache_bytes),
             human_size(usage.cache_bytes)});
  fmt::print("{}", table.to_string());
}

std::string age(Timestamp time) {
  return human_duration(std::chrono::duration_cast<std::chrono::seconds>(now() - time)) + " ago";
}

void print_details(const DiskUsage& usage) {
  fmt::print("Images space usage:\n\n");
  Table images({"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"});
  for (const auto& image : usage.images) {
    const std::string id = image.image.id.hex().substr(0, 12);
    const auto row = [&](std::string name, std::string tag) {
      images.add({std::move(name), std::move(tag), id, age(image.image.created), human_size(image.size),
                  human_size(image.shared), human_size(image.unique), std::to_string(image.containers)});
    };
    if (image.image.tags.empty()) row("<none>", "<none>");
    for (const oci::Reference& tag : image.image.tags) row(tag.familiar_name(), tag.tag.value_or("<none>"));
  }
  fmt::print("{}\nContainers space usage:\n\n", images.to_string());
  Table containers({"CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"});
  for (const auto& entry : usage.containers)
    containers.add({entry.container.short_id(), entry.container.image_name,
                    ellipsis("\"" + join(entry.container.command(), " ") + "\"", 20), std::to_string(entry.volumes),
                    human_size(entry.size), age(entry.container.created), std::string(to_string(entry.state.status)),
                    entry.container.name});
  fmt::print("{}\nLocal Volumes space usage:\n\n", containers.to_string());
  Table volumes({"VOLUME NAME", "LINKS", "SIZE"});
  for (const auto& volume : usage.volumes) volumes.add({volume.name, std::to_string(volume.links), human_size(volume.size)});
  fmt::print("{}\nBuild cache usage: {}\n", volumes.to_string(), human_size(usage.cache_bytes));
}

}  // namespace

Result<int> run_system_df(Context& context, const Verb& verb, Arguments arguments) {
  bool verbose = false;
  std::vector<std::string> none;
  Options options(verb);
  options.flag("-v,--verbose", verbose, "Show detailed information on space usage");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  const DiskUsage usage = TRY(engine::disk_usage(*TRY(context.engine())));
  verbose ? print_details(usage) : print_summary(usage);
  return 0;
}

}  // namespace strata::cli
