#include "store/store.h"

#include <fcntl.h>

#include <atomic>
#include <thread>

#include "base/clock.h"
#include "base/strings.h"
#include "store/trash.h"
#include "sys/background.h"
#include "sys/file.h"
#include "sys/file_lock.h"
#include "sys/process.h"

namespace strata::store {
namespace {

// How long changes may wait for the disk; many commands in a row share one sync.
constexpr std::chrono::seconds kSettleDelay{2};

// SQLite's locks and shared memory belong to the process, so a fork must not find the database
// open.
std::atomic<int> open_stores = 0;

// The store's own tables.
constexpr std::string_view kOwnVersions[] = {
    R"(CREATE TABLE store_lease(id TEXT PRIMARY KEY, pid INTEGER NOT NULL, created INTEGER NOT NULL) STRICT, WITHOUT ROWID;
       CREATE TABLE store_lease_ref(
         kind TEXT NOT NULL, key TEXT NOT NULL,
         lease TEXT NOT NULL REFERENCES store_lease(id) ON DELETE CASCADE,
         PRIMARY KEY(kind, key, lease)) STRICT, WITHOUT ROWID;
       CREATE INDEX store_lease_ref_by_lease ON store_lease_ref(lease);
       CREATE TABLE store_reference(
         kind TEXT NOT NULL, key TEXT NOT NULL, holder TEXT NOT NULL,
         PRIMARY KEY(kind, key, holder)) STRICT, WITHOUT ROWID;
       CREATE INDEX store_reference_by_holder ON store_reference(holder);
       -- When all that was recorded before was on the disk.
       CREATE TABLE store_settled(one INTEGER PRIMARY KEY CHECK(one = 1), started INTEGER NOT NULL) STRICT;
       INSERT INTO store_settled VALUES (1, 0))",
};
constexpr Schema kOwnSchema{"store", kOwnVersions};

std::string database_path(const Paths& paths) { return paths.root + "/strata.db"; }
std::string report_path(const Paths& paths) { return paths.root + "/settle.error"; }
std::string upgrade_lock_path(const Paths& paths) { return paths.root + "/upgrade.lock"; }

// Things that only a database can have made: the store is not new.
bool holds_files(const Paths& paths) {
  for (const char* name : {"layers", "containers", "volumes"}) {
    const auto names = sys::list_directory(fmt::format("{}/{}", paths.root, name));
    if (names && !names->empty()) return true;
  }
  return false;
}

// For a user who would otherwise see an empty store and believe that all is lost.
Error lost_database(const Paths& paths, std::string_view what) {
  return error(ErrorKind::kCorrupt,
               "its database {} {}, but there are layers, containers or volumes beside it: bring "
               "the file back (with its -wal), or move {} aside to begin with an empty store",
               database_path(paths), what, paths.root);
}

Result<> make_directory(const std::string& path) {
  if (sys::exists(path)) return {};
  Result<> made = sys::make_directories(path, 0711);
  if (made) return {};
  Error failure = std::move(made).take_error();
  if (failure.kind() != ErrorKind::kPermissionDenied) return failure;
  return error(ErrorKind::kPermissionDenied,
               "{}; run strata as root, or choose other places with --root and --run-root", failure.message());
}

enum class Freshness { kCurrent, kBehind };

// One read when all is current. kUnsupported when the store is ahead of us.
Result<Freshness> compare(Database& db, std::span<const Schema* const> schemas,
                          std::map<std::string, std::int64_t>& have) {
  have.clear();
  {
    Result<Statement> rows = db.query("SELECT owner, version FROM strata_schema");
    // No such table: a new store, or one that another process is making right now.
    if (!rows) {
      if (rows.error().kind() == ErrorKind::kInternal) return Freshness::kBehind;
      return std::move(rows).take_error();
    }
    while (TRY(rows->step())) have.emplace(rows->text(0), rows->integer(1));
  }
  Freshness freshness = Freshness::kCurrent;
  for (const Schema* schema : schemas) {
    const auto found = have.find(std::string(schema->owner));
    const std::int64_t version = found == have.end() ? 0 : found->second;
    const auto ours = static_cast<std::int64_t>(schema->versions.size());
    if (version > ours)
      return error(ErrorKind::kUnsupported,
                   "written by a newer strata (its {} records have version {}, this strata knows "
                   "{}); upgrade strata",
                   schema->owner, version, ours);
    if (version < ours) freshness = Freshness::kBehind;
  }
  return freshness;
}

Result<> upgrade(const Paths& paths, Database& db, std::span<const Schema* const> schemas) {
  // Changing the journal mode does not wait for other processes, this lock does.
  const auto lock = TRY(sys::FileLock::acquire(upgrade_lock_path(paths)));
  {
    // Under the lock nobody else is just making it.
    Statement tables = TRY(db.query("SELECT 1 FROM sqlite_schema WHERE name = 'strata_schema'"));
    if (!TRY(tables.step()) && holds_files(paths)) return lost_database(paths, "is empty");
  }
  {
    Statement mode = TRY(db.query("PRAGMA journal_mode=WAL"));
    if (!TRY(mode.step()) || mode.text_view(0) != "wal")
      return error(ErrorKind::kUnsupported, "SQLite cannot use its write-ahead log on this file system");
  }
  Transaction change = TRY(db.begin());
  TRY(
      db.run("CREATE TABLE IF NOT EXISTS strata_schema(owner TEXT PRIMARY KEY, version INTEGER NOT "
             "NULL) STRICT, WITHOUT ROWID"));
  std::map<std::string, std::int64_t> have;
  if (TRY(compare(db, schemas, have)) == Freshness::kCurrent) return change.commit();
  for (const Schema* schema : schemas) {
    for (auto version = static_cast<std::size_t>(have[std::string(schema->owner)]); version < schema->versions.size();
         ++version)
      TRY(db.run_script(schema->versions[version]), "upgrade {} to version {}", schema->owner, version + 1);
    TRY(
        db.run("INSERT INTO strata_schema(owner, version) VALUES (?1, ?2) ON CONFLICT(owner) DO "
               "UPDATE SET version = ?2",
               schema->owner, schema->versions.size()));
  }
  TRY(change.commit());
  // Once in a store's life the disk is waited for: a power loss in its first seconds must not leave layers
  // beside a database without tables, which looks like one that was lost.
  return db.checkpoint();
}

Result<> sync_files(const Paths& paths) {
  const sys::UniqueFd root = TRY(sys::open_file(paths.root, O_RDONLY | O_DIRECTORY));
  return sys::sync_file_system(root.get()).context(paths.root);
}

// After a sync that began at `started` (nanoseconds since 1970).
Result<> settle_database(const Paths& paths, std::span<const Schema> schemas, std::string_view boot_id,
                         std::int64_t started, Database& db) {
  // The kernel tells of lost bytes once; a later sync that succeeds knows nothing of them.
  if (!sys::exists(report_path(paths)))
    for (const Schema& schema : schemas)
      if (!schema.mark_durable.empty()) TRY(db.run(schema.mark_durable, started, boot_id));
  TRY(db.checkpoint());
  // The first transaction after a checkpoint begins the log anew, and SQLite syncs the log's header
  // then: done here, so that no command waits for it.
  TRY(db.run("PRAGMA journal_size_limit=1048576"));
  TRY(db.run("UPDATE store_settled SET started = ?", started));
  for (const Schema& schema : schemas)
    if (schema.settled != nullptr) (void)schema.settled(paths, db);
  return {};
}

void report(const Paths& paths, const Error& failure) {
  (void)sys::replace_file(report_path(paths), to_rfc3339(now()) + ' ' + failure.message() + '\n', 0600);
}

// A busy database or a full disk is for the next one to try again; what the disk has lost is not.
bool is_loss(const Error& failure) { return failure.kind() == ErrorKind::kIo || failure.kind() == ErrorKind::kCorrupt; }

// Runs in a process of its own. `waiting` is let go before the sync begins: who changes something
// after that starts the next one.
void settle_later(const Paths& paths, std::span<const Schema> schemas, std::string_view boot_id,
                  sys::FileLock waiting) {
  // At once, because space is wanted; beside the sync, because it may take minutes.
  std::jthread deleting([&] { (void)empty_trash(paths); });
  auto db = Database::open(database_path(paths), {.create = false, .busy_timeout_milliseconds = 1000});
  // Who opens a database that nobody has open reads the whole log first. While we wait somebody has
  // it open.
  if (!db || !db->run("SELECT 1 FROM strata_schema")) return;
  std::this_thread::sleep_for(kSettleDelay);
  {
    const auto active = sys::FileLock::acquire(paths.root + "/settle.lock");
    if (!active) return;
    {
      const sys::FileLock released = std::move(waiting);
    }
    const auto started = now().time_since_epoch().count();
    if (const Result<> synced = sync_files(paths); !synced) {
      report(paths, synced.error());
    } else if (const auto settled = settle_database(paths, schemas, boot_id, started, *db);
               !settled && is_loss(settled.error())) {
      report(paths, settled.error());
    }
  }
  // What was discarded while we were waiting started no process of its own.
  deleting.join();
  (void)empty_trash(paths);
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const Paths& paths, std::span<const Schema> schemas,
                                           const Options& options) {
  if (!paths.root.starts_with('/') || !paths.run_root.starts_with('/'))
    return error(ErrorKind::kInvalidArgument, "the store's paths must be absolute: {}, {}", paths.root, paths.run_root);
  TRY(make_directory(paths.root), "store");
  TRY(make_directory(paths.run_root), "store");
  const std::string path = database_path(paths);
  std::vector<const Schema*> all{&kOwnSchema};
  for (const Schema& schema : schemas) all.push_back(&schema);

  const bool is_new = !sys::exists(path);
  if (is_new && holds_files(paths)) {
    const auto lock = TRY(sys::FileLock::acquire(upgrade_lock_path(paths)));
    if (!sys::exists(path)) return lost_database(paths, "is missing").with_context("store");
  }
  Result<Database> opened = Database::open(path, {.create = is_new});
  if (!opened && opened.error().kind() == ErrorKind::kPermissionDenied)
    return error(ErrorKind::kPermissionDenied, "store: {}; run strata as root, or choose another place with --root",
                 opened.error().message());
  const auto damaged = [&](Error failure) {
    if (failure.kind() != ErrorKind::kCorrupt) return failure;
    return error(ErrorKind::kCorrupt,
                 "{}; its database is damaged: bring back a copy of {}, or move {} aside to begin "
                 "with an empty store",
                 failure.message(), path, paths.root);
  };
  if (!opened) return damaged(std::move(opened).take_error()).with_context("store");
  Database db = std::move(*opened);
  std::map<std::string, std::int64_t> have;
  const Result<Freshness> freshness = compare(db, all, have);
  if (!freshness) return damaged(freshness.error()).with_context("store " + paths.root);
  if (*freshness == Freshness::kBehind) TRY(upgrade(paths, db, all), "store {}", paths.root);
  Options complete = options;
  if (complete.boot_id.empty()) complete.boot_id = TRY(sys::boot_id());
  return std::unique_ptr<Store>(new Store(paths, schemas, std::move(complete), std::move(db)));
}

Store::Store(Paths paths, std::span<const Schema> schemas, Options options, Database db)
    : paths_(std::move(paths)),
      schemas_(schemas),
      options_(std::move(options)),
      db_(std::make_unique<Database>(std::move(db))) {
  ++open_stores;
}

Store::~Store() {
  const bool changed = db_->total_changes() > 0;
  db_.reset();
  if (--open_stores > 0 || !options_.settle_in_background) return;
  if (!changed && !has_trash(paths_)) return;
  auto waiting = sys::FileLock::try_acquire(paths_.root + "/settle.wait");
  if (!waiting || !*waiting) return;  // somebody waits already and will see our changes
  const int keep[] = {(*waiting)->fd()};
  (void)sys::run_in_background("strata-settle", keep,
                               [&] { settle_later(paths_, schemas_, options_.boot_id, std::move(**waiting)); });
}

Result<std::string> Store::directory(std::string_view name) {
  std::string path = fmt::format("{}/{}", paths_.root, name);
  if (!sys::exists(path)) TRY(sys::make_directories(path, 0700));
  return path;
}

Result<> Store::settle() {
  TRY(empty_trash(paths_));
  const auto started = now().time_since_epoch().count();
  TRY(sync_files(paths_));
  return settle_database(paths_, schemas_, options_.boot_id, started, *db_);
}

std::string Store::sync_error() const {
  return std::string(trim(sys::read_file(report_path(paths_), 64 << 10).value_or("")));
}

Result<> Store::forget_sync_error() { return sys::remove_file(report_path(paths_)); }

}  // namespace strata::store
