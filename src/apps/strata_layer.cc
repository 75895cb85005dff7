// strata-layer: makes something of one layer's bytes, on descriptors alone. Started by layers::Layers; not
// for people.
//
//   strata-layer index LIMITS…      3: the bytes, compressed or not   4: the tar to write ("in place": 3 is it)
//                                   5: the index to write; memory lies behind it until then   6: the report
//                                   7: attributes of implied parents, if "implied"
//                                   8: what comes before the bytes of 3, if "continued"; they are appended
//                                   9: a byte for each "need" on 6 (worker_protocol.h)
//     as nobody, without capabilities, unable to open anything (Landlock, seccomp).
//   strata-layer directory LIMITS…  3: the tar   5: an empty directory   6, 7: as above
//     as root, but confined to that directory and with the capabilities that restoring attributes takes.
//   strata-layer compress gzip|zstd LEVEL  3: the tar   5: the blob to write   6: the report
//     as nobody, as above.
//   strata-layer inflate gzip|zstd|xz|bzip2  3: the bytes   5: where to write them inflated   6: the report
//     as nobody, unable to open anything.
//
// LIMITS…: max-tar-size max-entries max-metadata KEY|- in-place|copy implied|none continued|all
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "base/strings.h"
#include "codec/compression.h"
#include "codec/erofs_writer.h"
#include "layers/compress_stream.h"
#include "layers/directory_form.h"
#include "layers/unpack_stream.h"
#include "sys/confined_root.h"
#include "sys/file.h"
#include "sys/hangup.h"
#include "sys/landlock.h"
#include "sys/privileges.h"
#include "sys/seccomp.h"
#include "sys/spilled_memory.h"

