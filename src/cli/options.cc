#include "cli/options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/command.h"

namespace strata::cli {
namespace {

// docker's layout: usage, summary, the other names, the flags.
std::string help_text(const Verb& verb, const CLI::App& app) {
  std::string text = fmt::format("Usage:  strata {} {}\n\n{}\n", verb.names.front(), verb.usage, verb.summary);
  if (verb.names.size() > 1) {
    text += "\nAliases:\n  ";
    for (std::size_t i = 0; i < verb.names.size(); ++i)
      text += fmt::format("{}strata {}", i == 0 ? "" : ", ", verb.names[i]);
    text += '\n';
  }
  struct Line {
    std::string flags;
    std::string help;
  };
  std::vector<Line> lines;
  std::size_t width = 0;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || option->get_description().empty()) continue;
    const std::string type = option->get_type_size() == 0 || option->get_expected_max() == 0 ? "" : " " + option->get_type_name();
    Line line;
    line.flags = option->get_snames().empty() ? "      " : fmt::format("  -{}, ", option->get_snames()[0]);
    line.flags += "--" + option->get_lnames()[0] + type;
    line.help = option->get_description();
    width = std::max(width, line.flags.size());
    lines.push_back(std::move(line));
  }
  if (!lines.empty()) text += "\nOptions:\n";
  std::ranges::sort(lines, {}, [](const Line& line) { return line.flags.substr(6); });
  for (const Line& line : lines) text += fmt::format("{:<{}}   {}\n", line.flags, width, line.help);
  return text;
}

}  // namespace

struct Options::Impl {
  explicit Impl(const Verb& v) : verb(v) {
    app.set_help_flag();
    app.add_flag("--help", help, "");
    app.allow_extras();
  }
  const Verb& verb;
  CLI::App app;
  bool help = false;
  bool stops = false;
  std::vector<std::string>* rest = nullptr;
  std::size_t at_least = 0;
  std::size_t at_most = 0;
};

Options::Options(const Verb& verb) : impl_(std::make_unique<Impl>(verb)) {}
Options::~Options() = default;

void Options::flag(const std::string& names, bool& target, const std::string& help) {
  impl_->app.add_flag(names, target, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}
void Options::value(const std::string& names, std::string& target, const std::string& help) {
  impl_->app.add_option(names, target, help)->type_name("string")->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}
void Options::value(const std::string& names, std::optional<std::string>& target, const std::string& help) {
  impl_->app
      .add_option_function<std::string>(names, [&target](const std::string& text) { target = text; }, help)
      ->type_name("string")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}
void Options::value(const std::string& names, std::int64_t& target, const std::string& help) {
  impl_->app.add_option(names, target, help)->type_name("int")->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}
void Options::value(const std::string& names, std::optional<std::int64_t>& target, const std::string& help) {
  impl_->app
      .add_option_function<std::int64_t>(names, [&target](const std::int64_t& number) { target = number; }, help)
      ->type_name("int")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}
void Options::list(const std::string& names, std::vector<std::string>& target, const std::string& help) {
  impl_->app.add_option(names, target, help)
      ->type_name("list")
      ->allow_extra_args(false);
}
void Options::arguments(std::vector<std::string>& target, std::size_t at_least, std::size_t at_most) {
  impl_->rest = &target;
  impl_->at_least = at_least;
  impl_->at_most = at_most;
}
void Options::stop_at_first_argument() {
  impl_->stops = true;
  impl_->app.prefix_command();
}
bool Options::given(const std::string& name) const {
  const CLI::Option* option = impl_->app.get_option_no_throw("--" + name);
  return option != nullptr && option->count() > 0;
}

Result<bool> Options::parse(std::span<const std::string> arguments) {
  const std::string_view verb = impl_->verb.names.front();
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
  try {
    impl_->app.parse(std::move(reversed));
  } catch (const CLI::ParseError& failure) {
    return error(ErrorKind::kInvalidArgument, "{}\n\nUsage:  strata {} {}\n\nRun 'strata {} --help' for more information",
                 failure.what(), verb, impl_->verb.usage, verb);
  }
  if (impl_->help) {
    fmt::print("{}", help_text(impl_->verb, impl_->app));
    return false;
  }
  std::vector<std::string> rest = impl_->app.remaining();
  const auto usage_error = [&](const std::string& what) {
    return error(ErrorKind::kInvalidArgument, "{}\n\nUsage:  strata {} {}\n\nRun 'strata {} --help' for more information",
                 what, verb, impl_->verb.usage, verb);
  };
  // What looks like a flag and was not taken is none of ours, unless "--" stood before it.
  bool after_dashes = false;
  std::vector<std::string> words;
  for (std::string& word : rest) {
    if (!after_dashes && word == "--" && (!impl_->stops || words.empty())) {
      after_dashes = true;
      continue;
    }
    const bool may_be_flag = !after_dashes && (!impl_->stops || words.empty());
    if (may_be_flag && word.size() > 1 && word.starts_with('-')) {
      if (word.starts_with("--")) return usage_error(fmt::format("unknown flag: {}", word.substr(0, word.find('='))));
      return usage_error(fmt::format("unknown shorthand flag: '{}' in {}", word.substr(1, 1), word));
    }
    words.push_back(std::move(word));
  }
  if (words.size() < impl_->at_least || words.size() > impl_->at_most) {
    const auto plural = [](std::size_t n) { return n == 1 ? "argument" : "arguments"; };
    if (impl_->at_most == 0) return usage_error(fmt::format("'strata {}' accepts no arguments", verb));
    if (impl_->at_least == impl_->at_most)
      return usage_error(fmt::format("'strata {}' requires {} {}", verb, impl_->at_least, plural(impl_->at_least)));
    if (words.size() < impl_->at_least)
      return usage_error(
          fmt::format("'strata {}' requires at least {} {}", verb, impl_->at_least, plural(impl_->at_least)));
    return usage_error(fmt::format("'strata {}' requires at most {} {}", verb, impl_->at_most, plural(impl_->at_most)));
  }
  if (impl_->rest != nullptr) *impl_->rest = std::move(words);
  return true;
}

}  // namespace strata::cli
