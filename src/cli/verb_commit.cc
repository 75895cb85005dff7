#include "build/config_changes.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/commit.h"
#include "containers/containers.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_commit(Context& context, const Verb& verb, Arguments arguments) {
  std::vector<std::string> names, changes;
  containers::CommitOptions commit;
  bool no_pause = false;
  Options options(verb);
  options.value("-a,--author", commit.author, "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")");
  options.list("-c,--change", changes, "Apply Dockerfile instruction to the created image");
  options.value("-m,--message", commit.comment, "Commit message");
  options.flag("-p,--pause", commit.pause, "Pause container during commit");
  options.flag("--no-pause", no_pause, "Disable pausing container during commit");
  options.arguments(names, 1, 2);
  if (!TRY(options.parse(arguments))) return 0;
  if (no_pause) commit.pause = false;
  if (names.size() == 2) {
    commit.tag = TRY(oci::Reference::parse(names[1])).with_default_tag();
    if (commit.tag->digest) return error(ErrorKind::kInvalidArgument, "cannot commit to digest reference");
  }
  commit.change = [&](oci::ImageConfig& config) { return build::apply_changes(changes, config); };

  engine::Engine& engine = *TRY(context.engine());
  commit.max_layer_size = context.settings().max_layer_size;
  const containers::Container container = TRY(engine.containers().find(names[0]));
  const images::Image image = TRY(engine.containers().commit(container, commit));
  fmt::print("{}\n", image.id.to_string());
  return 0;
}

}  // namespace strata::cli
