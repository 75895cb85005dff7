#include "layers/worker.h"

#include <fcntl.h>

#include <string>

#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace strata::layers {
namespace {

// Starts the worker with descriptor 6 for its report, waits for it and its end.
Result<WorkerReport> report_of(sys::SpawnOptions options) {
  sys::Pipe report = TRY(sys::make_pipe());
  options.environment.emplace();
  options.fds.emplace_back(report.write.get(), 6);
  sys::Child child = TRY(sys::spawn(options));
  report.write.reset();
  Result<std::string> text = sys::read_fd(report.read.get(), kMaxReport);
  report.read.reset();  // a worker that says too much ends by that
  const sys::ExitStatus status = TRY(child.wait());
  if (!text) return std::move(text).take_error();
  if (text->empty())
    return error(ErrorKind::kInternal, "strata-layer ended without a report ({} {})",
                 status.signal != 0 ? "signal" : "exit code", status.signal != 0 ? status.signal : status.code);
  return parse_report(*text);
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
  return report_of(std::move(options));
}

Result<WorkerReport> run_compressor(const std::string& program, int input, int output, codec::Compression compression) {
  sys::SpawnOptions options;
  options.program = program;
  options.arguments = {"strata-layer", "compress", std::string(codec::to_string(compression))};
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
