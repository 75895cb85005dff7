// `build`: what the user says becomes BuildOptions; the rest is build/.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <span>

#include "base/strings.h"
#include "build/build.h"
#include "cli/build_view.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "codec/compression.h"
#include "containers/containers.h"
#include "images/images.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

constexpr std::size_t kMaxDockerfile = 4 << 20;

struct Flags {
  std::vector<std::string> tags, build_args, labels, context;
  std::optional<std::string> file, platform, iid_file;
  std::string target, network = "default", progress = "auto";
  bool no_cache = false, pull = false, quiet = false, load = false, rm = true, force_rm = false;
};

// "K=V"; "K" alone takes the environment's value, and counts for nothing when there is none.
Result<std::map<std::string, std::string>> key_values(const std::vector<std::string>& words, bool from_environment) {
  std::map<std::string, std::string> out;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    if (key.empty())
      return error(ErrorKind::kInvalidArgument, "invalid value \"{}\": the name is empty", printable(word));
    if (equals != std::string::npos) {
      out[key] = word.substr(equals + 1);
    } else if (!from_environment) {
      out[key] = "";
    } else if (const char* value = std::getenv(key.c_str())) {
      out[key] = value;
    }
  }
  return out;
}

bool is_remote(std::string_view context) {
  return context.starts_with("http://") || context.starts_with("https://") || context.starts_with("git@") ||
         context.starts_with("git://") || context.starts_with("ssh://") || context.starts_with("github.com/");
}

// Reads standard input to its end: a Dockerfile. Archives as contexts come later.
Result<std::string> read_dockerfile_from_input() {
  std::string text = TRY(sys::read_fd(STDIN_FILENO, kMaxDockerfile), "read the Dockerfile from standard input");
  const bool compressed = codec::detect_compression(std::as_bytes(std::span(text))) != codec::Compression::kNone;
  if (compressed || (text.size() > 262 && text.compare(257, 5, "ustar") == 0))
    return error(ErrorKind::kUnsupported, "a build context as a tar archive on standard input is not supported yet");
  return text;
}

// Where the Dockerfile and the context are.
Result<> read_sources(const Flags& flags, build::BuildOptions& options) {
  const std::string& context = flags.context[0];
  if (is_remote(context))
    return error(ErrorKind::kUnsupported, "a build context from {} is not supported yet: only directories and - are",
                 printable(context));
  const bool input = context == "-";
  if (!input) options.context = context;
  if (input && !flags.file) {
    options.dockerfile = TRY(read_dockerfile_from_input());
    return {};
  }
  if (flags.file == "-") {
    if (input)
      return error(ErrorKind::kInvalidArgument,
                   "invalid argument: can't use stdin for both build context and dockerfile");
    options.dockerfile = TRY(read_dockerfile_from_input());
    return {};
  }
  if (input) return error(ErrorKind::kUnsupported, "a build context on standard input is not supported yet");
  if (const auto st = sys::stat_path(context); !st || !S_ISDIR(st->st_mode))
    return error(ErrorKind::kNotFound, "unable to prepare context: path \"{}\" not found", printable(context));
  std::string path = flags.file.value_or(context + "/Dockerfile");
  if (!flags.file && !sys::exists(path) && sys::exists(context + "/dockerfile")) path = context + "/dockerfile";
  auto text = sys::read_file(path, kMaxDockerfile);
  if (!text && text.error().error_number() == ENOENT)
    return error(ErrorKind::kNotFound, "failed to read dockerfile: open {}: no such file or directory",
                 printable(flags.file.value_or("Dockerfile")));
  options.dockerfile = TRY(std::move(text), "failed to read dockerfile");
  options.dockerfile_path = path;
  options.dockerfile_name = path.substr(path.rfind('/') + 1);
  return {};
}

