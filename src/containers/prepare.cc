#include "containers/prepare.h"

#include "base/strings.h"
#include "containers/volumes.h"
#include "sys/file.h"
#include "sys/rooted_path.h"

namespace strata::containers {

Result<PreparedRootfs> prepare_rootfs(const store::Paths& paths, const Config& config, int rootfs) {
  PreparedRootfs out;
  out.user = TRY(resolve_user(rootfs, config.user));
  if (!config.working_dir.empty())
    TRY(sys::make_directories_in_root(rootfs, config.working_dir), "working directory {}", config.working_dir);
  for (const Mount& mount : config.mounts) {
    switch (mount.type) {
      case Mount::Type::kTmpfs:
        out.mount_sources.emplace_back();
        break;
      case Mount::Type::kVolume:
        out.mount_sources.push_back(TRY(prepare_volume(paths, mount, rootfs)));
        break;
      case Mount::Type::kBind:
        if (!sys::exists(mount.source)) {
          if (mount.must_exist)
            return error(ErrorKind::kInvalidArgument,
                         "invalid mount config for type \"bind\": bind source path does not exist: {}", mount.source);
          TRY(sys::make_directories(mount.source), "bind source");
        }
        out.mount_sources.push_back(mount.source);
        break;
    }
  }
  return out;
}

Result<runtime::SeccompSource> seccomp_source(const Config& config) {
  for (const std::string& option : config.security_opt) {
    if (!option.starts_with("seccomp=") && !option.starts_with("seccomp:")) continue;
    const std::string_view value = std::string_view(option).substr(8);
    if (value == "unconfined") return runtime::SeccompSource::kSpec;
    if (value != "builtin")
      return error(ErrorKind::kUnsupported, "--security-opt seccomp={}: only \"unconfined\" and \"builtin\" so far",
                   printable(value));
  }
  return config.privileged ? runtime::SeccompSource::kSpec : runtime::SeccompSource::kDefault;
}

}  // namespace strata::containers
