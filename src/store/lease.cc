#include "store/lease.h"

#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "store/trash.h"
#include "sys/file.h"
#include "sys/temp_dir.h"

namespace strata::store {
namespace {

// The name of a directory that a sweep has taken from its dead holder.
constexpr std::string_view kDead = "dead-";

std::string gate_path(const Store& store) { return store.paths().root + "/leases.lock"; }

Result<std::map<std::string, pid_t>> holder_pids(Store& store) {
  std::map<std::string, pid_t> pids;
  Statement rows = TRY(store.db().query("SELECT id, pid FROM store_lease"));
  while (TRY(rows.step())) pids.emplace(rows.text(0), static_cast<pid_t>(rows.integer(1)));
  return pids;
}

// False for a process that is gone or a zombie.
bool runs(pid_t pid) {
  const auto stat = sys::read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat) return false;
  const auto name_end = stat->rfind(')');
  const char state = name_end + 2 < stat->size() ? (*stat)[name_end + 2] : 'X';
  return state != 'Z' && state != 'X';
}

// A lease's lock, if nobody holds it. The children that a killed process was just starting have its
// descriptors until they execute their program, milliseconds later: these are waited for.
Result<std::optional<sys::FileLock>> lock_of_dead(const std::string& directory, pid_t holder) {
  constexpr int kPatience = 1000;  // milliseconds
  for (int waited = 0;; ++waited) {
    auto lock = TRY(sys::FileLock::try_acquire(directory + "/lock"));
    if (lock || waited == kPatience || holder == 0 || runs(holder)) return lock;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

Result<Lease> Lease::create(Store& store) {
  const std::string leases = TRY(store.directory("leases"));
  const auto gate = TRY(sys::FileLock::acquire(gate_path(store), sys::FileLock::Mode::kShared));
  std::string id = sys::random_hex(8);
  std::string directory = leases + '/' + id;
  TRY(sys::make_directories(directory, 0700));
  auto lock = sys::FileLock::acquire(directory + "/lock");
  if (!lock) {
    (void)sys::remove_tree(directory);
    return std::move(lock).take_error();
  }
  // From here its destructor cleans up.
  Lease lease(store, std::move(id), std::move(directory), std::move(*lock));
  TRY(store.db().run("INSERT INTO store_lease(id, pid, created) VALUES (?, ?, ?)", std::string_view(lease.id_),
                     ::getpid(), now().time_since_epoch().count()));
  return lease;
}

Lease::Lease(Store& store, std::string id, std::string directory, sys::FileLock lock)
    : store_(&store), id_(std::move(id)), directory_(std::move(directory)), lock_(std::move(lock)) {}

Lease::Lease(Lease&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)),
      id_(std::move(other.id_)),
      directory_(std::move(other.directory_)),
      lock_(std::move(other.lock_)) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    store_ = std::exchange(other.store_, nullptr);
    id_ = std::move(other.id_);
    directory_ = std::move(other.directory_);
    lock_ = std::move(other.lock_);
  }
  return *this;
}

Lease::~Lease() { release(); }

void Lease::release() {
  if (store_ == nullptr) return;
  // Nearly always there is but the lock left in it.
  const auto left = sys::list_directory(directory_);
  (void)(left && left->size() > 1 ? discard(*store_, directory_) : sys::remove_tree(directory_));
  (void)store_->db().run("DELETE FROM store_lease WHERE id = ?", std::string_view(id_));
  lock_.reset();
  store_ = nullptr;
}

Result<> Lease::hold(std::string_view kind, std::string_view key) {
  return store_->db().run("INSERT OR IGNORE INTO store_lease_ref(kind, key, lease) VALUES (?, ?, ?)", kind, key,
                          std::string_view(id_));
}

Result<bool> any_lease(Store& store) {
  Statement any = TRY(store.db().query("SELECT 1 FROM store_lease LIMIT 1"));
  return any.step();
}

Result<bool> sweep_dead_leases(Store& store) {
  const std::string leases = store.paths().root + "/leases";
  std::vector<std::string> names;
  if (auto listed = sys::list_directory(leases))
    names = std::move(*listed);
  else if (listed.error().kind() != ErrorKind::kNotFound)
    return std::move(listed).take_error();
  if (names.empty()) {
    Statement any = TRY(store.db().query("SELECT 1 FROM store_lease LIMIT 1"));
    if (!TRY(any.step())) return false;
  }

  std::vector<std::string> dead;
  std::vector<std::string> gone;
  {
    const auto gate = TRY(sys::FileLock::acquire(gate_path(store)));
    const auto holders = TRY(holder_pids(store));
    std::set<std::string> alive;
    for (const std::string& name : TRY(sys::list_directory(leases))) {
      if (name.starts_with(kDead)) {
        dead.push_back(name);
        continue;
      }
      const std::string directory = leases + '/' + name;
      const auto holder = holders.find(name);
      const auto lock = lock_of_dead(directory, holder == holders.end() ? 0 : holder->second);
      if (lock && !*lock) {
        alive.insert(name);
        continue;
      }
      // Not found: its holder has just removed it. Deleting may take long, so only the name goes
      // under the lock.
      std::string aside = std::string(kDead) + name;
      if (sys::rename_path(directory, leases + '/' + aside)) dead.push_back(std::move(aside));
    }
    Transaction change = TRY(store.db().begin());
    {
      Statement rows = TRY(store.db().query("SELECT id FROM store_lease"));
      while (TRY(rows.step()))
        if (std::string id = rows.text(0); !alive.contains(id)) gone.push_back(std::move(id));
    }
    for (const std::string& id : gone)
      TRY(store.db().run("DELETE FROM store_lease WHERE id = ?", std::string_view(id)));
    TRY(change.commit());
  }
  for (const std::string& name : dead) {
    Result<> removed = discard(store, leases + '/' + name);
    // Two sweeps may be deleting the same tree.
    if (!removed && removed.error().error_number() != ENOENT) return std::move(removed).take_error();
  }
  return !dead.empty() || !gone.empty();
}

}  // namespace strata::store
