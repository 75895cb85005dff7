#include "cli/build_view.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/terminal.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

using Clock = std::chrono::steady_clock;
using build::Progress;

constexpr std::size_t kMaxLine = 64 << 10;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void write_out(std::string_view text) { (void)!sys::write_all(STDERR_FILENO, text); }

// Cuts a command's output into lines; a carriage return begins the line anew.
class LineCutter {
 public:
  template <class F>
  void add(std::string_view bytes, F on_line) {
    for (const char c : bytes) {
      if (c == '\n') {
        if (line_.ends_with('\r')) line_.pop_back();
        on_line(std::exchange(line_, {}));
      } else {
        if (c != '\r' && line_.ends_with('\r')) line_.clear();
        if (line_.size() < kMaxLine) line_ += c;
      }
    }
  }
  template <class F>
  void finish(F on_line) {
    if (!line_.empty()) on_line(std::exchange(line_, {}));
  }

 private:
  std::string line_;
};

// A pull as status lines: one for each layer that is complete.
class PullLines final : public images::PullProgress {
 public:
  using OnLine = std::function<void(const std::string&)>;
  explicit PullLines(OnLine on_line) : on_line_(std::move(on_line)) {}
  void begin(const oci::Reference&, std::span<const oci::Digest> layers) override {
    layers_.clear();
    for (const oci::Digest& layer : layers) layers_.push_back({layer.short_hex(), 0, false});
  }
  void layer(std::size_t index, State state, std::uint64_t, std::uint64_t total) override {
    Layer& layer = layers_.at(index);
    if (total != 0) layer.size = total;
    if (layer.told || (state != State::kComplete && state != State::kAlreadyExists)) return;
    layer.told = true;
    on_line_(
        fmt::format("{} {} done", layer.name, state == State::kComplete ? human_size(layer.size) : "already exists"));
  }

 private:
  struct Layer {
    std::string name;
    std::uint64_t size;
    bool told;
  };
  std::vector<Layer> layers_;
  OnLine on_line_;
};

void write_failure(std::string_view title, const std::vector<std::string>& last_lines, std::string_view excerpt) {
  std::string text;
  if (!title.empty() && !last_lines.empty()) {
    text += fmt::format("------\n > {}:\n", printable(title));
    for (const std::string& line : last_lines) text += line + "\n";
    text += "------\n";
  }
  write_out(text + std::string(excerpt));
}

// ---- plain ----

class PlainView final : public Progress {
 public:
  int begin(std::string_view title) override {
    const int step = static_cast<int>(steps_.size()) + 1;
    steps_.push_back({});
    write_out(fmt::format("{}#{} {}\n", step == 1 ? "" : "\n", step, printable(title)));
    return step;
  }
  void note(int step, std::string_view line) override { write_out(fmt::format("#{} {}\n", step, line)); }
  void output(int step, std::string_view bytes) override {
    State& state = at(step);
    state.lines.add(bytes, [&](const std::string& line) { print(step, line); });
  }
  void end(int step, Outcome outcome, std::string_view message) override {
    State& state = at(step);
    state.lines.finish([&](const std::string& line) { print(step, line); });
    switch (outcome) {
      case Outcome::kDone:
        write_out(fmt::format("#{} DONE {:.1f}s\n", step, seconds_since(state.start)));
        break;
      case Outcome::kCached:
        write_out(fmt::format("#{} CACHED\n", step));
        break;
      case Outcome::kCancelled:
        write_out(fmt::format("#{} CANCELED\n", step));
        break;
      case Outcome::kFailed:
        write_out(fmt::format("#{} ERROR: {}\n", step, message));
        break;
    }
  }
  images::PullProgress& pull(int step) override {
    pull_.emplace([step](const std::string& line) { write_out(fmt::format("#{} {}\n", step, line)); });
    return *pull_;
  }
  void warning(std::string_view text) override { write_out(fmt::format("\n[Warning] {}\n", text)); }
  void failure(std::string_view title, const std::vector<std::string>& last_lines, std::string_view excerpt) override {
    write_failure(title, last_lines, excerpt);
  }

 private:
  struct State {
    Clock::time_point start = Clock::now();
    LineCutter lines;
  };
  State& at(int step) { return steps_.at(static_cast<std::size_t>(step - 1)); }
  void print(int step, const std::string& line) {
    write_out(fmt::format("#{} {:.3f} {}\n", step, seconds_since(at(step).start), line));
  }
  std::deque<State> steps_;
  std::optional<PullLines> pull_;
};

// ---- live ----

// Finished steps stay as lines; below them the running one with its time and its last lines of output,
// drawn anew ten times a second.
class LiveView final : public Progress {
 public:
  LiveView() : ticker_([this](const std::stop_token& stop) { tick(stop); }) {}
  ~LiveView() override {
    ticker_.request_stop();
    wake_.notify_all();
    ticker_.join();
    const std::lock_guard lock(mutex_);
    erase();
    flush();
  }

