#include "base/json.h"
#include "base/strings.h"
#include "cli/format.h"
#include "cli/options.h"
#include "cli/record_text.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "engine/disk_usage.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

using engine::DiskUsage;

std::string reclaimable(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? human_size(part) : fmt::format("{} ({}%)", human_size(part), part * 100 / whole);
}

using Cells = std::vector<std::string>;

// One line of the table; the bytes are for scripts that want to add up.
struct Kind {
  Cells cells;
  std::uint64_t bytes = 0, reclaimable_bytes = 0;
};

Kind make_kind(std::string name, std::size_t total, std::size_t active, std::uint64_t bytes, std::uint64_t freed) {
  return {
      {std::move(name), std::to_string(total), std::to_string(active), human_size(bytes), reclaimable(freed, bytes)},
      bytes,
      freed};
}

std::vector<Kind> summary(const DiskUsage& usage) {
  std::size_t active_images = 0, running = 0, used_volumes = 0;
  std::uint64_t stopped_bytes = 0, unused_bytes = 0;
  for (const auto& image : usage.images) active_images += image.containers > 0 ? 1 : 0;
  for (const auto& container : usage.containers) {
    if (container.state.running())
      ++running;
    else
      stopped_bytes += container.size;
  }
  for (const auto& volume : usage.volumes) {
    if (volume.links > 0)
      ++used_volumes;
    else
      unused_bytes += volume.size;
  }
  // The last one is ours: with it the sizes add up to what du says.
  return {make_kind("Images", usage.images.size(), active_images, usage.image_bytes, usage.reclaimable_image_bytes),
          make_kind("Containers", usage.containers.size(), running, usage.container_bytes, stopped_bytes),
          make_kind("Local Volumes", usage.volumes.size(), used_volumes, usage.volume_bytes, unused_bytes),
          make_kind("Build Cache", usage.cache.size(), 0, usage.cache_bytes, usage.reclaimable_cache_bytes),
          make_kind("Other", usage.other.work, usage.other.work, usage.other.bytes(), usage.other.reclaimable())};
}

void print_summary(const DiskUsage& usage) {
  Table table({"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"});
  for (Kind& kind : summary(usage)) table.add(std::move(kind.cells));
  fmt::print("{}", table.to_string());
}

constexpr Column kColumns[] = {{"Type", "TYPE"},
                               {"TotalCount", "TOTAL"},
                               {"Active", "ACTIVE"},
                               {"Size", "SIZE"},
                               {"Reclaimable", "RECLAIMABLE"},
                               {"Bytes", "BYTES"},
                               {"ReclaimableBytes", "RECLAIMABLE BYTES"}};

Result<> print_formatted(const DiskUsage& usage, std::string_view format) {
  ListFormat list = TRY(ListFormat::parse(format, "disk usage", kColumns));
  for (const Kind& kind : summary(usage)) {
    ordered_json record;
    for (std::size_t i = 0; i < kind.cells.size(); ++i) record[std::string(kColumns[i].field)] = kind.cells[i];
    record["Bytes"] = kind.bytes;
    record["ReclaimableBytes"] = kind.reclaimable_bytes;
    TRY(list.add(record));
  }
  fmt::print("{}", TRY(list.text()));
  return {};
}

