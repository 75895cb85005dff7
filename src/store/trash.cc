#include "store/trash.h"

#include <cerrno>
#include <optional>

#include "sys/file.h"
#include "sys/temp_dir.h"

namespace strata::store {
namespace {

std::string trash_path(const Paths& paths) { return paths.root + "/trash"; }

}  // namespace

Result<> discard(Store& store, const std::string& path) {
  if (const Result<std::string> trash = store.directory("trash")) {
    const Result<> moved = sys::rename_path(path, *trash + '/' + sys::random_hex(8));
    if (moved || moved.error().error_number() == ENOENT) return {};
  }
  return sys::remove_tree(path);
}

bool has_trash(const Paths& paths) {
  const auto names = sys::list_directory(trash_path(paths));
  return names && !names->empty();
}

Result<> empty_trash(const Paths& paths) {
  const auto names = sys::list_directory(trash_path(paths));
  if (!names) {
    if (names.error().error_number() == ENOENT) return {};
    return names.error();
  }
  std::optional<Error> first;
  for (const std::string& name : *names) {
    Result<> removed = sys::remove_tree(trash_path(paths) + '/' + name);
    // Another process may be deleting the same tree.
    if (!removed && removed.error().error_number() != ENOENT && !first) first = std::move(removed).take_error();
  }
  if (first) return *std::move(first);
  return {};
}

}  // namespace strata::store
