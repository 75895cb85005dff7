#include "cli/archive_output.h"

#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::cli {
namespace {

TEST(ArchiveOutput, HasNoNameBeforeItIsComplete) {
  const sys::TempDir directory = sys::TempDir::create("/tmp").value();
  const std::string path = directory.path() + "/a.tar";
  for (const char* text : {"one", "two"}) {
    const auto before = sys::list_directory(directory.path()).value();
    {
      ArchiveOutput abandoned = ArchiveOutput::open(path).value();
      EXPECT_TRUE(sys::write_all(abandoned.fd(), std::string_view("half")));
      EXPECT_EQ(sys::list_directory(directory.path()).value(), before);
    }
    EXPECT_EQ(sys::list_directory(directory.path()).value(), before);
    ArchiveOutput output = ArchiveOutput::open(path).value();
    EXPECT_TRUE(sys::write_all(output.fd(), std::string_view(text)));
    const auto committed = output.commit();
    EXPECT_TRUE(committed) << committed.error().message();
    EXPECT_EQ(sys::read_file(path).value(), text);
    EXPECT_EQ(sys::list_directory(directory.path()).value(), std::vector<std::string>{"a.tar"});
    EXPECT_EQ(sys::stat_path(path)->st_mode & 0777, 0600U);
  }
}

TEST(ArchiveOutput, DevicesAreWrittenToAsTheyAre) {
  ArchiveOutput output = ArchiveOutput::open("/dev/null").value();
  EXPECT_TRUE(output.commit());
  EXPECT_TRUE(S_ISCHR(sys::stat_path("/dev/null")->st_mode));
  const auto directory = ArchiveOutput::open("/tmp");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().message(), "invalid output path: \"/tmp\" is a directory");
  EXPECT_FALSE(ArchiveOutput::open("/nowhere/x.tar"));
}

}  // namespace
}  // namespace strata::cli
