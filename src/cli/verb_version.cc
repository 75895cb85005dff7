#include <sys/utsname.h>

#include "base/json.h"
#include "cli/format.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_version(Context&, const Verb& verb, Arguments arguments) {
  std::string format;
  std::vector<std::string> none;
  Options options(verb);
  options.value("-f,--format", format, "Format output using a Go template, or 'json'");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  if (!is_template(format, "version")) return kBrokenTemplate;
  utsname host{};
  ::uname(&host);
  if (!format.empty()) {
    const std::string machine = std::string_view(host.machine) == "x86_64" ? "amd64" : host.machine;
    const ordered_json client{
        {"Version", STRATA_VERSION}, {"Os", "linux"}, {"Arch", machine}, {"Compiler", __VERSION__}};
    // There is no server: the program does the work itself, and says so under both names.
    ordered_json server{{"Platform", {{"Name", "Strata"}}}};
    server.update(client);
    server["KernelVersion"] = host.release;
    fmt::print("{}", TRY(format_object(format, {{"Client", client}, {"Server", server}}, "version")));
    return 0;
  }
  fmt::print("Strata:\n Version:    {}\n OS/Arch:    linux/{}\n Kernel:     {}\n Compiler:   {}\n", STRATA_VERSION,
             std::string_view(host.machine) == "x86_64" ? "amd64" : host.machine, host.release, __VERSION__);
  return 0;
}

}  // namespace strata::cli
