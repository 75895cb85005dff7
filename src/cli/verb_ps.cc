#include <map>

#include "base/json.h"
#include "base/strings.h"
#include "cli/container_filter.h"
#include "cli/container_text.h"
#include "cli/format.h"
#include "cli/options.h"
#include "cli/record_text.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "containers/containers.h"
#include "images/images.h"
#include "sys/tree_size.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

// The name the container was made with, as long as it still names its image; then the image's id.
class ImageColumn {
 public:
  ImageColumn(images::Images& images, bool whole_ids) : images_(images), whole_ids_(whole_ids) {}
  std::string text(const containers::Container& container) {
    const auto [known, fresh] = cache_.try_emplace(container.image_name);
    if (fresh) {
      const Result<images::Image> image = images_.find(container.image_name);
      if (image) known->second = image->id;
    }
    if (known->second == container.image_id) return container.image_name;
    return whole_ids_ ? container.image_id.to_string() : container.image_id.short_hex();
  }

 private:
  images::Images& images_;
  bool whole_ids_;
  std::map<std::string, oci::Digest> cache_;
};

constexpr Column kColumns[] = {{"ID", "CONTAINER ID"},
                               {"Names", "NAMES"},
                               {"Image", "IMAGE"},
                               {"Command", "COMMAND"},
                               {"CreatedAt", "CREATED AT"},
                               {"RunningFor", "CREATED"},
                               {"Ports", "PORTS"},
                               {"State", "STATE"},
                               {"Status", "STATUS"},
                               {"Size", "SIZE"},
                               {"Labels", "LABELS"},
                               {"Mounts", "MOUNTS"},
                               {"LocalVolumes", "LOCAL VOLUMES"},
                               {"Networks", "NETWORKS"},
                               {"Platform", "PLATFORM"},
                               {"Label", ""}};
constexpr std::string_view kRaw =
    "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\n"
    "status: {{- pad .Status 1 0}}\nports: {{- pad .Ports 1 0}}\nnames: {{.Names}}\nlabels: {{- "
    "pad .Labels 1 0}}\n";

// "55B (virtual 12.3MB)": the writable layer, and with the image's layers.
Result<std::string> size_text(engine::Engine& engine, const containers::Container& container) {
  const std::uint64_t own = TRY(sys::tree_size(engine.containers().paths(container.id).upper));
  const auto image = engine.images().get(container.image_id);
  return fmt::format("{} (virtual {})", human_size(own, 3), human_size(own + (image ? image->size : 0), 3));
}

std::string mounts_text(const containers::Container& container, bool whole, std::size_t& local_volumes) {
  std::vector<std::string> names;
  for (const containers::Mount& mount : container.config.mounts) {
    if (mount.type == containers::Mount::Type::kTmpfs) continue;
    if (mount.type == containers::Mount::Type::kVolume) ++local_volumes;
    const std::string& name = mount.name.empty() ? mount.source : mount.name;
    names.push_back(whole ? name : ellipsis(name, 15));
  }
  return join(names, ",");
}

// One row for --format.
Result<> add_record(engine::Engine& engine, ListFormat& list, const containers::Container& container,
                    const containers::State& state, const std::string& image, const std::string& ports, bool whole,
                    Timestamp present) {
  std::size_t local_volumes = 0;
  const std::string mounts = mounts_text(container, whole, local_volumes);
  const auto label = [&](std::string_view, const std::vector<std::string>& arguments) {
    const auto found = container.config.labels.find(arguments.front());
    return found == container.config.labels.end() ? std::string() : found->second;
  };
  return list.add({{"ID", whole ? container.id : container.short_id()},
                   {"Names", container.name},
                   {"Image", image},
                   {"Command", command_text(container, whole)},
                   {"CreatedAt", time_text(container.created)},
                   {"RunningFor", age_text(container.created, present)},
                   {"Ports", ports},
                   {"State", std::string(to_string(state.status))},
                   {"Status", status_text(state, present)},
                   {"Size", list.mentions("Size") ? TRY(size_text(engine, container)) : ""},
                   {"Labels", labels_text(container.config.labels)},
                   {"Mounts", mounts},
                   {"LocalVolumes", std::to_string(local_volumes)},
                   {"Networks", container.config.network_mode.substr(0, container.config.network_mode.find(':'))},
                   {"Platform", nullptr}},
                  label);
}

}  // namespace

Result<int> run_ps(Context& context, const Verb& verb, Arguments arguments) {
  bool all = false, quiet = false, latest = false, whole = false, sizes = false;
  std::string format;
  std::int64_t last = -1;
  std::vector<std::string> filters, none;
  Options options(verb);
  options.flag("-a,--all", all, "Show all containers (default shows just running)");
  options.filters("-f,--filter", filters, "Filter output based on conditions provided");
  options.value("-n,--last", last, "Show n last created containers (includes all states)");
  options.flag("-l,--latest", latest, "Show the latest created container (includes all states)");
  options.flag("--no-trunc", whole, "Don't truncate output");
  options.flag("-q,--quiet", quiet, "Only display container IDs");
  options.flag("-s,--size", sizes, "Display total file sizes");
  options.value("--format", format,
                "Format output using a Go template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  const ContainerFilter filter = TRY(ContainerFilter::parse(filters));
  if (latest) last = 1;

  engine::Engine& engine = *TRY(context.engine());
  containers::Containers& containers = engine.containers();
  ImageColumn images(engine.images(), whole);
  const Timestamp present = now();
  std::optional<ListFormat> list;
  if (!ListFormat::is_default(format))
    list = TRY(ListFormat::parse(format == "raw" ? kRaw : format, "container", kColumns, {"Label"}));
  std::vector<std::string> headings{"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"};
  if (sizes) headings.emplace_back("SIZE");
  Table table(std::move(headings));
  for (const auto& [container, state] : TRY(containers.list_with_state())) {
    if (last < 0 && !all && !filter.wants_stopped() && !state.running()) continue;
    if (!filter.matches(container, state)) continue;
    if (last >= 0 && last-- == 0) break;
    const std::string id = whole ? container.id : container.short_id();
    if (quiet && !list) {
      fmt::print("{}\n", id);
      continue;
    }
    std::string ports;
    if (state.running()) ports = ports_text(TRY(containers.published_ports(container)), container.config);
    if (list) {
      TRY(add_record(engine, *list, container, state, images.text(container), ports, whole, present));
      continue;
    }
    std::vector<std::string> row{id,
                                 images.text(container),
                                 command_text(container, whole),
                                 age_text(container.created, present),
                                 status_text(state, present),
                                 ports,
                                 container.name};
    if (sizes) row.push_back(TRY(size_text(engine, container)));
    table.add(std::move(row));
  }
  if (list)
    fmt::print("{}", TRY(list->text()));
  else if (!quiet)
    fmt::print("{}", table.to_string());
  return 0;
}

}  // namespace strata::cli
