// `image diff A B`: what differs between two images, files and config.
//
// Both merged trees are walked at once, in the same order, so memory does not grow with the images.
// Files that come from the same layer are the same; others are compared byte by byte when their
// sizes agree. A different time alone is no difference: images that are built again differ in all
// of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "images/images.h"

namespace strata::images {

struct FileDifference {
  enum class Kind { kAdded, kChanged, kDeleted };
  Kind kind = Kind::kChanged;
  std::string path;                          // without a slash in front; foreign bytes
  char type = 'f';                           // f, d, l(ink), c, b, p; of the newer one, unless deleted
  std::uint64_t old_size = 0, new_size = 0;  // of files
  // kChanged: what of "type", "content", "mode", "owner", "target", "device", "attributes".
  std::vector<std::string> what;
};

struct ConfigDifference {
  std::string field;  // "Env PATH", "Label maintainer", "Cmd"
  std::string old_value, new_value;
  bool added = false, removed = false;
};

struct DifferenceSums {
  std::uint64_t added = 0, changed = 0, deleted = 0;  // entries
  std::uint64_t added_bytes = 0, deleted_bytes = 0;   // of files; a change counts in both
};

// In the order of paths. Ends at the first error of `visit`.
using VisitDifference = std::function<Result<>(const FileDifference&)>;
Result<DifferenceSums> diff_files(Images& images, const Image& before, const Image& after,
                                  const VisitDifference& visit);
std::vector<ConfigDifference> diff_configs(const Image& before, const Image& after);

}  // namespace strata::images
