#include <map>

#include "base/clock.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/format.h"
#include "cli/image_filter.h"
#include "cli/options.h"
#include "cli/record_text.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "engine/image_uses.h"
#include "images/images.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

struct Row {
  std::string repository = "<none>", tag = "<none>", digest = "<none>";
};

// One row per tag (with digests: per tag and digest of its repository), and one per digest that has
// no tag.
std::vector<Row> rows_of(const images::ImageSummary& image, bool with_digests) {
  std::map<std::string, std::vector<std::string>> digests;
  for (const oci::Reference& name : image.repo_digests)
    digests[name.familiar_name()].push_back(name.digest->to_string());
  std::vector<Row> rows;
  std::map<std::string, bool> has_tag;
  for (const oci::Reference& name : image.tags) {
    const std::string repository = name.familiar_name();
    has_tag[repository] = true;
    const auto found = digests.find(repository);
    if (!with_digests || found == digests.end()) {
      rows.push_back({repository, *name.tag, "<none>"});
      continue;
    }
    for (const std::string& digest : found->second) rows.push_back({repository, *name.tag, digest});
  }
  for (const auto& [repository, values] : digests) {
    if (has_tag.contains(repository)) continue;
    for (const std::string& digest : values) {
      rows.push_back({repository, "<none>", digest});
      if (!with_digests) break;
    }
  }
  if (rows.empty()) rows.emplace_back();
  return rows;
}

constexpr Column kColumns[] = {{"ID", "IMAGE ID"},
                               {"Repository", "REPOSITORY"},
                               {"Tag", "TAG"},
                               {"Digest", "DIGEST"},
                               {"CreatedSince", "CREATED"},
                               {"CreatedAt", "CREATED AT"},
                               {"Size", "SIZE"},
                               {"Containers", "CONTAINERS"},
                               {"VirtualSize", "SIZE"},
                               {"SharedSize", "SHARED SIZE"},
                               {"UniqueSize", "UNIQUE SIZE"}};
constexpr std::string_view kRaw =
    "repository: {{.Repository}}\ntag: {{.Tag}}\nimage_id: {{.ID}}\ncreated_at: "
    "{{.CreatedAt}}\nvirtual_size: {{.Size}}\n";
constexpr std::string_view kRawWithDigests =
    "repository: {{.Repository}}\ntag: {{.Tag}}\ndigest: {{.Digest}}\nimage_id: {{.ID}}\n"
    "created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";

// What stands behind a --format, as docker reads it beside -q and --digests.
std::string whole_format(std::string_view format, bool quiet, bool with_digests) {
  if (format == "raw") return std::string(quiet ? "image_id: {{.ID}}" : with_digests ? kRawWithDigests : kRaw);
  const bool adds = with_digests && format.starts_with("table") && format.find("{{.Digest}}") == std::string_view::npos;
  return std::string(format) + (adds ? "\t{{.Digest}}" : "");
}

// Only for --format: the table of every day needs neither JSON nor templates.
Result<std::string> formatted(engine::Engine& engine, const std::vector<images::ImageSummary>& list,
                              std::string_view format, bool whole_ids, bool with_digests) {
  ListFormat out = TRY(ListFormat::parse(format, "image", kColumns));
  std::map<oci::Digest, std::size_t> containers;
  if (out.mentions("Containers"))
    for (const images::ImageUse& use : TRY(engine::image_uses(engine)())) ++containers[use.image_id];
  const Timestamp present = now();
  for (const images::ImageSummary& image : list)
    for (const Row& row : rows_of(image, with_digests || out.mentions("Digest")))
      TRY(out.add({{"ID", whole_ids ? image.id.to_string() : image.id.short_hex()},
                   {"Repository", row.repository},
                   {"Tag", row.tag},
                   {"Digest", row.digest},
                   {"CreatedSince", age_text(image.created, present)},
                   {"CreatedAt", time_text(image.created)},
                   {"Size", human_size(image.size, 3)},
                   {"VirtualSize", human_size(image.size)},
                   {"Containers", std::to_string(containers[image.id])},
                   {"SharedSize", "N/A"},
                   {"UniqueSize", "N/A"}}));
  return out.text();
}

}  // namespace

Result<int> run_images(Context& context, const Verb& verb, Arguments arguments) {
  bool all = false;
  bool quiet = false;
  bool no_trunc = false;
  bool with_digests = false;
  bool tree = false;
  std::string format;
  std::vector<std::string> filters;
  std::vector<std::string> patterns;
  Options options(verb);
  options.flag("-a,--all", all, "Show all images (default hides intermediate images)");
  options.flag("-q,--quiet", quiet, "Only show image IDs");
  options.flag("--no-trunc", no_trunc, "Don't truncate output");
  options.flag("--digests", with_digests, "Show digests");
  options.flag("--tree", tree, "");
  options.filters("-f,--filter", filters, "Filter output based on conditions provided");
  options.value("--format", format,
                "Format output using a Go template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'");
  options.arguments(patterns, 0, 1);
  if (!TRY(options.parse(arguments))) return 0;

  if (tree)
    return error(ErrorKind::kUnsupported,
                 "--tree is not there yet; \"strata image tree IMAGE\" shows the layers of one image");
  engine::Engine& engine = *TRY(context.engine());
  if (!patterns.empty()) filters.push_back("reference=" + patterns[0]);
  auto list = TRY(engine.images().list());
  list = TRY(filter_images(engine.images(), std::move(list), filters));
  if (!ListFormat::is_default(format)) {
    fmt::print("{}", TRY(formatted(engine, list, whole_format(format, quiet, with_digests), no_trunc, with_digests)));
    return 0;
  }
  std::vector<std::string> headings{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"};
  if (with_digests) headings.insert(headings.begin() + 2, "DIGEST");
  Table table(std::move(headings));
  const Timestamp present = now();
  for (const images::ImageSummary& image : list) {
    const std::string id = no_trunc ? image.id.to_string() : image.id.short_hex();
    const std::string created = age_text(image.created, present);
    for (const Row& row : rows_of(image, with_digests)) {
      if (quiet) {
        fmt::print("{}\n", id);
        continue;
      }
      std::vector<std::string> cells{row.repository, row.tag, id, created, human_size(image.size, 3)};
      if (with_digests) cells.insert(cells.begin() + 2, row.digest);
      table.add(std::move(cells));
    }
  }
  if (!quiet) fmt::print("{}", table.to_string());
  return 0;
}

}  // namespace strata::cli
