#include "build/dockerfile/shell_lexer.h"

#include <map>

#include <gtest/gtest.h>

namespace strata::dockerfile {
namespace {

const std::map<std::string, std::string, std::less<>> kVariables = {
    {"HOME", "/root"},  {"EMPTY", ""},   {"FILE", "archive.tar.gz"}, {"DIR", "/a/b/c"},    {"SPACED", "one  two"},
    {"EDGES", " x y "}, {"STAR", "a*b"}, {"GREEK", "αβγ"},           {"VERSION", "1.2.3"},
};

std::optional<std::string> lookup(std::string_view name) {
  const auto found = kVariables.find(name);
  if (found == kVariables.end()) return std::nullopt;
  return found->second;
}

struct Case {
  const char* in;
  const char* out;  // nullptr: an error
};

class ShellWord : public testing::TestWithParam<Case> {};

TEST_P(ShellWord, ExpandsAsBuildKitDoes) {
  const auto [in, out] = GetParam();
  const auto result = expand(in, lookup);
  if (out == nullptr) {
    ASSERT_FALSE(result) << in << " -> " << result->text;
    EXPECT_EQ(result.error().kind(), ErrorKind::kInvalidArgument);
  } else {
    ASSERT_TRUE(result) << in << ": " << result.error().message();
    EXPECT_EQ(result->text, out) << in;
  }
}

INSTANTIATE_TEST_SUITE_P(QuotesAndEscapes, ShellWord,
                         testing::Values(Case{"plain", "plain"}, Case{"a'b'c", "abc"}, Case{"a'b", nullptr},
                                         Case{R"(a\'b)", "a'b"}, Case{R"(a\\'b)", nullptr}, Case{R"(a\tb)", "atb"},
                                         Case{R"("a\tb")", R"(a\tb)"}, Case{R"("a\\tb")", R"(a\tb)"},
                                         Case{R"('a\tb')", R"(a\tb)"}, Case{R"(end\)", "end"},
                                         Case{R"(end\\)", R"(end\)"}, Case{R"("open)", nullptr},
                                         Case{R"("a\")", nullptr}, Case{R"("it's")", "it's"}, Case{R"('a\')", R"(a\)"},
                                         Case{R"("''")", "''"}, Case{R"('"x"')", "\"x\""}, Case{"a  b", "a  b"}));

INSTANTIATE_TEST_SUITE_P(Variables, ShellWord,
                         testing::Values(Case{"$HOME", "/root"}, Case{"x$HOME.", "x/root."}, Case{"${HOME}x", "/rootx"},
                                         Case{"$home", ""}, Case{"$UNSET-", "-"}, Case{"$.", "$."}, Case{"a$", "a$"},
                                         Case{R"(\$HOME)", "$HOME"}, Case{R"(\\$HOME)", R"(\/root)"},
                                         Case{R"("\$HOME")", "$HOME"}, Case{"'$HOME'", "$HOME"},
                                         Case{"\"'$HOME'\"", "'/root'"}, Case{R"(\${})", "${}"}, Case{"${}", nullptr},
                                         Case{"${HOME", nullptr}, Case{"${.}", nullptr}, Case{"${{HOME}", nullptr},
                                         Case{"${HOME}}", "/root}"}, Case{"$1x", "x"}, Case{"$123x", "x"},
                                         Case{"$@@", "@"}, Case{"$$", ""}, Case{"$0a", "a"}, Case{"${1:-d}", "d"},
                                         Case{"$GREEK", "αβγ"}, Case{"<a", "<a"}, Case{"<<a", "<<a"}));

INSTANTIATE_TEST_SUITE_P(
    DefaultsAndAlternatives, ShellWord,
    testing::Values(Case{"${UNSET:-d}", "d"}, Case{"${EMPTY:-d}", "d"}, Case{"${HOME:-d}", "/root"},
                    Case{"${UNSET-d}", "d"}, Case{"${EMPTY-d}", ""}, Case{"${UNSET:-$HOME}", "/root"},
                    Case{"${UNSET:-${NO:-deep}}", "deep"}, Case{"${UNSET:-a b}", "a b"}, Case{"${UNSET:-{x}", "{x"},
                    Case{"${UNSET:-${HOME}", nullptr}, Case{"${HOME:+y}", "y"}, Case{"${EMPTY:+y}", ""},
                    Case{"${EMPTY+y}", "y"}, Case{"${UNSET+y}", ""}, Case{"${HOME:+${HOME}:}z", "/root:z"},
                    Case{"${HOME:?}", "/root"}, Case{"${EMPTY?}", ""}, Case{"${EMPTY:?}", nullptr},
                    Case{"${UNSET?why}", nullptr}, Case{"${UNSET:=d}", nullptr}, Case{"${UNSET:x}", nullptr},
                    Case{"${:-d}", nullptr}, Case{R"(${UNSET:-\$HOME:})", "$HOME:"},
                    Case{R"(${UNSET:-\${HOME}z})", "${HOMEz}"}));

INSTANTIATE_TEST_SUITE_P(
    Patterns, ShellWord,
    testing::Values(Case{"${FILE%.*}", "archive.tar"}, Case{"${FILE%%.*}", "archive"}, Case{"${FILE#*.}", "tar.gz"},
                    Case{"${FILE##*.}", "gz"}, Case{"${DIR##*/}", "c"}, Case{"${DIR%/*}", "/a/b"},
                    Case{"${FILE#x}", "archive.tar.gz"}, Case{"${FILE#???}", "hive.tar.gz"}, Case{"${FILE%%*}", ""},
                    Case{"${FILE%*}", "archive.tar.gz"}, Case{R"(${STAR#a\*})", "b"}, Case{R"(${STAR#a\x})", nullptr},
                    Case{"${GREEK#?}", "βγ"}, Case{"${GREEK%?}", "αβ"}, Case{"${UNSET#x}", ""},
                    Case{"${FILE:#x}", nullptr}, Case{"${VERSION/./-}", "1-2.3"}, Case{"${VERSION//./-}", "1-2-3"},
                    Case{"${VERSION/.*/}", "1"}, Case{R"(${DIR//\//:})", ":a:b:c"}, Case{"${VERSION/x/y}", "1.2.3"},
                    Case{"${VERSION/2", nullptr}, Case{"${VERSION/2/x", nullptr}, Case{"${VERSION//?/x}", "xxxxx"}));

TEST(ShellLexer, WordsAreSplitAfterReplacementUnlessQuoted) {
  const auto words = [](std::string_view text) { return expand(text, lookup).value().words; };
  using Words = std::vector<std::string>;
  EXPECT_EQ(words("a b  c"), (Words{"a", "b", "c"}));
  EXPECT_EQ(words("x${SPACED}y"), (Words{"xone", "twoy"}));
  EXPECT_EQ(words("x\"${SPACED}\"y"), (Words{"xone  twoy"}));
  EXPECT_EQ(words("x${EDGES}"), (Words{"x", "x", "y"}));
  EXPECT_EQ(words(R"(a\ b)"), (Words{"a b"}));
  EXPECT_EQ(words("<< EOF x"), (Words{"<< EOF", "x"}));
}

TEST(ShellLexer, SaysWhichVariablesWereSet) {
  const auto result = expand("$HOME ${UNSET:-x} ${EMPTY}", lookup).value();
  EXPECT_EQ(result.used, (std::set<std::string>{"EMPTY", "HOME"}));
  EXPECT_EQ(result.unset, (std::set<std::string>{"UNSET"}));
}

TEST(ShellLexer, CanKeepWhatItDoesNotKnow) {
  const LexerOptions options{.keep_quotes = true, .keep_unset = true};
  EXPECT_EQ(expand("echo \"$HOME\" ${X:-y} $X", lookup, options)->text, "echo \"/root\" ${X:-y} $X");
}

TEST(ShellLexer, TheBacktickCanBeTheEscapeCharacter) {
  EXPECT_EQ(expand(R"(C:\dir\`$HOME)", lookup, {.escape = '`'})->text, R"(C:\dir\$HOME)");
}

TEST(ShellLexer, MessagesNameTheWordAndTheReason) {
  EXPECT_EQ(expand("${UNSET:?is needed}", lookup).error().message(),
            "failed to process \"${UNSET:?is needed}\": UNSET: is needed");
  EXPECT_EQ(expand("${HOME", lookup).error().message(), "failed to process \"${HOME\": syntax error: missing '}'");
  EXPECT_EQ(expand("${HOME:=x}", lookup).error().message(),
            "failed to process \"${HOME:=x}\": unsupported modifier (:=) in substitution");
}

TEST(ShellLexer, HostileWordsAreBounded) {
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "${X:-";
  EXPECT_FALSE(expand(deep, lookup));
  const std::string big(200'000, 'a');
  const auto many = [&](std::string_view) { return std::optional(big); };
  std::string uses;
  for (int i = 0; i < 1000; ++i) uses += "$X";
  EXPECT_EQ(expand(uses, many).error().kind(), ErrorKind::kResourceExhausted);
  EXPECT_EQ(expand("${X//a*a*a*a*b/c}", many).error().kind(), ErrorKind::kResourceExhausted);
  EXPECT_EQ(expand("${X##*a*a*a*a*b}", many)->text, big);
}

}  // namespace
}  // namespace strata::dockerfile
