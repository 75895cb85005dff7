// Reading a container's log (log_file.h) while it may be written: from the start, the last lines, or
// following it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "containers/attach.h"
#include "containers/log_file.h"

namespace strata::containers {

struct LogEntry {
  Timestamp time;
  LogStream stream = LogStream::kStdout;
  std::string bytes;  // as the container wrote them
};

struct LogQuery {
  std::optional<std::uint64_t> tail;  // the last so many lines; nullopt = all
  std::optional<Timestamp> since;     // not before
  std::optional<Timestamp> until;     // not after
};

// One line of the file. nullopt when it is none of ours (torn, foreign).
std::optional<LogEntry> parse_log_entry(std::string_view line);

// Hands on every entry that the query asks for, oldest first, rotated files included. A missing log is an
// empty one. `handle` returns false to stop.
Result<> read_log(const std::string& path, const LogQuery& query,
                  const std::function<Result<bool>(const LogEntry&)>& handle);

// As read_log, then goes on with what is written, across rotations, until `monitor` tells of the exit (which
// it does after the last line) or is gone, or `until` has passed. nullptr: ends at the end of what is there.
Result<> follow_log(const std::string& path, const LogQuery& query, MonitorClient* monitor,
                    const std::function<Result<bool>(const LogEntry&)>& handle);

}  // namespace strata::containers
