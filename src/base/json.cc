#include "base/json.h"

namespace strata {
namespace {

// Deeper nesting and more values are refused before any value is built (a recursive destructor would follow).
Result<> check_extent(std::string_view text) {
  std::size_t depth = 0;
  std::size_t values = 1;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++values;
      if (++depth > kMaxJsonDepth) return error(ErrorKind::kCorrupt, "JSON nests deeper than {}", kMaxJsonDepth);
    } else if (c == ',') {
      ++values;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  if (values > kMaxJsonValues)
    return error(ErrorKind::kResourceExhausted, "JSON of more than {} values", kMaxJsonValues);
  return {};
}

Error wrong_type(std::string_view name, std::string_view wanted, const json& value) {
  return error(ErrorKind::kCorrupt, "\"{}\" should be {}, not {}", name, wanted, value.type_name());
}

}  // namespace

Result<json> parse_json(std::string_view text) {
  TRY(check_extent(text));
  try {
    return json::parse(text);
  } catch (const json::parse_error& failure) {
    return error(ErrorKind::kCorrupt, "broken JSON at byte {}", failure.byte);
  } catch (const json::exception& failure) {
    return error(ErrorKind::kCorrupt, "broken JSON: {}", failure.what());
  }
}

const json* find(const json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(name);
  return at == object.end() || at->is_null() ? nullptr : &*at;
}

Result<std::string> string_member(const json& object, std::string_view name, std::string fallback) {
  const json* value = find(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_string()) return wrong_type(name, "a string", *value);
  return value->get<std::string>();
}

Result<std::int64_t> int_member(const json& object, std::string_view name, std::int64_t fallback) {
  const json* value = find(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_number_integer()) return wrong_type(name, "an integer", *value);
  return value->get<std::int64_t>();
}

Result<bool> bool_member(const json& object, std::string_view name, bool fallback) {
  const json* value = find(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return wrong_type(name, "true or false", *value);
  return value->get<bool>();
}

Result<std::vector<std::string>> strings_member(const json& object, std::string_view name) {
  std::vector<std::string> strings;
  const json* value = find(object, name);
  if (value == nullptr) return strings;
  if (!value->is_array()) return wrong_type(name, "a list of strings", *value);
  for (const json& element : *value) {
    if (!element.is_string()) return wrong_type(name, "a list of strings", *value);
    strings.push_back(element.get<std::string>());
  }
  return strings;
}

}  // namespace strata
