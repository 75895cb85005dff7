#include "build/dockerfile/dockerfile.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include <gtest/gtest.h>

namespace strata::dockerfile {
namespace {

namespace fs = std::filesystem;

// ---- goldens: testdata/NAME.dockerfile and what it means, testdata/NAME.golden.
// STRATA_ACCEPT=1 writes the goldens anew.

std::string in_quotes(std::string_view text) { return json(text).dump(-1, ' ', false, json::error_handler_t::replace); }

std::string list(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + in_quotes(item);
  return "[" + out + "]";
}

struct Dumper {
  std::string out;
  void field(std::string_view name, const std::string& value) { out += fmt::format(" {}={}", name, value); }
  void text(std::string_view name, const std::string& value) {
    if (!value.empty()) field(name, in_quotes(value));
  }
  void flag(std::string_view name, bool value) {
    if (value) out += fmt::format(" {}", name);
  }
  void optional(std::string_view name, std::optional<bool> value) {
    if (value) field(name, *value ? "true" : "false");
  }
  void items(std::string_view name, const std::vector<std::string>& values) {
    if (!values.empty()) field(name, list(values));
  }
  void command(const CommandLine& c) { field(c.shell_form ? "shell" : "exec", list(c.args)); }
  void heredocs(const std::vector<Heredoc>& docs) {
    for (const Heredoc& h : docs)
      out += fmt::format(" heredoc({}{}{}{})={}", h.name, h.expand ? "" : " quoted", h.strip_tabs ? " tabs" : "",
                         h.file_descriptor ? fmt::format(" fd{}", h.file_descriptor) : "", in_quotes(h.text()));
  }
  void pairs(const std::vector<KeyValue>& values) {
    for (const KeyValue& kv : values)
      field(in_quotes(kv.key), in_quotes(kv.value) + (kv.legacy_form ? " (legacy)" : ""));
  }

  void operator()(const From& b) {
    text("image", b.image);
    text("as", b.stage_name);
    text("platform", b.platform);
  }
  void operator()(const Run& b) {
    command(b.command);
    heredocs(b.heredocs);
    items("mounts", b.mounts);
    items("devices", b.devices);
    text("network", b.network);
    text("security", b.security);
  }
  void operator()(const Copy& b) {
    items("sources", b.sources);
    heredocs(b.heredocs);
    text("to", b.destination);
    text("from", b.from);
    text("chown", b.chown);
    text("chmod", b.chmod);
    flag("link", b.link);
    flag("parents", b.parents);
    items("excludes", b.excludes);
    optional("keep_git_dir", b.keep_git_dir);
    optional("unpack", b.unpack);
    text("checksum", b.checksum);
  }
  void operator()(const Env& b) { pairs(b.variables); }
  void operator()(const Label& b) { pairs(b.labels); }
  void operator()(const Arg& b) {
    for (const auto& item : b.items) field(in_quotes(item.name), item.value ? in_quotes(*item.value) : "unset");
  }
  void operator()(const Workdir& b) { text("path", b.path); }
  void operator()(const User& b) { text("user", b.user); }
  void operator()(const Expose& b) { items("ports", b.ports); }
  void operator()(const Volume& b) { items("paths", b.paths); }
  void operator()(const Cmd& b) { command(b.command); }
  void operator()(const Entrypoint& b) { command(b.command); }
  void operator()(const Shell& b) { items("args", b.args); }
  void operator()(const StopSignal& b) { text("signal", b.signal); }
  void operator()(const Healthcheck& b) {
    items("test", b.test);
    for (const auto& [name, value] : {std::pair{"interval", b.interval},
                                      {"timeout", b.timeout},
                                      {"start_period", b.start_period},
                                      {"start_interval", b.start_interval}})
      if (value.count() != 0) field(name, std::to_string(value.count()));
    if (b.retries != 0) field("retries", std::to_string(b.retries));
  }
  void operator()(const Maintainer& b) { text("name", b.name); }
  void operator()(const Onbuild& b) { text("expression", b.expression); }
};

std::string dump(const Instruction& instruction) {
  Dumper dumper;
  std::visit(dumper, instruction.body);
  return fmt::format("{}-{} {}{}\n", instruction.range.line, instruction.range.last_line, instruction.name, dumper.out);
}

std::string dump(const SourceFile& file) {
  Diagnostics diagnostics;
  const auto parsed = parse(file, diagnostics);
  std::string out;
  if (!parsed) {
    out = "error: " + parsed.error().message() + "\n";
    if (diagnostics.error_range) out += file.excerpt(*diagnostics.error_range);
    return out;
  }
  for (const auto& [name, value] : parsed->directives) out += fmt::format("# {}={}\n", name, value);
  for (const Instruction& arg : parsed->global_args) out += dump(arg);
  for (const Stage& stage : parsed->stages) {
    Dumper dumper;
    dumper(stage.from);
    out += fmt::format("{}-{} FROM{}\n", stage.range.line, stage.range.last_line, dumper.out);
    for (const Instruction& instruction : stage.instructions) out += "  " + dump(instruction);
  }
  for (const Warning& w : diagnostics.warnings) out += fmt::format("warning {} line {}\n", w.rule, w.range.line);
  return out;
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(STRATA_DOCKERFILE_TESTDATA))
    if (entry.path().extension() == ".dockerfile") names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  return names;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, MeansWhatItMeant) {
  const fs::path base = fs::path(STRATA_DOCKERFILE_TESTDATA) / GetParam();
  const SourceFile file("Dockerfile", slurp(base.string() + ".dockerfile"));
  const std::string meaning = dump(file);
  if (std::getenv("STRATA_ACCEPT") != nullptr) std::ofstream(base.string() + ".golden", std::ios::binary) << meaning;
  EXPECT_EQ(meaning, slurp(base.string() + ".golden"));
}
INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(golden_names()),
                         [](const auto& param) { return param.param; });

