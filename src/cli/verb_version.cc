#include <fmt/core.h>
#include <sys/utsname.h>

#include "cli/options.h"
#include "cli/verbs.h"

namespace strata::cli {

Result<int> run_version(Context&, const Verb& verb, Arguments arguments) {
  std::vector<std::string> none;
  Options options(verb);
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  utsname host{};
  ::uname(&host);
  fmt::print("Strata:\n Version:    {}\n OS/Arch:    linux/{}\n Kernel:     {}\n Compiler:   {}\n", STRATA_VERSION,
             std::string_view(host.machine) == "x86_64" ? "amd64" : host.machine, host.release, __VERSION__);
  return 0;
}

}  // namespace strata::cli
