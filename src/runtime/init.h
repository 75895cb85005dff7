// The child's side of create(): from the moment it exists to the program it becomes.
#pragma once

#include "runtime/container_plan.h"
#include "runtime/create.h"
#include "sys/cgroup.h"

namespace strata::runtime {

struct InitOptions {
  const ContainerPlan& plan;
  const sys::Cgroup* cgroup = nullptr;  // null: none
  Stdio stdio;                          // all three are descriptors
  int control = -1;                     // ours
  int callers_control = -1;             // to be closed, or its end would never be seen
  bool wait_for_network = false;
};

[[noreturn]] void run_init(const InitOptions& options);

}  // namespace strata::runtime
