#include "cli/registry_name.h"

#include "base/strings.h"
#include "oci/reference.h"
#include "registry/credentials.h"

namespace strata::cli {

Result<std::string> registry_domain(std::string_view as_typed) {
  const std::string key = registry::credentials_key(as_typed);
  if (key == registry::credentials_key(oci::kDockerHub)) return std::string(oci::kDockerHub);
  // A host without a dot or port is no domain in a reference, but may be one's own name for a
  // registry.
  const auto reference =
      oci::Reference::parse((key.find_first_of(".:") == std::string::npos ? key + ":443" : key) + "/x");
  if (!reference || reference->path() != "x")
    return error(ErrorKind::kInvalidArgument, "\"{}\" is not the name of a registry", printable(as_typed));
  return key;
}

}  // namespace strata::cli
