#include "tests/servers/token_server.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace strata::test {
namespace {

std::string base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(n));
  return text;
}

std::string base64url(const std::string& bytes) {
  std::string text = base64(bytes);
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  while (text.ends_with('=')) text.pop_back();
  return text;
}

std::string certificate_der(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "r");
  X509* certificate = file != nullptr ? PEM_read_X509(file, nullptr, nullptr, nullptr) : nullptr;
  if (certificate == nullptr) std::abort();
  std::fclose(file);
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  X509_free(certificate);
  return bytes;
}

std::string url_decode(const std::string& text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      decoded += static_cast<char>(std::strtol(text.substr(i + 1, 2).c_str(), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::multimap<std::string, std::string> parse_form(const std::string& text) {
  std::multimap<std::string, std::string> form;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('&', at), text.size());
    const std::string field = text.substr(at, end - at);
    const std::size_t equals = field.find('=');
    form.emplace(field.substr(0, equals), equals == std::string::npos ? "" : url_decode(field.substr(equals + 1)));
    at = end + 1;
  }
  return form;
}

std::string value(const std::multimap<std::string, std::string>& form, const std::string& name) {
  const auto at = form.find(name);
  return at == form.end() ? "" : at->second;
}

// "repository:a/b:pull,push a:b:c" to the list that the claim `access` holds.
std::string access_json(const std::multimap<std::string, std::string>& form, bool pull_only) {
  std::string json = "[";
  const auto [begin, end] = form.equal_range("scope");
  for (auto at = begin; at != end; ++at) {
    for (std::size_t start = 0; start < at->second.size();) {
      const std::size_t stop = std::min(at->second.find(' ', start), at->second.size());
      const std::string scope = at->second.substr(start, stop - start);
      start = stop + 1;
      const std::size_t first = scope.find(':');
      const std::size_t last = scope.rfind(':');
      if (first == std::string::npos || first == last) continue;
      const bool push = scope.find("push", last) != std::string::npos && !pull_only;
      json += std::string(json.size() > 1 ? "," : "") + R"({"type":")" + scope.substr(0, first) + R"(","name":")" +
              scope.substr(first + 1, last - first - 1) + R"(","actions":["pull")" + (push ? R"(,"push"])" : "]") + "}";
    }
  }
  return json + "]";
}

}  // namespace

TokenServer::TokenServer(Options options)
    : options_(std::move(options)),
      server_([this](const HttpRequest& request) { return answer(request); }, "", "", options_.port) {}

std::vector<std::string> TokenServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::string TokenServer::sign(const std::string& claims) const {
  const std::string header =
      R"({"typ":"JWT","alg":"RS256","x5c":[")" + base64(certificate_der(options_.certificate)) + "\"]}";
  const std::string payload = base64url(header) + "." + base64url(claims);
  std::FILE* file = std::fopen(options_.key.c_str(), "r");
  EVP_PKEY* key = file != nullptr ? PEM_read_PrivateKey(file, nullptr, nullptr, nullptr) : nullptr;
  if (key == nullptr) std::abort();
  std::fclose(file);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::size_t size = 0;
  EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key);
  const auto* data = reinterpret_cast<const unsigned char*>(payload.data());
  EVP_DigestSign(context, nullptr, &size, data, payload.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, data, payload.size());
  signature.resize(size);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  return payload + "." + base64url(signature);
}

HttpResponse TokenServer::answer(const HttpRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request.method + " " + request.target);
  }
  const std::size_t question = request.target.find('?');
  const auto form = parse_form(request.method == "POST"        ? request.body
                               : question == std::string::npos ? ""
                                                               : request.target.substr(question + 1));
  const std::string authorization = request.header("authorization");
  bool known = false;
  if (request.method == "POST") {
    known = value(form, "grant_type") == "refresh_token" && value(form, "refresh_token") == options_.refresh_token;
  } else if (!authorization.empty()) {
    known = authorization == "Basic " + base64(options_.user + ":" + options_.password);
  }
  const bool refused = !known && (request.method == "POST" || !authorization.empty() || !options_.anonymous_pull);
  if (refused)
    return {.status = 401,
            .headers = {{"Content-Type", "application/json"}},
            .body = R"({"details":"incorrect username or password"})"};
  const std::time_t now = std::time(nullptr);
  const std::string claims = std::string(R"({"iss":")") + kIssuer + R"(","sub":"test","aud":")" + kService +
                             R"(","exp":)" + std::to_string(now + options_.expires_in) + R"(,"nbf":)" +
                             std::to_string(now - 60) + R"(,"iat":)" + std::to_string(now) + R"(,"jti":"1","access":)" +
                             access_json(form, !known) + "}";
  std::string body = R"({"token":")" + sign(claims) + R"(","expires_in":)" + std::to_string(options_.expires_in);
  if (value(form, "offline_token") == "true") body += R"(,"refresh_token":")" + options_.refresh_token + "\"";
  return {.headers = {{"Content-Type", "application/json"}}, .body = body + "}"};
}

}  // namespace strata::test
