#include "cli/archive_output.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "sys/file.h"
#include "sys/nameless_file.h"
#include "sys/temp_dir.h"

namespace strata::cli {
namespace {

constexpr int kStandardOutput = 1;

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

Result<ArchiveOutput> ArchiveOutput::open(const std::string& path) {
  ArchiveOutput output;
  if (path.empty()) {
    if (is_terminal(kStandardOutput))
      return error(ErrorKind::kInvalidArgument, "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    return output;
  }
  if (const auto there = sys::stat_path(path); there && !S_ISREG(there->st_mode)) {
    if (S_ISDIR(there->st_mode))
      return error(ErrorKind::kInvalidArgument, "invalid output path: \"{}\" is a directory", path);
    output.file_ = TRY(sys::open_file(path, O_WRONLY), "invalid output path");
    return output;
  }
  output.path_ = path;
  auto nameless = sys::open_nameless_file(directory_of(path));
  if (nameless) {
    output.file_ = *std::move(nameless);
    return output;
  }
  if (nameless.error().error_number() != EOPNOTSUPP) return nameless.error().with_context("invalid output path");
  std::string temporary = fmt::format("{}.{}", path, sys::random_hex(6));
  output.file_ = TRY(sys::open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600), "invalid output path");
  output.temporary_ = std::move(temporary);
  return output;
}

ArchiveOutput::ArchiveOutput(ArchiveOutput&& other) noexcept
    : file_(std::move(other.file_)), path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

ArchiveOutput::~ArchiveOutput() {
  if (!temporary_.empty()) (void)sys::remove_file(temporary_);
}

int ArchiveOutput::fd() const { return file_ ? file_.get() : kStandardOutput; }

Result<> ArchiveOutput::commit() {
  if (!file_ || path_.empty()) return {};
  if (temporary_.empty()) {
    const auto linked = sys::name_file(file_.get(), path_);
    if (!linked && linked.error().error_number() != EEXIST) return linked;
    if (!linked) {
      // No call puts a nameless file in the place of another one.
      std::string temporary = fmt::format("{}.{}", path_, sys::random_hex(6));
      TRY(sys::name_file(file_.get(), temporary));
      temporary_ = std::move(temporary);
    }
  }
  TRY(file_.close(), "write {}", path_);
  if (temporary_.empty()) return {};
  TRY(sys::rename_path(temporary_, path_));
  temporary_.clear();
  return {};
}

}  // namespace strata::cli
