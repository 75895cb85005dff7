// The flags of one instruction (--name=value), checked against those it knows.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "build/dockerfile/line.h"

namespace strata::dockerfile {

enum class FlagKind { kBool, kText, kList };
struct FlagSpec {
  std::string_view name;
  FlagKind kind;
};

class Flags {
 public:
  // On error `bad` (if given) is the offset of the flag that is wrong. Messages are BuildKit's.
  static Result<Flags> parse(std::span<const Word> words, std::span<const FlagSpec> known, std::size_t& bad);

  std::string text(std::string_view name) const;  // "" when not given
  std::optional<bool> boolean(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;

 private:
  struct Value {
    std::string_view name;  // of the FlagSpec
    std::string value;
  };
  std::vector<Value> values_;
};

}  // namespace strata::dockerfile
