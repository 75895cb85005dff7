#include "layers/worker.h"

#include <fcntl.h>

#include <array>
#include <optional>
#include <string>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace strata::layers {
namespace {

// The report. What the worker asks for before it is granted by a byte into `granted`.
Result<std::string> read_report(int fd, int granted, WindowBudget* windows) {
  std::optional<WindowBudget::Share> share;
  std::string text;
  std::array<std::byte, 16 << 10> buffer;
  while (const std::size_t count = TRY(sys::read_some(fd, buffer))) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (text.size() > kMaxReport)
      return error(ErrorKind::kResourceExhausted, "the layer's report is beyond the limit of {} bytes", kMaxReport);
    while (text.starts_with(kNeed)) {
      const std::size_t end = text.find('\n');
      if (end == std::string::npos) break;
      const auto bytes = parse_unsigned(std::string_view(text).substr(kNeed.size(), end - kNeed.size()));
      if (!bytes || *bytes > kMaxWindow)
        return error(ErrorKind::kInternal, "strata-layer asks for what it may not have");
      text.erase(0, end + 1);
      share.reset();
      if (windows != nullptr) share.emplace(*windows, *bytes);
      TRY(sys::write_all(granted, "g"));
    }
  }
  return text;
}

// Starts the worker with descriptor 6 for its report and 9 for what is granted, waits for it and its end.
Result<WorkerReport> report_of(sys::SpawnOptions options, WindowBudget* windows = nullptr) {
  sys::Pipe report = TRY(sys::make_pipe());
  const sys::Pipe granted = TRY(sys::make_pipe());  // both ends stay: writing to a dead worker is no error
  options.environment.emplace();
  options.fds.emplace_back(report.write.get(), 6);
  options.fds.emplace_back(granted.read.get(), 9);
  sys::Child child = TRY(sys::spawn(options));
  report.write.reset();
  Result<std::string> text = read_report(report.read.get(), granted.write.get(), windows);
  report.read.reset();  // a worker that says too much ends by that
  const sys::ExitStatus status = TRY(child.wait());
  if (!text) return std::move(text).take_error();
  if (text->empty())
    return error(ErrorKind::kInternal, "strata-layer ended without a report ({} {})",
                 status.signal != 0 ? "signal" : "exit code", status.signal != 0 ? status.signal : status.code);
  WorkerReport parsed = TRY(parse_report(*text));
  // What comes behind a report is part of the work.
  if (status.signal != 0 || status.code != 0)
    return error(ErrorKind::kInternal, "strata-layer did not end well after its report ({} {})",
                 status.signal != 0 ? "signal" : "exit code", status.signal != 0 ? status.signal : status.code);
  return parsed;
}

}  // namespace

Result<WorkerReport> run_worker(const WorkerJob& job) {
  const bool in_place = job.tar < 0;
  sys::SpawnOptions options;
  options.program = job.program;
  options.arguments = {"strata-layer",
                       job.directory >= 0 ? "directory" : "index",
                       std::to_string(job.max_tar_size),
                       std::to_string(job.max_entries),
                       std::to_string(job.max_metadata),
                       job.key.empty() ? "-" : job.key,
                       in_place ? "in-place" : "copy",
                       job.implied_attributes.empty() ? "none" : "implied",
                       job.kept < 0 ? "all" : "continued"};
  options.fds = {{job.input, 3}, {job.directory >= 0 ? job.directory : job.index, 5}};
  if (!in_place) options.fds.emplace_back(job.tar, 4);
  if (job.kept >= 0) options.fds.emplace_back(job.kept, 8);
  sys::UniqueFd implied;
  if (!job.implied_attributes.empty()) {
    implied = TRY(sys::memory_file("implied-parents", to_json(job.implied_attributes)));
    options.fds.emplace_back(implied.get(), 7);
  }
  return report_of(std::move(options), job.windows);
}

Result<WorkerReport> run_compressor(const std::string& program, int input, int output, codec::Compression compression,
                                    int level) {
  sys::SpawnOptions options;
  options.program = program;
  options.arguments = {"strata-layer", "compress", std::string(codec::to_string(compression)), std::to_string(level)};
  options.fds = {{input, 3}, {output, 5}};
  return report_of(std::move(options));
}

Result<> run_inflater(const std::string& program, int input, int output, codec::Compression compression) {
  sys::SpawnOptions options;
  options.program = program;
  options.arguments = {"strata-layer", "inflate", std::string(codec::to_string(compression))};
  options.fds = {{input, 3}, {output, 5}};
  (void)TRY(report_of(std::move(options)));
  return {};
}

}  // namespace strata::layers
