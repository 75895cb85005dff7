// What a step's outcome depends on, as a tree: parts with names, and below them the environment and the
// files one by one. Its digest is the key of the cache; the tree is kept so that a miss can be explained by
// comparing it with an earlier one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/digest.h"

namespace strata::build {

struct CacheKey {
  // In the order in which differences are told: "platform", "parent", "command", …
  std::vector<std::pair<std::string, std::string>> parts;
  std::vector<std::string> env;              // "K=V"
  std::string files_digest;                  // of all files that are read
  std::map<std::string, std::string> files;  // for explanations only; may be empty
  std::string source;                        // the instruction as written; takes no part in the digest

  oci::Digest digest() const;
  // For the database. Values that look secret are not spared: ARG and ENV are in the image anyway.
  std::string to_json() const;
  static Result<CacheKey> parse(std::string_view text);

  std::string part(std::string_view name) const;  // "" when there is none
};

// One short line: the first thing in which `now` differs from `before`; "" when nothing does.
//   "base image: sha256:ab12… → sha256:cd34…", "env VERSION: 1.2 → 1.3", "changed: /src/main.c (content), …"
std::string first_difference(const CacheKey& before, const CacheKey& now);

}  // namespace strata::build
