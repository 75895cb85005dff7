#include "registry/endpoint.h"

#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::registry {
namespace {

TEST(Endpoint, LoopbackIsWhatItLooksLike) {
  for (const char* host : {"localhost", "localhost:5000", "127.0.0.1", "127.255.1.2:80", "[::1]", "[::1]:5000"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host :
       {"127.0.0.1.example.com", "127.1", "1.2.3.4", "localhost.example", "[::2]", "127.0.0.999", ""})
    EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(Endpoint, DockerHubLivesElsewhere) {
  const auto endpoint = origin_of({}, "docker.io").value();
  EXPECT_EQ(endpoint.host, "registry-1.docker.io");
  EXPECT_EQ(endpoint.schemes, std::vector<std::string>{"https"});
  EXPECT_TRUE(endpoint.tls.verify);
}

TEST(Endpoint, OnlyLoopbackAndTheConfiguredMaySpeakPlain) {
  Settings settings;
  settings.insecure = {"old.lan:5000"};
  const std::vector<std::string> both{"https", "http"};
  EXPECT_EQ(origin_of(settings, "127.0.0.1:5000")->schemes, both);
  EXPECT_EQ(origin_of(settings, "old.lan:5000")->schemes, both);
  EXPECT_FALSE(origin_of(settings, "old.lan:5000")->tls.verify);
  EXPECT_EQ(origin_of(settings, "old.lan")->schemes, std::vector<std::string>{"https"});
}

TEST(Endpoint, MirrorsAreHostsOrUrls) {
  Settings settings;
  settings.mirrors["docker.io"] = {"http://127.0.0.1:5000/", "https://proxy.lan/hub", "cache.lan:8443"};
  const auto mirrors = mirrors_of(settings, "docker.io").value();
  ASSERT_EQ(mirrors.size(), 3u);
  EXPECT_EQ(mirrors[0].host, "127.0.0.1:5000");
  EXPECT_EQ(mirrors[0].schemes, std::vector<std::string>{"http"});
  EXPECT_EQ(mirrors[1].prefix, "/hub");
  EXPECT_EQ(mirrors[2].schemes, std::vector<std::string>{"https"});
  EXPECT_TRUE(mirrors_of(settings, "quay.io")->empty());
  for (const char* bad : {"", "ftp://x", "https://", "https://user:secret@x"}) {
    settings.mirrors["docker.io"] = {bad};
    EXPECT_FALSE(mirrors_of(settings, "docker.io")) << bad;
  }
}

TEST(Endpoint, CertificatesComeFromTheFirstDirectoryThatKnowsTheHost) {
  const auto dir = sys::TempDir::create("/tmp").value();
  const std::string host = dir.path() + "/certs.d/r.lan:5000";
  ASSERT_TRUE(sys::make_directories(host));
  ASSERT_TRUE(sys::replace_file(host + "/a.crt", "A"));
  ASSERT_TRUE(sys::replace_file(host + "/b.crt", "B"));
  ASSERT_TRUE(sys::replace_file(host + "/me.cert", "C"));
  Settings settings;
  settings.certificate_directories = {dir.path() + "/missing", dir.path() + "/certs.d"};
  EXPECT_NE(tls_of(settings, "r.lan:5000").error().message().find("missing key"), std::string::npos);
  ASSERT_TRUE(sys::replace_file(host + "/me.key", "K"));
  const auto tls = tls_of(settings, "r.lan:5000").value();
  EXPECT_EQ(tls.ca, "A\nB\n");
  EXPECT_EQ(tls.certificate, "C");
  EXPECT_EQ(tls.key, "K");
  EXPECT_TRUE(tls_of(settings, "r.lan")->ca.empty());
  EXPECT_TRUE(tls_of(settings, "../certs.d/r.lan:5000")->ca.empty());
}

}  // namespace
}  // namespace strata::registry
