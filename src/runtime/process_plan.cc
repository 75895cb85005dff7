#include "runtime/process_plan.h"

#include <linux/seccomp.h>

#include <cerrno>

#include "runtime/control.h"
#include "runtime/executable.h"
#include "runtime/seccomp_profile.h"
#include "sys/file.h"
#include "sys/hidden_exec.h"
#include "sys/process_state.h"
#include "sys/rlimit.h"
#include "sys/rooted_path.h"

namespace strata::runtime {
namespace {

// A name the kernel here may know but we do not would silently be a missing right.
Result<sys::CapabilityMask> capability_mask(const std::vector<std::string>& names) {
  sys::CapabilityMask mask = 0;
  for (const std::string& name : names) {
    const auto number = sys::capability_number(name);
    if (!number) return error(ErrorKind::kInvalidArgument, "unknown capability {:?}", name);
    mask |= sys::CapabilityMask{1} << *number;
  }
  return mask;
}

Result<sys::CapabilitySets> planned_capabilities(const oci::Capabilities& wanted) {
  const sys::CapabilitySets own = TRY(sys::current_capabilities());
  sys::CapabilitySets sets;
  sets.bounding = TRY(capability_mask(wanted.bounding)) & own.bounding;
  sets.permitted = TRY(capability_mask(wanted.permitted)) & own.permitted;
  sets.effective = TRY(capability_mask(wanted.effective)) & sets.permitted;
  sets.inheritable = TRY(capability_mask(wanted.inheritable)) & own.permitted;
  sets.ambient = TRY(capability_mask(wanted.ambient)) & sets.permitted & sets.inheritable;
  return sets;
}

Result<std::vector<PlannedRlimit>> planned_rlimits(const std::vector<oci::Rlimit>& limits) {
  std::vector<PlannedRlimit> result;
  for (const oci::Rlimit& limit : limits) {
    const auto number = sys::rlimit_number(limit.type);
    if (!number) return error(ErrorKind::kInvalidArgument, "unknown resource limit {:?}", limit.type);
    if (limit.soft > limit.hard)
      return error(ErrorKind::kInvalidArgument, "{}: the soft limit {} is above the hard one {}", limit.type,
                   limit.soft, limit.hard);
    result.push_back({limit.type, *number, limit.soft, limit.hard, limit.best_effort});
  }
  return result;
}

Result<> check_strings(const oci::Process& process) {
  if (process.args.empty() || process.args[0].empty())
    return error(ErrorKind::kInvalidArgument, "no command specified");
  for (const auto* list : {&process.args, &process.env})
    for (const std::string& text : *list)
      if (text.find('\0') != std::string::npos)
        return error(ErrorKind::kInvalidArgument, "an argument or variable holds a zero byte");
  if (!process.cwd.starts_with('/'))
    return error(ErrorKind::kInvalidArgument, "working directory {:?} is not absolute", process.cwd);
  return {};
}

Result<> apply_rlimits(const std::vector<PlannedRlimit>& limits) {
  for (const PlannedRlimit& limit : limits) {
    auto set = sys::set_rlimit(limit.number, limit.soft, limit.hard);
    if (!set && !limit.best_effort) return std::move(set).context(limit.name);
  }
  return {};
}

// No descriptor of it is left open: a path below /proc/self/fd must not find one.
Result<> make_directory(const std::string& path) {
  const sys::UniqueFd root = TRY(sys::open_file("/", O_PATH | O_DIRECTORY));
  (void)TRY(sys::make_directories_in_root(root.get(), path, 0755));
  return {};
}

Result<> enter_working_directory(const ProcessPlan& plan) {
  const std::string& path = plan.process.cwd;
  Result<> entered = sys::change_directory(path);
  if (!entered && entered.error().error_number() == ENOENT && plan.create_working_directory) {
    TRY(make_directory(path), "create working directory {:?}", path);
    entered = sys::change_directory(path);
  }
  if (!entered) {
    const bool runnable_error = entered.error().error_number() == ENOENT || entered.error().error_number() == ENOTDIR ||
                                entered.error().error_number() == EACCES;
    return runnable_error ? std::move(entered).take_error().with_kind(ErrorKind::kCommandNotRunnable)
                          : std::move(entered).take_error();
  }
  // A directory that a leaked descriptor stands for would show the host (CVE-2024-21626).
  (void)TRY(sys::current_directory());
  return {};
}

}  // namespace

Result<ProcessPlan> plan_process(const oci::Process& process, SeccompSource source,
                                 const std::optional<oci::Seccomp>& profile) {
  TRY(check_strings(process));
  ProcessPlan plan{.process = process};
  plan.groups.assign(process.user.additional_gids.begin(), process.user.additional_gids.end());
  plan.capabilities = TRY(planned_capabilities(process.capabilities));
  plan.rlimits = TRY(planned_rlimits(process.rlimits));
  if (source == SeccompSource::kDefault) {
    plan.seccomp = TRY(default_seccomp(plan.capabilities.bounding));
  } else if (profile) {
    plan.seccomp = TRY(compile_seccomp(*profile));
    plan.seccomp_flags = TRY(seccomp_flags(*profile));
  }
  return plan;
}

Result<> settle(const ProcessPlan& plan) {
  TRY(apply_rlimits(plan.rlimits));
  sys::set_umask(022);
  TRY(enter_working_directory(plan));
  const oci::User& user = plan.process.user;
  for (const int stream : {0, 1, 2}) sys::give_away_stream(stream, user.uid);
  TRY(sys::limit_bounding(plan.capabilities.bounding));
  TRY(sys::switch_user_keeping_capabilities(user.uid, user.gid, plan.groups.data(), plan.groups.size()));
  sys::set_umask(user.umask.value_or(022));
  if (plan.process.no_new_privileges) TRY(sys::set_no_new_privileges());
  return {};
}

Error become(const ProcessPlan& plan, int control) {
  const oci::Process& process = plan.process;
  const auto program = find_executable(process.args[0], process.env);
  if (!program) return program.error();
  Error failed = sys::execute_hidden({.program = *program,
                                      .arguments = process.args,
                                      .environment = process.env,
                                      .filter = plan.seccomp ? &*plan.seccomp : nullptr,
                                      .filter_flags = plan.seccomp_flags,
                                      .capabilities = plan.capabilities,
                                      .socket = control,
                                      .report = failed_step_report(*program),
                                      .report_at = kFailedStepAt});
  if (failed.kind() != ErrorKind::kUnsupported) return failed;
  if (sys::leads_to_ourselves(*program))
    return error(ErrorKind::kCommandNotRunnable, "exec {}: it leads out of the container", *program);
  const auto run = [&]() -> Result<> {
    // The filter needs CAP_SYS_ADMIN (or no_new_privs), so it comes before the capabilities go;
    // what is called after it is little, and every profile that can run a program has it.
    if (plan.seccomp) TRY(plan.seccomp->load(plan.seccomp_flags));
    const sys::CapabilitySets& sets = plan.capabilities;
    TRY(sys::set_capabilities(sets.effective, sets.permitted, sets.inheritable));
    if (sets.ambient != 0) TRY(sys::set_ambient(sets.ambient));
    return execution_error(*program, sys::execute(*program, process.args, process.env));
  };
  return run().take_error();
}

}  // namespace strata::runtime
