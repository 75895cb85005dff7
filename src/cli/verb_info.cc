#include <sys/utsname.h>
#include <unistd.h>

#include "base/json.h"
#include "base/strings.h"
#include "cli/format.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/containers.h"
#include "images/images.h"
#include "layers/layers.h"
#include "sys/file.h"
#include <fmt/core.h>

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
  std::string format;
  std::vector<std::string> none;
  Options options(verb);
  options.value("-f,--format", format, "Format output using a Go template, or 'json'");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  if (!is_template(format)) return kBrokenTemplate;

  engine::Engine& engine = *TRY(context.engine());
  std::size_t running = 0;
  const auto containers = TRY(engine.containers().list_with_state());
  for (const auto& [container, state] : containers) running += state.running() ? 1 : 0;
  utsname host{};
  ::uname(&host);
  const bool index_form = TRY(engine.layers().form()) == layers::Form::kIndex;
  const bool pure_v2 = sys::exists("/sys/fs/cgroup/cgroup.controllers");
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));

  const std::string layers = index_form ? "tar with an EROFS index, never unpacked"
                                        : "directories (this kernel or file system cannot mount an index)";
  const std::uint64_t memory = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const long processors = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (!format.empty()) {
    const auto& settings = engine.settings();
    ordered_json mirrors = ordered_json::object();
    for (const auto& [registry, list] : settings.registry.mirrors) mirrors[registry] = list;
    const ordered_json object{{"Containers", containers.size()},
                              {"ContainersRunning", running},
                              {"ContainersPaused", 0},
                              {"ContainersStopped", containers.size() - running},
                              {"Images", TRY(engine.images().list()).size()},
                              {"Driver", "overlay"},
                              {"DriverStatus", ordered_json::array({ordered_json::array({"Layers", layers})})},
                              {"CgroupDriver", "cgroupfs"},
                              {"CgroupVersion", pure_v2 ? "2" : "1"},
                              {"KernelVersion", host.release},
                              {"OperatingSystem", operating_system()},
                              {"OSType", "linux"},
                              {"Architecture", host.machine},
                              {"NCPU", processors},
                              {"MemTotal", memory},
                              {"Name", host.nodename},
                              {"ServerVersion", STRATA_VERSION},
                              {"DockerRootDir", settings.paths.root},
                              {"RunRootDir", settings.paths.run_root},
                              {"Configuration", settings.config_file},
                              {"RegistryConfig", {{"Mirrors", mirrors}}}};
    fmt::print("{}", TRY(format_object(format, object)));
    return 0;
  }
  fmt::print("Containers: {}\n Running: {}\n Stopped: {}\n", containers.size(), running, containers.size() - running);
  fmt::print("Images: {}\n", TRY(engine.images().list()).size());
  fmt::print("Server Version: {} (no daemon)\n", STRATA_VERSION);
  fmt::print("Storage Driver: overlay\n Layers: {}\n", layers);
  fmt::print("Cgroup Version: {}\n", pure_v2 ? 2 : 1);
  fmt::print(
      "Kernel Version: {}\nOperating System: {}\nOSType: linux\nArchitecture: {}\nCPUs: {}\nTotal Memory: {}\nName: "
      "{}\n",
      host.release, operating_system(), host.machine, processors, human_size(memory), host.nodename);
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
