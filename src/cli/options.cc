// pflag's grammar, which docker's CLI has (https://pkg.go.dev/github.com/spf13/pflag, "Command line flag syntax").
#include "cli/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>

#include "base/strings.h"
#include "cli/command.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

// Exit codes, of whatever verb.
constexpr int kBadFlag = 125;
constexpr int kBadCount = 1;

// What is wrong with a value; empty: nothing.
using Set = std::function<std::string(const std::string&)>;

struct Flag {
  char letter = 0;
  std::vector<std::string> names;  // without dashes; the first is what help says
  std::string type;                // empty: needs no value
  std::string initial;             // what help calls the default
  std::string help;
  Set set;
  bool given = false;

  // As errors name it: "-f, --filter".
  std::string text() const {
    return letter == 0 ? "--" + names.front() : fmt::format("-{}, --{}", letter, names.front());
  }
};

Flag named(std::string_view names) {
  Flag flag;
  for (const std::string_view name : split(names, ',')) {
    if (name.starts_with("--"))
      flag.names.emplace_back(name.substr(2));
    else
      flag.letter = name[1];
  }
  return flag;
}

std::string not_parsed(std::string_view function, const std::string& text, std::string_view why) {
  return fmt::format("strconv.{}: parsing \"{}\": {}", function, text, why);
}

std::string set_bool(bool& target, const std::string& text) {
  static constexpr std::string_view kTrue[] = {"1", "t", "T", "TRUE", "true", "True"};
  static constexpr std::string_view kFalse[] = {"0", "f", "F", "FALSE", "false", "False"};
  target = std::ranges::find(kTrue, text) != std::end(kTrue);
  if (target || std::ranges::find(kFalse, text) != std::end(kFalse)) return "";
  return not_parsed("ParseBool", text, "invalid syntax");
}

// Decimal, or with 0x, 0o, 0b or 0 in front.
template <class Integer>
std::string set_integer(Integer& target, const std::string& text) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char letter = static_cast<char>(digits[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    digits.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  const std::string whole = (negative ? "-" : "") + std::string(digits);
  std::int64_t value = 0;
  const auto read = std::from_chars(whole.data(), whole.data() + whole.size(), value, base);
  if (digits.starts_with('-') || read.ptr != whole.data() + whole.size() || read.ec == std::errc::invalid_argument)
    return not_parsed("ParseInt", text, "invalid syntax");
  if (read.ec != std::errc()) return not_parsed("ParseInt", text, "value out of range");
  target = value;
  return "";
}

// docker's layout: usage, summary, the other names, the flags.
std::string help_text(const Verb& verb, const std::vector<Flag>& flags) {
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
  for (const Flag& flag : flags) {
    if (flag.help.empty()) continue;
    Line line;
    line.flags = flag.letter == 0 ? "      " : fmt::format("  -{}, ", flag.letter);
    line.flags += "--" + flag.names.front() + (flag.type.empty() ? "" : " " + flag.type);
    line.help = flag.help + (flag.initial.empty() ? "" : fmt::format(" (default {})", flag.initial));
    width = std::max(width, line.flags.size());
    lines.push_back(std::move(line));
  }
  if (!lines.empty()) text += "\nOptions:\n";
  std::ranges::sort(lines, {}, [](const Line& line) { return line.flags.substr(6); });
  for (const Line& line : lines) text += fmt::format("{:<{}}   {}\n", line.flags, width, line.help);
  return text;
}

std::string counted(std::size_t n) { return fmt::format("{} argument{}", n, n == 1 ? "" : "s"); }

}  // namespace

struct Options::Impl {
  const Verb& verb;
  std::vector<Flag> flags{};
  bool stops = false;
  std::vector<std::string>* rest = nullptr;
  std::size_t at_least = 0;
  std::size_t at_most = 0;

  void add(std::string_view names, std::string type, std::string initial, std::string help, Set set) {
    Flag flag = named(names);
    flag.type = std::move(type);
    flag.initial = std::move(initial);
    flag.help = std::move(help);
    flag.set = std::move(set);
    flags.push_back(std::move(flag));
  }
  Flag* find(std::string_view name) {
    for (Flag& flag : flags)
      if (std::ranges::find(flag.names, name) != flag.names.end()) return &flag;
    return nullptr;
  }
  Flag* find_letter(char letter) {
    const auto found = std::ranges::find(flags, letter, &Flag::letter);
    return found == flags.end() ? nullptr : &*found;
  }

  Error usage_error(int exit_code, std::string_view what) const {
    verb.failure_code = exit_code;
    return error(ErrorKind::kInvalidArgument,
                 "{}\n\nUsage:  strata {} {}\n\nRun 'strata {} --help' for more information", what, verb.names.front(),
                 verb.usage, verb.names.front());
  }
  template <class... Args>
  Error bad_flag(fmt::format_string<Args...> format, Args&&... args) const {
    return usage_error(kBadFlag, fmt::format(format, std::forward<Args>(args)...));
  }
  Result<> set(Flag& flag, const std::string& value) const {
    const std::string wrong = flag.set(value);
    if (!wrong.empty()) return bad_flag("invalid argument \"{}\" for \"{}\" flag: {}", value, flag.text(), wrong);
    flag.given = true;
    return {};
  }

