#include "cli/image_filter.h"

#include <fnmatch.h>

#include <algorithm>
#include <map>

#include "cli/time_flag.h"

namespace strata::cli {
namespace {

using Filters = std::map<std::string, std::vector<std::string>, std::less<>>;

Result<Filters> parse_filters(const std::vector<std::string>& texts) {
  static constexpr std::string_view kKnown[] = {"reference", "dangling", "label", "before", "since", "until"};
  Filters filters;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    const std::string key = text.substr(0, equals);
    if (equals == std::string::npos || std::ranges::find(kKnown, key) == std::end(kKnown))
      return error(ErrorKind::kInvalidArgument, "invalid filter '{}'", equals == std::string::npos ? text : key);
    filters[key].push_back(text.substr(equals + 1));
  }
  return filters;
}

Result<bool> has_labels(images::Images& images, const images::ImageSummary& summary,
                        const std::vector<std::string>& wanted) {
  const images::Image image = TRY(images.get(summary.id));
  for (const std::string& text : wanted) {
    const auto equals = text.find('=');
    const auto found = image.config.config.labels.find(text.substr(0, equals));
    if (found == image.config.config.labels.end()) return false;
    if (equals != std::string::npos && found->second != text.substr(equals + 1)) return false;
  }
  return true;
}

// Brackets end, and so do escapes.
bool is_pattern(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') {
      const std::size_t first = i + (text.substr(i + 1).starts_with('^') ? 2 : 1);
      i = text.find(']', first);
      if (i == std::string_view::npos || i == first) return false;
    } else if (text[i] == '\\' && ++i == text.size()) {
      return false;
    }
  }
  return true;
}

void keep_names(images::ImageSummary& image, const std::vector<std::string>& patterns) {
  const auto other = [&](const oci::Reference& name) {
    return std::ranges::none_of(patterns, [&](const std::string& pattern) { return matches_pattern(name, pattern); });
  };
  std::erase_if(image.tags, other);
  std::erase_if(image.repo_digests, other);
}

}  // namespace

bool matches_pattern(const oci::Reference& reference, const std::string& pattern) {
  return ::fnmatch(pattern.c_str(), reference.familiar().c_str(), FNM_PATHNAME) == 0 ||
         ::fnmatch(pattern.c_str(), reference.familiar_name().c_str(), FNM_PATHNAME) == 0;
}

Result<std::vector<images::ImageSummary>> filter_images(images::Images& images, std::vector<images::ImageSummary> list,
                                                        const std::vector<std::string>& texts) {
  const Filters filters = TRY(parse_filters(texts));
  for (const auto& [key, values] : filters) {
    if (key == "reference") {
      if (!std::ranges::all_of(values, is_pattern))
        return error(ErrorKind::kInvalidArgument, "syntax error in pattern");
      for (images::ImageSummary& image : list) keep_names(image, values);
      std::erase_if(list, [](const images::ImageSummary& image) { return image.dangling(); });
    } else if (key == "dangling") {
      const std::string& value = values.back();
      const bool yes = value == "true" || value == "1";
      if (!yes && value != "false" && value != "0")
        return error(ErrorKind::kInvalidArgument, "invalid filter 'dangling={}'", value);
      std::erase_if(list, [&](const images::ImageSummary& image) { return image.dangling() != yes; });
    } else if (key == "label") {
      std::vector<images::ImageSummary> kept;
      for (images::ImageSummary& image : list)
        if (TRY(has_labels(images, image, values))) kept.push_back(std::move(image));
      list = std::move(kept);
    } else if (key == "until") {
      const Timestamp limit = TRY(parse_time_flag(values.back(), now()));
      std::erase_if(list, [&](const images::ImageSummary& image) { return image.created >= limit; });
    } else {
      const Timestamp limit = TRY(images.find(values.back())).created;
      std::erase_if(list, [&](const images::ImageSummary& image) {
        return key == "before" ? image.created >= limit : image.created <= limit;
      });
    }
  }
  return list;
}

}  // namespace strata::cli
