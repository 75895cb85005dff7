// fsck of containers and volumes: their rows against their directories. Part of containers/, called by engine/.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "containers/containers.h"

namespace strata::containers {

struct ContainerDefect {
  enum class Kind {
    kFilesLost,     // a container's writable layer is gone: it can only be removed
    kImageLost,     // its image is not recorded
    kOrphan,        // a directory of a container that is not recorded: deleted
    kVolumeRecord,  // a volume's data without its record: recorded again, because the data is the user's
    kVolumeLost,    // a volume's record without its data, although a container has used it
  };
  Kind kind = Kind::kOrphan;
  std::string name;  // container's id or volume's name
  std::string what;
};

struct ContainerTotals {
  std::uint64_t containers = 0, volumes = 0;
};

Result<ContainerTotals> check(Containers& containers, const std::function<void(ContainerDefect)>& found);
// False when nothing can be done.
Result<bool> mend(Containers& containers, const ContainerDefect& defect);

}  // namespace strata::containers
