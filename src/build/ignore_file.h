// .dockerignore: which files of a context a build does not see. Rules of moby/patternmatcher as BuildKit
// applies them: the last pattern that matches a path or one of its parents decides, ! brings back.
// https://docs.docker.com/build/concepts/context/#dockerignore-files
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "build/path_pattern.h"

namespace strata::build {

inline constexpr std::size_t kMaxIgnorePatterns = 10'000;

class IgnoreFile {
 public:
  IgnoreFile() = default;  // ignores nothing
  // Errors: kInvalidArgument with the line, kResourceExhausted.
  static Result<IgnoreFile> parse(std::string_view text);
  // The same from patterns, as --exclude has them.
  static Result<IgnoreFile> from_patterns(const std::vector<std::string>& patterns);

  // What a directory's patterns mean for the entries in it; start a walk with the default one.
  using Inherited = std::vector<char>;

  struct Verdict {
    bool ignored = false;
    Inherited inherited;  // for the entries below
  };
  // `path` is relative to the context, without "./" or slashes at the ends. Call it for a directory before
  // its entries and hand its `inherited` on.
  Verdict check(std::string_view path, const Inherited& parent) const;
  // check() for a path alone.
  bool ignores(std::string_view path) const;

  bool empty() const { return rules_.empty(); }
  // Whether something in an ignored directory may come back.
  bool has_exceptions() const { return has_exceptions_; }

 private:
  struct Rule {
    PathPattern pattern;
    bool exception;
  };
  Result<> add(std::string_view pattern);

  std::vector<Rule> rules_;
  bool has_exceptions_ = false;
};

}  // namespace strata::build
