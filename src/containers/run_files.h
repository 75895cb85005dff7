// The files that say what a started container is doing (formats: containers.h), and whether the process
// they name is still that process.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "containers/records.h"
#include "sys/unique_fd.h"

namespace strata::containers {

struct RunStatus {
  std::string boot_id;
  ProcessIdentity init;
  ProcessIdentity monitor;
  Timestamp started;
};

Result<> write_status(const std::string& path, const RunStatus& status);
// nullopt when there is none, or none that makes sense: then whoever it named cannot be known.
Result<std::optional<RunStatus>> read_status(const std::string& path);
// nullopt when there is none. One that makes no sense is an exit with kUnknownExitCode.
Result<std::optional<ExitRecord>> read_exit(const std::string& path);

// What /proc says of a process now.
struct Liveness {
  bool exists = false;  // with this very start time
  bool zombie = false;
  bool alive() const { return exists && !zombie; }
};
Liveness look_at(const ProcessIdentity& process);

// True when the container's init lives, or has just died and its monitor is about to say so. False for
// another boot's.
bool is_running(const RunStatus& status, std::string_view current_boot_id);

// A pidfd that is certain to be this process's. nullopt when it is gone.
Result<std::optional<sys::UniqueFd>> open_process(const ProcessIdentity& process);

// This process.
Result<ProcessIdentity> own_identity();

}  // namespace strata::containers
