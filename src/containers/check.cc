#include "containers/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/clock.h"
#include "containers/names.h"
#include "containers/records.h"
#include "containers/volumes.h"
#include "store/store.h"
#include "store/trash.h"
#include "sys/byte_lock.h"
#include "sys/file.h"

namespace strata::containers {
namespace {

using Kind = ContainerDefect::Kind;
using Found = std::function<void(ContainerDefect)>;

bool is_id(const std::string& name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
  if (!sys::exists(directory)) return std::vector<std::string>();
  return sys::list_directory(directory);
}

// A command that makes one holds its lock, before its row is there.
Result<bool> is_orphan(Containers& containers, const std::string& id) {
  const auto& paths = containers.parts().store.paths();
  const auto own = TRY(sys::ByteLock::try_acquire(paths.run_root + "/containers.lock", lock_byte(id)));
  return own && !TRY(Records(containers.parts().store.db()).get(id));
}

Result<> check_containers(Containers& containers, const std::vector<Row>& rows, const Found& found) {
  Records records(containers.parts().store.db());
  std::set<std::string> known;
  for (const Row& row : rows) {
    const std::string& id = row.container.id;
    known.insert(id);
    if (row.phase == Phase::kIdle && row.started && !sys::exists(containers.paths(id).upper) && TRY(records.get(id)))
      found({Kind::kFilesLost, id, fmt::format("the files of container {} are lost", row.container.name)});
    if (!containers.parts().images.get(row.container.image_id) && TRY(records.get(id)))
      found({Kind::kImageLost, id,
             fmt::format("the image of container {}, {}, is not recorded", row.container.name,
                         row.container.image_id.to_string())});
  }
  for (const std::string& name : TRY(names_in(containers.parts().store.paths().root + "/containers")))
    if (!known.contains(name) && is_id(name) && TRY(is_orphan(containers, name)))
      found({Kind::kOrphan, name, "a directory of a container that is not recorded"});
  return {};
}

Result<std::map<std::string, bool>> recorded_volumes(store::Database& db) {
  std::map<std::string, bool> volumes;
  auto rows = TRY(db.query("SELECT name, removing FROM containers_volume"));
  while (TRY(rows.step())) volumes.emplace(rows.text(0), rows.integer(1) != 0);
  return volumes;
}

Result<std::uint64_t> check_volumes(Containers& containers, const std::vector<Row>& rows, const Found& found) {
  const store::Paths& paths = containers.parts().store.paths();
  const auto names = TRY(names_in(paths.root + "/volumes"));
  // After the directories: a row is there before its directory.
  const auto recorded = TRY(recorded_volumes(containers.parts().store.db()));
  for (const std::string& name : names)
    if (!recorded.contains(name) && check_volume_name(name) && sys::exists(volume_directory(paths, name)))
      found({Kind::kVolumeRecord, name, "it has data, but no record"});
  for (const Row& row : rows) {
    if (!row.started) continue;
    for (const Mount& mount : row.container.config.mounts) {
      if (mount.type != Mount::Type::kVolume || !recorded.contains(mount.name)) continue;
      if (!sys::exists(volume_directory(paths, mount.name) + "/_data") &&
          TRY(recorded_volumes(containers.parts().store.db())).contains(mount.name))
        found({Kind::kVolumeLost, mount.name, "its data is lost"});
    }
  }
  return recorded.size();
}

}  // namespace

Result<ContainerTotals> check(Containers& containers, const Found& found) {
  const std::vector<Row> rows = TRY(Records(containers.parts().store.db()).list());
  TRY(check_containers(containers, rows, found));
  return ContainerTotals{rows.size(), TRY(check_volumes(containers, rows, found))};
}

Result<bool> mend(Containers& containers, const ContainerDefect& defect) {
  store::Store& store = containers.parts().store;
  switch (defect.kind) {
    case Kind::kOrphan: {
      const auto own =
          TRY(sys::ByteLock::try_acquire(store.paths().run_root + "/containers.lock", lock_byte(defect.name)));
      if (own && !TRY(Records(store.db()).get(defect.name)))
        TRY(store::discard(store, containers.paths(defect.name).directory));
      return true;
    }
    case Kind::kVolumeRecord:
      TRY(store.db().run("INSERT OR IGNORE INTO containers_volume(name, anonymous, created) VALUES (?, 0, ?)",
                         std::string_view(defect.name), now().time_since_epoch().count()));
      return true;
    case Kind::kFilesLost:
    case Kind::kImageLost:
    case Kind::kVolumeLost:
      return false;
  }
  return false;
}

}  // namespace strata::containers