std::string age(Timestamp time) { return age_text(time, now()); }

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
  for (const auto& volume : usage.volumes)
    volumes.add({volume.name, std::to_string(volume.links), human_size(volume.size)});
  fmt::print("{}\nBuild cache usage: {}\n\n", volumes.to_string(), human_size(usage.cache_bytes));
  Table cache({"CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED"});
  for (const auto& entry : usage.cache)
    cache.add({entry.step.key.short_hex(), "regular", human_size(entry.size),
               age(parse_rfc3339(entry.step.created).value_or(Timestamp())), age(entry.step.used), "1",
               entry.shared ? "true" : "false"});
  fmt::print("{}\nOther space usage:\n\n", cache.to_string());
  Table other({"WHAT", "SIZE"});
  other.add({"Database and directories", human_size(usage.other.records)});
  other.add({"Work in flight", human_size(usage.other.in_flight)});
  other.add({"Interrupted downloads", human_size(usage.other.partial)});
  other.add({"Layers that nothing needs", human_size(usage.other.unneeded)});
  if (usage.other.ownerless > 0) other.add({"Containers without a record", human_size(usage.other.ownerless)});
  other.add({"Deleted, on its way out", human_size(usage.other.deleted)});
  fmt::print("{}\nTotal: {} ({} bytes)\n", other.to_string(), human_size(usage.bytes()), usage.bytes());
  fmt::print("A system prune --all frees {} ({} bytes)\n", human_size(usage.pruned_bytes), usage.pruned_bytes);
}

// All of -v as one object, as docker has it.
ordered_json details(const DiskUsage& usage) {
  ordered_json all{{"Images", ordered_json::array()},
                   {"Containers", ordered_json::array()},
                   {"Volumes", ordered_json::array()},
                   {"BuildCache", ordered_json::array()}};
  for (const auto& image : usage.images) {
    const oci::Reference* tag = image.image.tags.empty() ? nullptr : &image.image.tags.front();
    all["Images"].push_back({{"Containers", std::to_string(image.containers)},
                             {"CreatedAt", time_text(image.image.created)},
                             {"CreatedSince", age(image.image.created)},
                             {"ID", image.image.id.to_string()},
                             {"Repository", tag == nullptr ? "<none>" : tag->familiar_name()},
                             {"SharedSize", human_size(image.shared)},
                             {"Size", human_size(image.size)},
                             {"Tag", tag == nullptr ? "<none>" : tag->tag.value_or("<none>")},
                             {"UniqueSize", human_size(image.unique)}});
  }
  for (const auto& entry : usage.containers)
    all["Containers"].push_back({{"Command", "\"" + join(entry.container.command(), " ") + "\""},
                                 {"CreatedAt", time_text(entry.container.created)},
                                 {"ID", entry.container.id},
                                 {"Image", entry.container.image_name},
                                 {"LocalVolumes", std::to_string(entry.volumes)},
                                 {"Names", entry.container.name},
                                 {"RunningFor", age(entry.container.created)},
                                 {"Size", human_size(entry.size)},
                                 {"State", std::string(to_string(entry.state.status))}});
  for (const auto& volume : usage.volumes)
    all["Volumes"].push_back(
        {{"Name", volume.name}, {"Links", std::to_string(volume.links)}, {"Size", human_size(volume.size)}});
  for (const auto& entry : usage.cache)
    all["BuildCache"].push_back({{"ID", entry.step.key.short_hex()},
                                 {"CacheType", "regular"},
                                 {"Description", entry.step.instruction},
                                 {"Size", human_size(entry.size)},
                                 {"CreatedAt", entry.step.created},
                                 {"LastUsedAt", time_text(entry.step.used)},
                                 {"LastUsedSince", age(entry.step.used)},
                                 {"Shared", entry.shared ? "true" : "false"}});
  all["TotalBytes"] = usage.bytes();
  all["PruneAllBytes"] = usage.pruned_bytes;
  return all;
}

}  // namespace

Result<int> run_system_df(Context& context, const Verb& verb, Arguments arguments) {
  bool verbose = false;
  std::string format;
  std::vector<std::string> none;
  Options options(verb);
  options.flag("-v,--verbose", verbose, "Show detailed information on space usage");
  options.value("--format", format,
                "Format output using a Go template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  const DiskUsage usage = TRY(engine::disk_usage(*TRY(context.engine())));
  if (ListFormat::is_default(format))
    verbose ? print_details(usage) : print_summary(usage);
  else if (verbose)
    fmt::print("{}", TRY(format_object(format, details(usage))));
  else
    TRY(print_formatted(usage, format));
  return 0;
}

}  // namespace strata::cli
