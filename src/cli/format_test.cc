#include "cli/format.h"

#include "base/json.h"
#include "cli/record_text.h"
#include <gtest/gtest.h>

namespace strata::cli {
namespace {

constexpr Column kColumns[] = {{"ID", "IMAGE ID"}, {"Tag", "TAG"}, {"Label", ""}};

Result<std::string> listed(std::string_view format) {
  ListFormat list = TRY(ListFormat::parse(format, "image", kColumns, {"Label"}));
  const auto label = [](std::string_view, const std::vector<std::string>& arguments) {
    return "<" + arguments[0] + ">";
  };
  TRY(list.add({{"ID", "1"}, {"Tag", "<none>"}}, label));
  TRY(list.add({{"ID", "22222222222"}, {"Tag", "b"}}, label));
  return list.text();
}

TEST(ListFormat, RendersRowsTablesAndJson) {
  EXPECT_EQ(listed("{{.ID}} {{.Tag}}").value(), "1 <none>\n22222222222 b\n");
  EXPECT_EQ(listed(R"({{.ID}}\t{{.Tag}}\n-)").value(), "1\t<none>\n-\n22222222222\tb\n-\n");
  EXPECT_EQ(listed(R"(table {{.Tag}}\t{{.ID}}\t{{lower .Tag}})").value(),
            "TAG       IMAGE ID      TAG\n<none>    1             <none>\nb         22222222222   b\n");
  EXPECT_EQ(listed("table {{.ID}}\\t{{.Label \"x\"}}").value(),
            "IMAGE ID      x\n1             <x>\n22222222222   <x>\n");
  EXPECT_EQ(listed("json").value(),
            "{\"ID\":\"1\",\"Tag\":\"\\u003cnone\\u003e\"}\n{\"ID\":\"22222222222\",\"Tag\":\"b\"}\n");
  EXPECT_EQ(listed("{{.Nope}}").error().message(),
            "template parsing error: template: :1:2: executing \"\" at <.Nope>: can't evaluate "
            "field Nope in type image");
}

TEST(ListFormat, KnowsWhatItNeeds) {
  EXPECT_TRUE(ListFormat::parse("json", "image", kColumns)->mentions("Size"));
  EXPECT_TRUE(ListFormat::parse("table {{.Size}}", "image", kColumns)->mentions("Size"));
  EXPECT_FALSE(ListFormat::parse("{{.ID}}", "image", kColumns)->mentions("Size"));
}

TEST(RecordText, WritesTimesAndLabelsAsGo) {
  EXPECT_EQ(labels_text({{"b", "2"}, {"a", "1"}}), "a=1,b=2");
  EXPECT_EQ(time_text(Timestamp(std::chrono::seconds(1700000000))).substr(0, 14), "2023-11-14 22:");
}

}  // namespace
}  // namespace strata::cli
