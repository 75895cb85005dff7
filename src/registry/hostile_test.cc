// Servers that lie, break off, redirect or are not there.
#include <atomic>

#include "registry/client.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/temp_dir.h"
#include "tests/servers/http_server.h"
#include <gtest/gtest.h>

namespace strata::registry {
namespace {

using test::HttpRequest;
using test::HttpResponse;
using test::HttpServer;

class HostileTest : public testing::Test {
 protected:
  HostileTest() {
    settings.fetch_program = STRATA_FETCH;
    settings.docker_config = dir.path() + "/config.json";
    settings.certificate_directories = {};
    settings.first_retry_pause = std::chrono::milliseconds(1);
    settings.connect_timeout = std::chrono::milliseconds(500);
  }
  // What a pull of HOST/x:1's manifest says.
  std::string manifest_error(const std::string& host) {
    const auto fetched = Client::open(settings).value()->get_manifest(oci::Reference::parse(host + "/x:1").value());
    return fetched ? "" : fetched.error().message();
  }
  // The blob, or "error: …".
  std::string pull(const std::string& host, const oci::Descriptor& wanted) {
    const auto client = Client::open(settings).value();
    auto download = client->open_blob(oci::Reference::parse(host + "/x:1").value(), wanted);
    if (!download) return "error: " + download.error().message();
    const std::string bytes = sys::read_fd(download->fd(), 64 << 20).value();
    const auto finished = download->finish();
    return finished ? bytes : "error: " + finished.error().message();
  }

  sys::TempDir dir = sys::TempDir::create("/tmp").value();
  Settings settings;
  const std::string content = std::string(200'000, 'a') + std::string(200'000, 'b');
  const oci::Descriptor blob{.media_type = "t", .digest = oci::Digest::of(content), .size = content.size()};
};

TEST_F(HostileTest, AManifestWithTheWrongDigestIsRefused) {
  const HttpServer server([](const HttpRequest&) {
    return HttpResponse{.headers = {{"Docker-Content-Digest", "sha256:" + std::string(64, '0')}}, .body = "{}"};
  });
  EXPECT_EQ(manifest_error(server.host()), "manifest for " + server.host() + "/x:1: " + server.host() +
                                               " sent bytes with digest " + oci::Digest::of("{}").to_string() +
                                               " for sha256:" + std::string(64, '0'));
}

TEST_F(HostileTest, AManifestIsBounded) {
  const HttpServer announcing(
      [](const HttpRequest&) { return HttpResponse{.headers = {{"Content-Length", "99999999999"}}, .body = "{"}; });
  EXPECT_EQ(manifest_error(announcing.host()),
            announcing.host() + " announces 99999999999 bytes where at most 4194304 are allowed");
  const HttpServer endless(
      [](const HttpRequest&) { return HttpResponse{.raw = "HTTP/1.1 200 OK\r\n\r\n" + std::string(5 << 20, 'x')}; });
  EXPECT_EQ(manifest_error(endless.host()), endless.host() + " sends more than the 4194304 bytes that are allowed");
}

TEST_F(HostileTest, HeadersAreBounded) {
  const HttpServer server([](const HttpRequest&) {
    std::string raw = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 1000; ++i) raw += "X-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n";
    return HttpResponse{.raw = raw + "\r\n"};
  });
  EXPECT_EQ(manifest_error(server.host()), server.host() + " sends more than 49152 bytes of headers");
}

TEST_F(HostileTest, NonsenseInsteadOfHttpIsAnError) {
  for (const std::string& raw :
       {std::string("garbage\r\n\r\n"), std::string("\0\0\0", 3), std::string("HTTP/1.1 abc\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")}) {
    const HttpServer server([&](const HttpRequest&) { return HttpResponse{.raw = raw}; });
    settings.retries = 1;
    EXPECT_NE(manifest_error(server.host()), "") << raw;
  }
}

TEST_F(HostileTest, ErrorTextsFromTheServerCannotReachTheTerminalRaw) {
  const HttpServer server([](const HttpRequest&) {
    return HttpResponse{
        .status = 400,
        .body = "{\"errors\":[{\"code\":\"X\",\"message\":\"\\u001b[31mred" + std::string(5000, 'y') + "\"}]}"};
  });
  const std::string message = manifest_error(server.host());
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_LT(message.size(), 500u);
  EXPECT_NE(message.find("x: \\x1b[31mred"), std::string::npos) << message;
}

TEST_F(HostileTest, PassingErrorsAreRetriedAndLastingOnesEnd) {
  std::atomic<int> requests = 0;
  const HttpServer recovering(
      [&](const HttpRequest&) { return ++requests < 3 ? HttpResponse{.status = 503} : HttpResponse{.body = "{}"}; });
  EXPECT_EQ(manifest_error(recovering.host()), "");
  EXPECT_EQ(requests, 3);
  requests = 0;
  const HttpServer down([&](const HttpRequest&) {
    ++requests;
    return HttpResponse{.status = 502};
  });
  EXPECT_EQ(manifest_error(down.host()), down.host() + ": status 502 (bad gateway)");
  EXPECT_EQ(requests, 1 + settings.retries);
  requests = 0;
  const HttpServer limiting([&](const HttpRequest&) {
    ++requests;
    return HttpResponse{
        .status = 429,
        .headers = {{"Retry-After", "3600"}},
        .body = R"({"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]})"};
  });
  EXPECT_EQ(manifest_error(limiting.host()), "toomanyrequests: You have reached your pull rate limit.");
  EXPECT_EQ(requests, 1);
}

