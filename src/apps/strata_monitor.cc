// strata-monitor: see containers/monitor.h. Started by `strata` alone, see containers/monitor_start.h.
#include <signal.h>

#include <span>

#include "containers/monitor.h"
#include "containers/monitor_config.h"
#include "sys/appended_file.h"
#include "sys/event_loop.h"

namespace {

int fail(const strata::Error& error) {
  constexpr int kStandardError = 2;
  (void)strata::sys::append(kStandardError, std::as_bytes(std::span(error.message())));
  (void)strata::sys::append(kStandardError, std::as_bytes(std::span("\n", 1)));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace strata;
  // Its own session keeps a terminal's signals away; SIGTERM ends it, and another monitor takes over.
  sys::ignore_signals({SIGHUP, SIGINT, SIGQUIT, SIGPIPE});
  const auto arguments = containers::parse_monitor_arguments({argv, static_cast<std::size_t>(argc)});
  if (!arguments) return fail(arguments.error());
  auto monitor = containers::Monitor::create(*arguments);
  if (!monitor) return fail(monitor.error());
  const auto done = monitor->run();
  return done ? 0 : fail(done.error());
}
