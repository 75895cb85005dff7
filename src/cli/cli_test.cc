#include <algorithm>

#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include <gtest/gtest.h>

namespace strata::cli {
namespace {

struct Parsed {
  bool interactive = false, tty = false, remove = false;
  std::string name;
  std::optional<std::int64_t> number;
  std::vector<std::string> env, rest;
};

Result<Parsed> parse(const std::vector<std::string>& arguments, bool stop = true) {
  static const Verb verb{{"run"}, "[OPTIONS] IMAGE", "Run", nullptr, 125};
  Parsed parsed;
  Options options(verb);
  options.flag("-i,--interactive", parsed.interactive, "x");
  options.flag("-t,--tty", parsed.tty, "x");
  options.flag("--rm", parsed.remove, "x");
  options.value("--name", parsed.name, "x");
  options.value("-n,--number", parsed.number, "x");
  options.list("-e,--env", parsed.env, "x");
  options.arguments(parsed.rest, 1);
  if (stop) options.stop_at_first_argument();
  TRY(options.parse(arguments));
  return parsed;
}

using Words = std::vector<std::string>;

TEST(Options, ReadsFlagsAsDockerDoes) {
  const Parsed p =
      parse({"-it", "--rm=true", "--name", "x", "-e", "A=1,2", "-eB", "--env=C=", "image", "ls", "-l", "--rm=false"})
          .value();
  EXPECT_TRUE(p.interactive && p.tty && p.remove);
  EXPECT_EQ(p.name, "x");
  EXPECT_EQ(p.env, (Words{"A=1,2", "B", "C="}));
  EXPECT_EQ(p.rest, (Words{"image", "ls", "-l", "--rm=false"}));
  EXPECT_FALSE(parse({"--rm=false", "image"})->remove);
}

TEST(Options, ValuesStandBehindEqualsSignsToo) {
  const Parsed p = parse({"-e=A=1", "-n=0x10", "-i=false", "-t=1", "--name=", "image"}).value();
  EXPECT_EQ(p.env, Words{"A=1"});
  EXPECT_EQ(p.number, 16);
  EXPECT_FALSE(p.interactive);
  EXPECT_TRUE(p.tty);
  EXPECT_EQ(p.rest, Words{"image"});
  // An empty value is one: the next word stays what it is.
  EXPECT_EQ(parse({"--name", "x", "--name=", "image", "ls"})->name, "");
  EXPECT_EQ(parse({"--name", "", "image"})->rest, Words{"image"});
  EXPECT_EQ(parse({"--name", "--rm", "image"})->name, "--rm");
  EXPECT_EQ(parse({"-it", "--rm", "--rm=false", "-", "x"})->rest, (Words{"-", "x"}));
}

TEST(Options, ArgumentsOfTheCommandAreLeftAlone) {
  EXPECT_EQ(parse({"image", "sh", "-c", "echo -e x; exit 3"})->rest, (Words{"image", "sh", "-c", "echo -e x; exit 3"}));
  EXPECT_EQ(parse({"image", "--", "x"})->rest, (Words{"image", "--", "x"}));
  EXPECT_EQ(parse({"--", "image", "-it"})->rest, (Words{"image", "-it"}));
  EXPECT_EQ(parse({"image", "-e", "A=1"})->env, Words{});
}

TEST(Options, FlagsMayFollowArgumentsWhereTheVerbAllows) {
  const Parsed p = parse({"a", "-n", "3", "b", "-i"}, false).value();
  EXPECT_EQ(p.rest, (Words{"a", "b"}));
  EXPECT_EQ(p.number, 3);
  EXPECT_TRUE(p.interactive);
}

TEST(Options, MistakesHaveExitCodesOfTheirOwn) {
  const auto code = [](const Words& words) {
    const Verb verb{{"pull"}, "NAME", "Pull", nullptr, 7};
    Words rest;
    Options options(verb);
    options.arguments(rest, 1, 1);
    const bool parsed = options.parse(words).has_value();
    EXPECT_EQ(parsed, verb.failure_code == 7);
    return verb.failure_code;
  };
  EXPECT_EQ(code({"x"}), 7);
  EXPECT_EQ(code({"--nope", "x"}), 125);
  EXPECT_EQ(code({"x", "y"}), 1);
}

TEST(Options, MistakesAreDockersUsageErrors) {
  EXPECT_TRUE(parse({"--nope", "x"}).error().message().starts_with("unknown flag: --nope\n\nUsage:  strata run"));
  EXPECT_TRUE(parse({"-x", "y"}).error().message().starts_with("unknown shorthand flag: 'x' in -x"));
  EXPECT_TRUE(parse({}).error().message().starts_with("'strata run' requires at least 1 argument"));
  const auto says = [](const Words& words) {
    const std::string message = parse(words).error().message();
    return message.substr(0, message.find('\n'));
  };
  EXPECT_EQ(
      says({"-n", "three", "x"}),
      "invalid argument \"three\" for \"-n, --number\" flag: strconv.ParseInt: parsing \"three\": invalid syntax");
  EXPECT_EQ(says({"-n99999999999999999999", "x"}),
            "invalid argument \"99999999999999999999\" for \"-n, --number\" flag: strconv.ParseInt: parsing "
            "\"99999999999999999999\": value out of range");
  EXPECT_EQ(says({"--rm=maybe", "x"}),
            "invalid argument \"maybe\" for \"--rm\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax");
  EXPECT_EQ(says({"--name"}), "flag needs an argument: --name");
  EXPECT_EQ(says({"-ie"}), "flag needs an argument: 'e' in -e");
  EXPECT_EQ(says({"-ixt", "y"}), "unknown shorthand flag: 'x' in -xt");
  EXPECT_EQ(says({"--=x"}), "bad flag syntax: --=x");
}

TEST(Table, LinesUpColumnsAndTrimsTheEnd) {
  Table table({"NAME", "ID"});
  table.add({"größe", "1"});
  table.add({"x", ""});
  EXPECT_EQ(table.to_string(), "NAME      ID\ngröße     1\nx\n");
  EXPECT_EQ(ellipsis("abcdef", 4), "abc…");
  EXPECT_EQ(ellipsis("abcd", 4), "abcd");
}

TEST(Verbs, NamesAreUnique) {
  std::vector<std::string_view> names;
  for (const Verb& verb : verbs()) names.insert(names.end(), verb.names.begin(), verb.names.end());
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace strata::cli