  // Both step over the value that follows, where it is a word of its own.
  Result<> long_flag(const std::string& word, std::span<const std::string>& following) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (name.empty() || name.starts_with('-')) return bad_flag("bad flag syntax: {}", word);
    Flag* const flag = find(name);
    if (flag == nullptr) return bad_flag("unknown flag: --{}", name);
    if (equals != std::string::npos) return set(*flag, word.substr(equals + 1));
    if (flag->type.empty()) return set(*flag, "true");
    if (following.empty()) return bad_flag("flag needs an argument: {}", word);
    const std::string value = following.front();
    following = following.subspan(1);
    return set(*flag, value);
  }
  Result<> letters(const std::string& word, std::span<const std::string>& following) {
    for (std::string_view unread = std::string_view(word).substr(1); !unread.empty();) {
      const char letter = unread[0];
      Flag* flag = find_letter(letter);
      if (flag == nullptr && letter == 'h') flag = find("help");
      if (flag == nullptr) return bad_flag("unknown shorthand flag: '{}' in -{}", letter, unread);
      const std::string_view behind = unread.substr(1);
      if (behind.size() > 1 && behind[0] == '=') return set(*flag, std::string(behind.substr(1)));
      if (flag->type.empty()) {
        TRY(set(*flag, "true"));
        unread = behind;
        continue;
      }
      if (!behind.empty()) return set(*flag, std::string(behind));
      if (following.empty()) return bad_flag("flag needs an argument: '{}' in -{}", letter, unread);
      const std::string value = following.front();
      following = following.subspan(1);
      return set(*flag, value);
    }
    return {};
  }

  Result<std::vector<std::string>> read(std::span<const std::string> words) {
    std::vector<std::string> others;
    while (!words.empty()) {
      const std::string& word = words.front();
      words = words.subspan(1);
      const bool ends = word == "--";
      const bool is_flag = word.size() > 1 && word[0] == '-' && !ends;
      if (!ends && !is_flag) others.push_back(word);
      if (ends || (!is_flag && stops)) {
        others.insert(others.end(), words.begin(), words.end());
        break;
      }
      if (is_flag) TRY(word.starts_with("--") ? long_flag(word, words) : letters(word, words));
    }
    return others;
  }

  Result<> check_count(std::size_t count) const {
    if (count >= at_least && count <= at_most) return {};
    std::string wants = "requires " + counted(at_least);
    if (at_most == 0)
      wants = "accepts no arguments";
    else if (at_least != at_most && count < at_least)
      wants = "requires at least " + counted(at_least);
    else if (at_least != at_most)
      wants = "requires at most " + counted(at_most);
    return usage_error(kBadCount, fmt::format("'strata {}' {}", verb.names.front(), wants));
  }
};

Options::Options(const Verb& verb) : impl_(std::make_unique<Impl>(Impl{verb})) {}
Options::~Options() = default;

void Options::flag(const std::string& names, bool& target, const std::string& help) {
  impl_->add(names, "", target ? "true" : "", help,
             [&target](const std::string& text) { return set_bool(target, text); });
}
void Options::value(const std::string& names, std::string& target, const std::string& help) {
  impl_->add(names, "string", target.empty() ? "" : '"' + target + '"', help, [&target](const std::string& text) {
    target = text;
    return std::string();
  });
}
void Options::value(const std::string& names, std::optional<std::string>& target, const std::string& help) {
  impl_->add(names, "string", "", help, [&target](const std::string& text) {
    target = text;
    return std::string();
  });
}
void Options::value(const std::string& names, std::int64_t& target, const std::string& help) {
  impl_->add(names, "int", target == 0 ? "" : std::to_string(target), help,
             [&target](const std::string& text) { return set_integer(target, text); });
}
void Options::value(const std::string& names, std::optional<std::int64_t>& target, const std::string& help) {
  impl_->add(names, "int", "", help, [&target](const std::string& text) { return set_integer(target, text); });
}
void Options::list(const std::string& names, std::vector<std::string>& target, const std::string& help) {
  impl_->add(names, "list", "", help, [&target](const std::string& text) {
    target.push_back(text);
    return std::string();
  });
}
void Options::filters(const std::string& names, std::vector<std::string>& target, const std::string& help) {
  impl_->add(names, "filter", "", help, [&target](const std::string& text) -> std::string {
    if (text.empty()) return "";
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) return "bad format of filter (expected name=value)";
    std::string name(trim(std::string_view(text).substr(0, equals)));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    target.push_back(name + '=' + std::string(trim(std::string_view(text).substr(equals + 1))));
    return "";
  });
}
void Options::arguments(std::vector<std::string>& target, std::size_t at_least, std::size_t at_most) {
  impl_->rest = &target;
  impl_->at_least = at_least;
  impl_->at_most = at_most;
}
void Options::stop_at_first_argument() { impl_->stops = true; }

bool Options::given(const std::string& name) const {
  const Flag* flag = impl_->find(name);
  return flag != nullptr && flag->given;
}

Result<bool> Options::parse(std::span<const std::string> arguments) {
  bool help = false;
  flag("--help", help, "");
  std::vector<std::string> others = TRY(impl_->read(arguments));
  if (help) {
    fmt::print("{}", help_text(impl_->verb, impl_->flags));
    return false;
  }
  TRY(impl_->check_count(others.size()));
  if (impl_->rest != nullptr) *impl_->rest = std::move(others);
  return true;
}

}  // namespace strata::cli
