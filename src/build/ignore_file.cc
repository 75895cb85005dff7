#include "build/ignore_file.h"

#include "base/strings.h"

namespace strata::build {

Result<> IgnoreFile::add(std::string_view pattern) {
  pattern = trim(pattern);
  const bool exception = pattern.starts_with('!');
  if (exception) pattern = trim(pattern.substr(1));
  if (pattern.empty()) {
    if (exception) return error(ErrorKind::kInvalidArgument, "illegal exclusion pattern: \"!\"");
    return {};
  }
  std::string clean = clean_path(pattern);
  if (clean.size() > 1 && clean.starts_with('/')) clean.erase(0, 1);
  if (rules_.size() == kMaxIgnorePatterns)
    return error(ErrorKind::kResourceExhausted, "more than {} patterns", kMaxIgnorePatterns);
  rules_.push_back({TRY(PathPattern::parse(clean, PathPattern::Dialect::kIgnore)), exception});
  has_exceptions_ = has_exceptions_ || exception;
  return {};
}

Result<IgnoreFile> IgnoreFile::parse(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  IgnoreFile file;
  int number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (line.starts_with('#')) continue;
    TRY(file.add(line), "line {}", number);
  }
  return file;
}

Result<IgnoreFile> IgnoreFile::from_patterns(const std::vector<std::string>& patterns) {
  IgnoreFile file;
  for (const std::string& pattern : patterns) TRY(file.add(pattern));
  return file;
}

IgnoreFile::Verdict IgnoreFile::check(std::string_view path, const Inherited& parent) const {
  Verdict verdict{.ignored = false, .inherited = Inherited(rules_.size(), 0)};
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    bool match = i < parent.size() && parent[i] != 0;
    // A pattern that could not change anything is not asked (and so not inherited): BuildKit's way.
    if (!match && rules_[i].exception == verdict.ignored) match = rules_[i].pattern.matches(path);
    verdict.inherited[i] = match ? 1 : 0;
    if (match) verdict.ignored = !rules_[i].exception;
  }
  return verdict;
}

bool IgnoreFile::ignores(std::string_view path) const {
  Verdict verdict;
  for (std::size_t slash = path.find('/');; slash = path.find('/', slash + 1)) {
    verdict = check(path.substr(0, slash), verdict.inherited);
    if (slash == std::string_view::npos) return verdict.ignored;
  }
}

}  // namespace strata::build
