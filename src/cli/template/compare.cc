#include "cli/template/compare.h"

#include <compare>

#include "base/json.h"

namespace strata::cli::templates {
namespace {

enum class Basic { kNone, kBool, kInteger, kFloat, kString, kOther };

Basic basic_kind(const ordered_json& json) {
  using Type = ordered_json::value_t;
  switch (json.type()) {
    case Type::null:
      return Basic::kNone;
    case Type::boolean:
      return Basic::kBool;
    case Type::number_integer:
    case Type::number_unsigned:
      return Basic::kInteger;
    case Type::number_float:
      return Basic::kFloat;
    case Type::string:
      return Basic::kString;
    default:
      return Basic::kOther;
  }
}

Error incompatible() { return Error(ErrorKind::kInvalidArgument, "incompatible types for comparison"); }

Result<bool> equal(const ordered_json& a, const ordered_json& b) {
  const Basic kind = basic_kind(a);
  const Basic other = basic_kind(b);
  if (kind == Basic::kNone || other == Basic::kNone) return kind == other;
  if (kind != other) return incompatible();
  if (kind == Basic::kOther)
    return error(ErrorKind::kInvalidArgument, "non-comparable type {}", Value::borrowed(a).type());
  return a == b;
}

Result<bool> less(const ordered_json& a, const ordered_json& b) {
  const Basic kind = basic_kind(a);
  const Basic other = basic_kind(b);
  const auto invalid = [] { return Error(ErrorKind::kInvalidArgument, "invalid type for comparison"); };
  for (const Basic side : {kind, other})
    if (side == Basic::kNone || side == Basic::kOther) return invalid();
  if (kind != other) return incompatible();
  if (kind == Basic::kBool) return invalid();
  return a < b;
}

}  // namespace

bool is_comparison(std::string_view name) {
  return name == "eq" || name == "ne" || name == "lt" || name == "le" || name == "gt" || name == "ge";
}

Result<bool> compare(std::string_view name, std::span<const Value> arguments) {
  const ordered_json& first = arguments[0].json();
  if (name == "eq") {
    if (arguments.size() < 2) return Error(ErrorKind::kInvalidArgument, "missing argument for comparison");
    for (const Value& other : arguments.subspan(1))
      if (TRY(equal(first, other.json()))) return true;
    return false;
  }
  const ordered_json& second = arguments[1].json();
  if (name == "ne") return !TRY(equal(first, second));
  if (name == "lt") return less(first, second);
  if (name == "ge") return !TRY(less(first, second));
  const bool before = TRY(less(first, second));
  const bool same = before ? false : TRY(equal(first, second));
  return name == "le" ? before || same : !before && !same;
}

}  // namespace strata::cli::templates
