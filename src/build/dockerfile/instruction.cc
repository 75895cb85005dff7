#include "build/dockerfile/instruction.h"

#include <algorithm>
#include <array>
#include <climits>

#include "base/json.h"
#include "base/strings.h"
#include "build/dockerfile/flags.h"
#include "build/dockerfile/suggestion.h"

namespace strata::dockerfile {
namespace {

// The arguments as a JSON array of strings; nullopt when they are none (so the shell form is meant).
Result<std::optional<std::vector<std::string>>> parse_json_form(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  const auto parsed = parse_json(text);
  if (!parsed || !parsed->is_array()) return std::nullopt;
  std::vector<std::string> args;
  for (const json& item : *parsed) {
    if (!item.is_string())
      return error(ErrorKind::kInvalidArgument,
                   "when using JSON array syntax, arrays must be comprised of strings only");
    args.push_back(item.get<std::string>());
  }
  return args;
}

// One instruction being read: the line, and its flags once they are asked for.
struct Reader {
  const Line& line;
  const std::string name;  // upper case
  const char escape;
  std::size_t error_offset = 0;

  Error fail(std::string message, std::size_t offset) {
    error_offset = offset;
    return Error(ErrorKind::kInvalidArgument, std::move(message));
  }
  Error fail(std::string message) { return fail(std::move(message), line.arguments.offset); }

  Result<Flags> flags(std::initializer_list<FlagSpec> known = {}) {
    std::size_t bad = 0;
    auto parsed = Flags::parse(line.flags, std::span(known.begin(), known.size()), bad);
    if (!parsed) error_offset = bad;
    return parsed;
  }

  Result<CommandLine> command() {
    auto args = parse_json_form(line.arguments.text);
    if (!args) return fail(args.error().message());
    if (*args) return CommandLine{.shell_form = false, .args = **std::move(args)};
    CommandLine command;
    if (!line.arguments.text.empty()) command.args.push_back(line.arguments.text);
    return command;
  }

  // A JSON array, or words.
  Result<std::vector<Word>> words() {
    auto args = parse_json_form(line.arguments.text);
    if (!args) return fail(args.error().message());
    if (!*args) return split_plain_words(line.arguments);
    std::vector<Word> words;
    for (std::string& arg : **args) words.push_back({.text = std::move(arg), .offset = line.arguments.offset});
    return words;
  }

  Result<std::string> one_argument() {
    if (line.arguments.text.empty()) return fail(name + " requires exactly one argument", line.text.size());
    return line.arguments.text;
  }