// ---- errors: a file and what is said of it.

struct BadCase {
  const char* text;
  const char* message;
};
class BadDockerfile : public testing::TestWithParam<BadCase> {};

TEST_P(BadDockerfile, IsRefusedWithItsPlace) {
  const SourceFile file("Dockerfile", GetParam().text);
  Diagnostics diagnostics;
  const auto parsed = parse(file, diagnostics);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message(), GetParam().message);
  EXPECT_TRUE(diagnostics.error_range.has_value());
}

INSTANTIATE_TEST_SUITE_P(
    Errors, BadDockerfile,
    testing::Values(
        BadCase{"", "Dockerfile:0:1: file with no instructions"},
        BadCase{"# only\n\n# comments\n", "Dockerfile:3:1: file with no instructions"},
        BadCase{"FROM a\nCPY x /\n", "Dockerfile:2:1: unknown instruction: CPY (did you mean COPY?)"},
        BadCase{"FROM a\n  frm b\n", "Dockerfile:2:3: unknown instruction: frm (did you mean from?)"},
        BadCase{"FROM a\nBOGUSWORD\n", "Dockerfile:2:1: unknown instruction: BOGUSWORD"},
        BadCase{"RUN x\n", "Dockerfile:1:1: no build stage in current context"},
        BadCase{"ARG a=1\n", "Dockerfile:1:1: dockerfile contains no stages to build"},
        BadCase{"FROM\n", "Dockerfile:1:5: FROM requires either one or three arguments"},
        BadCase{"FROM a b\n", "Dockerfile:1:6: FROM requires either one or three arguments"},
        BadCase{
            "FROM a AS 1b\n",
            "Dockerfile:1:11: invalid name for build stage: \"1b\", name can't start with a number or contain symbols"},
        BadCase{"FROM --platfrm=x a\n", "Dockerfile:1:6: unknown flag: --platfrm (did you mean platform?)"},
        BadCase{"FROM a\nCOPY --chown a b\n", "Dockerfile:2:6: missing a value on flag: --chown"},
        BadCase{"FROM a\nCOPY --link=maybe a b\n",
                "Dockerfile:2:6: expecting boolean value for flag --link, not: maybe"},
        BadCase{"FROM a\nCOPY --chmod=1 \\\n   --chmod=2 a b\n", "Dockerfile:3:4: duplicate flag specified: --chmod"},
        BadCase{"FROM a\nCOPY a\n",
                "Dockerfile:2:6: COPY requires at least two arguments, but only one was provided. "
                "Destination could not be determined"},
        BadCase{"FROM a\nENV a\n", "Dockerfile:2:5: ENV must have two arguments"},
        BadCase{"FROM a\nENV\n", "Dockerfile:2:4: ENV requires at least one argument"},
        BadCase{"FROM a\nENV a=1 b\n",
                "Dockerfile:2:9: Syntax error - can't find = in \"b\". Must be of the form: name=value"},
        BadCase{"FROM a\nENV a=1 \\\n  =2\n", "Dockerfile:3:3: ENV names can not be blank"},
        BadCase{"FROM a\nARG =1\n", "Dockerfile:2:5: ARG names can not be blank"},
        BadCase{"FROM a\nCMD [1]\n",
                "Dockerfile:2:5: when using JSON array syntax, arrays must be comprised of strings only"},
        BadCase{"FROM a\nSHELL sh -c\n",
                "Dockerfile:2:7: SHELL requires the arguments to be in JSON form: SHELL sh -c"},
        BadCase{"FROM a\nONBUILD ONBUILD RUN x\n",
                "Dockerfile:2:9: Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"},
        BadCase{"FROM a\nONBUILD FROM x\n", "Dockerfile:2:9: FROM isn't allowed as an ONBUILD trigger"},
        BadCase{"FROM a\nHEALTHCHECK NONE x\n", "Dockerfile:2:18: HEALTHCHECK NONE takes no arguments"},
        BadCase{"FROM a\nHEALTHCHECK PING x\n", "Dockerfile:2:13: Unknown type \"PING\" in HEALTHCHECK (try CMD)"},
        BadCase{"FROM a\nHEALTHCHECK --interval=5 CMD x\n", "Dockerfile:2:1: invalid duration \"5\" for --interval"},
        BadCase{"FROM a\nRUN --network=vpn x\n", "Dockerfile:2:5: invalid network mode \"vpn\""},
        BadCase{"FROM a\nRUN <<EOF\nx\n", "Dockerfile:2:1: unterminated heredoc EOF"},
        BadCase{"FROM a\nCOPY a <<EOF\nx\nEOF\n", "Dockerfile:2:8: COPY cannot accept a heredoc as a destination"},
        BadCase{"# escape=\\\n# escape=`\nFROM a\n", "Dockerfile:2:1: only one escape parser directive can be used"},
        BadCase{"# escape=x\nFROM a\n", "Dockerfile:1:1: invalid escape token 'x' does not match ` or \\"}));

