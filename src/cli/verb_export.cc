#include "cli/archive_output.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/containers.h"

namespace strata::cli {

Result<int> run_export(Context& context, const Verb& verb, Arguments arguments) {
  std::string output;
  std::vector<std::string> names;
  Options options(verb);
  options.value("-o,--output", output, "Write to a file, instead of STDOUT");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;

  containers::Containers& containers = (*TRY(context.engine())).containers();
  const containers::Container container = TRY(containers.find(names[0]));
  ArchiveOutput out = TRY(ArchiveOutput::open(output));
  TRY(containers.export_rootfs(container, out.fd()));
  TRY(out.commit());
  return 0;
}

}  // namespace strata::cli
