#include "cli/options.h"
#include "cli/verbs.h"
#include "images/images.h"

namespace strata::cli {

Result<int> run_tag(Context& context, const Verb& verb, Arguments arguments) {
  std::vector<std::string> names;
  Options options(verb);
  options.arguments(names, 2, 2);
  if (!TRY(options.parse(arguments))) return 0;

  const oci::Reference target =
      TRY(oci::Reference::parse(names[1]), "error parsing reference: \"{}\" is not a valid repository/tag", names[1]);
  engine::Engine& engine = *TRY(context.engine());
  const images::Image image = TRY(engine.images().find(names[0]));
  TRY(engine.images().tag(image.id, target));
  return 0;
}

}  // namespace strata::cli
