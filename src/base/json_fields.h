// Reading a JSON object into variables, member by member, with one look at whether it went well:
//
//   Result<Mount> mount_from(std::string_view text) {
//     Mount mount;
//     TRY(read_json_object(text, [&](JsonFields& in) {
//       in("destination", mount.destination)("options", mount.options);
//       in.object("owner", [&](JsonFields& owner) { owner("uid", mount.uid); });
//       in.list("rules", mount.rules, read_rule);  // void read_rule(JsonFields&, Rule&)
//     }));
//     return mount;
//   }
//
// A member that is absent or null leaves its variable as it is. The first error stays and ends the
// reading (what follows is not touched); it is kCorrupt and names the member with its way from the
// top ("process: rlimits[2]: \"soft\" should be …"). Values only; not thread-safe.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include <nlohmann/json_fwd.hpp>

namespace strata {

class JsonFields {
 public:
  using Reader = std::function<void(JsonFields&)>;

  // `object` must outlive this; anything but an object is the first error.
  explicit JsonFields(const nlohmann::json& object);

  JsonFields& operator()(std::string_view name, std::string& out);
  JsonFields& operator()(std::string_view name, bool& out);
  JsonFields& operator()(std::string_view name, std::vector<std::string>& out);
  JsonFields& operator()(std::string_view name, std::map<std::string, std::string>& out);
  // The names of an object's members: how Go writes a set.
  JsonFields& operator()(std::string_view name, std::set<std::string>& out);
  // A number that fits the type.
  template <std::integral T>
  JsonFields& operator()(std::string_view name, T& out) {
    if (const nlohmann::json* value = member(name)) number(name, *value, out);
    return *this;
  }
  template <std::integral T>
  JsonFields& operator()(std::string_view name, std::vector<T>& out) {
    each(name, "a list of numbers", [&](const nlohmann::json& element) { number(name, element, out.emplace_back()); });
    return *this;
  }
  template <class T>
  JsonFields& operator()(std::string_view name, std::optional<T>& out) {
    if (has(name)) (*this)(name, out.emplace());
    return *this;
  }

  // A member that is an object itself; `read` is not called when it is absent.
  JsonFields& object(std::string_view name, const Reader& read);
  // A list of objects, appended to `out`.
  template <class T, class Read>
  JsonFields& list(std::string_view name, std::vector<T>& out, Read read) {
    return objects(name, [&](JsonFields& element) { read(element, out.emplace_back()); });
  }

  // Present, and not null.
  bool has(std::string_view name) const;
  // The whole object as JSON, for what is kept as it is.
  std::string text() const;
  // For what only the caller can judge.
  void fail(Error error);
  bool failed() const { return failure_.has_value(); }
  Result<> result() &&;

 private:
  const nlohmann::json* member(std::string_view name) const;  // null also after a failure
  void wrong(std::string_view name, std::string_view wanted, const nlohmann::json& value);
  std::optional<std::uint64_t> natural(const nlohmann::json& value) const;
  std::optional<std::int64_t> negative(const nlohmann::json& value) const;
  JsonFields& objects(std::string_view name, const Reader& read);
  void each(std::string_view name, std::string_view wanted, const std::function<void(const nlohmann::json&)>& read);

  template <std::integral T>
  void number(std::string_view name, const nlohmann::json& value, T& out) {
    if (const auto positive = natural(value); positive && std::in_range<T>(*positive))
      out = static_cast<T>(*positive);
    else if (const auto below = negative(value); below && std::in_range<T>(*below))
      out = static_cast<T>(*below);
    else
      wrong(name, "a number in range", value);
  }

  const nlohmann::json& object_;
  std::optional<Error> failure_;
};

// Parses `text` (see parse_json in base/json.h for the limits) and reads the object that it is.
Result<> read_json_object(std::string_view text, const JsonFields::Reader& read);

}  // namespace strata
