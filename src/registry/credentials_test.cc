#include "registry/credentials.h"

#include <sys/stat.h>

#include "registry/base64.h"
#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::registry {
namespace {

class CredentialsTest : public testing::Test {
 protected:
  void write(std::string_view text) { ASSERT_TRUE(sys::replace_file(path, text)); }
  std::string text() const { return sys::read_file(path).value_or(""); }
  // A credential helper that keeps what it is given in files beside it.
  void install_helper() {
    ASSERT_TRUE(
        sys::replace_file(dir.path() + "/docker-credential-box",
                          "#!/bin/sh\ncd \"$(dirname \"$0\")\"\ncase $1 in\n"
                          "store) cat > box ;;\n"
                          "get) read -r key; [ -s box ] || { echo 'credentials not found in native keychain'; exit "
                          "1; }\n"
                          "  echo '{\"ServerURL\":\"'$key'\",\"Username\":\"<token>\",\"Secret\":\"s3cret\"}' ;;\n"
                          "erase) rm -f box ;;\nesac\n",
                          0755));
    ::setenv("PATH", (dir.path() + ":" + old_path).c_str(), 1);
  }
  ~CredentialsTest() override { ::setenv("PATH", old_path.c_str(), 1); }

  sys::TempDir dir = sys::TempDir::create("/tmp").value();
  std::string old_path = ::getenv("PATH");
  std::string path = dir.path() + "/docker/config.json";
  CredentialFile file{path};

  CredentialsTest() { EXPECT_TRUE(sys::make_directories(dir.path() + "/docker")); }
};

TEST(Base64, RoundTrips) {
  for (const std::string text : {"", "a", "ab", "abc", "abcd", "\xff\xfe\xfd:"})
    EXPECT_EQ(from_base64(to_base64(text)), text);
  EXPECT_EQ(to_base64("user:pass"), "dXNlcjpwYXNz");
  EXPECT_FALSE(from_base64("d"));
  EXPECT_FALSE(from_base64("a b="));
}

TEST(CredentialsKey, IsDockers) {
  EXPECT_EQ(credentials_key("docker.io"), "https://index.docker.io/v1/");
  EXPECT_EQ(credentials_key("https://index.docker.io/v1/"), "https://index.docker.io/v1/");
  EXPECT_EQ(credentials_key("https://r.lan:5000/v2/"), "r.lan:5000");
  EXPECT_EQ(credentials_key("r.lan"), "r.lan");
}

TEST_F(CredentialsTest, ReadsWhatDockerWrote) {
  write(
      R"({"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpwYXNz"},"https://old.lan/v1/":{"auth":"YTpiOmM="},
            "t.lan":{"auth":"dXNlcjo=","identitytoken":"it"}}})");
  EXPECT_EQ(file.get("docker.io")->username, "user");
  EXPECT_EQ(file.get("docker.io")->password, "pass");
  EXPECT_EQ(file.get("old.lan")->password, "b:c");
  EXPECT_EQ(file.get("t.lan")->identity_token, "it");
  EXPECT_TRUE(file.get("other.lan")->empty());
}

TEST_F(CredentialsTest, NoFileIsNobody) {
  EXPECT_TRUE(file.get("docker.io")->empty());
  EXPECT_TRUE(CredentialFile("").get("docker.io")->empty());
  EXPECT_FALSE(*file.erase("docker.io"));
}

TEST_F(CredentialsTest, ABrokenFileIsNamedAndItsSecretsAreNot) {
  write(R"({"auths":{"r.lan":{"auth":"c2VjcmV0"}}})");
  const auto broken = file.get("r.lan");
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message().find(path), std::string::npos);
  EXPECT_EQ(broken.error().message().find("c2VjcmV0"), std::string::npos);
  write("{\"auths\":");
  EXPECT_EQ(file.get("r.lan").error().message(), path + ": broken JSON at byte 10");
}

TEST_F(CredentialsTest, StoresKeepingTheRestAndOnlyForTheUser) {
  write(R"({"psFormat":"x","auths":{"a.lan":{"auth":"dXNlcjpwYXNz"}},"HttpHeaders":{"A":"b"}})");
  const auto stored = file.store("https://b.lan/", {.username = "u", .password = "p"});
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_TRUE(stored->in_clear);
  EXPECT_EQ(text(),
            "{\n\t\"psFormat\": \"x\",\n\t\"auths\": {\n\t\t\"a.lan\": {\n\t\t\t\"auth\": "
            "\"dXNlcjpwYXNz\"\n\t\t},\n"
            "\t\t\"b.lan\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t},\n\t\"HttpHeaders\": "
            "{\n\t\t\"A\": \"b\"\n\t}\n}\n");
  EXPECT_EQ(sys::stat_path(path)->st_mode & 0777, 0600u);
  EXPECT_TRUE(*file.erase("b.lan"));
  EXPECT_TRUE(file.get("b.lan")->empty());
  EXPECT_EQ(file.get("a.lan")->username, "user");
}

TEST_F(CredentialsTest, HelpersAreRunAsDockerRunsThem) {
  install_helper();
  write(R"({"credHelpers":{"h.lan":"box"}})");
  EXPECT_TRUE(file.get("h.lan")->empty());
  const auto stored = file.store("h.lan", {.username = "u", .password = "p"});
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_FALSE(stored->in_clear);
  EXPECT_EQ(sys::read_file(dir.path() + "/box").value(), R"({"Secret":"p","ServerURL":"h.lan","Username":"u"})");
  EXPECT_EQ(text().find("dTpw"), std::string::npos);
  EXPECT_EQ(file.get("h.lan")->identity_token, "s3cret");
  EXPECT_TRUE(*file.erase("h.lan"));
  EXPECT_TRUE(file.get("h.lan")->empty());
}

TEST_F(CredentialsTest, AMissingHelperIsNotFound) {
  write(R"({"credsStore":"no-such-helper"})");
  EXPECT_EQ(file.get("x.lan").error().kind(), ErrorKind::kNotFound);
  write(R"({"credsStore":"../../bin/sh"})");
  EXPECT_EQ(file.get("x.lan").error().kind(), ErrorKind::kNotFound);
}

}  // namespace
}  // namespace strata::registry
