// strata-fetch as a process: what it may do, and when it ends.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "base/strings.h"
#include "fetch/client.h"
#include "sys/file.h"
#include "sys/partial_io.h"
#include "sys/process.h"
#include "tests/servers/http_server.h"
#include <gtest/gtest.h>

namespace strata::fetch {
namespace {

using test::HttpRequest;
using test::HttpResponse;
using test::HttpServer;

std::shared_ptr<Client> client() { return Client::open({.program = STRATA_FETCH}).value(); }

// The children of this process.
std::vector<pid_t> children() {
  std::vector<pid_t> pids;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    const std::string text = sys::read_file(task.path() / "children").value_or("");
    for (const std::string_view pid : split(text, ' '))
      if (const auto number = parse_unsigned(trim(pid))) pids.push_back(static_cast<pid_t>(*number));
  }
  return pids;
}

bool ends(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 10'000) == 1;
}

TEST(Fetch, RunsWithoutPrivilegesSecretsOrDescriptors) {
  const auto http = client();
  const HttpServer server([](const HttpRequest&) { return HttpResponse{.body = "hello"}; });
  Request request;
  request.url = "http://" + server.host() + "/";
  request.headers = {{"Authorization", "Basic c2VjcmV0"}};
  EXPECT_EQ(http->perform(request)->body, "hello");

  const auto pids = children();
  ASSERT_EQ(pids.size(), 1u);
  const std::string proc = "/proc/" + std::to_string(pids[0]);
  const std::string status = sys::read_file(proc + "/status").value();
  const auto has = [&](const char* line) { return status.find(line) != std::string::npos; };
  if (::geteuid() == 0) {
    EXPECT_TRUE(has("Uid:\t65534\t65534\t65534\t65534")) << status;
    EXPECT_TRUE(has("Gid:\t65534\t65534\t65534\t65534"));
    EXPECT_TRUE(has("Groups:\t \n")) << status;
  }
  EXPECT_TRUE(has("CapEff:\t0000000000000000"));
  EXPECT_TRUE(has("CapPrm:\t0000000000000000"));
  EXPECT_TRUE(has("NoNewPrivs:\t1"));
  EXPECT_TRUE(has("Seccomp:\t2"));
  EXPECT_EQ(sys::read_file(proc + "/cmdline")->find("c2VjcmV0"), std::string::npos);
  if (::geteuid() == 0) {
    EXPECT_EQ(sys::read_file(proc + "/environ")->find("PATH="), std::string::npos);
  }
  for (const auto& entry : std::filesystem::directory_iterator(proc + "/fd")) {
    const std::string target = std::filesystem::read_symlink(entry.path());
    EXPECT_TRUE(target == "/dev/null" || target.starts_with("socket:") || target.starts_with("anon_inode:")) << target;
  }
}

TEST(Fetch, EndsWhenItsCommandIsKilled) {
  auto pipe = sys::make_pipe().value();
  const pid_t command = ::fork();
  if (command == 0) {
    const auto http = client();
    const auto pids = children();
    (void)sys::write_all(pipe.write.get(), std::as_bytes(std::span(pids.data(), 1)));
    ::pause();
    ::_exit(0);
  }
  pid_t fetch = -1;
  ASSERT_EQ(*sys::read_full(pipe.read.get(), std::as_writable_bytes(std::span(&fetch, 1))), sizeof fetch);
  const auto pidfd = sys::open_pidfd(fetch).value();
  ::kill(command, SIGKILL);
  EXPECT_TRUE(ends(pidfd.get()));
  ::waitpid(command, nullptr, 0);
}

TEST(Fetch, EndsWithItsClientAndLeavesNoZombie) {
  sys::UniqueFd pidfd;
  {
    const auto http = client();
    pidfd = sys::open_pidfd(children().at(0)).value();
  }
  EXPECT_TRUE(ends(pidfd.get()));
  EXPECT_TRUE(children().empty());
}

TEST(Fetch, ItsDeathFailsWhatIsUnderWay) {
  const auto http = client();
  std::atomic<bool> open = true;
  const HttpServer server([&](const HttpRequest&) {
    return HttpResponse{.raw = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
                        .hold_open = [&] { return open.load(); }};
  });
  Request request;
  request.url = "http://" + server.host() + "/";
  Transfer transfer = http->begin(request).value();
  EXPECT_EQ(transfer.wait_head().status, 200);
  ::kill(children().at(0), SIGKILL);
  EXPECT_EQ(transfer.wait().failure, Failure::kProcess);
  const auto after = http->perform(request);
  EXPECT_TRUE(!after || after->failure == Failure::kProcess);
  open = false;
}

TEST(Fetch, AReaderThatLeavesEndsTheTransfer) {
  const auto http = client();
  const HttpServer server([](const HttpRequest&) { return HttpResponse{.body = std::string(8 << 20, 'x')}; });
  auto pipe = sys::make_pipe().value();
  Request request;
  request.url = "http://" + server.host() + "/";
  request.output = pipe.write.get();
  request.max_body = 1 << 30;
  Transfer transfer = http->begin(request).value();
  EXPECT_EQ(transfer.wait_head().status, 200);
  std::byte some[1000];
  ASSERT_TRUE(sys::read_full(pipe.read.get(), some));
  pipe.read.reset();  // it waits for room in the pipe now
  EXPECT_EQ(transfer.wait().failure, Failure::kOutput);
}

TEST(Fetch, ASlowReaderGetsAllBytes) {
  const auto http = client();
  const std::string body(3'000'001, 'y');
  const HttpServer server([&](const HttpRequest&) { return HttpResponse{.body = body}; });
  auto pipe = sys::make_pipe().value();
  Request request;
  request.url = "http://" + server.host() + "/";
  request.output = pipe.write.get();
  request.max_body = body.size();
  Transfer transfer = http->begin(request).value();
  EXPECT_EQ(transfer.wait_head().status, 200);
  pipe.write.reset();
  std::string got;
  std::byte part[777];
  while (const std::size_t n = sys::read_some(pipe.read.get(), part).value())
    got.append(reinterpret_cast<const char*>(part), n);
  EXPECT_TRUE(got == body);
  EXPECT_EQ(transfer.wait().failure, Failure::kNone);
  EXPECT_EQ(transfer.wait().bytes, body.size());
}

TEST(Fetch, ProxiesComeFromTheEnvironment) {
  std::string seen;
  const HttpServer proxy([&](const HttpRequest& request) {
    seen = request.target;
    return HttpResponse{.body = "from the proxy"};
  });
  ::setenv("HTTP_PROXY", ("http://" + proxy.host()).c_str(), 1);
  const auto http = client();
  ::unsetenv("HTTP_PROXY");
  Request request;
  request.url = "http://registry.invalid/v2/";
  const auto response = http->perform(request).value();
  EXPECT_EQ(response.body, "from the proxy") << response.message;
  proxy.sync();
  EXPECT_EQ(seen, "http://registry.invalid/v2/");
}

TEST(Fetch, TakesNothingButTheWeb) {
  const auto http = client();
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "http://user:password@127.0.0.1:1/", "", "x"}) {
    Request request;
    request.url = url;
    const auto response = http->perform(request).value();
    EXPECT_EQ(response.failure, Failure::kProcess) << url;
    EXPECT_EQ(response.message.find("password"), std::string::npos);
  }
}

