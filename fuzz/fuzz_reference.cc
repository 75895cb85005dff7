// What parses must print as something that parses to the same reference, and stay within the
// grammar's alphabet.
#include <cstdlib>
#include <string_view>

#include "oci/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reference = strata::oci::Reference::parse({reinterpret_cast<const char*>(data), size});
  if (!reference) return 0;
  for (const std::string& text : {reference->to_string(), reference->familiar()}) {
    const auto again = strata::oci::Reference::parse(text);
    if (!again || *again != *reference) std::abort();
  }
  if (("/" + reference->path() + "/").find("/../") != std::string::npos) std::abort();
  return 0;
}
