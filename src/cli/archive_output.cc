#include "cli/archive_output.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "sys/file.h"
#include "sys/temp_dir.h"

namespace strata::cli {
namespace {
constexpr int kStandardOutput = 1;
}

Result<ArchiveOutput> ArchiveOutput::open(const std::string& path) {
  ArchiveOutput output;
  if (path.empty()) {
    if (is_terminal(kStandardOutput))
      return error(ErrorKind::kInvalidArgument,
                   "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    return output;
  }
  if (const auto there = sys::stat_path(path); there && !S_ISREG(there->st_mode)) {
    if (S_ISDIR(there->st_mode))
      return error(ErrorKind::kInvalidArgument, "invalid output path: \"{}\" is a directory", path);
    output.file_ = TRY(sys::open_file(path, O_WRONLY), "invalid output path");
    return output;
  }
  output.path_ = path;
  std::string temporary = fmt::format("{}.{}", path, sys::random_hex(6));
  output.file_ =
      TRY(sys::open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600), "invalid output path");
  output.temporary_ = std::move(temporary);
  return output;
}

ArchiveOutput::ArchiveOutput(ArchiveOutput&& other) noexcept
    : file_(std::move(other.file_)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})) {}

ArchiveOutput::~ArchiveOutput() {
  if (!temporary_.empty()) (void)sys::remove_file(temporary_);
}

int ArchiveOutput::fd() const { return file_ ? file_.get() : kStandardOutput; }

Result<> ArchiveOutput::commit() {
  if (!file_) return {};
  TRY(file_.close(), "write {}", path_);
  if (temporary_.empty()) return {};
  TRY(sys::rename_path(temporary_, path_));
  temporary_.clear();
  return {};
}

}  // namespace strata::cli
