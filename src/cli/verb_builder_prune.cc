#include "base/strings.h"
#include "build/cache.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "engine/image_uses.h"
#include "images/images.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_builder_prune(Context& context, const Verb& verb, Arguments arguments) {
  bool all = false, force = false;
  std::vector<std::string> none;
  Options options(verb);
  // Both mean the whole cache: what an image needs is the image's, not the cache's.
  options.flag("-a,--all", all, "Remove all unused build cache, not just dangling ones");
  options.flag("-f,--force", force, "Do not prompt for confirmation");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  if (!force && !confirm("WARNING! This will remove all build cache. Are you sure you want to continue? [y/N] "))
    return 0;
  engine::Engine& engine = *TRY(context.engine());
  TRY(build::forget_cache(engine.store()));
  const images::Pruned pruned = TRY(engine.images().collect_garbage(engine::image_uses(engine)));
  fmt::print("Total:\t{}\n", human_size(pruned.reclaimed));
  return 0;
}

}  // namespace strata::cli
