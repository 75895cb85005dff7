#include "cli/prune_filter.h"

#include "cli/time_flag.h"

namespace strata::cli {

Result<images::PruneFilter> parse_prune_filter(const std::vector<std::string>& texts, Timestamp now) {
  images::PruneFilter filter;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) return error(ErrorKind::kInvalidArgument, "invalid filter '{}'", text);
    const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
    if (key == "until")
      filter.until = TRY(parse_time_flag(value, now));
    else if (key == "label")
      filter.labels.push_back(value);
    else if (key == "label!")
      filter.other_labels.push_back(value);
    else
      return error(ErrorKind::kInvalidArgument, "invalid filter '{}'", key);
  }
  return filter;
}

}  // namespace strata::cli