  int begin(std::string_view title) override {
    const std::lock_guard lock(mutex_);
    running_.emplace(++count_, Running{printable(title), Clock::now(), {}, {}});
    draw();
    return count_;
  }
  void note(int step, std::string_view line) override {
    const std::lock_guard lock(mutex_);
    if (Running* running = find(step)) running->notes.push_back(printable(line));
    draw();
  }
  void output(int step, std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    Running* running = find(step);
    if (running == nullptr) return;
    running->cutter.add(bytes, [&](const std::string& line) {
      running->output.push_back(printable(line));
      if (running->output.size() > kOutputLines) running->output.pop_front();
    });
  }
  void end(int step, Outcome outcome, std::string_view) override {
    const std::lock_guard lock(mutex_);
    Running* running = find(step);
    if (running == nullptr) return;
    erase();
    const double time = seconds_since(running->start);
    const char* prefix = outcome == Outcome::kCached      ? "CACHED "
                         : outcome == Outcome::kFailed    ? "ERROR "
                         : outcome == Outcome::kCancelled ? "CANCELED "
                                                          : "";
    line(" => " + (prefix + running->title), time);
    for (const std::string& note : running->notes) line(" => => " + note, std::nullopt);
    running_.erase(step);
    draw();
  }
  images::PullProgress& pull(int step) override {
    pull_.emplace([this, step](const std::string& text) { note(step, text); });
    return *pull_;
  }
  void warning(std::string_view text) override {
    const std::lock_guard lock(mutex_);
    erase();
    frame_ += fmt::format("[Warning] {}\n", text);
    draw();
  }
  void failure(std::string_view title, const std::vector<std::string>& last_lines, std::string_view excerpt) override {
    const std::lock_guard lock(mutex_);
    erase();
    flush();
    write_failure(title, last_lines, excerpt);
  }

 private:
  static constexpr std::size_t kOutputLines = 6;
  struct Running {
    std::string title;
    Clock::time_point start;
    std::vector<std::string> notes;
    std::deque<std::string> output;
    LineCutter cutter{};
  };

  Running* find(int step) {
    const auto found = running_.find(step);
    return found == running_.end() ? nullptr : &found->second;
  }

  static std::size_t columns() {
    const auto size = sys::terminal_size(STDERR_FILENO);
    return size && size->columns > 20 ? size->columns : 80;
  }

  // One line of the terminal, the time at its right edge; longer text is cut at a character.
  void line(std::string text, std::optional<double> time) {
    const std::string right = time ? fmt::format(" {:.1f}s", *time) : "";
    const std::size_t room = columns() - 1 - right.size();
    std::size_t width = 0;
    std::size_t end = 0;
    while (end < text.size() && width < room) {
      ++end;
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
      ++width;
    }
    text.resize(end);
    frame_ += text + (time ? std::string(room - width, ' ') + right : "") + "\n";
  }

  void erase() {
    if (drawn_ > 0) frame_ += fmt::format("\x1b[{}A\r\x1b[J", drawn_);
    drawn_ = 0;
  }

  // Everything in one write, so that nothing flickers.
  void flush() {
    write_out(frame_);
    frame_.clear();
  }

  void draw() {
    erase();
    for (const auto& [step, running] : running_) {
      line(" => " + running.title, seconds_since(running.start));
      ++drawn_;
      for (const std::string& note : running.notes) {
        line(" => => " + note, std::nullopt);
        ++drawn_;
      }
      for (const std::string& text : running.output) {
        line(" => => # " + text, std::nullopt);
        ++drawn_;
      }
    }
    flush();
  }

  void tick(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      wake_.wait_for(lock, stop, std::chrono::milliseconds(100), [] { return false; });
      if (!stop.stop_requested()) draw();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<int, Running> running_;
  int count_ = 0;
  std::size_t drawn_ = 0;
  std::string frame_;
  std::optional<PullLines> pull_;
  std::jthread ticker_;  // last: it uses all the others
};

// ---- quiet ----

class QuietView final : public Progress {
 public:
  int begin(std::string_view) override { return 0; }
  void note(int, std::string_view) override {}
  void output(int, std::string_view) override {}
  void end(int, Outcome, std::string_view) override {}
  images::PullProgress& pull(int) override { return pull_; }
  void warning(std::string_view) override {}
  void failure(std::string_view title, const std::vector<std::string>& last_lines, std::string_view excerpt) override {
    write_failure(title, last_lines, excerpt);
  }

 private:
  PullLines pull_{[](const std::string&) {}};
};

}  // namespace

std::unique_ptr<build::Progress> make_build_view(BuildViewKind kind) {
  switch (kind) {
    case BuildViewKind::kLive:
      return std::make_unique<LiveView>();
    case BuildViewKind::kQuiet:
      return std::make_unique<QuietView>();
    case BuildViewKind::kPlain:
      break;
  }
  return std::make_unique<PlainView>();
}

}  // namespace strata::cli