TEST_F(HostileTest, ATransferThatBreaksIsContinuedWhereItStopped) {
  std::vector<std::string> ranges;
  const HttpServer server([&](const HttpRequest& request) {
    ranges.push_back(request.header("range"));
    const std::size_t start = ranges.back().empty() ? 0 : std::stoul(ranges.back().substr(6));
    const std::string part = content.substr(start, 150'000);
    HttpResponse response{.status = start == 0 ? 200 : 206,
                          .headers = {{"Content-Length", std::to_string(content.size() - start)}},
                          .body = part};
    if (start > 0)
      response.headers.emplace_back("Content-Range", "bytes " + std::to_string(start) + "-" +
                                                         std::to_string(content.size() - 1) + "/" +
                                                         std::to_string(content.size()));
    return response;
  });
  EXPECT_TRUE(pull(server.host(), blob) == content);
  server.sync();
  EXPECT_EQ(ranges, (std::vector<std::string>{"", "bytes=150000-", "bytes=300000-"}));
}

TEST_F(HostileTest, AServerWithoutRangesIsContinuedToo) {
  std::atomic<int> requests = 0;
  const HttpServer server([&](const HttpRequest&) {
    return HttpResponse{.headers = {{"Content-Length", std::to_string(content.size())}},
                        .body = ++requests < 3 ? content.substr(0, 100'000) : content};
  });
  EXPECT_TRUE(pull(server.host(), blob) == content);
}

TEST_F(HostileTest, ATruncatedBlobIsAnErrorNamingIt) {
  const HttpServer breaking([&](const HttpRequest&) {
    return HttpResponse{.headers = {{"Content-Length", std::to_string(content.size())}}};
  });
  const std::string message = pull(breaking.host(), blob);
  EXPECT_TRUE(message.starts_with("error: blob " + blob.digest.to_string() + ": " + breaking.host() + " broke off"))
      << message;
  const HttpServer shorter([&](const HttpRequest&) { return HttpResponse{.body = "short"}; });
  EXPECT_EQ(pull(shorter.host(), blob), "error: blob " + blob.digest.to_string() + ": " + shorter.host() +
                                            " sent 5 bytes where the manifest says 400000");
  const HttpServer longer(
      [&](const HttpRequest&) { return HttpResponse{.raw = "HTTP/1.1 200 OK\r\n\r\n" + content + "more"}; });
  EXPECT_EQ(pull(longer.host(), blob), "error: blob " + blob.digest.to_string() + ": " + longer.host() +
                                           " sends more than the 400000 bytes that the manifest says");
}

TEST_F(HostileTest, RedirectsDoNotCarryTheAuthorizationAway) {
  std::string seen = "nothing";
  const HttpServer storage([&](const HttpRequest& request) {
    seen = request.header("authorization");
    return HttpResponse{.body = content};
  });
  std::string own;
  const HttpServer registry([&](const HttpRequest& request) -> HttpResponse {
    if (request.header("authorization").empty())
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
    if (request.target == "/hop") {
      own = request.header("authorization");
      return {.status = 307, .headers = {{"Location", "http://" + storage.host() + "/signed?X-Signature=secret"}}};
    }
    return {.status = 307, .headers = {{"Location", "/hop"}}};
  });
  ASSERT_TRUE(CredentialFile(settings.docker_config).store(registry.host(), {.username = "u", .password = "p"}));
  EXPECT_TRUE(pull(registry.host(), blob) == content);
  registry.sync();
  storage.sync();
  EXPECT_EQ(own, "Basic dTpw");
  EXPECT_EQ(seen, "");
}

TEST_F(HostileTest, RedirectsAreBoundedAndStayOnTheWeb) {
  const HttpServer circle(
      [](const HttpRequest&) { return HttpResponse{.status = 302, .headers = {{"Location", "/again"}}}; });
  EXPECT_NE(pull(circle.host(), blob).find("redirects more than 10 times"), std::string::npos);
  for (const char* target : {"file:///etc/shadow", "gopher://127.0.0.1/", "", "http://"}) {
    const HttpServer server(
        [&](const HttpRequest&) { return HttpResponse{.status = 302, .headers = {{"Location", target}}}; });
    EXPECT_TRUE(pull(server.host(), blob).starts_with("error: ")) << target;
  }
}

TEST_F(HostileTest, SignedQueriesDoNotShowInErrors) {
  const HttpServer server([](const HttpRequest&) {
    return HttpResponse{.status = 307, .headers = {{"Location", "http://127.0.0.1:1/x?X-Signature=topsecret"}}};
  });
  const std::string message = pull(server.host(), blob);
  EXPECT_NE(message.find("cannot connect to 127.0.0.1:1"), std::string::npos) << message;
  EXPECT_EQ(message.find("topsecret"), std::string::npos);
}

TEST_F(HostileTest, UnreachableRegistriesFailSoonAndSayWhere) {
  EXPECT_EQ(manifest_error("127.0.0.1:1"), "cannot connect to 127.0.0.1:1: Connection refused");
  EXPECT_EQ(manifest_error("no-such-host.invalid"), "cannot resolve the host name in no-such-host.invalid");
  // A listener that never answers: the connection stands, TLS does not come.
  const HttpServer silent([](const HttpRequest&) { return HttpResponse{}; });
  settings.connect_timeout = std::chrono::milliseconds(100);
  const std::string message = manifest_error("192.0.2.200:5000");
  EXPECT_TRUE(message.find("192.0.2.200:5000") != std::string::npos) << message;
}

TEST_F(HostileTest, AnUploadGoesWhereLocationSaysAbsoluteOrNot) {
  for (const bool absolute : {false, true}) {
    std::string stored;
    std::string base;
    const HttpServer server([&](const HttpRequest& request) -> HttpResponse {
      if (request.method == "POST")
        return {.status = 202, .headers = {{"Location", base + "/v2/x/blobs/uploads/1?state=s"}}};
      if (request.method == "PUT" && request.target.find("?state=s&digest=sha256%3A") != std::string::npos) {
        stored = request.body;
        return {.status = 201};
      }
      return {.status = 404};
    });
    if (absolute) base = "http://" + server.host();
    server.sync();
    const auto file = sys::memory_file("blob", content).value();
    const auto pushed = Client::open(settings).value()->push_blob(oci::Reference::parse(server.host() + "/x").value(),
                                                                  blob, file.get());
    ASSERT_TRUE(pushed) << pushed.error().message();
    server.sync();
    EXPECT_TRUE(stored == content);
  }
}

TEST_F(HostileTest, ATokenServerThatTalksNonsenseIsAnError) {
  for (const std::string body : {"", "{}", "[]", R"({"token":5})", R"({"token":"a\r\nX-Evil: 1"})"}) {
    std::string realm;
    const HttpServer server([&](const HttpRequest& request) -> HttpResponse {
      if (request.target.starts_with("/token")) return {.body = body};
      return {.status = 401, .headers = {{"WWW-Authenticate", "Bearer realm=\"" + realm + "\""}}};
    });
    realm = "http://" + server.host() + "/token";
    server.sync();
    EXPECT_NE(manifest_error(server.host()).find("token"), std::string::npos) << body;
  }
  const HttpServer nowhere([&](const HttpRequest&) {
    return HttpResponse{.status = 401, .headers = {{"WWW-Authenticate", "Bearer realm=\"file:///etc/passwd\""}}};
  });
  EXPECT_EQ(manifest_error(nowhere.host()), nowhere.host() + " names no usable token server");
}

}  // namespace
}  // namespace strata::registry
