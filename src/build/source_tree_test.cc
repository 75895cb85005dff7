#include "build/source_tree.h"

#include "build/test_tree.h"

namespace strata::build {
namespace {

SourceTree context(const TestTree& tree, std::string_view ignore = "") {
  return SourceTree::open_context(tree.path(), IgnoreFile::parse(ignore).value()).value();
}

// "dir/: a b/c" for each source.
std::string describe(const Result<std::vector<Source>>& sources) {
  if (!sources) return "error: " + sources.error().message();
  std::string out;
  for (const Source& source : *sources) {
    out += source.name + (source.is_directory() ? "/" : "");
    for (std::size_t i = 1; i < source.entries.size(); ++i) out += " " + source.entries[i].relative;
    out += ";";
  }
  return out;
}

class SourceTreeTest : public testing::Test {
 protected:
  void SetUp() override {
    tree.file("app.py", "print()");
    tree.file("src/b.c", "b");
    tree.file("src/a.c", "a");
    tree.file("src/sub/x.o", "x");
    tree.symlink("src/link", "a.c");
    tree.symlink("to-src", "src");
    tree.symlink("outside", "/etc");
    tree.symlink("up", "../../../../etc/passwd");
  }
  TestTree tree;
};

TEST_F(SourceTreeTest, FilesAndDirectoriesAreFoundSortedAndSymlinksInsideStay) {
  EXPECT_EQ(describe(context(tree).find("app.py")), "app.py;");
  EXPECT_EQ(describe(context(tree).find("./src/")), "src/ a.c b.c link sub sub/x.o;");
  EXPECT_EQ(describe(context(tree).find("/src/../src")), "src/ a.c b.c link sub sub/x.o;");
  EXPECT_EQ(describe(context(tree).find("to-src")), "to-src/ a.c b.c link sub sub/x.o;");
  EXPECT_EQ(describe(context(tree).find("src/link")), "link;");
  const auto link = context(tree).find("src").value()[0].entries[3];
  EXPECT_EQ(link.link_target, "a.c");
}

TEST_F(SourceTreeTest, NothingOutsideIsEverReached) {
  EXPECT_EQ(describe(context(tree).find("outside")), "error: \"/outside\": not found");
  EXPECT_EQ(describe(context(tree).find("outside/passwd")), "error: \"/outside/passwd\": not found");
  EXPECT_EQ(describe(context(tree).find("up")), "error: \"/up\": not found");
  EXPECT_EQ(describe(context(tree).find("../../../etc/passwd")), "error: \"/etc/passwd\": not found");
  EXPECT_EQ(describe(context(tree).find("nope")), "error: \"/nope\": not found");
  EXPECT_EQ(describe(context(tree).find("app.py/x")), "error: \"/app.py/x\": not found");
}

TEST_F(SourceTreeTest, WildcardsMatchComponentByComponent) {
  EXPECT_EQ(describe(context(tree).find("*.py")), "app.py;");
  EXPECT_EQ(describe(context(tree).find("src/*.c")), "a.c;b.c;");
  EXPECT_EQ(describe(context(tree).find("s*/s*/*.o")), "x.o;");
  EXPECT_EQ(describe(context(tree).find("s*")), "src/ a.c b.c link sub sub/x.o;");
  EXPECT_EQ(describe(context(tree).find("*.none")), "");
  EXPECT_EQ(describe(context(tree).find("to-src/[ab].c")), "a.c;b.c;");
}

TEST_F(SourceTreeTest, IgnoredFilesAreNotThere) {
  EXPECT_EQ(describe(context(tree, "src").find("src")), "error: \"/src\": not found");
  EXPECT_EQ(describe(context(tree, "**/*.o\nsrc/b.c").find("src")), "src/ a.c link sub;");
  EXPECT_EQ(describe(context(tree, "src\n!src/sub/x.o").find("src")), "src/ sub sub/x.o;");
  EXPECT_EQ(describe(context(tree, "*\n!app.py").find("*")), "app.py;");
  EXPECT_EQ(describe(context(tree, "*.py").find("app.py")), "error: \"/app.py\": not found");
  EXPECT_EQ(describe(context(tree, "src").find("to-src")), "error: \"/to-src\": not found");
}

TEST_F(SourceTreeTest, ExcludesAreRelativeToTheSource) {
  const auto excludes = IgnoreFile::from_patterns({"*.c", "sub"}).value();
  EXPECT_EQ(describe(context(tree).find("src", excludes)), "src/ link;");
  EXPECT_EQ(describe(context(tree).find("src/a.c", excludes)), "");
}

TEST_F(SourceTreeTest, ADigestHoldsContentAndMetadataButNotTimes) {
  const auto digest = [&](bool with_mode = true) {
    auto tree_now = context(tree);
    auto sources = tree_now.find("src").value();
    EXPECT_TRUE(tree_now.hash(sources));
    return digest_of(sources, with_mode, false);
  };
  const auto before = digest();
  const auto without_mode = digest(false);
  EXPECT_EQ(before.files.size(), 6u);
  tree.set_time("src/a.c", 5);
  tree.set_time("src", 5);
  EXPECT_EQ(digest().all, before.all);
  ASSERT_EQ(::chmod(tree.path("src/a.c").c_str(), 0600), 0);
  EXPECT_NE(digest().all, before.all);
  EXPECT_EQ(digest(false).all, without_mode.all);
  ASSERT_EQ(::chmod(tree.path("src/a.c").c_str(), 0644), 0);
  EXPECT_EQ(digest().all, before.all);
  tree.file("src/a.c", "A");
  const auto after = digest();
  EXPECT_NE(after.all, before.all);
  EXPECT_NE(after.files.at("/src/a.c"), before.files.at("/src/a.c"));
  EXPECT_EQ(after.files.at("/src/b.c"), before.files.at("/src/b.c"));
}

TEST_F(SourceTreeTest, AFileThatChangedIsNoticed) {
  const auto tree_now = context(tree);
  const auto sources = tree_now.find("app.py").value();
  EXPECT_TRUE(tree_now.open_file(sources[0].entries[0]));
  tree.file("app.py", "other content");
  EXPECT_EQ(tree_now.open_file(sources[0].entries[0]).error().kind(), ErrorKind::kConflict);
}

TEST(SourceTree, AMissingContextIsNamed) {
  EXPECT_EQ(SourceTree::open_context("/nonexistent-context", {}).error().message(),
            "unable to prepare context: path \"/nonexistent-context\" not found");
}

TEST_F(SourceTreeTest, ManyFilesAreHashedOnSeveralThreads) {
  for (int i = 0; i < 500; ++i) tree.file(fmt::format("many/{}", i), std::to_string(i));
  auto tree_now = context(tree);
  auto sources = tree_now.find("many").value();
  ASSERT_TRUE(tree_now.hash(sources));
  for (const SourceEntry& entry : sources[0].entries)
    if (!entry.relative.empty()) {
      EXPECT_EQ(entry.content, oci::Digest::of(entry.relative));
    }
}

}  // namespace
}  // namespace strata::build
