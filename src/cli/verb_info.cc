#include <fmt/core.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/strings.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/containers.h"
#include "images/images.h"
#include "layers/layers.h"
#include "sys/file.h"

namespace strata::cli {
namespace {

std::string operating_system() {
  const Result<std::string> release = sys::read_file("/etc/os-release", 64 << 10);
  if (release)
    for (const std::string_view line : split(*release, '\n'))
      if (line.starts_with("PRETTY_NAME=")) return std::string(trim(line.substr(12))).substr(1, line.size() - 14);
  return "Linux";
}

}  // namespace

Result<int> run_info(Context& context, const Verb& verb, Arguments arguments) {
  std::vector<std::string> none;
  Options options(verb);
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;

  engine::Engine& engine = *TRY(context.engine());
  std::size_t running = 0;
  const auto containers = TRY(engine.containers().list());
  for (const auto& container : containers) running += TRY(engine.containers().state(container)).running() ? 1 : 0;
  utsname host{};
  ::uname(&host);
  const bool index_form = TRY(engine.layers().form()) == layers::Form::kIndex;
  const bool pure_v2 = sys::exists("/sys/fs/cgroup/cgroup.controllers");
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));

  fmt::print("Containers: {}\n Running: {}\n Stopped: {}\n", containers.size(), running, containers.size() - running);
  fmt::print("Images: {}\n", TRY(engine.images().list()).size());
  fmt::print("Server Version: {} (no daemon)\n", STRATA_VERSION);
  fmt::print("Storage Driver: overlay\n Layers: {}\n",
             index_form ? "tar with an EROFS index, never unpacked" : "directories (this kernel or file system cannot mount an index)");
  fmt::print("Cgroup Version: {}\n", pure_v2 ? 2 : 1);
  fmt::print("Kernel Version: {}\nOperating System: {}\nOSType: linux\nArchitecture: {}\nCPUs: {}\nTotal Memory: {}\nName: {}\n",
             host.release, operating_system(), host.machine, ::sysconf(_SC_NPROCESSORS_ONLN),
             human_size(pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))), host.nodename);
  fmt::print("Strata Root Dir: {}\nStrata Run Dir: {}\nConfiguration: {}\n", engine.settings().paths.root,
             engine.settings().paths.run_root, engine.settings().config_file);
  if (!engine.settings().registry.mirrors.empty()) {
    fmt::print("Registry Mirrors:\n");
    for (const auto& [registry, mirrors] : engine.settings().registry.mirrors)
      fmt::print(" {}: {}\n", registry, join(mirrors, ", "));
  }
  return 0;
}

}  // namespace strata::cli
