#include "build/ignore_file.h"

#include <gtest/gtest.h>

namespace strata::build {
namespace {

struct Case {
  const char* patterns;
  std::vector<const char*> ignored;
  std::vector<const char*> kept;
};

class Ignore : public testing::TestWithParam<Case> {};

TEST_P(Ignore, DecidesAsDockerDoes) {
  const auto file = IgnoreFile::parse(GetParam().patterns);
  ASSERT_TRUE(file) << file.error().message();
  for (const char* path : GetParam().ignored) EXPECT_TRUE(file->ignores(path)) << GetParam().patterns << ": " << path;
  for (const char* path : GetParam().kept) EXPECT_FALSE(file->ignores(path)) << GetParam().patterns << ": " << path;
}

INSTANTIATE_TEST_SUITE_P(
    Rules, Ignore,
    testing::Values(
        Case{"", {}, {"a"}}, Case{"# comment\n\n  \n", {}, {"# comment"}},
        Case{"a", {"a", "a/b", "a/b/c"}, {"b/a", "ab"}}, Case{"/a/\n./b//c\n", {"a", "a/x", "b/c"}, {"b", "x/a"}},
        Case{"  spaced name \t\n", {"spaced name"}, {"spaced"}}, Case{"*.o", {"x.o"}, {"d/x.o", "x.oo", "x"}},
        Case{"*/*.o", {"d/x.o"}, {"x.o", "d/e/x.o"}}, Case{"a?c", {"abc"}, {"ac", "a/c", "abbc"}},
        Case{"[a-c]x", {"ax", "cx", "ax/y"}, {"dx"}}, Case{"[^a]x", {"bx"}, {"ax"}}, Case{R"(\*)", {"*"}, {"a"}},
        Case{"**", {"a", "a/b"}, {}}, Case{"**/x", {"x", "a/x", "a/b/x", "a/x/y"}, {"ax", "a/bx"}},
        Case{"**/*.log", {"x.log", "a/x.log", "a/b/x.log"}, {"x.logs"}}, Case{"a/**", {"a/b", "a/b/c"}, {"a", "ab"}},
        Case{"a/**/z", {"a/z", "a/b/z", "a/b/c/z"}, {"a/bz", "z"}}, Case{"**x", {"x", "ax", "a/bx"}, {"xa"}},
        Case{"*\n!keep", {"a", "b/c"}, {"keep", "keep/x"}},
        Case{"d\n!d/keep", {"d", "d/x", "d/y/keep"}, {"d/keep", "d/keep/x"}},
        Case{"*.md\n!README*.md\nREADME-secret.md", {"x.md", "README-secret.md"}, {"README.md", "README-a.md"}},
        Case{"*.md\nREADME-secret.md\n!README*.md", {"x.md"}, {"README.md", "README-secret.md"}}, Case{"!a", {}, {"a"}},
        Case{"d/*\n!d/*.c", {"d/a.o"}, {"d", "d/a.c"}},
        Case{"\xef\xbb\xbfnode_modules\r\n", {"node_modules/x"}, {"src"}}, Case{"../x\n.git", {".git/config"}, {"x"}}));

TEST(IgnoreFile, BrokenPatternsAreErrorsWithTheirLine) {
  EXPECT_EQ(IgnoreFile::parse("a\n[b\n").error().message(), "line 2: syntax error in pattern \"[b\"");
  EXPECT_EQ(IgnoreFile::parse("!").error().message(), "line 1: illegal exclusion pattern: \"!\"");
  EXPECT_FALSE(IgnoreFile::parse("a\\"));
}

TEST(PathPattern, GlobsAreOfOneComponentEach) {
  const auto match = [](const char* pattern, const char* path) {
    return PathPattern::parse(pattern, PathPattern::Dialect::kGlob)->matches(path);
  };
  EXPECT_TRUE(match("a*.txt", "abc.txt"));
  EXPECT_FALSE(match("a*.txt", "a/c.txt"));
  EXPECT_TRUE(match("**/x", "a/x"));
  EXPECT_FALSE(match("**/x", "a/b/x"));
  EXPECT_TRUE(match("a*b*c*d*e*f*g", "aabbccddeeffgg"));
}

TEST(PathPattern, TimeIsBoundedForHostilePatterns) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(PathPattern::parse(pattern + "b", PathPattern::Dialect::kGlob)->matches(std::string(2000, 'a')));
}

TEST(PathPattern, PathsAreCleanedAsGoDoes) {
  EXPECT_EQ(clean_path(""), ".");
  EXPECT_EQ(clean_path("./a//b/./c/../d/"), "a/b/d");
  EXPECT_EQ(clean_path("/../a"), "/a");
  EXPECT_EQ(clean_path("../a"), "../a");
  EXPECT_EQ(clean_path("/"), "/");
}

}  // namespace
}  // namespace strata::build
