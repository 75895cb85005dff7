// A runtime spec becomes a process, in two steps as the OCI runtime has them: create() builds
// everything (namespaces, cgroup, mounts, limits) and leaves the container's init waiting just
// before its program; start() lets it go. No other program is executed. Knows no images, no store.
//
// The container's init is a child of the calling process. If the caller ends before start(), the
// init ends too, and with it the container. The calling process must have one thread (fork first if
// it has more): the child continues in a copy of its memory.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "oci/runtime_spec.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace strata::runtime {

// Descriptors that become 0, 1 and 2 of the process; -1 is /dev/null. They stay the caller's.
// Unused when the process has a terminal.
struct Stdio {
  int in = -1, out = -1, err = -1;
};

enum class SeccompSource {
  kSpec,     // linux.seccomp of the spec; none there means none
  kDefault,  // Docker's default profile for the process's capabilities, which takes microseconds to
             // build
};

struct CreateOptions {
  const oci::RuntimeSpec& spec;
  // A detached mount (fsmount(2), open_tree(2)) that becomes "/"; stays the caller's. -1:
  // spec.root.path.
  int rootfs_mount = -1;
  Stdio stdio;
  SeccompSource seccomp = SeccompSource::kSpec;
  // Called once in the caller, while the child makes its mounts, when the spec asks for a new
  // network namespace: `netns` is its descriptor, `init` the process in it. An error ends the
  // container. The loopback interface is already up.
  std::function<Result<>(int netns, pid_t init)> configure_network;
};

// A container whose init waits. Destroying it without start() ends the init (the cgroup stays: see
// destroy_cgroup()).
class [[nodiscard]] Created {
 public:
  Created(Created&&) noexcept = default;
  Created& operator=(Created&&) noexcept = default;
  ~Created();

  pid_t pid() const { return init_.pid(); }
  int pidfd() const { return init_.pidfd(); }
  sys::Child& init() { return init_; }
  // The pty's master, when the process has a terminal; the owner may move it out.
  sys::UniqueFd& terminal() { return terminal_; }

 private:
  friend Result<Created> create(const CreateOptions& options);
  friend Result<> start(Created& created);
  Created(sys::Child init, sys::UniqueFd control, sys::UniqueFd terminal)
      : init_(std::move(init)), control_(std::move(control)), terminal_(std::move(terminal)) {}
  sys::Child init_;
  sys::UniqueFd control_;  // closing it before start() ends the init
  sys::UniqueFd terminal_;
};

// On error nothing is left: no process, no cgroup. Kinds: kInvalidArgument for a spec that makes no
// sense, kNotFound for a missing bind source, kUnsupported for what this host cannot do, else the
// kernel's.
Result<Created> create(const CreateOptions& options);

// Returns once the program runs. When it cannot be executed: kCommandNotFound ("exec: "foo":
// executable file not found in $PATH") or kCommandNotRunnable ("exec: "/etc/passwd": permission
// denied"), Docker's words; the init has ended and been waited for, the cgroup stays.
Result<> start(Created& created);

// Kills what is left in the cgroup and removes it; gone already is no error.
Result<> destroy_cgroup(const std::string& cgroups_path);

}  // namespace strata::runtime
