// The global options, which stand before the verb, and the settings that come of them.
#include <algorithm>
#include <cstdlib>

#include "base/log.h"
#include "base/strings.h"
#include "cli/command.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/standard_error.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

struct Globals {
  engine::Settings settings;
  std::size_t words_read = 0;
  bool version = false;
  std::string root, run_root;  // from a flag or the environment; empty: the file's or the default
};

std::string from_environment(const char* name, std::string fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

std::string absolute(std::string path) {
  if (path.starts_with('/')) return path;
  char* here = ::realpath(".", nullptr);
  std::string result = std::string(here == nullptr ? "" : here) + '/' + path;
  std::free(here);
  return result;
}

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

Result<Globals> read_globals(std::span<const std::string> arguments) {
  Globals globals;
  engine::Settings& settings = globals.settings;
  globals.root = from_environment("STRATA_ROOT", "");
  globals.run_root = from_environment("STRATA_RUN_ROOT", "");
  settings.config_file_required = std::getenv("STRATA_CONFIG") != nullptr;
  settings.config_file = from_environment("STRATA_CONFIG", settings.config_file);
  settings.force_directory_form = std::getenv("STRATA_FORCE_DIRECTORY_FORM") != nullptr;
  std::string level;
  std::size_t& i = globals.words_read;
  for (; i < arguments.size() && arguments[i].starts_with('-') && arguments[i].size() > 1; ++i) {
    std::string name = arguments[i];
    if (name == "--help" || name == "-h") break;
    if (name == "-D" || name == "--debug") {
      level = "debug";
      continue;
    }
    if (name == "-v" || name == "--version") {
      globals.version = true;
      continue;
    }
    static constexpr std::string_view kWithValue[] = {"--root", "--run-root", "--config", "--log-level", "-l"};
    if (std::ranges::find(kWithValue, name.substr(0, name.find('='))) == std::end(kWithValue))
      return error(ErrorKind::kInvalidArgument, "unknown flag: {}\n\nRun 'strata --help' for more information",
                   printable(name.substr(0, name.find('='))));
    std::string value;
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (i + 1 < arguments.size()) {
      value = arguments[i + 1];
    } else {
      return error(ErrorKind::kInvalidArgument,
                   "flag needs an argument: {}\n\nRun 'strata --help' for more information", name);
    }
    if (name == "--root")
      globals.root = value;
    else if (name == "--run-root")
      globals.run_root = value;
    else if (name == "--config")
      settings.config_file = value, settings.config_file_required = true;
    else
      level = value;
    if (arguments[i].find('=') == std::string::npos) ++i;
  }
  if (!level.empty()) {
    const auto parsed = parse_log_level(level);
    if (!parsed) return error(ErrorKind::kInvalidArgument, "unable to parse logging level: {}", level);
    set_log_level(*parsed);
  }
  settings.config_file = absolute(settings.config_file);
  settings.program_directory = TRY(sys::own_directory());
  return globals;
}

// The file first, then what was said closer to the command.
Result<> complete(Globals& globals) {
  store::Paths& paths = globals.settings.paths;
  TRY(engine::read_config_file(globals.settings));
  if (!globals.root.empty()) paths.root = globals.root;
  if (!globals.run_root.empty()) paths.run_root = globals.run_root;
  paths.root = without_trailing_slash(absolute(paths.root));
  paths.run_root = without_trailing_slash(absolute(paths.run_root));
  return {};
}

}  // namespace

int run_main(std::span<const std::string> arguments) {
  sys::drop_lost_messages();
  Result<Globals> globals = read_globals(arguments);
  if (globals && !globals->version) {
    if (const Result<> read = complete(*globals); !read) globals = read.error();
  }
  if (!globals) {
    fmt::print(stderr, "strata: {}\n", globals.error().message());
    return 125;
  }
  if (globals->version) {
    fmt::print("Strata version {}\n", STRATA_VERSION);
    return 0;
  }
  Context context(std::move(globals->settings));
  return run_command(context, arguments.subspan(globals->words_read));
}

}  // namespace strata::cli
