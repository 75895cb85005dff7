#include "containers/records.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/strings.h"

namespace strata::containers {
namespace {

constexpr std::array<std::string_view, 1> kVersions = {R"sql(
CREATE TABLE containers_container(
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  image_id      TEXT NOT NULL,
  image_name    TEXT NOT NULL,
  created       INTEGER NOT NULL,           -- nanoseconds since 1970, as all times here
  config        TEXT NOT NULL,              -- JSON, config_json.cc
  phase         INTEGER NOT NULL,           -- records.h
  boot_id       TEXT NOT NULL DEFAULT '',
  pid           INTEGER NOT NULL DEFAULT 0,
  start_time    INTEGER NOT NULL DEFAULT 0,
  monitor_pid   INTEGER NOT NULL DEFAULT 0,
  monitor_start_time INTEGER NOT NULL DEFAULT 0,
  started       INTEGER,
  finished      INTEGER,
  exit_code     INTEGER NOT NULL DEFAULT 0,
  oom_killed    INTEGER NOT NULL DEFAULT 0,
  error         TEXT NOT NULL DEFAULT '',
  starter_pid   INTEGER NOT NULL DEFAULT 0, -- the command that makes or starts it
  starter_start_time INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX containers_unsettled ON containers_container(phase) WHERE phase <> 1;
CREATE INDEX containers_by_image ON containers_container(image_id);
CREATE TABLE containers_transient(
  id            TEXT PRIMARY KEY,
  starter_pid   INTEGER NOT NULL,
  starter_start_time INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE containers_volume(
  name          TEXT PRIMARY KEY,
  anonymous     INTEGER NOT NULL,
  created       INTEGER NOT NULL,
  removing      INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX containers_volume_removing ON containers_volume(removing) WHERE removing <> 0;
CREATE TABLE containers_volume_use(
  volume        TEXT NOT NULL REFERENCES containers_volume(name),
  container     TEXT NOT NULL REFERENCES containers_container(id) ON DELETE CASCADE,
  PRIMARY KEY(volume, container)
) WITHOUT ROWID;
CREATE INDEX containers_volume_by_container ON containers_volume_use(container);
CREATE TABLE containers_note(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
)sql"};

constexpr store::Schema kSchema = {.owner = "containers", .versions = kVersions};

constexpr std::string_view kColumns =
    "id, name, image_id, image_name, created, config, phase, boot_id, pid, start_time, monitor_pid, "
    "monitor_start_time, started, finished, exit_code, oom_killed, error, starter_pid, starter_start_time";

std::int64_t to_number(Timestamp time) { return time.time_since_epoch().count(); }

std::optional<Timestamp> time_column(const store::Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return Timestamp(std::chrono::nanoseconds(row.integer(column)));
}

Result<Row> read_row(const store::Statement& row) {
  Row out;
  Container& container = out.container;
  container.id = row.text(0);
  container.name = row.text(1);
  container.image_id = TRY(oci::Digest::parse(row.text_view(2)), "container {}", container.id);
  container.image_name = row.text(3);
  container.created = Timestamp(std::chrono::nanoseconds(row.integer(4)));
  container.config = TRY(config_from_json(row.text_view(5)), "container {}", container.id);
  out.phase = static_cast<Phase>(row.integer(6));
  out.boot_id = row.text(7);
  out.init = {static_cast<pid_t>(row.integer(8)), static_cast<std::uint64_t>(row.integer(9))};
  out.monitor = {static_cast<pid_t>(row.integer(10)), static_cast<std::uint64_t>(row.integer(11))};
  out.started = time_column(row, 12);
  out.finished = time_column(row, 13);
  out.exit_code = static_cast<int>(row.integer(14));
  out.oom_killed = row.integer(15) != 0;
  out.error = row.text(16);
  out.starter = {static_cast<pid_t>(row.integer(17)), static_cast<std::uint64_t>(row.integer(18))};
  return out;
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<std::vector<std::string>> first_column(store::Statement rows) {
  std::vector<std::string> out;
  while (TRY(rows.step())) out.push_back(rows.text(0));
  return out;
}

}  // namespace

const store::Schema& Records::schema() { return kSchema; }

Result<> Records::insert(const Container& container, Phase phase, const ProcessIdentity& starter) {
  store::Transaction change = TRY(db_.begin());
  {
    store::Statement taken = TRY(db_.query("SELECT id FROM containers_container WHERE name = ?", container.name));
    if (TRY(taken.step()))
      return error(ErrorKind::kConflict,
                   "Conflict. The container name \"/{}\" is already in use by container \"{}\". You have to "
                   "remove (or rename) that container to be able to reuse that name.",
                   container.name, taken.text(0));
  }
  TRY(db_.run(
      "INSERT INTO containers_container(id, name, image_id, image_name, created, config, phase, "
      "starter_pid, starter_start_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      container.id, container.name, container.image_id.to_string(), container.image_name, to_number(container.created),
      config_to_json(container.config), static_cast<int>(phase), starter.pid, starter.start_time));
  for (const Mount& mount : container.config.mounts) {
    if (mount.type != Mount::Type::kVolume) continue;
    TRY(db_.run("INSERT OR IGNORE INTO containers_volume(name, anonymous, created) VALUES (?, ?, ?)", mount.name,
                mount.anonymous, to_number(container.created)));
    TRY(db_.run("UPDATE containers_volume SET removing = 0 WHERE name = ?", mount.name));
    TRY(db_.run("INSERT OR IGNORE INTO containers_volume_use(volume, container) VALUES (?, ?)", mount.name,
                container.id));
  }
  return change.commit();
}

Result<std::optional<Row>> Records::get(std::string_view id) {
  store::Statement row = TRY(db_.query(fmt::format("SELECT {} FROM containers_container WHERE id = ?", kColumns), id));
  if (!TRY(row.step())) return std::nullopt;
  return TRY(read_row(row));
}

Result<Row> Records::find(std::string_view name_or_id) {
  std::string_view name = name_or_id;
  if (name.starts_with('/')) name.remove_prefix(1);
  {
    store::Statement row = TRY(db_.query(
        fmt::format("SELECT {} FROM containers_container WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC", kColumns),
        name));
    if (TRY(row.step())) return TRY(read_row(row));
  }
  if (!name.empty() && name.size() < 64 && is_hex(name)) {
    // All ids that begin with it lie between "it" and "itg".
    store::Statement row =
        TRY(db_.query(fmt::format("SELECT {} FROM containers_container WHERE id >= ? AND id < ? LIMIT 2", kColumns),
                      name, std::string(name) + "g"));
    if (TRY(row.step())) {
      Row found = TRY(read_row(row));
      if (!TRY(row.step())) return found;
      return error(ErrorKind::kConflict, "Multiple IDs found with provided prefix: {}", name);
    }
  }
  return error(ErrorKind::kNotFound, "No such container: {}", printable(name_or_id));
}

Result<std::vector<Row>> Records::list() {
  store::Statement rows =
      TRY(db_.query(fmt::format("SELECT {} FROM containers_container ORDER BY created DESC, id", kColumns)));
  std::vector<Row> out;
  while (TRY(rows.step())) out.push_back(TRY(read_row(rows)));
  return out;
}

Result<std::vector<std::string>> Records::unsettled() {
  return first_column(TRY(db_.query("SELECT id FROM containers_container WHERE phase <> 1")));
}

Result<std::vector<std::string>> Records::ids() {
  return first_column(TRY(db_.query("SELECT id FROM containers_container")));
}

Result<> Records::set_phase(std::string_view id, Phase phase) {
  return db_.run("UPDATE containers_container SET phase = ? WHERE id = ?", static_cast<int>(phase), id);
}

Result<> Records::begin_start(std::string_view id, const ProcessIdentity& starter) {
  return db_.run("UPDATE containers_container SET phase = ?, starter_pid = ?, starter_start_time = ? WHERE id = ?",
                 static_cast<int>(Phase::kActive), starter.pid, starter.start_time, id);
}

Result<> Records::record_started(std::string_view id, std::string_view boot_id, const ProcessIdentity& init,
                                 const ProcessIdentity& monitor, Timestamp started) {
  return db_.run(
      "UPDATE containers_container SET phase = ?, boot_id = ?, pid = ?, start_time = ?, monitor_pid = ?, "
      "monitor_start_time = ?, started = ?, finished = NULL, exit_code = 0, oom_killed = 0, error = '' "
      "WHERE id = ?",
      static_cast<int>(Phase::kActive), boot_id, init.pid, init.start_time, monitor.pid, monitor.start_time,
      to_number(started), id);
}

Result<> Records::record_exit(std::string_view id, Phase next, const std::optional<ExitRecord>& exit) {
  if (!exit)
    return db_.run("UPDATE containers_container SET phase = ?, pid = 0, monitor_pid = 0 WHERE id = ?",
                   static_cast<int>(next), id);
  return db_.run(
      "UPDATE containers_container SET phase = ?, pid = 0, monitor_pid = 0, exit_code = ?, oom_killed = ?, "
      "error = ?, finished = ? WHERE id = ?",
      static_cast<int>(next), exit->code, exit->oom_killed, exit->error, to_number(exit->finished), id);
}

Result<> Records::record_error(std::string_view id, std::string_view error, int exit_code) {
  return db_.run("UPDATE containers_container SET error = ?, exit_code = ? WHERE id = ?", error, exit_code, id);
}

Result<> Records::erase(std::string_view id) { return db_.run("DELETE FROM containers_container WHERE id = ?", id); }

Result<> Records::begin_removal(std::string_view id, bool volumes) {
  store::Transaction change = TRY(db_.begin());
  TRY(set_phase(id, Phase::kRemoving));
  if (volumes)
    TRY(
        db_.run("UPDATE containers_volume SET removing = 1 WHERE anonymous = 1 AND name IN "
                "(SELECT volume FROM containers_volume_use WHERE container = ?1) AND name NOT IN "
                "(SELECT volume FROM containers_volume_use WHERE container <> ?1)",
                id));
  return change.commit();
}

Result<std::vector<std::string>> Records::volumes_to_remove() {
  return first_column(
      TRY(db_.query("SELECT name FROM containers_volume WHERE removing = 1 AND name NOT IN (SELECT volume FROM "
                    "containers_volume_use)")));
}

Result<> Records::erase_volume(std::string_view name) {
  return db_.run("DELETE FROM containers_volume WHERE name = ? AND removing = 1", name);
}

Result<> Records::insert_transient(std::string_view id, const ProcessIdentity& starter) {
  return db_.run("INSERT INTO containers_transient(id, starter_pid, starter_start_time) VALUES (?, ?, ?)", id,
                 starter.pid, starter.start_time);
}

Result<> Records::erase_transient(std::string_view id) {
  return db_.run("DELETE FROM containers_transient WHERE id = ?", id);
}

Result<std::vector<TransientRow>> Records::transients() {
  store::Statement rows = TRY(db_.query("SELECT id, starter_pid, starter_start_time FROM containers_transient"));
  std::vector<TransientRow> out;
  while (TRY(rows.step()))
    out.push_back({rows.text(0), {static_cast<pid_t>(rows.integer(1)), static_cast<std::uint64_t>(rows.integer(2))}});
  return out;
}

Result<std::string> Records::note(std::string_view key) {
  store::Statement row = TRY(db_.query("SELECT value FROM containers_note WHERE key = ?", key));
  return TRY(row.step()) ? row.text(0) : std::string();
}

Result<> Records::set_note(std::string_view key, std::string_view value) {
  return db_.run("INSERT OR REPLACE INTO containers_note(key, value) VALUES (?, ?)", key, value);
}

}  // namespace strata::containers
