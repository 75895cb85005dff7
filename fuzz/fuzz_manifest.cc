// What parses must print as something that parses to the same; a platform's choice is one of the
// index's own.
#include <cstdlib>
#include <string_view>

#include "oci/manifest.h"

namespace oci = strata::oci;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = oci::parse_manifest({reinterpret_cast<const char*>(data), size});
  if (!parsed) return 0;
  const auto print = [](const auto& document) { return document.to_json(); };
  const std::string text = std::visit(print, *parsed);
  const auto again = oci::parse_manifest(text);
  if (!again || std::visit(print, *again) != text) std::abort();
  if (const auto* index = std::get_if<oci::Index>(&*parsed))
    (void)oci::choose_manifest(*index, {.os = "linux", .architecture = "arm", .variant = "v7"});
  return 0;
}
