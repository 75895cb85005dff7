#include "registry/credentials.h"

#include "base/json.h"
#include "base/strings.h"
#include "registry/base64.h"
#include "registry/credential_helper.h"
#include "sys/file.h"

namespace strata::registry {
namespace {

constexpr std::string_view kHubKey = "https://index.docker.io/v1/";
constexpr std::size_t kMaxConfigSize = 4 << 20;

// "https://host/v1/" and the like, down to "host".
std::string host_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  return std::string(key.substr(0, key.find('/')));
}

// Keeps the order of what it holds, as the people who edit the file expect.
Result<ordered_json> load(const std::string& path) {
  if (path.empty() || !sys::exists(path)) return ordered_json::object();
  const std::string text = TRY(sys::read_file(path, kMaxConfigSize));
  if (trim(text).empty()) return ordered_json::object();
  TRY(parse_json(text), "{}", path);  // for its bounds and its message
  ordered_json document = ordered_json::parse(text, nullptr, false);
  if (!document.is_object()) return error(ErrorKind::kCorrupt, "{}: should be a JSON object", path);
  return document;
}

Result<> save(const std::string& path, const ordered_json& document) {
  if (const std::size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0)
    TRY(sys::make_directories(path.substr(0, slash), 0700));
  return sys::replace_file(path, document.dump(1, '\t', false, ordered_json::error_handler_t::replace) + "\n", 0600);
}

// The helper that is in charge of a key, or "".
std::string helper_for(const ordered_json& document, const std::string& key) {
  if (const auto helpers = document.find("credHelpers"); helpers != document.end() && helpers->is_object())
    if (const auto helper = helpers->find(key); helper != helpers->end() && helper->is_string())
      return helper->get<std::string>();
  if (const auto store = document.find("credsStore"); store != document.end() && store->is_string())
    return store->get<std::string>();
  return "";
}

std::string text_member(const ordered_json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

Result<Credentials> credentials_from(const ordered_json& entry, const std::string& path) {
  Credentials credentials;
  if (!entry.is_object()) return credentials;
  credentials.username = text_member(entry, "username");
  credentials.password = text_member(entry, "password");
  credentials.identity_token = text_member(entry, "identitytoken");
  credentials.registry_token = text_member(entry, "registrytoken");
  if (const std::string auth = text_member(entry, "auth"); !auth.empty()) {
    const auto decoded = from_base64(auth);
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos)
      return error(ErrorKind::kCorrupt, "{}: an \"auth\" is not base64 of user:password", path);
    credentials.username = decoded->substr(0, colon);
    credentials.password = decoded->substr(colon + 1);
    // Docker wrote passwords with trailing zero bytes once.
    credentials.password.resize(credentials.password.find_last_not_of('\0') + 1);
  }
  return credentials;
}

ordered_json::iterator find_entry(ordered_json& auths, const std::string& key) {
  if (const auto exact = auths.find(key); exact != auths.end()) return exact;
  const std::string host = host_of(key);
  for (auto at = auths.begin(); at != auths.end(); ++at)
    if (host_of(at.key()) == host) return at;
  return auths.end();
}

}  // namespace

std::string credentials_key(std::string_view registry) {
  const std::string host = host_of(registry);
  if (host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io" || host.empty())
    return std::string(kHubKey);
  return host;
}

Result<Credentials> CredentialFile::get(std::string_view registry) const {
  ordered_json document = TRY(load(path_));
  const std::string key = credentials_key(registry);
  if (const std::string helper = helper_for(document, key); !helper.empty()) return helper_get(helper, key);
  const auto auths = document.find("auths");
  if (auths == document.end() || !auths->is_object()) return Credentials{};
  const auto entry = find_entry(*auths, key);
  if (entry == auths->end()) return Credentials{};
  return credentials_from(*entry, path_);
}

Result<CredentialFile::Stored> CredentialFile::store(std::string_view registry, const Credentials& credentials) {
  if (path_.empty())
    return error(ErrorKind::kNotFound, "no place for credentials: neither HOME nor DOCKER_CONFIG is set");
  ordered_json document = TRY(load(path_));
  const std::string key = credentials_key(registry);
  const std::string helper = helper_for(document, key);
  if (!document["auths"].is_object()) document["auths"] = ordered_json::object();
  ordered_json entry = ordered_json::object();
  if (!helper.empty()) {
    TRY(helper_store(helper, key, credentials));
  } else {
    // With an identity token docker keeps an empty password.
    entry["auth"] =
        to_base64(credentials.username + ":" + (credentials.identity_token.empty() ? credentials.password : ""));
    if (!credentials.identity_token.empty()) entry["identitytoken"] = credentials.identity_token;
  }
  document["auths"][key] = std::move(entry);
  TRY(save(path_, document));
  return Stored{helper.empty(), helper.empty() ? path_ : "docker-credential-" + helper};
}

Result<bool> CredentialFile::erase(std::string_view registry) {
  ordered_json document = TRY(load(path_));
  const std::string key = credentials_key(registry);
  bool found = false;
  if (const std::string helper = helper_for(document, key); !helper.empty()) {
    found = !TRY(helper_get(helper, key)).empty();
    TRY(helper_erase(helper, key));
  }
  const auto auths = document.find("auths");
  if (auths == document.end() || !auths->is_object()) return found;
  const auto entry = find_entry(*auths, key);
  if (entry == auths->end()) return found;
  auths->erase(entry);
  TRY(save(path_, document));
  return true;
}

}  // namespace strata::registry
