// The rows of containers (and of transient ones) in the database. No files, no processes; see containers.h
// for what the phases mean. A function that changes a row must be called with the container's lock held.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "containers/container.h"
#include "store/store.h"

namespace strata::containers {

enum class Phase { kCreating = 0, kIdle = 1, kActive = 2, kCleaning = 3, kRemoving = 4 };

// A process, named so that a recycled pid is not taken for it.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot
};

struct Row {
  Container container;
  Phase phase = Phase::kIdle;
  std::string boot_id;  // of the last start
  ProcessIdentity init;
  ProcessIdentity monitor;
  std::optional<Timestamp> started;
  std::optional<Timestamp> finished;
  int exit_code = 0;
  bool oom_killed = false;
  std::string error;
  ProcessIdentity starter;  // the command that makes or starts it, while it is not yet recorded as started
};

struct TransientRow {
  std::string id;
  ProcessIdentity starter;
};

struct ExitRecord {
  int code = 0;
  bool oom_killed = false;
  std::string error;
  Timestamp finished;
};

class Records {
 public:
  explicit Records(store::Database& db) : db_(db) {}
  static const store::Schema& schema();

  // Errors: kConflict in docker's words when the name is taken; kConflict naming the id otherwise.
  Result<> insert(const Container& container, Phase phase, const ProcessIdentity& starter = {});
  Result<std::optional<Row>> get(std::string_view id);
  // A full id, a name, or a prefix of an id, in this order. Errors: kNotFound, kConflict (ambiguous).
  Result<Row> find(std::string_view name_or_id);
  // Newest first.
  Result<std::vector<Row>> list();
  // Ids of all that are not idle.
  Result<std::vector<std::string>> unsettled();
  Result<std::vector<std::string>> ids();

  Result<> set_phase(std::string_view id, Phase phase);
  // Phase kActive.
  Result<> begin_start(std::string_view id, const ProcessIdentity& starter);
  Result<> record_started(std::string_view id, std::string_view boot_id, const ProcessIdentity& init,
                          const ProcessIdentity& monitor, Timestamp started);
  // The phase becomes `next`; an empty exit leaves the last one (a start that did not come to pass).
  Result<> record_exit(std::string_view id, Phase next, const std::optional<ExitRecord>& exit);
  Result<> record_error(std::string_view id, std::string_view error, int exit_code);
  // Phase kRemoving; with `volumes` the anonymous ones that nobody else uses are to go too.
  Result<> begin_removal(std::string_view id, bool volumes);
  Result<> erase(std::string_view id);

  // Volumes that are to go and that no container uses any more.
  Result<std::vector<std::string>> volumes_to_remove();
  Result<> erase_volume(std::string_view name);

  Result<> insert_transient(std::string_view id, const ProcessIdentity& starter);
  Result<> erase_transient(std::string_view id);
  Result<std::vector<TransientRow>> transients();

  // A named value of this store, e.g. the boot in which it was last swept whole.
  Result<std::string> note(std::string_view key);
  Result<> set_note(std::string_view key, std::string_view value);

  store::Database& db() { return db_; }

 private:
  store::Database& db_;
};

}  // namespace strata::containers
