// What `images` is asked to leave out: --filter and the pattern argument.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/images.h"

namespace strata::cli {

// docker's reference patterns: path.Match of "nginx:latest" or "nginx"; * stops at a slash.
bool matches_pattern(const oci::Reference& reference, const std::string& pattern);

// Filters: reference=, dangling=, label=KEY[=VALUE], before=IMAGE, since=IMAGE, until=TIME; different ones must
// all hold, of several of the same one only one must (labels: all). A reference filter also drops
// the names that do not match. Errors: kInvalidArgument "invalid filter 'x'".
Result<std::vector<images::ImageSummary>> filter_images(images::Images& images, std::vector<images::ImageSummary> list,
                                                        const std::vector<std::string>& filters);

}  // namespace strata::cli
