// Inside of TarReader: what extension headers (pax 'x', GNU 'L' and 'K') say about the entry that
// follows them, pax global headers ('g') included.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codec/tar_reader.h"

namespace strata::codec {

struct TarReader::Pending {
  std::optional<std::string> gnu_path;
  std::optional<std::string> gnu_link_target;
  const std::map<std::string, std::string>* global = nullptr;
  std::map<std::string, std::string> pax;
  // GNU.sparse 0.0 repeats its two keywords: their values in order.
  std::vector<std::string> sparse_numbers;

  // The record for a keyword. An empty value in the entry's own header takes a global one away
  // (POSIX), and the header block counts again.
  const std::string* find(const std::string& keyword) const {
    const auto own = pax.find(keyword);
    if (own != pax.end()) return own->second.empty() ? nullptr : &own->second;
    const auto shared = global->find(keyword);
    return shared == global->end() ? nullptr : &shared->second;
  }
};

}  // namespace strata::codec
