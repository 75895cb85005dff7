// What Go's templates give is what docker's own CLI printed: tests/goldens/template/docker.json,
// made by `docker image inspect -f TEMPLATE` of the object in data.json (docker 28.2).
#include "cli/template/template.h"

#include <fstream>
#include <sstream>

#include "base/json.h"
#include <gtest/gtest.h>

namespace strata::cli {
namespace {

Result<std::string> render(std::string_view text, const ordered_json& data, const Template::Rules& rules = {}) {
  const Template parsed = TRY(Template::parse(text));
  std::string out;
  TRY(parsed.render(data, out, rules));
  return out;
}

std::string file(const std::string& name) {
  std::ifstream in(std::string(STRATA_GOLDENS) + "/template/" + name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Template, GivesWhatDockerGives) {
  const ordered_json data = ordered_json::parse(file("data.json"));
  const ordered_json cases = ordered_json::parse(file("docker.json"));
  ASSERT_GT(cases.size(), 100u);
  for (const auto& one : cases) {
    const auto text = one[0].get<std::string>();
    const int exit_code = one[1].get<int>();
    const auto parsed = Template::parse(text);
    EXPECT_EQ(parsed.has_value(), exit_code != 64) << text;
    const auto got = render(text, data);
    if (exit_code == 0)
      EXPECT_EQ(got ? *got : got.error().message(), one[2].get<std::string>()) << text;
    else
      EXPECT_EQ(got ? *got : got.error().message(), one[3].get<std::string>()) << text;
  }
}

TEST(Template, FieldsOfARecordThatAreNotThereAreErrors) {
  const ordered_json record{{"ID", "1"}, {"Labels", "a=b"}};
  Template::Rules rules{.type = "image"};
  EXPECT_EQ(render("{{.ID}}", record, rules).value(), "1");
  EXPECT_EQ(render("{{.Foo}}", record, rules).error().message(),
            "template parsing error: template: :1:2: executing \"\" at <.Foo>: can't evaluate "
            "field Foo in type image");
}

TEST(Template, ARecordAsJsonIsSafeInHtml) {
  const ordered_json record{{"Tag", "<none>"}};
  EXPECT_EQ(render("{{json .}} {{json .Tag}}", record, {.type = "image"}).value(),
            R"({"Tag":"\u003cnone\u003e"} "<none>")");
  EXPECT_EQ(render("{{json .}}", record).value(), R"({"Tag":"<none>"})");
}

TEST(Template, MethodsOfARecordAreCalled) {
  Template::Rules rules{.type = "container"};
  rules.method_names = {"Label"};
  rules.method = [](std::string_view name, const std::vector<std::string>& arguments) {
    return std::string(name) + "=" + arguments.at(0);
  };
  const ordered_json record = ordered_json::object();
  EXPECT_EQ(render("{{.Label \"x\"}} {{\"y\" | .Label}} {{upper (.Label \"z\")}}", record, rules).value(),
            "Label=x Label=y LABEL=Z");
  EXPECT_FALSE(render("{{.Label}}", record, rules));
}

TEST(Template, HeadingsPassThroughFunctions) {
  Template::Rules rules;
  rules.headings = true;
  const ordered_json headings{{"ID", "IMAGE ID"}};
  EXPECT_EQ(render("{{lower .ID}} {{.Foo}} {{truncate .ID 3}} {{json .ID}}", headings, rules).value(),
            "IMAGE ID <no value> IMAGE ID IMAGE ID");
}

TEST(Template, WhatComesOfTheDataIsPrintableOnATerminal) {
  const ordered_json record{{"A", "\x1b[31mred\a\tb\nc\xc2\x9b"}};
  Template::Rules rules;
  EXPECT_EQ(render("\x1b[1m{{.A}}", record, rules).value(), "\x1b[1m\x1b[31mred\a\tb\nc\xc2\x9b");
  rules.for_terminal = true;
  EXPECT_EQ(render("\x1b[1m{{.A}}{{with .A}}{{.}}{{end}}", record, rules).value(),
            "\x1b[1m\\x1b[31mred\\x07\tb\nc\\xc2\\x9b\\x1b[31mred\\x07\tb\nc\\xc2\\x9b");
}

TEST(Template, SaysWhatItMentions) {
  const auto mentions = [](std::string_view text, std::string_view field) {
    return Template::parse(text)->mentions(field);
  };
  EXPECT_TRUE(mentions("{{if .ID}}{{lower (print .Size)}}{{end}}", "Size"));
  EXPECT_TRUE(mentions("{{define \"t\"}}{{.Size}}{{end}}", "Size"));
  EXPECT_TRUE(mentions("{{json .}}", "Size"));
  EXPECT_TRUE(mentions("{{$.Size}}", "Size"));
  EXPECT_FALSE(mentions("{{.ID}} Size {{\"Size\"}}", "Size"));
}

TEST(Template, NothingIsAddedAfterAnError) {
  std::string out = "before";
  EXPECT_FALSE(Template::parse("text {{.Foo}}")->render(ordered_json::object(), out));
  EXPECT_EQ(out, "before");
}

TEST(Template, BoundsHold) {
  const ordered_json data{{"A", std::string(1000, 'a')}};
  std::string deep, parentheses;
  for (int i = 0; i < 200; ++i) deep += "{{if .A}}", parentheses += "(";
  EXPECT_EQ(render(deep, data).error().message(), "template parsing error: template: :1: nests deeper than 100");
  EXPECT_FALSE(render("{{" + parentheses, data));
  EXPECT_EQ(render("{{range 2000000000}}{{end}}", data).error().kind(), ErrorKind::kResourceExhausted);
  EXPECT_EQ(render("{{range 200000}}{{$.A}}{{end}}", data).error().kind(), ErrorKind::kResourceExhausted);
  EXPECT_EQ(render("{{define \"t\"}}{{template \"t\"}}{{end}}{{template \"t\"}}", data).error().kind(),
            ErrorKind::kResourceExhausted);
  EXPECT_FALSE(render("{{$x := .A}}{{range 100}}{{$x = print $x $x}}{{end}}", data));
  const std::string grow = "{{$x := .A}}{{range 12}}{{$x = print $x $x}}{{end}}";  // 4 MB
  EXPECT_FALSE(render(grow + "{{split $x \"\"}}", data));
  EXPECT_EQ(render(grow + "{{range 100000}}{{$y := upper $x}}{{end}}", data).error().kind(),
            ErrorKind::kResourceExhausted);
  EXPECT_FALSE(render("{{pad .A 2000000000 1}}", data));
  EXPECT_EQ(render("{{printf \"%99999999d\" 1}}", data).value(), "%!(NOVERB)%!(EXTRA int=1)");
}

}  // namespace
}  // namespace strata::cli
