// Descriptors in JSON, for the documents that hold them. Include only in .cc files of this folder.
#pragma once

#include "base/json.h"
#include "base/json_fields.h"
#include "oci/descriptor.h"

namespace strata::oci {

void read_descriptor(JsonFields& in, Descriptor& descriptor);
ordered_json json_of(const Descriptor& descriptor);

// The text of a document that we make: bytes that are not UTF-8 become U+FFFD, as Go writes them.
std::string dump(const ordered_json& document);

}  // namespace strata::oci
