#include <fcntl.h>

#include "build/config_changes.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "fetch/client.h"
#include "images/images.h"
#include "images/import.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

bool is_url(std::string_view source) { return source.starts_with("http://") || source.starts_with("https://"); }

Result<> outcome(const std::string& url, const fetch::Response& response) {
  if (response.success()) return {};
  if (response.failure != fetch::Failure::kNone) return error(ErrorKind::kUnavailable, "{}: {}", url, response.message);
  return error(ErrorKind::kNotFound, "{}: the server answered {}", url, response.status);
}

// Straight from the transfer into the worker.
Result<images::Image> import_url(engine::Engine& engine, const std::string& url, images::ImportOptions& options) {
  // A worker that gives up closes its end of the pipe.
  const sys::NoPipeSignal no_pipe_signal;
  const auto client = TRY(fetch::Client::open({.program = engine.settings().program_directory + "/strata-fetch"}));
  sys::Pipe pipe = TRY(sys::make_pipe());
  fetch::Request request;
  request.url = url;
  request.output = pipe.write.get();
  request.max_body = options.max_layer_size;
  fetch::Transfer transfer = TRY(client->begin(request));
  pipe.write.reset();
  TRY(outcome(url, transfer.wait_head()));
  options.check_input = [&]() -> Result<> {
    pipe.read.reset();  // nobody reads any more
    const fetch::Response& response = transfer.wait();
    // That nobody read to the end is the worker's decision, which has a better error.
    return response.failure == fetch::Failure::kOutput ? Result<>() : outcome(url, response);
  };
  return images::import_tar(engine.images(), pipe.read.get(), options);
}

}  // namespace

Result<int> run_import(Context& context, const Verb& verb, Arguments arguments) {
  std::optional<std::string> platform;
  std::vector<std::string> names, changes;
  images::ImportOptions wanted;
  Options options(verb);
  options.list("-c,--change", changes, "Apply Dockerfile instruction to the created image");
  options.value("-m,--message", wanted.message, "Set commit message for imported image");
  options.value("--platform", platform, "Set platform if server is multi-platform capable");
  options.arguments(names, 1, 2);
  if (!TRY(options.parse(arguments))) return 0;

  const std::string& source = names[0];
  wanted.platform = oci::host_platform();
  if (platform) wanted.platform = TRY(oci::parse_platform(*platform));
  if (wanted.message.empty()) wanted.message = "Imported from " + source;
  if (names.size() == 2) {
    const oci::Reference tag = TRY(oci::Reference::parse(names[1]));
    if (tag.digest) return error(ErrorKind::kInvalidArgument, "cannot import digest reference");
    wanted.tag = tag.with_default_tag();
  }
  wanted.change = [&](oci::ImageConfig& config) { return build::apply_changes(changes, config); };
  wanted.max_layer_size = context.settings().max_layer_size;

  sys::UniqueFd file;
  if (source != "-" && !is_url(source)) file = TRY(sys::open_file(source, O_RDONLY));
  engine::Engine& engine = *TRY(context.engine());
  constexpr int kStandardInput = 0;
  const images::Image image =
      is_url(source) ? TRY(import_url(engine, source, wanted))
                     : TRY(images::import_tar(engine.images(), file ? file.get() : kStandardInput, wanted));
  fmt::print("{}\n", image.id.to_string());
  return 0;
}

}  // namespace strata::cli
