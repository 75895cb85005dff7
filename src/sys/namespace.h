// Namespaces (namespaces(7)) and the processes made into them.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace strata::sys {

struct CloneOptions {
  std::uint64_t flags = 0;  // CLONE_NEW… (not CLONE_NEWUSER's maps, CLONE_VM or threads)
  int cgroup = -1;          // a cgroup2 directory for CLONE_INTO_CGROUP (Linux 5.7); -1: the caller's
};

// fork(2) with new namespaces, by clone3(2). Returns twice, like fork: in the child the pid is 0.
// The caller must have one thread: the child is a copy of its memory, locks of other threads
// included.
Result<Child> clone_process(const CloneOptions& options);

// setns(2) with a namespace's descriptor, or a pidfd and several CLONE_NEW… flags (Linux 5.8).
Result<> join_namespace(int fd, int flags);
Result<> unshare_namespace(int flags);
// Makes `dir` the root and the working directory of this process.
Result<> enter_root(int dir);

// Children of the calling thread are made in another pid namespace as long as this lives.
class [[nodiscard]] ChildPidNamespace {
 public:
  // `fd`: a pid namespace's descriptor, or a pidfd of a process in it.
  static Result<ChildPidNamespace> enter(int fd);
  ChildPidNamespace(ChildPidNamespace&&) noexcept = default;
  ChildPidNamespace& operator=(ChildPidNamespace&&) = delete;
  ~ChildPidNamespace();

 private:
  explicit ChildPidNamespace(UniqueFd own) : own_(std::move(own)) {}
  UniqueFd own_;
};

// Nobody but who has CAP_SYS_PTRACE over us may look at our memory, descriptors or program through
// /proc, as long as this lives (PR_SET_DUMPABLE). Children made meanwhile keep it until they
// execute something.
class [[nodiscard]] Undumpable {
 public:
  Undumpable();
  ~Undumpable();
  Undumpable(const Undumpable&) = delete;
  Undumpable& operator=(const Undumpable&) = delete;

 private:
  int before_;
};

// Brings `lo` up in the network namespace of the calling process.
Result<> bring_up_loopback();

Result<> set_host_name(const std::string& name);
Result<> set_domain_name(const std::string& name);

// A session keyring of its own instead of the caller's (keyrings(7)). A kernel without keyrings is
// fine.
Result<> new_session_keyring();

}  // namespace strata::sys
