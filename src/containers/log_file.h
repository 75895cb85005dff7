// A container's log as the monitor writes it: Docker's json-file, one JSON object a line,
//
//   {"log":"hello\n","stream":"stdout","time":"2026-01-02T03:04:05.123456789Z"}
//
// - A line of output is one entry; a line longer than kMaxLogLine, or one without an end, is several entries
//   of which only the last one ends with a newline. Put together, the entries of a stream are its output.
// - Bytes that are not UTF-8 are kept: byte 0xNN becomes the escape \udcNN, a lone surrogate (as Python's
//   "surrogateescape" does), which our reader turns back; others show U+FFFD, as they would with Docker.
// - When the file has reached its limit it becomes NAME.1, NAME.1 becomes NAME.2, and so on; an entry is
//   never split. The oldest goes.
// - A monitor that is killed may leave half a line at the end; the next writer ends it with a newline, readers
//   skip what is no JSON.
// - When the log cannot be written (a full disk) output is dropped from the log, never held back from
//   clients, and the container is not blocked. What was lost is counted, and an entry says so once there is room.
//
// The writer allocates nothing after open() and formats without libfmt: the monitor is to stay small.
// One writer per log; any number of readers (log_reader.h).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::containers {

inline constexpr std::size_t kMaxLogLine = 16 << 10;  // Docker's

enum class LogStream : std::uint8_t { kStdout = 0, kStderr = 1 };

struct LogLimits {
  std::uint64_t max_size = 0;  // bytes of one file; 0 = unlimited
  int max_files = 1;           // the current one included
};

// Seconds and nanoseconds since 1970.
struct LogTime {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
};

class LogWriter {
 public:
  LogWriter() = default;
  // Opens or creates the file (0640). The path is only looked at here and when rotating.
  static Result<LogWriter> open(std::string_view path, LogLimits limits);

  // Takes output as it comes. Whole lines are in the file when this returns.
  void write(LogStream stream, LogTime time, std::span<const std::byte> output);
  // At the end of a stream: what waits for its newline is written as it is.
  void finish(LogTime time);

 private:
  struct Line;
  void append(LogStream stream, LogTime time, std::span<const std::byte> line);
  void flush();
  void rotate();

  sys::UniqueFd file_;
  std::string_view path_;  // of the argument list: outlives us
  LogLimits limits_;
  std::uint64_t size_ = 0;
  std::uint64_t lost_ = 0;
};

// Writes "2026-01-02T03:04:05.123456789Z", 30 characters, to `out`.
void format_log_time(LogTime time, char* out);

}  // namespace strata::containers
