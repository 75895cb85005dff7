// Against Debian's docker-registry: plain, TLS with a private CA, Basic, Bearer.
#include "registry/client.h"

#include <thread>

#include "oci/manifest.h"
#include "registry/base64.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/partial_io.h"
#include "sys/temp_dir.h"
#include "tests/servers/certificates.h"
#include "tests/servers/registry_process.h"
#include "tests/servers/token_server.h"
#include <gtest/gtest.h>

namespace strata::registry {
namespace {

std::string some_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& c : bytes) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

oci::Descriptor describe(std::string_view bytes) {
  return {
      .media_type = std::string(oci::media_type::kOciLayer), .digest = oci::Digest::of(bytes), .size = bytes.size()};
}

class ClientTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::RegistryProcess::installed()) GTEST_SKIP() << "docker-registry is not installed";
    settings.fetch_program = STRATA_FETCH;
    settings.certificate_directories = {dir.path() + "/certs.d"};
    settings.docker_config = dir.path() + "/config.json";
    settings.first_retry_pause = std::chrono::milliseconds(1);
  }
  std::unique_ptr<Client> client() const { return Client::open(settings).value(); }

  static oci::Reference at(const test::RegistryProcess& registry, const std::string& name) {
    return oci::Reference::parse(registry.host() + "/" + name).value();
  }

  // Pushes an image of one layer; its manifest's bytes.
  static std::string push_image(Client& client, const oci::Reference& reference, const std::string& layer) {
    const std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})";
    for (const std::string& blob : {config, layer}) {
      const auto file = sys::memory_file("blob", blob).value();
      const auto pushed = client.push_blob(reference, describe(blob), file.get());
      EXPECT_TRUE(pushed) << pushed.error().message();
    }
    oci::Manifest manifest;
    manifest.config = describe(config);
    manifest.config.media_type = oci::media_type::kOciConfig;
    manifest.layers = {describe(layer)};
    const std::string bytes = manifest.to_json();
    const auto put = client.put_manifest(reference, bytes, manifest.media_type);
    EXPECT_TRUE(put) << put.error().message();
    return bytes;
  }

  static std::string pull_blob(Client& client, const oci::Reference& reference, const oci::Descriptor& blob,
                               std::uint64_t offset = 0) {
    auto download = client.open_blob(reference, blob, offset);
    EXPECT_TRUE(download) << download.error().message();
    if (!download) return "";
    const std::string bytes = sys::read_fd(download->fd(), 1 << 30).value();
    const auto finished = download->finish();
    EXPECT_TRUE(finished) << finished.error().message();
    EXPECT_EQ(download->received(), bytes.size());
    return bytes;
  }

  sys::TempDir dir = sys::TempDir::create("/tmp").value();
  Settings settings;
};

TEST_F(ClientTest, PushesAndPullsOverPlainHttpOnLoopback) {
  const test::RegistryProcess registry;
  const auto reference = at(registry, "a/b:1");
  const std::string layer = some_bytes(3 << 20);
  const auto writer = client();
  const std::string manifest = push_image(*writer, reference, layer);
  EXPECT_TRUE(*writer->has_blob(reference, describe(layer).digest));
  EXPECT_FALSE(*writer->has_blob(reference, oci::Digest::of("other")));

  const auto reader = client();
  const auto fetched = reader->get_manifest(reference);
  ASSERT_TRUE(fetched) << fetched.error().message();
  EXPECT_EQ(fetched->bytes, manifest);
  EXPECT_EQ(fetched->media_type, oci::media_type::kOciManifest);
  EXPECT_EQ(fetched->digest, oci::Digest::of(manifest));
  EXPECT_EQ(fetched->source, registry.host());
  EXPECT_EQ(reader->get_manifest(reference.with_digest(fetched->digest))->bytes, manifest);
  EXPECT_EQ(reader->resolve(reference)->digest, fetched->digest);
  EXPECT_EQ(reader->resolve(reference)->size, manifest.size());
  EXPECT_TRUE(pull_blob(*reader, reference, describe(layer)) == layer);
  EXPECT_TRUE(pull_blob(*reader, reference, describe(layer), 1'000'000) == layer.substr(1'000'000));
  EXPECT_EQ(pull_blob(*reader, reference, describe(layer), layer.size()), "");
  EXPECT_TRUE(reader->get_blob(reference, describe(layer), layer.size()).value() == layer);
  EXPECT_EQ(reader->get_blob(reference, describe(layer), 100).error().kind(), ErrorKind::kResourceExhausted);
}

