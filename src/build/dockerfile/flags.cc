#include "build/dockerfile/flags.h"

#include <algorithm>

#include "base/strings.h"
#include "build/dockerfile/suggestion.h"

namespace strata::dockerfile {

Result<Flags> Flags::parse(std::span<const Word> words, std::span<const FlagSpec> known, std::size_t& bad) {
  Flags flags;
  for (const Word& word : words) {
    bad = word.offset;
    const std::string_view text = word.text;
    const std::size_t equals = text.find('=');
    const bool has_value = equals != std::string_view::npos;
    const std::string_view flag = text.substr(0, equals);
    const std::string_view name = flag.substr(2);
    std::string value(has_value ? text.substr(equals + 1) : std::string_view());
    const auto spec = std::ranges::find(known, name, &FlagSpec::name);
    if (spec == known.end()) {
      std::vector<std::string_view> names;
      for (const FlagSpec& k : known) names.push_back(k.name);
      return error(ErrorKind::kInvalidArgument, "unknown flag: {}{}", printable(flag),
                   suggestion_suffix(name, names, true));
    }
    if (spec->kind != FlagKind::kList &&
        std::ranges::find(flags.values_, spec->name, &Value::name) != flags.values_.end())
      return error(ErrorKind::kInvalidArgument, "duplicate flag specified: {}", flag);
    if (spec->kind == FlagKind::kBool ? has_value && value.empty() : !has_value)
      return error(ErrorKind::kInvalidArgument, "missing a value on flag: {}", flag);
    if (spec->kind == FlagKind::kBool) {
      const std::string lower = to_lower(value);
      if (lower != "" && lower != "true" && lower != "false")
        return error(ErrorKind::kInvalidArgument, "expecting boolean value for flag {}, not: {}", flag,
                     printable(value));
      value = lower == "false" ? "false" : "true";
    }
    flags.values_.push_back({spec->name, std::move(value)});
  }
  return flags;
}

std::string Flags::text(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &Value::name);
  return found == values_.end() ? "" : found->value;
}

std::optional<bool> Flags::boolean(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &Value::name);
  if (found == values_.end()) return std::nullopt;
  return found->value == "true";
}

std::vector<std::string> Flags::list(std::string_view name) const {
  std::vector<std::string> out;
  for (const Value& v : values_)
    if (v.name == name) out.push_back(v.value);
  return out;
}

}  // namespace strata::dockerfile
