// What a monitor must know, and how it is told: everything is in its argument list and in the descriptors
// that it inherits, so that it parses nothing and reads no file.
//
//   strata-monitor ID run=3 listen=4 init=5:1234 in=6 out=7 err=8 tty=9 client=10 held=11-14
//                  log=PATH log-size=N log-files=N stdin-once owner adopted -- TEARDOWN ARGS…
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::containers {

inline constexpr std::uint64_t kDefaultLogSize = 10'000'000;  // Docker's "10m" is 10 MB here
inline constexpr int kDefaultLogFiles = 3;

// For those who start a monitor.
struct MonitorConfig {
  std::string program;  // path of strata-monitor
  std::string container_id;
  std::string run_directory;                     // run_root/containers/<id>; exists, only its owner may enter it
  std::string log_path;                          // …/<id>-json.log in an existing directory; "" = keep no log
  std::uint64_t log_max_size = kDefaultLogSize;  // bytes; 0 = unlimited
  int log_max_files = kDefaultLogFiles;          // the current one included; at least 1
  bool terminal = false;                         // -t
  bool open_stdin = false;                       // -i
  bool stdin_once = false;                       // close standard input when the first client's ends (run -i)
  // Executed with a clean environment when the container has ended and no client does it.
  std::vector<std::string> teardown_command;
};

// For the monitor: views point into argv.
struct MonitorArguments {
  std::string_view container_id;
  int run_directory = -1;
  int listener = -1;
  int init_pidfd = -1;
  int init_pid = 0;
  int stdin_fifo = -1, stdout_fifo = -1, stderr_fifo = -1;  // the monitor's ends
  int terminal = -1;                                        // the pty's master
  int client = -1;                                          // a connected first client
  int held_first = -1, held_last = -1;                      // kept open until init has exited
  std::string_view log_path;
  std::uint64_t log_max_size = kDefaultLogSize;
  int log_max_files = kDefaultLogFiles;
  bool stdin_once = false;
  bool client_owns = false;  // the first client tears down
  bool adopted = false;      // init is not our child
  std::span<char* const> teardown;
};

// Errors: kInvalidArgument (a mismatch of our own programs' versions). Unknown words are ignored.
Result<MonitorArguments> parse_monitor_arguments(std::span<char* const> arguments);

}  // namespace strata::containers