TEST_F(ClientTest, ManyThreadsPullAtOnceThroughOneProcess) {
  const test::RegistryProcess registry;
  const auto reference = at(registry, "many:1");
  const auto shared = client();
  std::vector<std::string> blobs;
  for (std::size_t i = 0; i < 8; ++i) blobs.push_back(some_bytes((1 << 20) + i * 100'003));
  std::vector<std::thread> threads;
  for (const std::string& blob : blobs)
    threads.emplace_back([&] {
      const auto file = sys::memory_file("blob", blob).value();
      EXPECT_TRUE(shared->push_blob(reference, describe(blob), file.get()));
      EXPECT_TRUE(pull_blob(*shared, reference, describe(blob)) == blob);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ClientTest, UploadsAStreamWhoseDigestIsKnownLast) {
  const test::RegistryProcess registry;
  const auto reference = at(registry, "stream:1");
  const auto writer = client();
  const std::string blob = some_bytes(2 << 20);
  auto pipe = sys::make_pipe().value();
  std::thread producer([&] {
    EXPECT_TRUE(sys::write_all(pipe.write.get(), blob));
    pipe.write.reset();
  });
  const auto pushed = writer->push_blob_stream(reference, pipe.read.get(),
                                               [&]() -> Result<oci::Digest> { return oci::Digest::of(blob); });
  producer.join();
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_TRUE(pull_blob(*writer, reference, describe(blob)) == blob);
}

TEST_F(ClientTest, MountsABlobFromASiblingRepository) {
  const test::RegistryProcess registry;
  const auto from = at(registry, "from:1");
  const auto to = at(registry, "to:1");
  const auto writer = client();
  const std::string layer = some_bytes(1000);
  push_image(*writer, from, layer);
  EXPECT_FALSE(*writer->has_blob(to, describe(layer).digest));
  EXPECT_TRUE(*writer->mount_blob(to, describe(layer).digest, from));
  EXPECT_TRUE(*writer->has_blob(to, describe(layer).digest));
  EXPECT_FALSE(*writer->mount_blob(to, oci::Digest::of("nowhere"), from));
}

TEST_F(ClientTest, MirrorsServePullsAndNeverPushes) {
  const test::RegistryProcess mirror;
  const test::RegistryProcess origin;
  const auto reference = at(origin, "library/nginx:1");
  const std::string layer = some_bytes(1000);
  push_image(*client(), at(mirror, "library/nginx:1"), layer);
  settings.mirrors[origin.host()] = {"http://" + mirror.host()};
  const auto with_mirror = client();
  EXPECT_EQ(with_mirror->get_manifest(reference)->source, mirror.host());
  EXPECT_TRUE(pull_blob(*with_mirror, reference, describe(layer)) == layer);
  // Only the origin gets this one, and the pull falls through to it.
  const auto pushed = at(origin, "mine:1");
  push_image(*with_mirror, pushed, layer);
  EXPECT_EQ(with_mirror->get_manifest(pushed)->source, origin.host());
  EXPECT_FALSE(client()->get_manifest(at(mirror, "mine:1")));
}

TEST_F(ClientTest, TheErrorNamesTheOriginsAnswerAndTheMirrors) {
  const test::RegistryProcess mirror;
  settings.mirrors["127.0.0.1:1"] = {mirror.host()};
  const auto fetched = client()->get_manifest(oci::Reference::parse("127.0.0.1:1/x:1").value());
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().message(), "cannot connect to 127.0.0.1:1: Connection refused; mirror " + mirror.host() +
                                           ": manifest for 127.0.0.1:1/x:1 not found: manifest unknown");
  EXPECT_EQ(fetched.error().kind(), ErrorKind::kUnavailable);
}

TEST_F(ClientTest, WhatIsNotThereIsSaidInDockersWords) {
  const test::RegistryProcess registry;
  const auto reference = at(registry, "none:1");
  const auto reader = client();
  const auto manifest = reader->get_manifest(reference);
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().message(), "manifest for " + registry.host() + "/none:1 not found: manifest unknown");
  EXPECT_EQ(manifest.error().kind(), ErrorKind::kNotFound);
  const auto blob = reader->open_blob(reference, describe("x"));
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().kind(), ErrorKind::kNotFound);
  EXPECT_NE(blob.error().message().find("blob unknown"), std::string::npos) << blob.error().message();
}

TEST_F(ClientTest, ARegistryRefusesBytesThatAreNotWhatTheDigestSays) {
  const test::RegistryProcess registry;
  oci::Descriptor blob = describe("good");
  const auto file = sys::memory_file("blob", "evil").value();
  const auto pushed = client()->push_blob(at(registry, "x:1"), blob, file.get());
  ASSERT_FALSE(pushed);
  EXPECT_NE(pushed.error().message().find("digest invalid"), std::string::npos) << pushed.error().message();
}

TEST_F(ClientTest, TlsNeedsACaThatIsTrusted) {
  const auto certificates = test::make_certificates(dir.path());
  test::RegistryProcess::Options options;
  options.certificate = certificates.certificate;
  options.key = certificates.key;
  const test::RegistryProcess registry(options);
  const auto reference = at(registry, "tls:1");
  const std::string host_dir = dir.path() + "/certs.d/" + registry.host();
  ASSERT_TRUE(sys::make_directories(host_dir));
  ASSERT_TRUE(sys::replace_file(host_dir + "/ca.crt", sys::read_file(certificates.ca).value()));
  const std::string layer = some_bytes(1 << 20);
  const auto trusting = client();
  push_image(*trusting, reference, layer);
  EXPECT_TRUE(pull_blob(*trusting, reference, describe(layer)) == layer);

  ASSERT_TRUE(sys::make_directories(dir.path() + "/other"));
  const auto other = test::make_certificates(dir.path() + "/other", "Another CA");
  ASSERT_TRUE(sys::replace_file(host_dir + "/ca.crt", sys::read_file(other.ca).value()));
  const auto refused = client()->get_manifest(reference);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("TLS to " + registry.host() + ": SSL certificate problem"),
            std::string::npos)
      << refused.error().message();
  EXPECT_EQ(refused.error().kind(), ErrorKind::kUnavailable);
}

