// Descriptors in JSON, for the documents that hold them. Include only in .cc files of this folder.
#pragma once

#include <string_view>

#include "base/json.h"
#include "oci/descriptor.h"

namespace strata::oci {

// Errors: kCorrupt naming the member.
Result<Descriptor> descriptor_from_json(const json& value);
ordered_json json_of(const Descriptor& descriptor);

// A JSON object whose members are all strings.
Result<std::map<std::string, std::string>> string_map_member(const json& object,
                                                             std::string_view name);

// The text of a document that we make: bytes that are not UTF-8 become U+FFFD, as Go writes them.
std::string dump(const ordered_json& document);

}  // namespace strata::oci
