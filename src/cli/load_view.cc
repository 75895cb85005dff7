#include "cli/load_view.h"

#include <algorithm>

#include "cli/command.h"

namespace strata::cli {

LoadView::LoadView(bool quiet) : quiet_(quiet || !is_terminal(1)) {}

void LoadView::layer(std::string_view name, std::uint64_t done, std::uint64_t total) {
  if (quiet_) return;
  const auto known = std::ranges::find(names_, name);
  const auto line = static_cast<std::size_t>(known - names_.begin());
  if (known == names_.end()) {
    names_.emplace_back(name);
    lines_.add(std::string(name));
  }
  lines_.set(line, "Loading layer", done, std::max<std::uint64_t>(total, 1));
}

}  // namespace strata::cli