TEST_F(ClientTest, BasicAuthentication) {
  test::RegistryProcess::Options options;
  options.user = "alice";
  options.password = "wonderland";
  const test::RegistryProcess registry(options);
  const auto reference = at(registry, "private:1");
  const auto anonymous = client()->get_manifest(reference);
  ASSERT_FALSE(anonymous);
  EXPECT_EQ(anonymous.error().message(), "pull access denied for " + registry.host() +
                                             "/private, repository does not exist or may require 'strata login': "
                                             "unauthorized: authentication required");
  EXPECT_EQ(anonymous.error().kind(), ErrorKind::kUnauthorized);

  ASSERT_TRUE(
      CredentialFile(settings.docker_config).store(registry.host(), {.username = "alice", .password = "wonderland"}));
  const std::string layer = some_bytes(1 << 20);
  const auto known = client();
  push_image(*known, reference, layer);
  EXPECT_TRUE(pull_blob(*known, reference, describe(layer)) == layer);

  EXPECT_TRUE(client()->check_login(registry.host(), {.username = "alice", .password = "wonderland"}));
  const auto wrong = client()->check_login(registry.host(), {.username = "alice", .password = "hunter2"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind(), ErrorKind::kUnauthorized);
  EXPECT_EQ(wrong.error().message().find("hunter2"), std::string::npos);
}

class BearerTest : public ClientTest {
 protected:
  void start(bool anonymous_pull) {
    certificates_ = test::make_certificates(dir.path());
    test::TokenServer::Options options;
    options.certificate = certificates_.certificate;
    options.key = certificates_.key;
    options.anonymous_pull = anonymous_pull;
    tokens = std::make_unique<test::TokenServer>(options);
    test::RegistryProcess::Options registry_options;
    registry_options.token_realm = tokens->realm();
    registry_options.token_service = test::TokenServer::kService;
    registry_options.token_issuer = test::TokenServer::kIssuer;
    const std::string bundle = dir.path() + "/bundle.pem";
    ASSERT_TRUE(sys::replace_file(
        bundle, sys::read_file(certificates_.certificate).value() + sys::read_file(certificates_.ca).value()));
    registry_options.token_certificates = bundle;
    registry = std::make_unique<test::RegistryProcess>(registry_options);
  }
  void log_in(const Credentials& credentials) {
    ASSERT_TRUE(CredentialFile(settings.docker_config).store(registry->host(), credentials));
  }

  test::Certificates certificates_;
  std::unique_ptr<test::TokenServer> tokens;
  std::unique_ptr<test::RegistryProcess> registry;
};

TEST_F(BearerTest, PushesAndPullsWithPasswordThenAnonymously) {
  start(true);
  const auto reference = at(*registry, "team/app:1");
  log_in({.username = "alice", .password = "wonderland"});
  const std::string layer = some_bytes(1 << 20);
  const auto known = client();
  push_image(*known, reference, layer);
  EXPECT_TRUE(*known->mount_blob(at(*registry, "team/copy:1"), describe(layer).digest, reference));
  ASSERT_TRUE(CredentialFile(settings.docker_config).erase(registry->host()));

  const auto anonymous = client();
  EXPECT_TRUE(anonymous->get_manifest(reference));
  EXPECT_TRUE(pull_blob(*anonymous, reference, describe(layer)) == layer);
  const auto file = sys::memory_file("blob", "x").value();
  const auto refused = anonymous->push_blob(reference, describe("x"), file.get());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::kUnauthorized);
}