TEST(Dockerfile, ExcerptMarksTheInstructionAndEscapesControlCharacters) {
  const SourceFile file("Dockerfile", "FROM a\n\nRUN x \\\n  && y\x1b[31m\nUSER z\n");
  EXPECT_EQ(file.excerpt({3, 1, 4}),
            "Dockerfile:3\n--------------------\n   2 |     \n   3 | >>> RUN x \\\n   4 | >>>   && y\\x1b[31m\n"
            "   5 |     USER z\n--------------------\n");
  EXPECT_EQ(file.excerpt({9, 1, 9}), "");
}

TEST(Dockerfile, TriggersAreOneInstruction) {
  EXPECT_EQ(parse_trigger("RUN a && \\\n b").value().name, "RUN");
  EXPECT_EQ(std::get<dockerfile::Run>(parse_trigger("RUN cat <<EOF\nhi\nEOF").value().body).heredocs[0].content,
            "hi\n");
  EXPECT_FALSE(parse_trigger("RUN a\nRUN b"));
  EXPECT_FALSE(parse_trigger("FROM x"));
}

TEST(Dockerfile, DurationsAreGos) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("1m30s"), 90s);
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration("2us"), 2us);
  for (const char* bad : {"", "5", "s", "1x", ".s", "99999999h", "1.2.3s"}) EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Dockerfile, TooLargeAFileIsRefused) {
  const SourceFile file("Dockerfile", std::string(kMaxDockerfileSize + 1, 'x'));
  Diagnostics diagnostics;
  EXPECT_EQ(parse(file, diagnostics).error().kind(), ErrorKind::kResourceExhausted);
}

}  // namespace
}  // namespace strata::dockerfile
