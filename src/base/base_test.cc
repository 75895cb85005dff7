#include "base/clock.h"
#include "base/json.h"
#include "base/json_fields.h"
#include "base/result.h"
#include "base/strings.h"
#include <gtest/gtest.h>

namespace strata {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return error(ErrorKind::kInvalidArgument, "{} is odd", n);
  return n / 2;
}

Result<int> quarter(int n) {
  const int h = TRY(half(n));
  return TRY(half(h), "half of {}", n);
}

TEST(Result, TryPassesValuesAndAddsContextToErrors) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(3).error().message(), "3 is odd");
  EXPECT_EQ(quarter(6).error().message(), "half of 6: 3 is odd");
  EXPECT_EQ(quarter(6).error().kind(), ErrorKind::kInvalidArgument);
}

TEST(Error, FromErrnoMapsTheKindAndKeepsTheNumber) {
  const Error e = Error::from_errno(ENOSPC, "write").with_context("layer x");
  EXPECT_EQ(e.message(), "layer x: write: No space left on device");
  EXPECT_EQ(e.kind(), ErrorKind::kResourceExhausted);
  EXPECT_EQ(e.error_number(), ENOSPC);
}

TEST(Strings, SizesReadAndPrintAsDockerDoes) {
  EXPECT_EQ(human_size(0), "0B");
  EXPECT_EQ(human_size(999), "999B");
  EXPECT_EQ(human_size(141'800'000, 3), "142MB");
  EXPECT_EQ(human_size(12345), "12.35kB");
  EXPECT_EQ(human_size(116'800'000), "116.8MB");
  EXPECT_EQ(parse_size("64m"), 64u << 20);
  EXPECT_EQ(parse_size("1.5g"), 3u << 29);
  EXPECT_EQ(parse_size("512KiB"), 512u << 10);
  EXPECT_EQ(parse_size("7b"), 7u);
  EXPECT_FALSE(parse_size("12q"));
  EXPECT_FALSE(parse_size("m"));
  EXPECT_FALSE(parse_size(""));
}

TEST(Strings, SplitTrimAndPrintable) {
  EXPECT_EQ(split("a::b", ':').size(), 3u);
  EXPECT_EQ(trim(" \ta b\n"), "a b");
  EXPECT_EQ(printable("a\x1b[0m\xff ü"), "a\\x1b[0m\\xff ü");
  EXPECT_FALSE(parse_unsigned("1x"));
  EXPECT_FALSE(parse_unsigned("-1"));
  EXPECT_EQ(hex(*unhex("00fFa5")), "00ffa5");
  EXPECT_FALSE(unhex("0"));
}

TEST(Clock, Rfc3339RoundTripsAndTakesOffsets) {
  const auto t = parse_rfc3339("2026-01-02T03:04:05.123456789Z");
  ASSERT_TRUE(t);
  EXPECT_EQ(to_rfc3339(*t), "2026-01-02T03:04:05.123456789Z");
  EXPECT_EQ(parse_rfc3339("2026-01-02T05:04:05+02:00"), parse_rfc3339("2026-01-02T03:04:05Z"));
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("1969-12-31T23:59:59.5Z")), "1969-12-31T23:59:59.500000000Z");
  for (const char* bad : {"", "2026-13-01T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(Clock, HumanDurationsAreDockers) {
  using std::chrono::seconds;
  EXPECT_EQ(human_duration(seconds(0)), "Less than a second");
  EXPECT_EQ(human_duration(seconds(61)), "About a minute");
  EXPECT_EQ(human_duration(seconds(7200)), "2 hours");
  EXPECT_EQ(human_duration(seconds(86400 * 20)), "2 weeks");
}

TEST(Json, BrokenAndDeepTextIsAnError) {
  EXPECT_EQ(parse_json("{").error().kind(), ErrorKind::kCorrupt);
  EXPECT_EQ(parse_json(std::string(100000, '[')).error().kind(), ErrorKind::kCorrupt);
  const json value = parse_json(R"({"a":"x","n":3,"l":["p"],"z":null})").value();
  EXPECT_EQ(string_member(value, "a").value(), "x");
  EXPECT_EQ(int_member(value, "z", 7).value(), 7);
  EXPECT_EQ(strings_member(value, "l").value().size(), 1u);
  EXPECT_EQ(string_member(value, "n").error().message(), "\"n\" should be a string, not number");
}

// What reading `text` by the fields below says: the error's words, or "".
std::string fields_of(std::string_view text) {
  struct Rule {
    std::string name;
    std::optional<std::uint8_t> level;
  };
  std::string name;
  bool on = false;
  std::int16_t number = 0;
  std::vector<std::string> words;
  std::vector<Rule> rules;
  std::map<std::string, std::string> labels;
  const Result<> read = read_json_object(text, [&](JsonFields& in) {
    in("name", name)("on", on)("number", number)("words", words)("labels", labels);
    in.object("inner", [&](JsonFields& inner) {
      inner.list("rules", rules, [](JsonFields& one, Rule& rule) { one("name", rule.name)("level", rule.level); });
    });
  });
  return read ? "" : read.error().message();
}

TEST(JsonFields, AbsentAndNullMembersLeaveTheirVariables) {
  std::string name = "before";
  std::optional<int> number;
  std::vector<std::string> words = {"kept"};
  ASSERT_TRUE(read_json_object(R"({"name":null,"other":1})", [&](JsonFields& in) {
    in("name", name)("number", number)("words", words);
    in.object("inner", [&](JsonFields&) { name = "called"; });
  }));
  EXPECT_EQ(name, "before");
  EXPECT_FALSE(number);
  EXPECT_EQ(words, std::vector<std::string>{"kept"});
}

TEST(JsonFields, ValuesAreReadInTheirTypes) {
  std::vector<std::uint32_t> ids;
  std::set<std::string> ports;
  std::optional<std::int64_t> limit;
  ASSERT_TRUE(read_json_object(R"({"ids":[0,4294967295],"ports":{"80/tcp":{}},"limit":-1})",
                               [&](JsonFields& in) { in("ids", ids)("ports", ports)("limit", limit); }));
  EXPECT_EQ(ids, (std::vector<std::uint32_t>{0, 4294967295}));
  EXPECT_EQ(ports, std::set<std::string>{"80/tcp"});
  EXPECT_EQ(limit, -1);
}

TEST(JsonFields, TheFirstErrorNamesTheMemberAndTheWayToIt) {
  EXPECT_EQ(fields_of("[]"), "should be an object, not array");
  EXPECT_EQ(fields_of(R"({"name":1,"on":2})"), "\"name\" should be a string, not 1");
  EXPECT_EQ(fields_of(R"({"number":40000})"), "\"number\" should be a number in range, not 40000");
  EXPECT_EQ(fields_of(R"({"number":-1})"), "");
  EXPECT_EQ(fields_of(R"({"words":"sh"})"), "\"words\" should be a list of strings, not string");
  EXPECT_EQ(fields_of(R"({"words":["sh",[]]})"), "\"words\" should be a list of strings, not array");
  EXPECT_EQ(fields_of(R"({"labels":{"a":true}})"), "labels: \"a\" should be a string, not boolean");
  EXPECT_EQ(fields_of(R"({"inner":{"rules":[{},{"level":256}]}})"),
            "inner: rules[1]: \"level\" should be a number in range, not 256");
  EXPECT_EQ(fields_of(R"({"inner":{"rules":[7]}})"), "inner: rules[0]: should be an object, not number");
}

}  // namespace
}  // namespace strata