Result<BuildViewKind> view_kind(const Flags& flags) {
  if (flags.quiet || flags.progress == "quiet") return BuildViewKind::kQuiet;
  if (flags.progress == "plain") return BuildViewKind::kPlain;
  const bool terminal = is_terminal(STDERR_FILENO);
  if (flags.progress == "tty") {
    if (!terminal) return error(ErrorKind::kInvalidArgument, "--progress=tty: standard error is not a terminal");
    return BuildViewKind::kLive;
  }
  if (flags.progress != "auto")
    return error(ErrorKind::kInvalidArgument, "invalid progress \"{}\": auto, plain, tty or quiet",
                 printable(flags.progress));
  return terminal ? BuildViewKind::kLive : BuildViewKind::kPlain;
}

Result<bool> parse_flags(const Verb& verb, Arguments arguments, Flags& flags) {
  Options options(verb);
  options.list("-t,--tag", flags.tags, "Name and optionally a tag (format: \"name:tag\")");
  options.value("-f,--file", flags.file, "Name of the Dockerfile (default: \"PATH/Dockerfile\")");
  options.value("--target", flags.target, "Set the target build stage to build");
  options.list("--build-arg", flags.build_args, "Set build-time variables");
  options.list("--label", flags.labels, "Set metadata for an image");
  options.flag("--no-cache", flags.no_cache, "Do not use cache when building the image");
  options.flag("--pull", flags.pull, "Always attempt to pull all referenced images");
  options.value("--platform", flags.platform, "Set target platform for build");
  options.value("--progress", flags.progress, "Set type of progress output (\"auto\", \"plain\", \"tty\", \"quiet\")");
  options.flag("-q,--quiet", flags.quiet, "Suppress the build output and print image ID on success");
  options.value("--iidfile", flags.iid_file, "Write the image ID to a file");
  options.value("--network", flags.network, "Set the networking mode for the \"RUN\" instructions during build");
  // What docker has and is always so here.
  options.flag("--load", flags.load, "");
  options.flag("--rm", flags.rm, "");
  options.flag("--force-rm", flags.force_rm, "");
  options.arguments(flags.context, 1, 1);
  return options.parse(arguments);
}

}  // namespace

Result<int> run_build(Context& context, const Verb& verb, Arguments arguments) {
  Flags flags;
  if (!TRY(parse_flags(verb, arguments, flags))) return 0;
  build::BuildOptions options;
  for (const std::string& tag : flags.tags)
    options.tags.push_back(
        TRY(oci::Reference::parse(tag), "invalid argument \"{}\" for \"-t, --tag\" flag", printable(tag))
            .with_default_tag());
  options.target = flags.target;
  options.build_args = TRY(key_values(flags.build_args, true));
  options.labels = TRY(key_values(flags.labels, false));
  if (flags.platform) options.platform = TRY(oci::parse_platform(*flags.platform));
  options.no_cache = flags.no_cache;
  options.pull = flags.pull;
  options.network = flags.network == "bridge" ? "default" : flags.network;
  if (options.network != "default" && options.network != "none" && options.network != "host")
    return error(ErrorKind::kUnsupported, "--network {}: only default, none and host", printable(flags.network));
  options.max_layer_size = context.settings().max_layer_size;
  TRY(read_sources(flags, options));
  const BuildViewKind kind = TRY(view_kind(flags));

  const auto interrupt = TRY(Interrupt::create());
  options.cancel_fd = interrupt->fd();
  engine::Engine& engine = *TRY(context.engine());
  const build::Parts parts{engine.store(), engine.layers(), engine.images(), engine.containers(),
                           [&engine] { return engine.registry(); }};
  auto view = make_build_view(kind);
  auto image = build::build(options, parts, *view);
  view.reset();
  if (!image) {
    if (image.error().kind() == ErrorKind::kCancelled && interrupt->signal() != 0) {
      fmt::print(stderr, "ERROR: build was cancelled\n");
      return 128 + interrupt->signal();
    }
    return std::move(image).take_error();
  }
  if (flags.iid_file) TRY(sys::replace_file(*flags.iid_file, image->to_string()), "--iidfile");
  if (flags.quiet) fmt::print("{}\n", image->to_string());
  return 0;
}

}  // namespace strata::cli
