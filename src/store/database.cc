#include "store/database.h"

#include <fcntl.h>

#include "sys/file.h"
#include <sqlite3.h>

namespace strata::store {
namespace {

ErrorKind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return ErrorKind::kConflict;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::kTimeout;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return ErrorKind::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorKind::kCorrupt;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorKind::kPermissionDenied;
    case SQLITE_INTERRUPT:
    case SQLITE_ABORT:
      return ErrorKind::kCancelled;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
      return ErrorKind::kInternal;
    default:
      return ErrorKind::kIo;
  }
}

Error make_error(sqlite3* handle, int code, std::string_view what) {
  if ((code & 0xff) == SQLITE_BUSY)
    return error(ErrorKind::kTimeout, "{}: another process has kept the store locked for too long", what);
  const char* file = handle != nullptr ? sqlite3_db_filename(handle, "main") : nullptr;
  if (kind_of(code) == ErrorKind::kCorrupt && file != nullptr && what != file)
    return error(ErrorKind::kCorrupt, "{} {}: {}", what, file, sqlite3_errmsg(handle));
  return error(kind_of(code), "{}: {}", what, handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
}

}  // namespace

// ---- Statement

Statement::Statement(Database& database, sqlite3_stmt* statement, std::unique_lock<std::recursive_mutex> lock)
    : database_(&database), statement_(statement), lock_(std::move(lock)) {}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)), lock_(std::move(other.lock_)) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  database_->idle_[sqlite3_sql(statement_)].push_back(statement_);
}

Result<> Statement::bind(int index, std::int64_t value) {
  if (sqlite3_bind_int64(statement_, index, value) != SQLITE_OK) return database_->last_error("bind");
  return {};
}

Result<> Statement::bind(int index, std::string_view text) {
  // An empty view may have a null pointer, which SQLite would take for NULL.
  const char* data = text.empty() ? "" : text.data();
  if (sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK)
    return database_->last_error("bind");
  return {};
}

Result<> Statement::bind(int index, std::span<const std::byte> blob) {
  const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
  if (sqlite3_bind_blob64(statement_, index, data, blob.size(), SQLITE_TRANSIENT) != SQLITE_OK)
    return database_->last_error("bind");
  return {};
}

Result<> Statement::bind_null(int index) {
  if (sqlite3_bind_null(statement_, index) != SQLITE_OK) return database_->last_error("bind");
  return {};
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->last_error("database");
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const { return std::string(text_view(column)); }

std::string_view Statement::text_view(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::vector<std::byte> Statement::blob(int column) const {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, data + sqlite3_column_bytes(statement_, column)};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

// ---- Transaction

Transaction::Transaction(Database& database, std::unique_lock<std::recursive_mutex> lock, int depth)
    : database_(&database), lock_(std::move(lock)), depth_(depth) {}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)), lock_(std::move(other.lock_)), depth_(other.depth_) {}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  --database_->depth_;
  if (depth_ == 1) {
    // SQLite may have rolled back by itself (a full disk); then there is nothing to do.
    if (sqlite3_get_autocommit(database_->handle_) == 0) (void)database_->run("ROLLBACK");
  } else {
    (void)database_->run(fmt::format("ROLLBACK TO level{}", depth_));
    (void)database_->run(fmt::format("RELEASE level{}", depth_));
  }
}

Result<> Transaction::commit() {
  if (depth_ == 1)
    TRY(database_->run("COMMIT"));
  else
    TRY(database_->run(fmt::format("RELEASE level{}", depth_)));
  --database_->depth_;
  database_ = nullptr;
  lock_.unlock();
  return {};
}

// ---- Database

Result<Database> Database::open(const std::string& path, const Options& options) {
  // SQLite would take the mode from the umask; its log and shared memory follow the file's.
  if (options.create) (void)TRY(sys::open_file(path, O_RDWR | O_CREAT, 0600));
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) {
    // The kernel's word is better than "unable to open database file".
    TRY(sys::open_file(path, O_RDWR));
    return make_error(handle, code, path);
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, options.busy_timeout_milliseconds);
  sqlite3_wal_autocheckpoint(handle, 0);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  TRY(database.run("PRAGMA synchronous=NORMAL"), "{}", path);
  return database;
}

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), mutex_(std::move(other.mutex_)), idle_(std::move(other.idle_)) {
  other.idle_.clear();
}

Database::~Database() {
  for (auto& [sql, statements] : idle_)
    for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
  if (handle_ != nullptr) sqlite3_close_v2(handle_);
}

Result<Statement> Database::prepare(std::string_view sql) {
  std::unique_lock lock(*mutex_);
  if (const auto found = idle_.find(sql); found != idle_.end() && !found->second.empty()) {
    sqlite3_stmt* statement = found->second.back();
    found->second.pop_back();
    return Statement(*this, statement, std::move(lock));
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return last_error("database");
  return Statement(*this, statement, std::move(lock));
}

Result<Transaction> Database::begin() {
  std::unique_lock lock(*mutex_);
  const int depth = depth_ + 1;
  if (depth == 1)
    TRY(run("BEGIN IMMEDIATE"));
  else
    TRY(run(fmt::format("SAVEPOINT level{}", depth)));
  depth_ = depth;
  return Transaction(*this, std::move(lock), depth);
}

Result<> Database::run_script(std::string_view sql) {
  const std::scoped_lock lock(*mutex_);
  if (sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return last_error("database");
  return {};
}

std::int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }
std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }
std::int64_t Database::total_changes() const { return sqlite3_total_changes64(handle_); }

Result<> Database::checkpoint() {
  const std::scoped_lock lock(*mutex_);
  if (sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) != SQLITE_OK)
    return last_error("checkpoint");
  return {};
}

Error Database::last_error(std::string_view what) const {
  return make_error(handle_, sqlite3_extended_errcode(handle_), what);
}

}  // namespace strata::store
