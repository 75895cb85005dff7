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
// - When the log cannot be written (a full disk) output is dropped from the log, never held back from clients,
//   and the container is not blocked. What was lost is counted, and an entry says so once there is room.
//
// One writer per log; any number of readers (log_reader.h). No libfmt and no heap here: the monitor is to
// stay small.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "sys/page_buffer.h"
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
  LogWriter() = default;  // writes nothing
  // Opens or creates the file (0640) in an existing directory.
  static Result<LogWriter> open(std::string_view path, LogLimits limits);

  // Takes output as it comes. Whole lines are in the file when this returns.
  void write(LogStream stream, LogTime time, std::span<const std::byte> output);
  // At the end of the streams: what waits for its newline is written as it is.
  void finish(LogTime time);
  // Gives back what memory is not needed while no output comes.
  void rest();

 private:
  std::span<std::byte> line_buffer(LogStream stream) const;
  void append(LogStream stream, LogTime time, std::string_view line);
  void append_escaped(std::string_view text);
  void put(std::string_view text);
  void flush();
  void rotate();

  sys::UniqueFd directory_, file_;
  std::array<char, 240> name_{};
  LogLimits limits_;
  sys::PageBuffer lines_;   // a line that waits for its end, of each stream
  sys::PageBuffer buffer_;  // JSON on its way to the file
  std::array<std::size_t, 2> line_length_{};
  std::size_t buffered_ = 0;
  std::uint64_t buffered_entries_ = 0;
  std::uint64_t size_ = 0;  // of the file
  std::uint64_t lost_ = 0;  // entries that could not be written
  bool torn_ = false;       // the file ends within a line
};

// Writes "2026-01-02T03:04:05.123456789Z" (30 characters).
void format_log_time(LogTime time, std::span<char, 30> out);

}  // namespace strata::containers
