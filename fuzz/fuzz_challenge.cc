#include <cstdlib>
#include <string>

#include "registry/challenge.h"
#include "registry/registry_error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto challenge = strata::registry::parse_challenge({{"www-authenticate", text}});
  if (challenge && challenge->bearer && challenge->realm.empty()) std::abort();
  // Whatever a registry sends, what we print of it is short and has no control characters.
  const auto error = strata::registry::parse_registry_error(400, text);
  for (const char c : error.message)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  if (error.message.size() > 4096) std::abort();
  return 0;
}