namespace {

using namespace strata;

constexpr int kInput = 3, kTar = 4, kOutput = 5, kReport = 6, kImplied = 7, kKept = 8, kGranted = 9;

// Waits until the parent grants the memory.
Result<> ask_for_window(std::size_t bytes) {
  TRY(sys::write_all(kReport, fmt::format("{}{}\n", layers::kNeed, bytes)));
  std::byte granted[1];
  if (TRY(sys::read_some(kGranted, granted)) == 0) return error(ErrorKind::kCancelled, "nobody waits any more");
  return {};
}

Result<layers::UnpackOptions> parse_arguments(int argc, char** argv) {
  if (argc != 9) return error(ErrorKind::kInvalidArgument, "strata-layer is started by strata only");
  const auto number = [&](int i) { return parse_unsigned(argv[i]).value_or(0); };
  layers::UnpackOptions options;
  options.input = kInput;
  options.max_tar_size = number(2);
  options.tree_limits = {.max_entries = number(3), .max_metadata = number(4)};
  if (std::string_view(argv[5]) != "-") options.key = argv[5];
  options.in_place = std::string_view(argv[6]) == "in-place";
  options.tar = options.in_place ? kInput : kTar;
  if (std::string_view(argv[7]) == "implied") {
    const std::string text = TRY(sys::read_fd(kImplied, layers::kMaxReport));
    options.implied_attributes = TRY(layers::parse_implied_attributes(text));
  }
  if (std::string_view(argv[8]) == "continued") options.kept = kKept;
  options.decompress = [](codec::Compression compression, codec::ByteSource& in) {
    return codec::decompress_fast(compression, in, {.max = layers::kMaxWindow, .take = ask_for_window});
  };
  return options;
}

// Nobody waits for the report any more: the parent is dead, and so is the lease whose files these are.
void end_with_parent() {
  std::thread([] {
    sys::wait_for_reader_gone(kReport);
    ::_exit(1);
  }).detach();
}

// What threads, memory and the descriptors that are open need: nothing with a path, no new descriptor.
constexpr std::string_view kAllowed[] = {"read",
                                         "write",
                                         "pread64",
                                         "pwrite64",
                                         "ftruncate",
                                         "lseek",
                                         "close",
                                         "fstat",
                                         "newfstatat",
                                         "fstatfs",
                                         "poll",
                                         "mmap",
                                         "munmap",
                                         "mprotect",
                                         "mremap",
                                         "madvise",
                                         "brk",
                                         "futex",
                                         "clone3",
                                         "clone",
                                         "set_robust_list",
                                         "rseq",
                                         "sched_yield",
                                         "sched_getaffinity",
                                         "prlimit64",
                                         "exit",
                                         "exit_group",
                                         "getrandom",
                                         "gettid",
                                         "getpid",
                                         "tgkill",
                                         "rt_sigaction",
                                         "rt_sigprocmask",
                                         "rt_sigreturn",
                                         "restart_syscall",
                                         "clock_gettime",
                                         "clock_nanosleep"};

// The bytes come from anywhere. Refused calls fail: this is the last wall, not a tripwire.
Result<> enter_sandbox() {
  TRY(sys::drop_all_privileges());
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return {};  // the sanitizers look into /proc and make pipes
#endif
  TRY(sys::landlock_read_only({}));
  constexpr auto kNative = sys::SyscallAbi::kX86_64;
  sys::SeccompBuilder builder({kNative}, SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ERRNO | ENOSYS);
  for (const std::string_view name : kAllowed)
    builder.add(kNative, sys::syscall_number(kNative, name), SECCOMP_RET_ALLOW);
  const sys::SeccompFilter filter = TRY(builder.build());
  return filter.load();
}

// How large a layer's tree is, is its maker's choice: most of it lies behind where the index will be.
Result<layers::WorkerReport> make_index(layers::UnpackOptions options) {
  (void)sys::spill_memory(kOutput, codec::kErofsMaxImage);  // without it there is more memory to be had
  TRY(enter_sandbox());
  end_with_parent();
  sys::watch_spilled_memory();
  options.index = kOutput;
  return TRY(layers::unpack_stream(options)).report;
}

Result<layers::WorkerReport> make_directory(layers::UnpackOptions options) {
  static constexpr int kNeeded[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER,   CAP_FSETID,
                                    CAP_MKNOD, CAP_SETFCAP,      CAP_SYS_ADMIN /* trusted.* */};
  TRY(sys::confine_to_directory(kOutput, kNeeded));
  ::umask(0);
  end_with_parent();
  layers::UnpackedStream unpacked = TRY(layers::unpack_stream(options));
  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
  TRY(layers::write_directory_form(unpacked.tree->tree(), kInput, kOutput, threads));
  return std::move(unpacked.report);
}

Result<layers::WorkerReport> make_blob(std::string_view compression, int level) {
  TRY(sys::drop_all_privileges());
  end_with_parent();
  layers::CompressOptions options;
  options.tar = kInput;
  options.output = kOutput;
  options.compression = compression == "zstd" ? codec::Compression::kZstd : codec::Compression::kGzip;
  options.threads = std::clamp(std::thread::hardware_concurrency(), 1u, 16u);
  options.compress = [level](codec::Compression how, codec::ByteSink& out) {
    return codec::compress_fast(how, out, level);
  };
  return layers::compress_stream(options);
}

class FdSource final : public codec::ByteSource {
 public:
  Result<std::size_t> read(std::span<std::byte> buffer) override { return sys::read_some(kInput, buffer); }
};

// Counts nothing and keeps nothing: whoever reads the output decides how much is too much.
Result<layers::WorkerReport> inflate(std::string_view name) {
  using enum codec::Compression;
  TRY(enter_sandbox());
  end_with_parent();
  for (const codec::Compression compression : {kGzip, kZstd, kXz, kBzip2}) {
    if (codec::to_string(compression) != name) continue;
    FdSource input;
    const auto inflated = TRY(codec::decompress_fast(compression, input));
    std::vector<std::byte> buffer(256 << 10);
    while (const std::size_t count = TRY(inflated->read(buffer)))
      TRY(sys::write_all(kOutput, std::span<const std::byte>(buffer).first(count)));
    return layers::WorkerReport();
  }
  return error(ErrorKind::kInvalidArgument, "no such compression: {}", name);
}

Result<layers::WorkerReport> run(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "compress") return make_blob(argv[2], std::atoi(argv[3]));
  if (argc == 3 && std::string_view(argv[1]) == "inflate") return inflate(argv[2]);
  layers::UnpackOptions options = TRY(parse_arguments(argc, argv));
  if (std::string_view(argv[1]) == "directory") return make_directory(std::move(options));
  return make_index(std::move(options));
}

}  // namespace

int main(int argc, char** argv) {
  ::mallopt(M_ARENA_MAX, 2);  // one for each thread would only be more memory
  const Result<layers::WorkerReport> report = run(argc, argv);
  const std::string text = report ? layers::to_json(*report) : layers::to_json(report.error());
  if (!sys::write_all(kReport, text))
    std::fprintf(stderr, "strata-layer: %s\n", report ? "no report" : report.error().message().c_str());
  const bool good = report.has_value();
  if (good && report->index_size > 0 && !sys::end_with_spilled_memory(report->index_size)) ::_exit(1);
  ::_exit(good ? 0 : 1);  // threads may still wait for a peer that never speaks again
}
