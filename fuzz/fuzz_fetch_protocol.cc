// A command must survive what a strata-fetch that has been taken over sends, and the other way
// round.
#include <cstdlib>
#include <string_view>

#include "fetch/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto message = strata::fetch::decode_to_command(bytes))
    if (!strata::fetch::decode_to_command(strata::fetch::encode(*message))) std::abort();
  if (const auto message = strata::fetch::decode_to_fetch(bytes))
    if (!strata::fetch::decode_to_fetch(strata::fetch::encode(*message))) std::abort();
  return 0;
}
