#include "base/strings.h"
#include "cli/options.h"
#include "cli/transfer_view.h"
#include "cli/verbs.h"
#include "images/images.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

// "zstd" or "zstd:19".
Result<> parse_compression(std::string_view text, images::PushOptions& push) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const int highest = name == "gzip" ? 2 : 19;
  if (name == "gzip") push.compression = codec::Compression::kGzip;
  if (name == "zstd") push.compression = codec::Compression::kZstd;
  if (!push.compression)
    return error(ErrorKind::kInvalidArgument, "invalid argument \"{}\" for \"--compression\" flag: gzip or zstd", text);
  if (colon == std::string_view::npos) return {};
  const auto level = parse_unsigned(text.substr(colon + 1));
  if (!level || *level < 1 || *level > static_cast<unsigned>(highest))
    return error(ErrorKind::kInvalidArgument,
                 "invalid argument \"{}\" for \"--compression\" flag: {} has levels 1 to {}", text, name, highest);
  push.level = static_cast<int>(*level);
  return {};
}

}  // namespace

Result<int> run_push(Context& context, const Verb& verb, Arguments arguments) {
  bool quiet = false;
  bool all = false;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-a,--all-tags", all, "Push all tags of an image to the repository");
  options.flag("-q,--quiet", quiet, "Suppress verbose output");
  images::PushOptions push;
  options.flag("--squash", push.squash, "Push the image with its layers merged into one");
  std::optional<std::string> compression;
  options.value("--compression", compression, "Send layers as gzip[:1-2] or zstd[:1-19]");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;

  const oci::Reference typed = TRY(oci::Reference::parse(names[0]));
  if (all && !typed.is_name_only()) return error(ErrorKind::kInvalidArgument, "tag can't be used with --all-tags/-a");
  if (compression) TRY(parse_compression(*compression, push));
  engine::Engine& engine = *TRY(context.engine());
  std::vector<oci::Reference> references{typed.with_default_tag()};
  if (all) {
    references = TRY(engine.images().tags_of(typed));
    if (references.empty())
      return error(ErrorKind::kNotFound, "An image does not exist locally with the tag: {}", typed.familiar_name());
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
      fmt::print("{}: digest: {} size: {}\n", reference.tag.value_or(""), pushed.digest.to_string(), pushed.size);
  }
  return 0;
}

}  // namespace strata::cli
