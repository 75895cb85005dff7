#include "oci/reference.h"

#include <algorithm>

#include "base/strings.h"

// A hand-written scanner instead of distribution/reference's regular expressions. The grammar:
//   reference      = name [":" tag] ["@" digest]
//   name           = [domain "/"] component *("/" component)
//   component      = alnum *(separator alnum)     alnum = 1*[a-z0-9]
//   separator      = "." / "_" / "__" / 1*"-"
//   domain         = (label *("." label) / "[" ipv6 "]") [":" 1*digit]

namespace strata::oci {
namespace {

constexpr std::size_t kMaxNameLength = 255;
constexpr std::string_view kIndexDomain = "index.docker.io";
constexpr std::string_view kOfficial = "library/";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alnum(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }
bool is_lower_alnum(char c) { return is_digit(c) || is_lower(c); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_domain_label(std::string_view label) {
  return !label.empty() && is_alnum(label.front()) && is_alnum(label.back()) &&
         std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_domain(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end < 2) return false;
    if (!std::ranges::all_of(text.substr(1, end - 1), [](char c) { return is_hex(c) || c == ':'; })) return false;
    port = text.substr(end + 1);
  } else {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
    for (const std::string_view label : split(host, '.'))
      if (!is_domain_label(label)) return false;
  }
  if (port.empty()) return true;
  return port.size() > 1 && port[0] == ':' && std::ranges::all_of(port.substr(1), is_digit);
}

bool is_component(std::string_view text) {
  std::size_t i = 0;
  while (true) {
    const std::size_t start = i;
    while (i < text.size() && is_lower_alnum(text[i])) ++i;
    if (i == start) return false;
    if (i == text.size()) return true;
    if (text[i] == '-') {
      while (i < text.size() && text[i] == '-') ++i;
    } else if (text[i] == '_') {
      ++i;
      if (i < text.size() && text[i] == '_') ++i;
    } else if (text[i] == '.') {
      ++i;
    } else {
      return false;
    }
  }
}

bool is_path(std::string_view text) { return std::ranges::all_of(split(text, '/'), is_component); }

bool is_identifier(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

// "algorithm:hex" as far as the reference grammar looks; Digest::parse decides the rest.
bool looks_like_digest(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_alnum(text[0]) || is_digit(text[0])) return false;
  const std::string_view hex = text.substr(colon + 1);
  return hex.size() >= 32 && std::ranges::all_of(hex, is_hex) && std::ranges::all_of(text.substr(0, colon), [](char c) {
           return is_alnum(c) || c == '+' || c == '.' || c == '-' || c == '_';
         });
}

Error invalid_format() { return Error(ErrorKind::kInvalidArgument, "invalid reference format"); }

// Which part of what was typed is the domain, and the rest; Docker's splitDockerDomain.
struct Split {
  std::string domain;
  std::string remainder;
};

Split split_domain(std::string_view text) {
  Split result;
  const std::size_t slash = text.find('/');
  const std::string_view first = text.substr(0, slash);
  const bool has_domain =
      slash != std::string_view::npos && (first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
                                          std::ranges::any_of(first, is_upper));
  if (has_domain) {
    result.domain = first == kIndexDomain ? kDockerHub : first;
    result.remainder = text.substr(slash + 1);
  } else {
    result.domain = kDockerHub;
    result.remainder = text;
  }
  if (result.domain == kDockerHub && result.remainder.find('/') == std::string::npos)
    result.remainder.insert(0, kOfficial);
  return result;
}

}  // namespace

bool is_valid_tag(std::string_view text) {
  return !text.empty() && text.size() <= 128 && (is_alnum(text[0]) || text[0] == '_') &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

Result<Reference> Reference::parse(std::string_view text) {
  if (is_identifier(text))
    return error(ErrorKind::kInvalidArgument,
                 "invalid repository name ({}), cannot specify 64-byte hexadecimal strings", text);
  if (text.size() > 4096 || text.empty()) return invalid_format();
  const Split parts = split_domain(text);

  std::string_view rest = parts.remainder;
  // Docker looks at what stands before the first colon, which for name@sha256:… is name@sha256.
  const std::string_view remote = rest.substr(0, rest.find(':'));
  if (std::ranges::any_of(remote, is_upper))
    return error(ErrorKind::kInvalidArgument, "invalid reference format: repository name ({}) must be lowercase",
                 printable(remote));

  Reference reference;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    const std::string_view digest_text = rest.substr(at + 1);
    if (!looks_like_digest(digest_text)) return invalid_format();
    reference.digest = TRY(Digest::parse(digest_text));
    rest = rest.substr(0, at);
  }
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    const std::string_view tag_text = rest.substr(colon + 1);
    if (!is_valid_tag(tag_text)) return invalid_format();
    reference.tag = std::string(tag_text);
    rest = rest.substr(0, colon);
  }
  if (!is_domain(parts.domain) || !is_path(rest)) return invalid_format();
  reference.domain_ = parts.domain;
  reference.path_ = std::string(rest);
  if (reference.name().size() > kMaxNameLength)
    return error(ErrorKind::kInvalidArgument, "repository name must not be more than {} characters", kMaxNameLength);
  return reference;
}

std::string Reference::name() const { return domain_ + "/" + path_; }

std::string Reference::familiar_name() const {
  if (domain_ != kDockerHub) return name();
  if (path_.starts_with(kOfficial) && path_.find('/', kOfficial.size()) == std::string::npos)
    return path_.substr(kOfficial.size());
  // docker.io/a.b/c must not be shown as a.b/c, which names another registry.
  return split_domain(path_).domain == kDockerHub ? path_ : name();
}

namespace {

std::string with_suffixes(std::string name, const Reference& reference) {
  if (reference.tag) name += ":" + *reference.tag;
  if (reference.digest) name += "@" + reference.digest->to_string();
  return name;
}

}  // namespace

std::string Reference::to_string() const { return with_suffixes(name(), *this); }
std::string Reference::familiar() const { return with_suffixes(familiar_name(), *this); }

Reference Reference::with_default_tag() const { return is_name_only() ? with_tag("latest") : *this; }

Reference Reference::with_tag(std::string_view new_tag) const {
  Reference other = without_tag_and_digest();
  other.tag = std::string(new_tag);
  return other;
}

Reference Reference::with_digest(Digest new_digest) const {
  Reference other = without_tag_and_digest();
  other.digest = std::move(new_digest);
  return other;
}

Reference Reference::without_tag_and_digest() const {
  Reference other = *this;
  other.tag.reset();
  other.digest.reset();
  return other;
}

}  // namespace strata::oci
