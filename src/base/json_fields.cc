#include "base/json_fields.h"

#include "base/json.h"

namespace strata {

JsonFields::JsonFields(const json& object) : object_(object) {
  if (!object.is_object()) fail(error(ErrorKind::kCorrupt, "should be an object, not {}", object.type_name()));
}

JsonFields& JsonFields::operator()(std::string_view name, std::string& out) {
  const json* value = member(name);
  if (value == nullptr) return *this;
  if (value->is_string())
    out = value->get_ref<const std::string&>();
  else
    wrong(name, "a string", *value);
  return *this;
}

JsonFields& JsonFields::operator()(std::string_view name, bool& out) {
  const json* value = member(name);
  if (value == nullptr) return *this;
  if (value->is_boolean())
    out = value->get<bool>();
  else
    wrong(name, "true or false", *value);
  return *this;
}

JsonFields& JsonFields::operator()(std::string_view name, std::vector<std::string>& out) {
  if (has(name)) out.clear();
  each(name, "a list of strings", [&](const json& element) {
    if (element.is_string())
      out.push_back(element.get_ref<const std::string&>());
    else
      wrong(name, "a list of strings", element);
  });
  return *this;
}

JsonFields& JsonFields::operator()(std::string_view name, std::map<std::string, std::string>& out) {
  const json* value = member(name);
  if (value == nullptr) return *this;
  if (!value->is_object()) {
    wrong(name, "an object", *value);
    return *this;
  }
  out.clear();
  for (const auto& [key, text] : value->items()) {
    if (!text.is_string()) {
      fail(error(ErrorKind::kCorrupt, "{}: \"{}\" should be a string, not {}", name, key, text.type_name()));
      break;
    }
    out.emplace(key, text.get_ref<const std::string&>());
  }
  return *this;
}

JsonFields& JsonFields::operator()(std::string_view name, std::set<std::string>& out) {
  const json* value = member(name);
  if (value == nullptr) return *this;
  if (!value->is_object()) {
    wrong(name, "an object", *value);
    return *this;
  }
  out.clear();
  for (const auto& [key, unused] : value->items()) out.insert(key);
  return *this;
}

JsonFields& JsonFields::object(std::string_view name, const Reader& read) {
  const json* value = member(name);
  if (value == nullptr) return *this;
  JsonFields inner(*value);
  if (!inner.failed()) read(inner);
  if (inner.failed()) fail(std::move(*inner.failure_).with_context(name));
  return *this;
}

JsonFields& JsonFields::objects(std::string_view name, const Reader& read) {
  std::size_t index = 0;
  each(name, "a list", [&](const json& element) {
    JsonFields inner(element);
    if (!inner.failed()) read(inner);
    if (inner.failed()) fail(std::move(*inner.failure_).with_context(fmt::format("{}[{}]", name, index)));
    ++index;
  });
  return *this;
}

void JsonFields::each(std::string_view name, std::string_view wanted, const std::function<void(const json&)>& read) {
  const json* value = member(name);
  if (value == nullptr) return;
  if (!value->is_array()) return wrong(name, wanted, *value);
  for (const json& element : *value) {
    read(element);
    if (failed()) return;
  }
}

bool JsonFields::has(std::string_view name) const { return member(name) != nullptr; }

std::string JsonFields::text() const { return object_.dump(-1, ' ', false, json::error_handler_t::replace); }

void JsonFields::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
}

Result<> JsonFields::result() && {
  if (failure_) return std::move(*failure_);
  return {};
}

const json* JsonFields::member(std::string_view name) const { return failed() ? nullptr : find(object_, name); }

void JsonFields::wrong(std::string_view name, std::string_view wanted, const json& value) {
  fail(error(ErrorKind::kCorrupt, "\"{}\" should be {}, not {}", name, wanted,
             value.is_number() ? value.dump() : value.type_name()));
}

std::optional<std::uint64_t> JsonFields::natural(const json& value) const {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::uint64_t>();
}

std::optional<std::int64_t> JsonFields::negative(const json& value) const {
  if (!value.is_number_integer() || value.is_number_unsigned()) return std::nullopt;
  return value.get<std::int64_t>();
}

Result<> read_json_object(std::string_view text, const JsonFields::Reader& read) {
  const json document = TRY(parse_json(text));
  JsonFields in(document);
  if (!in.failed()) read(in);
  return std::move(in).result();
}

}  // namespace strata
