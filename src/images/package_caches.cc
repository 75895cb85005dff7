// Where package managers leave what they will not need again.
#include "images/explain.h"

namespace strata::images {
namespace {

constexpr CacheDirectory kCaches[] = {
    {"var/cache/apt", "apt"}, {"var/lib/apt/lists", "apt"},       {"var/cache/apk", "apk"},
    {"etc/apk/cache", "apk"}, {"var/cache/dnf", "dnf"},           {"var/cache/libdnf5", "dnf"},
    {"var/cache/yum", "yum"}, {"var/cache/zypp", "zypper"},       {"var/cache/pacman", "pacman"},
    {"var/cache/man", "man"}, {"usr/local/share/.cache", "yarn"}, {"usr/local/lib/ruby/gems/cache", "gem"},
};
// In the home of any user.
constexpr CacheDirectory kHomeCaches[] = {
    {".cache/pip", "pip"},           {".cache/uv", "uv"},         {".cache/pypoetry", "poetry"},
    {".cache/yarn", "yarn"},         {".cache/go-build", "go"},   {"go/pkg/mod/cache", "go"},
    {".cache/composer", "composer"}, {".cache/node-gyp", "npm"},  {".npm", "npm"},
    {".cargo/registry", "cargo"},    {".m2/repository", "maven"}, {".gradle/caches", "gradle"},
    {".bundle/cache", "bundler"},    {".conda/pkgs", "conda"},    {".nuget/packages", "nuget"},
};

bool lies_in(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && path.size() > directory.size() && path[directory.size()] == '/';
}

}  // namespace

CacheDirectory cache_of(std::string_view path) {
  for (const CacheDirectory& cache : kCaches)
    if (lies_in(path, cache.path)) return cache;
  std::size_t home = 0;
  if (path.starts_with("root/"))
    home = 5;
  else if (path.starts_with("home/"))
    home = path.find('/', 5) == std::string_view::npos ? 0 : path.find('/', 5) + 1;
  if (home == 0) return {};
  for (const CacheDirectory& cache : kHomeCaches)
    if (lies_in(path.substr(home), cache.path)) return {path.substr(0, home + cache.path.size()), cache.of};
  return {};
}

}  // namespace strata::images
