// strata-test-odd-registry PORT DIRECTORY: serves the images that docker-registry has in DIRECTORY
// (its root directory), read-only, as oddly as the file DIRECTORY.odd says at the time of a
// request:
//
//   range ignore|refuse|wrong|short   200 with everything; 416; another range; less than the rest
//   stop N       sends N bytes of a blob, then nothing more, but holds the connection
//   break N      sends N bytes of a blob, then closes the connection
//   corrupt N    the blobs' byte N is another one
//   redirect     blobs are to be fetched from /cdn/…
//   only HEX     all that concerns only the blob whose digest begins like that
//
// DIRECTORY.sent gets a line for each blob that is sent: "HEX FIRST LENGTH".
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/servers/http_server.h"

namespace {

using strata::test::HttpRequest;
using strata::test::HttpResponse;

std::string read(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(bytes).str();
}

class OddRegistry {
 public:
  explicit OddRegistry(std::string directory) : directory_(std::move(directory)) {}

  HttpResponse answer(const HttpRequest& request) {
    const std::string& target = request.target;
    if (target.starts_with("/cdn/")) return blob(request, target.substr(5));
    if (target == "/v2/") return {};
    const auto split = [&](const std::string& kind) {
      const auto at = target.find(kind);
      return at == std::string::npos ? std::pair<std::string, std::string>()
                                     : std::pair(target.substr(4, at - 4), target.substr(at + kind.size()));
    };
    if (const auto [repository, name] = split("/manifests/"); !name.empty()) return manifest(repository, name);
    if (const auto [repository, digest] = split("/blobs/sha256:"); !digest.empty()) {
      if (!odd(digest).contains("redirect")) return blob(request, digest);
      return {307, {{"Location", "/cdn/" + digest}}, "", "", nullptr};
    }
    return {404, {}, "", "", nullptr};
  }

 private:
  std::string content(const std::string& hex) const {
    return read(directory_ + "/docker/registry/v2/blobs/sha256/" + hex.substr(0, 2) + "/" + hex + "/data");
  }

  HttpResponse manifest(const std::string& repository, std::string name) const {
    if (!name.starts_with("sha256:"))
      name = read(directory_ + "/docker/registry/v2/repositories/" + repository + "/_manifests/tags/" + name +
                  "/current/link");
    if (name.empty()) return {404, {}, "", "", nullptr};
    std::string bytes = content(name.substr(7));
    const std::string marker = "\"mediaType\":\"";
    const auto type = bytes.find(marker) + marker.size();
    return {200,
            {{"Content-Type", bytes.substr(type, bytes.find('"', type) - type)}, {"Docker-Content-Digest", name}},
            bytes,
            "",
            nullptr};
  }

  std::map<std::string, std::string> odd(const std::string& hex) const {
    std::map<std::string, std::string> settings;
    std::ifstream file(directory_ + ".odd");
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string key, value;
      words >> key >> value;
      settings[key] = value;
    }
    if (settings.contains("only") && !hex.starts_with(settings["only"])) return {};
    return settings;
  }

  HttpResponse blob(const HttpRequest& request, const std::string& hex) {
    auto settings = odd(hex);
    std::string bytes = content(hex);
    if (bytes.empty()) return {404, {}, "", "", nullptr};
    if (settings.contains("corrupt")) bytes.at(std::stoul(settings["corrupt"])) ^= 1;
    const std::string size = std::to_string(bytes.size());
    const std::string wanted = request.header("range");  // "bytes=N-"
    std::string range = settings["range"];
    HttpResponse response;
    std::size_t first = 0;
    if (!wanted.empty() && range == "refuse") return {416, {}, "", "", nullptr};
    if (!wanted.empty() && range != "ignore") {
      first = std::stoul(wanted.substr(6));
      if (range == "wrong") first /= 2;
      bytes.erase(0, first);
      if (range == "short") bytes.resize(bytes.size() - bytes.size() / 2);
      response.status = 206;
      response.headers.emplace_back("Content-Range", "bytes " + std::to_string(first) + "-" +
                                                         std::to_string(first + bytes.size() - 1) + "/" + size);
    }
    response.headers.emplace_back("Content-Length", std::to_string(bytes.size()));
    for (const char* end : {"stop", "break"})
      if (settings.contains(end)) bytes.resize(std::min<std::size_t>(bytes.size(), std::stoul(settings[end])));
    if (settings.contains("stop")) response.hold_open = [] { return true; };
    std::ofstream(directory_ + ".sent", std::ios::app) << hex << ' ' << first << ' ' << bytes.size() << std::endl;
    response.body = std::move(bytes);
    return response;
  }

  const std::string directory_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s PORT DIRECTORY\n", argv[0]);
    return 2;
  }
  OddRegistry registry(argv[2]);
  const strata::test::HttpServer server([&registry](const HttpRequest& request) { return registry.answer(request); },
                                        "", "", std::atoi(argv[1]));
  while (true) ::pause();
}
