// A lease is the owner of work in flight: a directory for its files, rows that protect what it uses
// from garbage collection, and a lock that the kernel drops with the process, however it ends.
//
//   root/leases/<id>/lock     held by flock(2) as long as the lease lives
//   root/leases/<id>/…        its files; removed with it
//   store_lease, store_lease_ref   its rows; removed with it
//
// What a dead holder left is removed by sweep_dead_leases(), which every command that changes the
// store calls first. Creating and sweeping exclude each other (root/leases.lock), so a half-made
// lease is never taken for a dead one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/store.h"
#include "sys/file_lock.h"

namespace strata::store {

class [[nodiscard]] Lease {
 public:
  // The store must outlive the lease. Not inside a transaction: a sweep takes the two locks in the
  // other order.
  static Result<Lease> create(Store& store);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  // Gives everything back. What cannot be removed now is left to the next sweep.
  ~Lease();

  const std::string& id() const { return id_; }
  // Empty at first, but for the file `lock`; on the file system of the store, so that what is
  // complete can be renamed into place.
  const std::string& directory() const { return directory_; }

  // Protects (kind, key) (see reference.h) until the lease goes. Thread-safe. First hold, then look
  // whether the thing is there: what is there then, stays.
  Result<> hold(std::string_view kind, std::string_view key);

 private:
  Lease(Store& store, std::string id, std::string directory, sys::FileLock lock);
  void release();
  Store* store_;
  std::string id_;
  std::string directory_;
  std::optional<sys::FileLock> lock_;
};

// Removes the directories and rows of leases whose holders are gone. Not inside a transaction. Two
// system calls and a read when there are none. True when there was one: then its files may have
// been on their way elsewhere.
Result<bool> sweep_dead_leases(Store& store);

// Whether any work is in flight, as far as the rows say.
Result<bool> any_lease(Store& store);

}  // namespace strata::store
