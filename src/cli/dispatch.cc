// From words to a verb, and from an error to what the user sees.
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "cli/command.h"
#include "store/store.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

struct Match {
  const Verb* verb = nullptr;
  std::string_view name;  // the one of its names that was used
  std::size_t words = 0;
};

// The verb with the longest name that `words` begins with: "image ls" wins over a verb "image".
Match match(std::span<const std::string> words) {
  Match best;
  for (const Verb& verb : verbs()) {
    for (const std::string_view name : verb.names) {
      const auto parts = split(name, ' ');
      if (parts.size() > best.words && parts.size() <= words.size() &&
          std::equal(parts.begin(), parts.end(), words.begin()))
        best = {&verb, name, parts.size()};
    }
  }
  return best;
}

bool is_group(std::string_view word) {
  return std::ranges::any_of(verbs(), [&](const Verb& verb) {
    return std::ranges::any_of(verb.names, [&](std::string_view name) {
      return name.starts_with(word) && name.size() > word.size() && name[word.size()] == ' ';
    });
  });
}

std::string overview() {
  std::string text =
      "Usage:  strata [OPTIONS] COMMAND\n\nA container engine without a daemon: images, containers and layers.\n\n"
      "Commands:\n";
  for (const Verb& verb : verbs())
    if (!verb.summary.empty()) text += fmt::format("  {:<14} {}\n", verb.names.front(), verb.summary);
  text +=
      "\nGlobal Options:\n"
      "      --config string      Configuration file (default \"/etc/strata/config.toml\", or $STRATA_CONFIG)\n"
      "  -D, --debug              Enable debug messages\n"
      "  -l, --log-level string   Set the logging level (\"debug\", \"info\", \"warn\", \"error\")\n"
      "      --root string        Where images and containers are kept (default \"/var/lib/strata\", or $STRATA_ROOT)\n"
      "      --run-root string    Where the state of this boot is kept (default \"/run/strata\", or $STRATA_RUN_ROOT)\n"
      "  -v, --version            Print version information and quit\n"
      "\nRun 'strata COMMAND --help' for more information on a command.\n";
  return text;
}

std::string group_overview(std::string_view group) {
  std::string text = fmt::format("Usage:  strata {} COMMAND\n\nCommands:\n", group);
  for (const Verb& verb : verbs()) {
    for (const std::string_view name : verb.names) {
      if (verb.summary.empty() || !name.starts_with(group) || name.size() <= group.size() || name[group.size()] != ' ')
        continue;
      text += fmt::format("  {:<12} {}\n", name.substr(group.size() + 1), verb.summary);
      break;
    }
  }
  return text + fmt::format("\nRun 'strata {} COMMAND --help' for more information on a command.\n", group);
}

// The verb as the user called it: that name comes first in its usage lines.
Verb called(const Match& found) {
  Verb verb = *found.verb;
  const auto name = std::ranges::find(verb.names, found.name);
  std::rotate(verb.names.begin(), name, name + 1);
  return verb;
}

int exit_code(const Error& error, const Verb& verb) {
  if (error.kind() == ErrorKind::kCommandNotFound) return 127;
  if (error.kind() == ErrorKind::kCommandNotRunnable) return 126;
  return verb.failure_code;
}

// Several kilobytes of a failed build may stand in an error; its lines stay, other control bytes go.
std::string printable_lines(std::string_view text) {
  std::string result;
  for (const std::string_view line : split(text, '\n')) {
    if (!result.empty()) result += '\n';
    result += printable(line);
  }
  return result;
}

int no_such_verb(std::span<const std::string> words) {
  const bool group = is_group(words[0]);
  if (group && (words.size() == 1 || words[1] == "--help" || words[1] == "-h")) {
    fmt::print("{}", group_overview(words[0]));
    return 0;
  }
  const std::string known = group ? "strata " + words[0] : "strata";
  fmt::print(stderr, "strata: unknown command: {} {}\n\n{}Run '{} --help' for more information\n", known,
             printable(words[group ? 1 : 0]), group ? fmt::format("Usage:  {} COMMAND\n\n", known) : "", known);
  return 1;
}

// `help`, `help images`, `help image ls`, `help image`.
int help(Context& context, std::span<const std::string> topic) {
  if (!topic.empty() && match(topic).verb == nullptr && !(topic.size() == 1 && is_group(topic[0]))) {
    fmt::print(stderr, "strata: unknown help topic: {}\n", printable(topic[0]));
    return 1;
  }
  std::vector<std::string> words(topic.begin(), topic.begin() + static_cast<std::ptrdiff_t>(match(topic).words));
  if (words.empty() && !topic.empty()) words.push_back(topic[0]);
  words.emplace_back("--help");
  return run_command(context, words);
}

}  // namespace

Result<engine::Engine*> Context::engine() {
  if (engine_) return engine_.get();
  engine_ = TRY(engine::Engine::open(settings_));
  if (const std::string lost = engine_->store().sync_error(); !lost.empty())
    fmt::print(stderr,
               "WARNING: the disk did not take all that earlier commands wrote ({}); \"strata system fsck --repair\" "
               "looks for "
               "what is damaged\n",
               printable(lost));
  return engine_.get();
}

int run_command(Context& context, std::span<const std::string> words) {
  if (!words.empty() && words[0] == "help") return help(context, words.subspan(1));
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    fmt::print("{}", overview());
    return 0;
  }
  const Match found = match(words);
  if (found.verb == nullptr) return no_such_verb(words);
  const Verb verb = called(found);
  const Result<int> code = verb.run(context, verb, words.subspan(found.words));
  if (code) {
    if (std::fflush(stdout) != 0) {
      fmt::print(stderr, "strata: write to standard output: {}\n", Error::from_errno(errno, "write").message());
      return 1;
    }
    return *code;
  }
  std::fflush(stdout);
  fmt::print(stderr, "strata: {}\n", printable_lines(code.error().message()));
  return exit_code(code.error(), verb);
}

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

bool confirm(std::string_view question) {
  fmt::print("{}", question);
  std::fflush(stdout);
  char answer[16] = {};
  if (std::fgets(answer, sizeof answer, stdin) == nullptr) {
    fmt::print("\n");
    return false;
  }
  return equals_ignoring_case(trim(answer), "y");
}

}  // namespace strata::cli
