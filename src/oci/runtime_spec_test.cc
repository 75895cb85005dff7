#include "oci/runtime_spec.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include <gtest/gtest.h>

namespace strata::oci {
namespace {

std::string read_golden(const std::string& name) {
  std::ifstream file(std::string(STRATA_GOLDENS) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(RuntimeSpec, EveryMemberSurvivesReadingAndWriting) {
  const auto spec = parse_runtime_spec(read_golden("full.json"));
  ASSERT_TRUE(spec) << spec.error().message();
  const std::string written = to_json(*spec);
  const auto again = parse_runtime_spec(written);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*spec, *again);
  const std::string pretty = parse_json(written)->dump(2) + "\n";
  if (std::getenv("STRATA_ACCEPT") != nullptr) {
    std::ofstream(std::string(STRATA_GOLDENS) + "/full.written.json") << pretty;
    return;
  }
  EXPECT_EQ(pretty, read_golden("full.written.json"));
  // The source has nothing that gets lost: both are the same JSON.
  EXPECT_EQ(*parse_json(written), *parse_json(read_golden("full.json")));
}

TEST(RuntimeSpec, AbsentMembersAreUnset) {
  const auto spec = parse_runtime_spec(R"({"ociVersion":"1.0.2"})");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->version, "1.0.2");
  EXPECT_EQ(spec->process.cwd, "/");
  EXPECT_FALSE(spec->linux_part.seccomp);
  EXPECT_FALSE(spec->linux_part.resources.pids_limit);
  EXPECT_TRUE(spec->mounts.empty());
}

TEST(RuntimeSpec, UnknownMembersAreIgnored) {
  EXPECT_TRUE(parse_runtime_spec(R"({"ociVersion":"1.2.0","windows":{"x":1},"linux":{"intelRdt":{}}})"));
}

TEST(RuntimeSpec, WrongTypesAreErrorsThatNameTheMember) {
  const std::pair<const char*, const char*> cases[] = {
      {R"([])", "should be an object"},
      {R"({"process":[]})", "process"},
      {R"({"process":{"args":"sh"}})", "args"},
      {R"({"process":{"user":{"uid":-1}}})", "uid"},
      {R"({"process":{"user":{"uid":4294967296}}})", "uid"},
      {R"({"process":{"rlimits":[{"type":"RLIMIT_CPU","soft":"1"}]}})", "rlimits[0]: \"soft\""},
      {R"({"linux":{"namespaces":[{"type":"planet"}]}})", "planet"},
      {R"({"linux":{"devices":[{"path":"/dev/x","type":"q"}]}})", "device type"},
      {R"({"linux":{"resources":{"memory":{"limit":1.5}}}})", "limit"},
      {R"({"annotations":{"a":1}})", "\"a\""},
      {R"({"mounts":{}})", "mounts"},
      {"{", ""},
  };
  for (const auto& [text, words] : cases) {
    const auto spec = parse_runtime_spec(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().kind(), ErrorKind::kCorrupt) << text;
    EXPECT_NE(spec.error().message().find(words), std::string::npos) << spec.error().message();
  }
}

TEST(RuntimeSpec, ArgumentsThatAreNoTextAreWrittenAsReplacements) {
  RuntimeSpec spec;
  spec.process.args = {"echo", "\xff"};
  EXPECT_NE(to_json(spec).find("\xEF\xBF\xBD"), std::string::npos);
}

TEST(RuntimeSpec, AProcessAlone) {
  Process process;
  process.args = {"sh", "-c", "true"};
  process.terminal = true;
  process.user = {.uid = 7, .gid = 8, .umask = 077, .additional_gids = {9}};
  const auto again = parse_process(to_json(process));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, process);
}

}  // namespace
}  // namespace strata::oci
