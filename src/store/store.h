// The store: one directory that outlives every process, with a database that says what is in it.
//
//   root/strata.db            records; each folder of src/ has its own tables, named folder_thing
//   root/leases/<id>/         files of work in flight (lease.h)
//   root/trash/               what is deleted but still there (trash.h)
//   root/layers, containers   files whose records are in the database; their folders say more
//   run_root/                 what a reboot ends: mounts, sockets, run state
//
// Crash-only: a file becomes visible (rename, record) only when it is complete, a set of records
// changes in one transaction, and nothing waits for the disk. When a Store that changed something
// is closed, a short-lived background process empties the trash, syncs the file system, tells the
// schemas what is durable, and checkpoints the database; at most one syncs at a time and one waits.
// After a power loss the last seconds may be missing: what was not yet known to be durable is
// recognised by the boot in which it was written (boot_id), and verified before it is believed.
//
// A database that is damaged, or missing although its files are there, is an error: nothing ever
// begins anew by itself.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/database.h"

namespace strata::store {

// Absolute paths without a trailing slash.
struct Paths {
  std::string root = "/var/lib/strata";
  std::string run_root = "/run/strata";
};

// The tables of one folder. versions[i] is the SQL that leads from version i to i+1; never edit one
// that was released, append. Static storage.
struct Schema {
  std::string_view owner;
  std::span<const std::string_view> versions;
  // Optional: marks as durable what was complete before ?1 (nanoseconds since 1970) in the boot ?2; it
  // is run after a sync of the whole file system that began at ?1. What an earlier boot left
  // unmarked stays so: a sync cannot tell whether it ever reached the disk.
  std::string_view mark_durable = {};
  // Optional: told after that, outside of any transaction, in whichever process settles. What fails there is no
  // loss, and is tried again the next time.
  Result<> (*settled)(const Paths& paths, Database& db) = nullptr;
};

class Store {
 public:
  struct Options {
    bool settle_in_background = true;
    std::string boot_id = {};  // for tests of power losses; "": the kernel's
  };
  // Makes both directories (0711) and the database when they are missing and brings the schemas up
  // to date, under a lock; with everything in place it is one read. Errors: kPermissionDenied with
  // the path and what to do; kUnsupported when a newer Strata wrote the store; kCorrupt when the
  // database is damaged, or missing although there are layers, containers or volumes.
  static Result<std::unique_ptr<Store>> open(const Paths& paths, std::span<const Schema> schemas,
                                             const Options& options);
  static Result<std::unique_ptr<Store>> open(const Paths& paths, std::span<const Schema> schemas) {
    return open(paths, schemas, Options());
  }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  // Starts the background process when something changed.
  ~Store();

  const Paths& paths() const { return paths_; }
  // root/name, made (0700) when it is missing.
  Result<std::string> directory(std::string_view name);
  // Thread-safe, see database.h.
  Database& db() { return *db_; }

  // Of this boot: what another one left unsettled may be torn.
  const std::string& boot_id() const { return options_.boot_id; }

  // What the background process does, at once: empty the trash, sync, mark durable, checkpoint.
  Result<> settle();
  // What went wrong when an earlier command's changes were synced (EIO: the disk lost bytes); "" when
  // nothing did. It stays, and nothing is called durable, until somebody has verified all there is
  // and calls forget_sync_error().
  std::string sync_error() const;
  Result<> forget_sync_error();

 private:
  Store(Paths paths, std::span<const Schema> schemas, Options options, Database db);
  Paths paths_;
  std::span<const Schema> schemas_;
  Options options_;
  std::unique_ptr<Database> db_;
};

}  // namespace strata::store
