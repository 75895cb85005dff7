// A reference: what a user types to name an image, and what it means.
//
// Grammar and normalising are those of github.com/distribution/reference, which Docker uses: a
// first component with a dot, a colon or an upper-case letter, or "localhost", is a domain; without
// one the domain is docker.io, and there a single component stands below library/.
//
//   nginx                     docker.io/library/nginx
//   localhost:5000/a/b:1.2    as it stands
//   debian@sha256:…           docker.io/library/debian@sha256:…
//
// - domain() and path() are never empty in a parsed reference; path() is lower-case.
// - Either, both or none of tag and digest may be there; with both, the digest decides (as docker
// pulls).
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "oci/digest.h"

namespace strata::oci {

class Reference {
 public:
  std::optional<std::string> tag;
  std::optional<Digest> digest;

  Reference() = default;  // names nothing
  // Errors: kInvalidArgument in Docker's words ("invalid reference format", …).
  static Result<Reference> parse(std::string_view as_user_types);

  const std::string& domain() const { return domain_; }  // "docker.io"
  const std::string& path() const { return path_; }      // "library/nginx"

  // Canonical, and as Docker shows it to people.
  std::string name() const;           // "docker.io/library/nginx"
  std::string familiar_name() const;  // "nginx"
  std::string to_string() const;      // "docker.io/library/nginx:latest"
  std::string familiar() const;       // "nginx:latest"

  bool is_name_only() const { return !tag && !digest; }
  // With ":latest" when it has neither tag nor digest.
  Reference with_default_tag() const;
  // The same repository with exactly this tag, this digest, or neither.
  Reference with_tag(std::string_view new_tag) const;
  Reference with_digest(Digest new_digest) const;
  Reference without_tag_and_digest() const;

  auto operator<=>(const Reference&) const = default;

 private:
  std::string domain_;
  std::string path_;
};

inline constexpr std::string_view kDockerHub = "docker.io";

// Whether `text` is a tag ([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}).
bool is_valid_tag(std::string_view text);

}  // namespace strata::oci
