// Local volumes: root/volumes/<name>/_data. Their rows are made with the container's (records.h), the
// directory at the first start, complete at once: it is filled beside its place and renamed.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "containers/container.h"
#include "containers/records.h"
#include "store/store.h"

namespace strata::containers {

std::string volume_directory(const store::Paths& paths, std::string_view name);

// The path of the volume's data, made when it is missing: with what the image has at the mount's target
// (`rootfs` is a descriptor of the root), its owner and mode, unless no_copy.
Result<std::string> prepare_volume(const store::Paths& paths, const Mount& mount, int rootfs);

// Deletes the volumes that are marked for it and that nobody uses.
Result<> remove_marked_volumes(store::Store& store, Records& records);

}  // namespace strata::containers
