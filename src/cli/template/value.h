// A value on its way through a template, and how Go prints it. Inside the template engine only.
//
// A Value shares JSON that somebody owns, so copies are cheap. What JSON does not say, and Go's
// templates distinguish: whether an object is a struct (a field that it has not is an error) or a
// map (it is "<no value>"), and whether null is an empty map, an empty list or nil.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace strata::cli::templates {

class Value {
 public:
  using Json = nlohmann::ordered_json;

  // No value at all: what a map has under a key that it has not.
  Value() = default;
  explicit Value(Json json);
  // `json` outlives the Value and all that is taken from it.
  static Value borrowed(const Json& json);

  bool missing() const { return node_ == nullptr; }
  const Json& json() const;  // null when missing
  bool is_map() const { return is_map_; }
  // A member or element of this one's JSON, found by whoever calls. `name` tells maps.
  Value part(const Json& child, std::string_view name = {}) const;

  bool truth() const;
  std::string text() const;       // as {{.}} prints it
  std::string_view type() const;  // Go's name: "string", "int", "map[string]interface {}"

 private:
  std::shared_ptr<const Json> node_;
  bool is_map_ = false;
  bool is_list_ = false;  // a null that stands for an empty list
};

// %v of any JSON: "[a b]", "map[k:v]", "<nil>".
std::string plain_text(const nlohmann::ordered_json& json);
// Go's %v of a float64.
std::string float_text(double number);
// JSON as Go's encoding/json writes it, members in their order; with or without <, > and & escaped.
std::string go_json(const nlohmann::ordered_json& json, bool html_safe);
// The keys of an object, sorted.
std::vector<std::string> sorted_keys(const nlohmann::ordered_json& object);

}  // namespace strata::cli::templates
