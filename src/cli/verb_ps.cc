#include <fmt/core.h>

#include <map>

#include "base/strings.h"
#include "cli/container_filter.h"
#include "cli/container_text.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "containers/containers.h"
#include "images/images.h"

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

}  // namespace

Result<int> run_ps(Context& context, const Verb& verb, Arguments arguments) {
  bool all = false, quiet = false, latest = false, whole = false;
  std::int64_t last = -1;
  std::vector<std::string> filters, none;
  Options options(verb);
  options.flag("-a,--all", all, "Show all containers (default shows just running)");
  options.list("-f,--filter", filters, "Filter output based on conditions provided");
  options.value("-n,--last", last, "Show n last created containers (includes all states)");
  options.flag("-l,--latest", latest, "Show the latest created container (includes all states)");
  options.flag("--no-trunc", whole, "Don't truncate output");
  options.flag("-q,--quiet", quiet, "Only display container IDs");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  const ContainerFilter filter = TRY(ContainerFilter::parse(filters));
  if (latest) last = 1;

  engine::Engine& engine = *TRY(context.engine());
  containers::Containers& containers = engine.containers();
  ImageColumn images(engine.images(), whole);
  const Timestamp present = now();
  Table table({"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"});
  for (const auto& [container, state] : TRY(containers.list_with_state())) {
    if (last < 0 && !all && !filter.wants_stopped() && !state.running()) continue;
    if (!filter.matches(container, state)) continue;
    if (last >= 0 && last-- == 0) break;
    const std::string id = whole ? container.id : container.short_id();
    if (quiet) {
      fmt::print("{}\n", id);
      continue;
    }
    std::string ports;
    if (state.running()) ports = ports_text(TRY(containers.published_ports(container)), container.config);
    table.add({id, images.text(container), command_text(container, whole),
               human_duration(std::chrono::duration_cast<std::chrono::seconds>(present - container.created)) + " ago",
               status_text(state, present), ports, container.name});
  }
  if (!quiet) fmt::print("{}", table.to_string());
  return 0;
}

}  // namespace strata::cli