TEST_F(BearerTest, OneTokenServesAllRequestsForARepository) {
  start(true);
  log_in({.username = "alice", .password = "wonderland"});
  const auto reference = at(*registry, "app:1");
  const std::string layer = some_bytes(1000);
  const auto known = client();
  push_image(*known, reference, layer);
  EXPECT_EQ(tokens->requests().size(), 1u);
  (void)known->get_manifest(reference);
  (void)pull_blob(*known, reference, describe(layer));
  EXPECT_EQ(tokens->requests().size(), 2u);
  EXPECT_EQ(tokens->requests()[1].substr(0, 5), "GET /");
}

TEST_F(BearerTest, AnIdentityTokenIsExchangedByPost) {
  start(false);
  log_in({.username = "alice", .identity_token = "refresh-me"});
  const auto reference = at(*registry, "app:1");
  push_image(*client(), reference, some_bytes(10));
  EXPECT_EQ(tokens->requests()[0], "POST /token");
}

TEST_F(BearerTest, LoginGetsAnIdentityTokenAndRefusesTheWrongPassword) {
  start(false);
  const auto accepted = client()->check_login(registry->host(), {.username = "alice", .password = "wonderland"});
  ASSERT_TRUE(accepted) << accepted.error().message();
  EXPECT_EQ(accepted->identity_token, "refresh-me");
  EXPECT_EQ(accepted->password, "");
  const auto wrong = client()->check_login(registry->host(), {.username = "alice", .password = "hunter2"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind(), ErrorKind::kUnauthorized);
  EXPECT_NE(wrong.error().message().find("incorrect username or password"), std::string::npos);
  EXPECT_EQ(wrong.error().message().find("hunter2"), std::string::npos);
}

TEST_F(ClientTest, AnAbandonedDownloadEndsAtOnce) {
  const test::RegistryProcess registry;
  const auto reference = at(registry, "big:1");
  const std::string layer = some_bytes(8 << 20);
  const auto reader = client();
  push_image(*reader, reference, layer);
  {
    auto dropped = reader->open_blob(reference, describe(layer));
    ASSERT_TRUE(dropped);
  }
  auto unread = reader->open_blob(reference, describe(layer));
  ASSERT_TRUE(unread);
  EXPECT_TRUE(unread->finish()) << "that nobody read is not the transfer's failure";
  EXPECT_TRUE(pull_blob(*reader, reference, describe(layer)) == layer);
}

}  // namespace
}  // namespace strata::registry
