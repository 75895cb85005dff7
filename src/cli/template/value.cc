#include "cli/template/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/json.h"

namespace strata::cli::templates {
namespace {

// Members of docker's objects that are maps, whose keys are data and not fields.
constexpr std::string_view kMaps[] = {
    "Annotations", "Labels", "Volumes", "ExposedPorts", "Ports",   "PortBindings",           "Networks",  "Sysctls",
    "Options",     "Tmpfs",  "Data",    "StorageOpt",   "Plugins", "ContainerConfig.Labels", "DriverOpts"};
// Members that are lists, also where JSON says null.
constexpr std::string_view kLists[] = {"Env",         "Cmd",      "Entrypoint",  "OnBuild",    "Shell",
                                       "Layers",      "RepoTags", "RepoDigests", "Mounts",     "Binds",
                                       "CapAdd",      "CapDrop",  "Dns",         "DnsOptions", "DnsSearch",
                                       "ExtraHosts",  "GroupAdd", "SecurityOpt", "Devices",    "Links",
                                       "VolumesFrom", "ExecIDs",  "Args",        "Aliases",    "Ulimits"};

bool is_one_of(std::string_view name, auto& names) { return std::ranges::find(names, name) != std::end(names); }

const ordered_json& null_json() {
  static const ordered_json null;
  return null;
}

}  // namespace

Value::Value(Json json) : node_(std::make_shared<const Json>(std::move(json))) {}

Value Value::borrowed(const Json& json) {
  Value value;
  value.node_ = std::shared_ptr<const Json>(std::shared_ptr<void>(), &json);
  return value;
}

const Value::Json& Value::json() const { return node_ ? *node_ : null_json(); }

Value Value::part(const Json& child, std::string_view name) const {
  Value value;
  value.node_ = std::shared_ptr<const Json>(node_, &child);
  value.is_map_ = is_one_of(name, kMaps) && (child.is_object() || child.is_null());
  value.is_list_ = is_one_of(name, kLists) && child.is_null();
  return value;
}

bool Value::truth() const {
  const Json& value = json();
  switch (value.type()) {
    case Json::value_t::boolean:
      return value.get<bool>();
    case Json::value_t::string:
      return !value.get_ref<const std::string&>().empty();
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return value.get<double>() != 0;
    default:
      return !value.empty();
  }
}

std::string Value::text() const {
  if (json().is_null()) return is_map_ ? "map[]" : is_list_ ? "[]" : "<no value>";
  return plain_text(json());
}

std::string_view Value::type() const {
  switch (json().type()) {
    case Json::value_t::boolean:
      return "bool";
    case Json::value_t::string:
      return "string";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return "int";
    case Json::value_t::number_float:
      return "float64";
    case Json::value_t::array:
      return "[]interface {}";
    case Json::value_t::object:
      return "map[string]interface {}";
    default:
      return "<nil>";
  }
}

std::vector<std::string> sorted_keys(const ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  std::ranges::sort(keys);
  return keys;
}

std::string plain_text(const ordered_json& json) {
  switch (json.type()) {
    case ordered_json::value_t::null:
      return "<nil>";
    case ordered_json::value_t::string:
      return json.get<std::string>();
    case ordered_json::value_t::number_float:
      return float_text(json.get<double>());
    case ordered_json::value_t::array: {
      std::string text = "[";
      for (const auto& element : json) text += (text.size() > 1 ? " " : "") + plain_text(element);
      return text + "]";
    }
    case ordered_json::value_t::object: {
      std::string text = "map[";
      for (const std::string& key : sorted_keys(json))
        text += (text.size() > 4 ? " " : "") + key + ":" + plain_text(json.at(key));
      return text + "]";
    }
    default:
      return json.dump();
  }
}

std::string float_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Inf" : "+Inf";
  // Shortest form; an exponent from 1e21 on and below 1e-4.
  char digits[400];
  const double size = std::fabs(number);
  const bool exponent = size != 0 && (size < 1e-4 || size >= 1e21);
  const auto end = std::to_chars(digits, digits + sizeof digits, number,
                                 exponent ? std::chars_format::scientific : std::chars_format::fixed);
  return {digits, end.ptr};
}

std::string go_json(const ordered_json& json, bool html_safe) {
  const std::string text = json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  if (!html_safe) return text;
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&')
      escaped += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace strata::cli::templates
