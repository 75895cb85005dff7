// What parses must print as something that parses to the same.
#include <cstdlib>
#include <string_view>

#include "oci/image_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = strata::oci::ImageConfig::parse({reinterpret_cast<const char*>(data), size});
  if (!config) return 0;
  const auto again = strata::oci::ImageConfig::parse(config->to_json());
  if (!again || *again != *config) std::abort();
  return 0;
}
