#include "build/cache_key.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"

namespace strata::build {
namespace {

constexpr int kKeyVersion = 1;        // another one forgets every key
constexpr std::size_t kMaxShown = 3;  // files in an explanation
constexpr std::size_t kMaxValue = 60;

std::string shown(std::string_view value) {
  std::string text = printable(value);
  if (text.size() > kMaxValue) text = text.substr(0, kMaxValue) + "…";
  return text.empty() ? "(nothing)" : text;
}

// "metadata/content" as digest_of() makes it.
std::pair<std::string_view, std::string_view> halves(std::string_view file) {
  const std::size_t slash = file.find('/');
  return {file.substr(0, slash), slash == std::string_view::npos ? std::string_view() : file.substr(slash + 1)};
}

std::string env_difference(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  const auto value_in = [](const std::vector<std::string>& env, std::string_view name) -> const std::string* {
    const auto found = std::ranges::find_if(env, [&](const std::string& e) {
      return e.starts_with(name) && e.size() > name.size() && e[name.size()] == '=';
    });
    return found == env.end() ? nullptr : &*found;
  };
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (const std::string& entry : now) {
    const auto name = name_of(entry);
    const std::string* old = value_in(before, name);
    if (old == nullptr) return fmt::format("{} is new", printable(name));
    if (*old != entry)
      return fmt::format("{}: {} → {}", printable(name), shown(std::string_view(*old).substr(name.size() + 1)),
                         shown(std::string_view(entry).substr(name.size() + 1)));
  }
  for (const std::string& entry : before)
    if (value_in(now, name_of(entry)) == nullptr) return fmt::format("{} is gone", printable(name_of(entry)));
  return "the order of the environment";
}

std::string file_difference(const CacheKey& before, const CacheKey& now) {
  std::vector<std::string> changes;
  if (!before.files.empty() && !now.files.empty()) {
    for (const auto& [path, value] : now.files) {
      const auto old = before.files.find(path);
      if (old == before.files.end()) {
        changes.push_back(printable(path) + " (new)");
      } else if (old->second != value) {
        const bool content = halves(old->second).second != halves(value).second;
        changes.push_back(printable(path) + (content ? " (content)" : " (metadata)"));
      }
    }
    for (const auto& [path, value] : before.files)
      if (!now.files.contains(path)) changes.push_back(printable(path) + " (gone)");
  }
  if (changes.empty()) return "files changed";
  const std::size_t all = changes.size();
  if (all > kMaxShown) changes.resize(kMaxShown);
  return "changed: " + join(changes, ", ") + (all > kMaxShown ? fmt::format(" and {} more", all - kMaxShown) : "");
}

}  // namespace

oci::Digest CacheKey::digest() const {
  ordered_json out;
  out["version"] = kKeyVersion;
  for (const auto& [name, value] : parts) out[name] = value;
  out["env"] = env;
  out["files"] = files_digest;
  return oci::Digest::of(out.dump(-1, ' ', true, json::error_handler_t::replace));
}

std::string CacheKey::to_json() const {
  ordered_json out;
  for (const auto& [name, value] : parts) out["parts"].push_back({name, value});
  out["env"] = env;
  out["files_digest"] = files_digest;
  out["files"] = files;
  out["source"] = source;
  return out.dump(-1, ' ', true, json::error_handler_t::replace);
}

Result<CacheKey> CacheKey::parse(std::string_view text) {
  const json object = TRY(parse_json(text));
  CacheKey key;
  if (const json* parts = find(object, "parts"); parts != nullptr && parts->is_array())
    for (const json& part : *parts)
      if (part.is_array() && part.size() == 2 && part[0].is_string() && part[1].is_string())
        key.parts.emplace_back(part[0].get<std::string>(), part[1].get<std::string>());
  key.env = TRY(strings_member(object, "env"));
  key.files_digest = TRY(string_member(object, "files_digest"));
  key.source = TRY(string_member(object, "source"));
  if (const json* files = find(object, "files"); files != nullptr && files->is_object())
    for (const auto& [path, value] : files->items())
      if (value.is_string()) key.files[path] = value.get<std::string>();
  return key;
}

std::string CacheKey::part(std::string_view name) const {
  const auto found = std::ranges::find(parts, name, [](const auto& p) { return std::string_view(p.first); });
  return found == parts.end() ? "" : found->second;
}

std::string first_difference(const CacheKey& before, const CacheKey& now) {
  for (const auto& [name, value] : now.parts) {
    const std::string old = before.part(name);
    if (old == value) continue;
    if (name == "parent" || name == "command") continue;  // said better below
    return fmt::format("{}: {} → {}", name, shown(old), shown(value));
  }
  if (before.part("command") != now.part("command")) {
    // An ARG shows in the command too; its name says more.
    if (before.env != now.env) return env_difference(before.env, now.env);
    return "was: " + shown(before.part("command"));
  }
  if (before.env != now.env) return env_difference(before.env, now.env);
  if (before.files_digest != now.files_digest) return file_difference(before, now);
  if (before.part("parent") != now.part("parent")) return "what it starts from changed";
  return "";
}

}  // namespace strata::build