  Result<std::vector<KeyValue>> key_values() {
    TRY(flags());
    const auto words = split_quoted_words(line.arguments, escape);
    if (words.empty()) return fail(name + " requires at least one argument", line.text.size());
    std::vector<KeyValue> out;
    // "ENV name value": told by the first word alone.
    if (words[0].text.find('=') == std::string::npos) {
      const std::string_view text = line.arguments.text;
      const std::size_t space = text.find_first_of(" \t\v\f\r");
      if (space == std::string_view::npos) return fail(name + " must have two arguments", words[0].offset);
      out.push_back({std::string(text.substr(0, space)), std::string(trim(text.substr(space))), true});
      return out;
    }
    for (const Word& word : words) {
      const std::size_t equals = word.text.find('=');
      if (equals == std::string::npos)
        return fail(
            fmt::format("Syntax error - can't find = in \"{}\". Must be of the form: name=value", printable(word.text)),
            word.offset);
      if (equals == 0) return fail(name + " names can not be blank", word.offset);
      out.push_back({word.text.substr(0, equals), word.text.substr(equals + 1), false});
    }
    return out;
  }
};

bool valid_stage_name(std::string_view name) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && lower(name[0]) && std::ranges::all_of(name, [&](char c) {
    return lower(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

Result<Body> parse_from(Reader& in) {
  const auto words = split_plain_words(in.line.arguments);
  From from;
  if (words.size() == 3 && equals_ignoring_case(words[1].text, "as")) {
    from.stage_name = to_lower(words[2].text);
    if (!valid_stage_name(from.stage_name))
      return in.fail(
          fmt::format("invalid name for build stage: \"{}\", name can't start with a number or contain symbols",
                      printable(words[2].text)),
          words[2].offset);
  } else if (words.size() != 1) {
    return in.fail("FROM requires either one or three arguments");
  }
  from.image = words[0].text;
  const Flags flags = TRY(in.flags({{"platform", FlagKind::kText}}));
  from.platform = flags.text("platform");
  return from;
}

Result<Body> parse_run(Reader& in) {
  const Flags flags = TRY(in.flags({{"mount", FlagKind::kList},
                                    {"network", FlagKind::kText},
                                    {"security", FlagKind::kText},
                                    {"device", FlagKind::kList}}));
  Run run;
  run.command = TRY(in.command());
  run.heredocs = in.line.heredocs;
  run.mounts = flags.list("mount");
  run.devices = flags.list("device");
  run.network = flags.text("network");
  run.security = flags.text("security");
  const auto one_of = [](std::string_view value, std::initializer_list<std::string_view> values) {
    return std::ranges::find(values, value) != values.end();
  };
  const std::size_t at = in.line.flags.empty() ? 0 : in.line.flags[0].offset;
  if (!one_of(run.network, {"", "default", "none", "host"}))
    return in.fail(fmt::format("invalid network mode \"{}\"", printable(run.network)), at);
  if (!one_of(run.security, {"", "sandbox", "insecure"}))
    return in.fail(fmt::format("security \"{}\" is not valid", printable(run.security)), at);
  return run;
}

Result<Body> parse_copy(Reader& in) {
  Copy copy{.add = in.name == "ADD"};
  std::vector<Word> words = TRY(in.words());
  if (words.size() < 2)
    return in.fail(in.name +
                   " requires at least two arguments, but only one was provided. Destination could not be determined");
  const Flags flags = TRY(copy.add ? in.flags({{"chown", FlagKind::kText},
                                               {"chmod", FlagKind::kText},
                                               {"link", FlagKind::kBool},
                                               {"keep-git-dir", FlagKind::kBool},
                                               {"checksum", FlagKind::kText},
                                               {"unpack", FlagKind::kBool},
                                               {"exclude", FlagKind::kList}})
                                   : in.flags({{"chown", FlagKind::kText},
                                               {"from", FlagKind::kText},
                                               {"chmod", FlagKind::kText},
                                               {"link", FlagKind::kBool},
                                               {"exclude", FlagKind::kList},
                                               {"parents", FlagKind::kBool}}));
  copy.chown = flags.text("chown");
  copy.chmod = flags.text("chmod");
  copy.from = flags.text("from");
  copy.checksum = flags.text("checksum");
  copy.link = flags.boolean("link").value_or(false);
  copy.parents = flags.boolean("parents").value_or(false);
  copy.keep_git_dir = flags.boolean("keep-git-dir");
  copy.unpack = flags.boolean("unpack");
  copy.excludes = flags.list("exclude");

  copy.destination = words.back().text;
  const auto heredoc_of = [&](const std::string& word) -> const Heredoc* {
    const auto parsed = parse_heredoc_word(word);
    if (in.line.heredocs.empty() || !parsed || !*parsed) return nullptr;
    const auto found = std::ranges::find(in.line.heredocs, (*parsed)->name, &Heredoc::name);
    return found == in.line.heredocs.end() ? nullptr : &*found;
  };
  if (heredoc_of(copy.destination) != nullptr)
    return in.fail(in.name + " cannot accept a heredoc as a destination", words.back().offset);
  words.pop_back();
  for (const Word& word : words) {
    if (const Heredoc* heredoc = heredoc_of(word.text)) {
      copy.heredocs.push_back(*heredoc);
    } else {
      copy.sources.push_back(word.text);
    }
  }
  return copy;
}

Result<Body> parse_arg(Reader& in) {
  const auto words = split_quoted_words(in.line.arguments, in.escape);
  if (words.empty()) return in.fail("ARG requires at least one argument", in.line.text.size());
  Arg arg;
  for (const Word& word : words) {
    const std::size_t equals = word.text.find('=');
    if (equals == 0) return in.fail("ARG names can not be blank", word.offset);
    Arg::Item item{.name = word.text.substr(0, equals), .value = std::nullopt};
    if (equals != std::string::npos) item.value = word.text.substr(equals + 1);
    arg.items.push_back(std::move(item));
  }
  return arg;
}

Result<Body> parse_healthcheck(Reader& in) {
  const Flags flags = TRY(in.flags({{"interval", FlagKind::kText},
                                    {"timeout", FlagKind::kText},
                                    {"start-period", FlagKind::kText},
                                    {"start-interval", FlagKind::kText},
                                    {"retries", FlagKind::kText}}));
  const auto words = split_plain_words(in.line.arguments);
  if (words.empty()) return in.fail("HEALTHCHECK requires at least one argument", in.line.text.size());
  std::string kind = words[0].text;
  for (char& c : kind)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  Healthcheck check;
  if (kind == "NONE") {
    if (words.size() > 1) return in.fail("HEALTHCHECK NONE takes no arguments", words[1].offset);
    check.test = {"NONE"};
    return check;
  }
  if (kind != "CMD")
    return in.fail(fmt::format("Unknown type \"{}\" in HEALTHCHECK (try CMD)", printable(kind)), words[0].offset);
  const std::string command(trim(std::string_view(in.line.arguments.text).substr(words[0].text.size())));
  auto args = parse_json_form(command);
  if (!args) return in.fail(args.error().message());
  if (command.empty() || (*args && (*args)->empty())) return in.fail("Missing command after HEALTHCHECK CMD");
  check.test = {*args ? "CMD" : "CMD-SHELL"};
  if (*args) {
    check.test.insert(check.test.end(), (*args)->begin(), (*args)->end());
  } else {
    check.test.push_back(command);
  }
  const auto duration = [&](std::string_view name, std::chrono::nanoseconds& out) -> Result<> {
    const std::string text = flags.text(name);
    if (text.empty()) return {};
    const auto value = parse_duration(text);
    if (!value) return in.fail(fmt::format("invalid duration \"{}\" for --{}", printable(text), name), 0);
    if (value->count() != 0 && *value < std::chrono::milliseconds(1))
      return in.fail(fmt::format("Interval \"{}\" cannot be less than 1ms", name), 0);
    out = *value;
    return {};
  };
  TRY(duration("interval", check.interval));
  TRY(duration("timeout", check.timeout));
  TRY(duration("start-period", check.start_period));
  TRY(duration("start-interval", check.start_interval));
  if (const std::string text = flags.text("retries"); !text.empty()) {
    const auto value = parse_signed(text);
    if (!value || *value > INT_MAX)
      return in.fail(fmt::format("invalid number \"{}\" for --retries", printable(text)), 0);
    if (*value < 0) return in.fail(fmt::format("--retries cannot be negative ({})", *value), 0);
    check.retries = static_cast<int>(*value);
  }
  return check;
}

Result<Body> parse_onbuild(Reader& in) {
  TRY(in.flags());
  if (in.line.arguments.text.empty()) return in.fail("ONBUILD requires at least one argument", in.line.text.size());
  Line inner = in.line;
  inner.text = in.line.arguments.text;
  split_keyword(inner, in.escape);
  std::string trigger = inner.keyword;
  for (char& c : trigger)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (trigger == "ONBUILD") return in.fail("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger == "FROM" || trigger == "MAINTAINER") return in.fail(trigger + " isn't allowed as an ONBUILD trigger");
  Onbuild onbuild{.expression = in.line.arguments.text};
  for (const Heredoc& heredoc : in.line.heredocs) onbuild.expression += "\n" + heredoc.content + heredoc.name;
  return onbuild;
}

Result<Body> parse_volume(Reader& in) {
  TRY(in.flags());
  const auto words = TRY(in.words());
  if (words.empty()) return in.fail("VOLUME requires at least one argument", in.line.text.size());
  Volume volume;
  for (const Word& word : words) {
    volume.paths.emplace_back(trim(word.text));
    if (volume.paths.back().empty()) return in.fail("VOLUME specified can not be an empty string", word.offset);
  }
  return volume;
}

Result<Body> parse_expose(Reader& in) {
  TRY(in.flags());
  Expose expose;
  for (const Word& word : split_plain_words(in.line.arguments)) expose.ports.push_back(word.text);
  if (expose.ports.empty()) return in.fail("EXPOSE requires at least one argument", in.line.text.size());
  std::ranges::sort(expose.ports);
  return expose;
}

Result<Body> parse_shell(Reader& in) {
  TRY(in.flags());
  CommandLine command = TRY(in.command());
  if (command.args.empty()) return in.fail("SHELL requires at least one argument", in.line.text.size());
  if (command.shell_form)
    return in.fail(fmt::format("SHELL requires the arguments to be in JSON form: {}", printable(in.line.text)));
  return Shell{.args = std::move(command.args)};
}

Result<Body> parse_env(Reader& in) { return Env{TRY(in.key_values())}; }
Result<Body> parse_label(Reader& in) { return Label{TRY(in.key_values())}; }
Result<Body> parse_cmd(Reader& in) {
  TRY(in.flags());
  return Cmd{TRY(in.command())};
}
Result<Body> parse_entrypoint(Reader& in) {
  TRY(in.flags());
  return Entrypoint{TRY(in.command())};
}
template <class T>
Result<Body> parse_single(Reader& in) {
  TRY(in.flags());
  return T{TRY(in.one_argument())};
}

struct Keyword {
  std::string_view name;
  Result<Body> (*parse)(Reader&);
};
constexpr std::array kKeywords = std::to_array<Keyword>({
    {"ADD", parse_copy},
    {"ARG", parse_arg},
    {"CMD", parse_cmd},
    {"COPY", parse_copy},
    {"ENTRYPOINT", parse_entrypoint},
    {"ENV", parse_env},
    {"EXPOSE", parse_expose},
    {"FROM", parse_from},
    {"HEALTHCHECK", parse_healthcheck},
    {"LABEL", parse_label},
    {"MAINTAINER", parse_single<Maintainer>},
    {"ONBUILD", parse_onbuild},
    {"RUN", parse_run},
    {"SHELL", parse_shell},
    {"STOPSIGNAL", parse_single<StopSignal>},
    {"USER", parse_single<User>},
    {"VOLUME", parse_volume},
    {"WORKDIR", parse_single<Workdir>},
});

}  // namespace

Result<Instruction> parse_instruction(const Line& line, char escape, const SourceFile& file, Diagnostics& diagnostics) {
  const auto keyword =
      std::ranges::find_if(kKeywords, [&](const Keyword& k) { return equals_ignoring_case(k.name, line.keyword); });
  if (keyword == kKeywords.end()) {
    std::vector<std::string_view> names;
    for (const Keyword& k : kKeywords) names.push_back(k.name);
    return error_at(file, line.range, diagnostics,
                    fmt::format("unknown instruction: {}{}", printable(line.keyword),
                                suggestion_suffix(line.keyword, names, false)));
  }
  Reader reader{.line = line, .name = std::string(keyword->name), .escape = escape};
  auto body = keyword->parse(reader);
  if (!body) {
    Error error =
        error_at(file, line.place(reader.error_offset), diagnostics, body.error().message(), body.error().kind());
    diagnostics.error_range = line.range;  // the excerpt marks the whole instruction
    return error;
  }
  return Instruction{
      .name = reader.name, .original = std::string(trim(line.text)), .range = line.range, .body = *std::move(body)};
}

}  // namespace strata::dockerfile
