// The layers of a load as they pass, on a terminal only, as docker has it.
#pragma once

#include <string>
#include <vector>

#include "cli/transfer_view.h"
#include "images/archive_files.h"

namespace strata::cli {

class LoadView : public images::LoadProgress {
 public:
  explicit LoadView(bool quiet);
  void layer(std::string_view name, std::uint64_t done, std::uint64_t total) override;

 private:
  bool quiet_;
  std::vector<std::string> names_;
  LayerLines lines_;
};

}  // namespace strata::cli
