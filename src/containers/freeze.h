// A container that stands still for a while.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "sys/cgroup.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace strata::containers {

// Frozen from begin() to end() or the destructor. If we are killed, a process that waits for it thaws
// the container. A container that was frozen already stays so. Only where no other thread runs.
class [[nodiscard]] Freeze {
 public:
  // Errors: kUnsupported where there is no freezer; kTimeout.
  static Result<Freeze> begin(const std::string& cgroup);
  Freeze(Freeze&& other) noexcept
      : cgroup_(std::exchange(other.cgroup_, std::nullopt)),
        guard_pipe_(std::move(other.guard_pipe_)),
        guard_(std::exchange(other.guard_, std::nullopt)) {}
  Freeze& operator=(Freeze&&) = delete;
  ~Freeze() { (void)end(); }
  Result<> end();

 private:
  explicit Freeze(sys::Cgroup cgroup) : cgroup_(std::move(cgroup)) {}
  std::optional<sys::Cgroup> cgroup_;
  sys::UniqueFd guard_pipe_;
  std::optional<sys::Child> guard_;
};

}  // namespace strata::containers
