// Runs a fuzz target without a fuzzer: every file of the directories (or every file) named on the
// command line, then mutations of them until kMutations are done or kTime is over. The random
// numbers begin the same way each time, so that a crash can be had again; the input at work is left
// in crash-replay when the target aborts.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int kMutations = 50'000;
constexpr auto kTime = std::chrono::seconds(3);
constexpr std::size_t kMaxSize = 1 << 20;

std::vector<std::uint8_t> current;

void save_current(int signal) {
  // Only what is allowed in a signal handler.
  const int file = ::open("crash-replay", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file >= 0 && ::write(file, current.data(), current.size()) >= 0) {
    constexpr char kText[] = "\nfuzz replay: the input is in ./crash-replay\n";
    if (::write(2, kText, sizeof kText - 1) < 0) ::_exit(2);
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void run(std::vector<std::uint8_t> input) {
  current = std::move(input);
  LLVMFuzzerTestOneInput(current.data(), current.size());
}

std::vector<std::vector<std::uint8_t>> read_corpus(int argc, char** argv) {
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      paths.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i]))
      if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::vector<std::uint8_t>> corpus;
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::vector<std::uint8_t>>& corpus) : corpus_(corpus) {}

  std::vector<std::uint8_t> next() {
    std::vector<std::uint8_t> input = corpus_[below(corpus_.size())];
    for (std::size_t changes = 1 + below(6); changes > 0; --changes) change(input);
    input.resize(std::min(input.size(), kMaxSize));
    return input;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void change(std::vector<std::uint8_t>& input) {
    static constexpr std::uint8_t kTelling[] = {0, 1, '\n', ' ', '"', '0', '7', '9', '=', '/', '.', 0x7f, 0x80, 0xff};
    const std::size_t at = below(input.size());
    const auto begin = input.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t rest = input.size() - at;
    switch (input.empty() ? 3 : below(7)) {
      case 0:
        input[at] ^= static_cast<std::uint8_t>(1 << below(8));
        break;
      case 1:
        input[at] = kTelling[below(std::size(kTelling))];
        break;
      case 2:
        input[at] = static_cast<std::uint8_t>(random_());
        break;
      case 3:
        input.insert(begin, 1 + below(8), kTelling[below(std::size(kTelling))]);
        break;
      case 4:
        input.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(rest, 1 + below(16))));
        break;
      case 5:
        input.resize(at);
        break;
      case 6: {  // a piece of another one over it
        const auto& other = corpus_[below(corpus_.size())];
        const std::size_t from = below(other.size());
        const std::size_t length = std::min(rest, other.size() - from);
        std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(from), below(length + 1), begin);
        break;
      }
    }
  }

  const std::vector<std::vector<std::uint8_t>>& corpus_;
  std::mt19937 random_{20240229};
};

}  // namespace

int main(int argc, char** argv) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) ::signal(signal, save_current);
  const auto corpus = read_corpus(argc, argv);
  if (corpus.empty()) {
    std::fprintf(stderr, "usage: %s CORPUS...\n(no file found)\n", argv[0]);
    return 1;
  }
  for (const auto& input : corpus) run(input);
  Mutator mutator(corpus);
  const auto end = std::chrono::steady_clock::now() + kTime;
  int done = 0;
  while (done < kMutations && std::chrono::steady_clock::now() < end) {
    run(mutator.next());
    ++done;
  }
  std::printf("%zu inputs, %d mutations\n", corpus.size(), done);
}
