// --chown and --chmod: names and modes as numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::build {

struct Ownership {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// "user", "user:group", names or numbers; names are looked up in /etc/passwd and /etc/group below `root`
// (-1: there are none). A user's name alone means its primary group too, a number alone the group of
// the same number. Errors: kNotFound "no such user: x".
Result<Ownership> parse_ownership(std::string_view text, int root);

// --chmod: an octal mode up to 07777, or chmod(1)'s symbolic form ("u=rwX,go-w").
class ModeChange {
 public:
  // Errors: kInvalidArgument in BuildKit's words.
  static Result<ModeChange> parse(std::string_view text);
  std::uint32_t apply(std::uint32_t mode, bool is_directory) const;
  // The mode itself when it is octal.
  std::optional<std::uint32_t> absolute() const { return absolute_; }

 private:
  struct Clause {
    std::uint32_t who;   // bits of ugo that are meant, 0777 mask
    char operation;      // + - =
    std::uint32_t bits;  // rwx as 07, repeated for each of ugo
    bool x_if_executable;
    bool setid, sticky;
  };
  std::optional<std::uint32_t> absolute_;
  std::vector<Clause> clauses_;
};

}  // namespace strata::build
