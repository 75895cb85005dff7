// SQLite with types: statements, transactions, and errors as values.
//
// One connection, shared by all threads of the process. A Statement or a Transaction holds the
// connection for the thread that made it until it goes, so keep both short and do no other I/O
// while one lives; destroy them on that thread. The lock is recursive: a thread may hold several.
//
//   Transaction change = TRY(db.begin());
//   TRY(db.run("INSERT INTO image(id, size) VALUES (?, ?)", id, size));
//   TRY(change.commit());
//
//   Statement rows = TRY(db.query("SELECT id FROM image WHERE size > ?", 10));
//   while (TRY(rows.step())) ids.push_back(rows.text(0));
//
// Errors: kConflict (a constraint; the message is SQLite's), kTimeout (another process held the
// database for longer than the busy timeout), kResourceExhausted (disk full), kCorrupt,
// kPermissionDenied, kIo.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace strata::store {

class Database;

class [[nodiscard]] Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) = delete;
  ~Statement();

  // Parameters, 1-based. Text and bytes are copied.
  Result<> bind(int index, std::int64_t value);
  Result<> bind(int index, std::string_view text);
  Result<> bind(int index, std::span<const std::byte> blob);
  Result<> bind_null(int index);

  // True while there is a row.
  Result<bool> step();

  // Columns of the current row, 0-based. Views end with the next step().
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  std::string_view text_view(int column) const;
  std::vector<std::byte> blob(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* statement, std::unique_lock<std::recursive_mutex> lock);
  Database* database_;
  sqlite3_stmt* statement_;
  std::unique_lock<std::recursive_mutex> lock_;
};

// BEGIN IMMEDIATE: whoever has one is the only writer of all processes. Inside another one of the
// same thread it is a savepoint. Rolled back unless commit() was called.
class [[nodiscard]] Transaction {
 public:
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) = delete;
  ~Transaction();
  Result<> commit();

 private:
  friend class Database;
  Transaction(Database& database, std::unique_lock<std::recursive_mutex> lock, int depth);
  Database* database_;
  std::unique_lock<std::recursive_mutex> lock_;
  int depth_;
};

class Database {
 public:
  struct Options {
    bool create = false;  // make the file (0600) when it is missing
    int busy_timeout_milliseconds = 30'000;
  };
  // WAL mode is the caller's business (it is a property of the file). synchronous=NORMAL, foreign
  // keys on, no checkpoints but by checkpoint(): a command never waits for the disk.
  static Result<Database> open(const std::string& path, const Options& options);
  Database(Database&& other) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  // Prepared statements are kept and reused by their text.
  Result<Statement> prepare(std::string_view sql);
  Result<Transaction> begin();

  // prepare() with the parameters bound in order. Integers, bool, text, std::span<const std::byte>,
  // std::nullopt and optionals of these.
  template <class... Args>
  Result<Statement> query(std::string_view sql, const Args&... args) {
    Statement statement = TRY(prepare(sql));
    int index = 0;
    Result<> bound;
    ((bound ? void(bound = bind_value(statement, ++index, args)) : void()), ...);
    if (!bound) return std::move(bound).take_error();
    return statement;
  }
  // query() run to its end; rows are dropped.
  template <class... Args>
  Result<> run(std::string_view sql, const Args&... args) {
    Statement statement = TRY(query(sql, args...));
    while (TRY(statement.step())) {
    }
    return {};
  }
  // Several statements without parameters.
  Result<> run_script(std::string_view sql);

  // Of the last INSERT; read it while a Transaction is held.
  std::int64_t last_insert_id() const;
  // Rows that the last statement changed; read it while a Transaction is held.
  std::int64_t changes() const;
  // Rows changed since the database was opened.
  std::int64_t total_changes() const;

  // Moves the log into the database file and syncs both; waits for no other process. The log itself
  // stays: the next transaction, whoever makes it, begins it anew and waits for one fsync.
  Result<> checkpoint();

 private:
  friend class Statement;
  friend class Transaction;
  explicit Database(sqlite3* handle) : handle_(handle) {}
  Error last_error(std::string_view what) const;

  static Result<> bind_value(Statement& s, int i, std::integral auto value) {
    return s.bind(i, static_cast<std::int64_t>(value));
  }
  static Result<> bind_value(Statement& s, int i, std::string_view value) { return s.bind(i, value); }
  static Result<> bind_value(Statement& s, int i, std::span<const std::byte> value) { return s.bind(i, value); }
  static Result<> bind_value(Statement& s, int i, std::nullopt_t) { return s.bind_null(i); }
  template <class T>
  static Result<> bind_value(Statement& s, int i, const std::optional<T>& value) {
    return value ? bind_value(s, i, *value) : s.bind_null(i);
  }

  sqlite3* handle_;
  // Behind a pointer, because statements and transactions lock it while the Database may be moved.
  std::unique_ptr<std::recursive_mutex> mutex_ = std::make_unique<std::recursive_mutex>();
  std::map<std::string, std::vector<sqlite3_stmt*>, std::less<>> idle_;
  int depth_ = 0;  // open transactions of the thread that holds the lock
};

}  // namespace strata::store
