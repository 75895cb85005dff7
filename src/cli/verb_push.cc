#include "cli/options.h"
#include "cli/transfer_view.h"
#include "cli/verbs.h"
#include "images/images.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_push(Context& context, const Verb& verb, Arguments arguments) {
  bool quiet = false;
  bool all = false;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-a,--all-tags", all, "Push all tags of an image to the repository");
  options.flag("-q,--quiet", quiet, "Suppress verbose output");
  images::PushOptions push;
  options.flag("--squash", push.squash, "Push the image with its layers merged into one");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;

  const oci::Reference typed = TRY(oci::Reference::parse(names[0]));
  if (all && !typed.is_name_only())
    return error(ErrorKind::kInvalidArgument, "tag can't be used with --all-tags/-a");
  engine::Engine& engine = *TRY(context.engine());
  std::vector<oci::Reference> references{typed.with_default_tag()};
  if (all) {
    references = TRY(engine.images().tags_of(typed));
    if (references.empty())
      return error(ErrorKind::kNotFound, "An image does not exist locally with the tag: {}",
                   typed.familiar_name());
  } else if (typed.is_name_only() && !quiet) {
    fmt::print("Using default tag: latest\n");
  }
  registry::Client& client = *TRY(engine.registry());
  for (const oci::Reference& reference : references) {
    PushView view(quiet);
    const images::Pushed pushed = TRY(engine.images().push(client, reference, push, view));
    if (quiet)
      fmt::print("{}\n", reference.to_string());
    else
      fmt::print("{}: digest: {} size: {}\n", reference.tag.value_or(""), pushed.digest.to_string(),
                 pushed.size);
  }
  return 0;
}

}  // namespace strata::cli
