// The monitor: the one small process that stays with a running container. It is the parent of the
// container's init (or, adopted, of nobody), and
// - writes what the container writes to the log, and to the clients that are attached;
// - hands on what clients send: input, signals, terminal sizes;
// - learns how init ended, writes exit.json, tells the clients, sees to it that the container is torn
//   down, and ends.
//
// Who is waited for: output is read from the container only while every attached client has taken what
// came before (but for 64 KiB), so a client that does not read holds the container up, as a terminal or
// a pipe would. The foreground client is waited for without limit; a client that attached later and takes nothing for
// kPatience is cut off. Readers of the log read the file and never hold anybody up.
//
// After init's end what is left in the pipes is read until they are empty: processes that survive it
// (with the host's pid namespace) are not waited for.
//
// exit.json: {"version":1,"code":N,"signal":N,"finished":"…"[,"error":"…"]}, code as a shell has it
// (128 + signal). Init is reaped only after it is written: until then whoever looks finds a zombie.
//
// No libfmt and no heap on the ordinary ways: this process exists once per container.
#pragma once

#include <array>
#include <chrono>
#include <optional>

#include "base/result.h"
#include "containers/log_file.h"
#include "containers/monitor_config.h"
#include "containers/monitor_link.h"
#include "sys/page_buffer.h"
#include "sys/unique_fd.h"

namespace strata::containers {

class Monitor {
 public:
  static constexpr std::size_t kMaxClients = 16;  // more wait in the socket's queue
  static constexpr std::chrono::seconds kPatience{5};

  // Takes the descriptors that the arguments name.
  static Result<Monitor> create(const MonitorArguments& arguments);
  // Until the container has ended and is torn down.
  Result<> run();

 private:
  enum class Phase { kRunning, kEnding, kTearingDown, kFlushing };
  struct Source {  // something of the container's to read
    sys::UniqueFd fd;
    LogStream stream = LogStream::kStdout;
    bool ended() const { return !fd; }
  };

  explicit Monitor(const MonitorArguments& arguments) : arguments_(arguments) {}

  Result<> wait_and_handle();
  int next_timeout() const;
  bool clients_have_room() const;
  void read_source(Source& source);
  void pump_stdin();
  void accept_client();
  void receive_from(MonitorLink& link);
  void handle(MonitorLink& link, const Frame& frame);
  void drop(MonitorLink& link);
  void drop_impatiently();
  void rest();

  void init_may_have_ended();
  void ended(std::int32_t code, std::int32_t signal, bool known);
  void finish_output();
  void write_exit_file();
  void tell_exit();
  void start_teardown();
  bool all_flushed() const;

  MonitorArguments arguments_;
  Phase phase_ = Phase::kRunning;
  sys::UniqueFd run_directory_, listener_, init_, stdin_, terminal_, own_terminal_end_;
  std::array<Source, 2> sources_;
  std::array<MonitorLink, kMaxClients> links_;
  LogWriter log_;
  sys::PageBuffer chunk_;
  Exit exit_;
  sys::UniqueFd teardown_;                            // pidfd of the teardown command
  bool stdin_closing_ = false;                        // when what waits has gone
  bool restless_ = true;                              // memory may be given back once it is quiet
  std::optional<std::chrono::nanoseconds> deadline_;  // of the present phase's waiting
};

}  // namespace strata::containers
