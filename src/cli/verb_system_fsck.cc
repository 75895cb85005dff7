#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "engine/fsck.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

using engine::Finding;
using engine::FsckReport;

std::string_view word(Finding::Outcome outcome) {
  switch (outcome) {
    case Finding::Outcome::kRepaired:
      return "repaired";
    case Finding::Outcome::kLost:
      return "lost";
    case Finding::Outcome::kFound:
      break;
  }
  return "found";
}

void print_json(const FsckReport& report) {
  ordered_json findings = ordered_json::array();
  for (const Finding& finding : report.findings)
    findings.push_back({{"Subject", finding.subject},
                        {"Name", finding.name},
                        {"Problem", finding.what},
                        {"Images", finding.images},
                        {"Outcome", word(finding.outcome)},
                        {"Remedy", finding.remedy}});
  const ordered_json all = {{"Clean", report.clean()},
                            {"Findings", std::move(findings)},
                            {"Checked",
                             {{"Tars", report.checked.tars},
                              {"Indexes", report.checked.indexes},
                              {"Directories", report.checked.directories},
                              {"Bytes", report.checked.bytes},
                              {"Images", report.images},
                              {"Containers", report.containers},
                              {"Volumes", report.volumes}}}};
  fmt::print("{}\n", all.dump(4, ' ', false, ordered_json::error_handler_t::replace));
}

void print_text(const FsckReport& report, bool repair) {
  for (const Finding& finding : report.findings) fmt::print("{}\n", printable(finding.line()));
  const auto count = [&](Finding::Outcome outcome) {
    return std::ranges::count(report.findings, outcome, &Finding::outcome);
  };
  std::string verdict = "nothing is wrong";
  if (!report.findings.empty()) {
    verdict = fmt::format("{} found", report.findings.size());
    if (repair)
      verdict +=
          fmt::format(", {} repaired, {} lost", count(Finding::Outcome::kRepaired), count(Finding::Outcome::kLost));
  }
  fmt::print("Checked {} layers ({}), {} images, {} containers, {} volumes: {}\n", report.checked.tars,
             human_size(report.checked.bytes), report.images, report.containers, report.volumes, verdict);
}

}  // namespace

Result<int> run_system_fsck(Context& context, const Verb& verb, Arguments arguments) {
  bool repair = false;
  std::string format;
  std::vector<std::string> none;
  Options options(verb);
  options.value("--format", format, "Format the output: \"json\", or a table when not given");
  options.flag("--repair", repair, "Make indexes again, fetch lost layers again, remove what nobody owns");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  if (!format.empty() && format != "json")
    return error(ErrorKind::kInvalidArgument, "unknown format: {}: only json is known", printable(format));
  const auto note = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
  const FsckReport report = TRY(engine::fsck(*TRY(context.engine()), {.repair = repair, .note = note}));
  format.empty() ? print_text(report, repair) : print_json(report);
  return report.clean() ? 0 : 1;
}

}  // namespace strata::cli
