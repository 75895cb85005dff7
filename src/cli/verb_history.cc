#include <algorithm>

#include "base/clock.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/format.h"
#include "cli/options.h"
#include "cli/record_text.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "images/images.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

constexpr std::size_t kCreatedByWidth = 45;

constexpr Column kColumns[] = {
    {"ID", "IMAGE"},  {"CreatedSince", "CREATED"}, {"CreatedAt", "CREATED AT"}, {"CreatedBy", "CREATED BY"},
    {"Size", "SIZE"}, {"Comment", "COMMENT"}};

std::string created_text(const std::string& created, bool human) {
  // Reproducible builds date their layers 1970, which nobody wants to read as an age.
  constexpr Timestamp kEpoch{std::chrono::seconds(946684800)};  // 2000-01-01
  const auto time = parse_rfc3339(created);
  if (!time) return human ? "N/A" : printable(created);
  if (human) return *time <= kEpoch ? "N/A" : age_text(*time, now());
  // Docker leaves the fraction out here.
  return to_rfc3339(*time).substr(0, 19) + "Z";
}

}  // namespace

Result<int> run_history(Context& context, const Verb& verb, Arguments arguments) {
  bool human = true;
  bool no_trunc = false;
  bool quiet = false;
  std::string format;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-H,--human", human, "Print sizes and dates in human readable format");
  options.flag("--no-trunc", no_trunc, "Don't truncate output");
  options.flag("-q,--quiet", quiet, "Only show image IDs");
  options.value("--format", format,
                "Format output using a Go template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;

  engine::Engine& engine = *TRY(context.engine());
  const images::Image image = TRY(engine.images().find(names[0]));
  std::optional<ListFormat> list;
  if (!ListFormat::is_default(format)) list = TRY(ListFormat::parse(format, "history", kColumns));
  Table table({"IMAGE", human ? "CREATED" : "CREATED AT", "CREATED BY", "SIZE", "COMMENT"});
  for (const images::HistoryLine& line : TRY(images::history(engine.images(), image))) {
    const std::string id = line.image.empty() ? "<missing>"
                           : no_trunc         ? line.image.to_string()
                                              : line.image.short_hex();
    if (quiet && !list) {
      fmt::print("{}\n", id);
      continue;
    }
    std::string created_by = line.created_by;
    std::ranges::replace(created_by, '\t', ' ');
    created_by = printable(created_by);
    if (!no_trunc) created_by = ellipsis(created_by, kCreatedByWidth);
    if (list) {
      TRY(list->add({{"ID", id},
                     {"CreatedSince", created_text(line.created, human)},
                     {"CreatedAt", created_text(line.created, false)},
                     {"CreatedBy", created_by},
                     {"Size", human ? human_size(line.size, 3) : std::to_string(line.size)},
                     {"Comment", printable(line.comment)}}));
      continue;
    }
    table.add({id, created_text(line.created, human), created_by,
               human ? human_size(line.size, 3) : std::to_string(line.size), printable(line.comment)});
  }
  if (list)
    fmt::print("{}", TRY(list->text()));
  else if (!quiet)
    fmt::print("{}", table.to_string());
  return 0;
}

}  // namespace strata::cli