TEST(Fetch, HeadersAreNamedInLowerCaseAndInterimResponsesSkipped) {
  const auto http = client();
  const HttpServer server([](const HttpRequest&) {
    return HttpResponse{.raw =
                            "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
                            "HTTP/1.1 404 Nope\r\nX-ReAl:  v \r\nContent-Length: 2\r\n\r\nno"};
  });
  Request request;
  request.url = "http://" + server.host() + "/";
  const auto response = http->perform(request).value();
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.header("x-real"), "v");
  EXPECT_EQ(response.header("x-early"), "");
  EXPECT_EQ(response.body, "no");
}

TEST(Protocol, MessagesComeBackAsTheyWere) {
  RequestMessage request;
  request.id = 7;
  request.method = "PUT";
  request.url = "https://x/";
  request.headers = {{"A", "b"}, {"A", "c\xff"}};
  request.upload_size = 5;
  request.has_upload = true;
  request.verify = false;
  const auto decoded = std::get<RequestMessage>(decode_to_fetch(encode(ToFetch(request))).value());
  EXPECT_EQ(decoded.url, request.url);
  EXPECT_EQ(decoded.upload_size, 5u);
  EXPECT_FALSE(decoded.verify);
  EXPECT_EQ(decoded.headers[1].second, "c\xef\xbf\xbd");
  const std::string bytes("a\0b{", 4);
  EXPECT_EQ(std::get<BodyPart>(decode_to_command(encode(ToCommand(BodyPart{3, bytes}))).value()).bytes, bytes);
  EXPECT_EQ(std::get<End>(decode_to_command(encode(ToCommand(End{1, Failure::kCertificate, "m", 9}))).value()).failure,
            Failure::kCertificate);
  for (const char* bad : {"", "{}", "[]", R"({"type":"request","id":-1})", R"({"type":"body","id":1})"}) {
    EXPECT_FALSE(decode_to_fetch(bad)) << bad;
    EXPECT_FALSE(decode_to_command(bad)) << bad;
  }
}

}  // namespace
}  // namespace strata::fetch
