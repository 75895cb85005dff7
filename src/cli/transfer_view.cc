#include "cli/transfer_view.h"

#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "cli/command.h"
#include "sys/terminal.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

constexpr std::size_t kBarWidth = 50;
constexpr std::size_t kBesideBar = 46;  // columns for the name, the status and the numbers
constexpr int kStandardOutput = 1;

// "[=====>     ]  12.3MB/31.4MB"; without the bar where there is no room for it.
std::string bar(std::uint64_t done, std::uint64_t total, std::size_t columns) {
  const std::string numbers = fmt::format("{}/{}", human_size(done), human_size(total));
  if (columns < kBesideBar + 5) return numbers;
  const std::size_t width = std::min(kBarWidth, columns - kBesideBar);
  const auto filled = static_cast<std::size_t>(static_cast<double>(std::min(done, total)) / static_cast<double>(total) *
                                               static_cast<double>(width));
  std::string text(filled, '=');
  if (filled < width) text += '>';
  text.resize(width, ' ');
  return fmt::format("[{}]  {}", text, numbers);
}

}  // namespace

void LayerLines::begin(std::vector<std::string> names) {
  lines_.clear();
  in_place_ = false;
  if (const auto size = sys::terminal_size(kStandardOutput)) {
    rows_ = size->rows > 0 ? size->rows : 24;
    columns_ = size->columns > 0 ? size->columns : 80;
    in_place_ = names.size() + 1 < rows_;
  }
  for (std::string& name : names) {
    lines_.push_back({std::move(name), {}, {}});
    if (in_place_) fmt::print("\n");
  }
}

void LayerLines::add(std::string name) {
  if (lines_.empty()) begin({});
  lines_.push_back({std::move(name), {}, {}});
  if (in_place_) fmt::print("\n");
  in_place_ = in_place_ && lines_.size() + 1 < rows_;
}

void LayerLines::set(std::size_t index, const std::string& status, std::uint64_t done, std::uint64_t total) {
  Line& line = lines_.at(index);
  if (!in_place_) {
    if (status == line.status || total != 0) return;
    line.status = status;
    fmt::print("{}: {}\n", line.name, status);
    std::fflush(stdout);
    return;
  }
  std::string text = fmt::format("{}: {}{}", line.name, status, total != 0 ? ' ' + bar(done, total, columns_) : "");
  // A line that wraps would be two lines.
  if (text.size() >= columns_) text.resize(columns_ - 1);
  if (text == line.drawn) return;
  const std::size_t up = lines_.size() - index;
  fmt::print("\x1b[{}A\x1b[2K\r{}\x1b[{}B\r", up, text, up);
  line.drawn = std::move(text);
  std::fflush(stdout);
}

void LayerLines::note(std::string_view text) {
  fmt::print("{}\n", text);
  // The notes stand below the lines, which must stay reachable: they are drawn again there.
  if (in_place_)
    for (Line& line : lines_) fmt::print("{}\n", line.drawn);
  std::fflush(stdout);
}

void PullView::begin(const oci::Reference& reference, std::span<const oci::Digest> layers) {
  if (quiet_) return;
  fmt::print("{}: Pulling from {}\n",
             reference.digest ? reference.digest->to_string() : reference.tag.value_or("latest"), reference.path());
  std::vector<std::string> names;
  for (const oci::Digest& layer : layers) names.push_back(layer.short_hex());
  lines_.begin(std::move(names));
  std::fflush(stdout);
}

void PullView::layer(std::size_t layer, State state, std::uint64_t done, std::uint64_t total) {
  if (quiet_) return;
  switch (state) {
    case State::kPulling:
      return lines_.set(layer, "Pulling fs layer");
    case State::kWaiting:
      return lines_.set(layer, "Waiting");
    case State::kDownloading:
      return lines_.set(layer, "Downloading", done, std::max<std::uint64_t>(total, 1));
    case State::kExtracting:
      return lines_.set(layer, "Extracting", done, std::max<std::uint64_t>(total, 1));
    case State::kDownloaded:
      return lines_.set(layer, "Download complete");
    case State::kComplete:
      return lines_.set(layer, "Pull complete");
    case State::kAlreadyExists:
      return lines_.set(layer, "Already exists");
  }
}

void PushView::begin(const oci::Reference& reference, std::span<const oci::Digest> layers) {
  if (quiet_) return;
  fmt::print("The push refers to repository [{}]\n", reference.name());
  // The top layer first, as docker has it.
  std::vector<std::string> names;
  for (const oci::Digest& layer : layers) names.push_back(layer.short_hex());
  std::ranges::reverse(names);
  count_ = names.size();
  lines_.begin(std::move(names));
  std::fflush(stdout);
}

void PushView::layer(std::size_t layer, State state, std::uint64_t done, std::uint64_t total, std::string_view detail) {
  if (quiet_) return;
  const std::size_t line = count_ - 1 - layer;
  switch (state) {
    case State::kPreparing:
      return lines_.set(line, "Preparing");
    case State::kWaiting:
      return lines_.set(line, "Waiting");
    case State::kCompressing:
      return lines_.set(line, "Compressing");
    case State::kPushing:
      return lines_.set(line, "Pushing", done, std::max<std::uint64_t>(total, 1));
    case State::kPushed:
      return lines_.set(line, "Pushed");
    case State::kMounted:
      return lines_.set(line, fmt::format("Mounted from {}", detail));
    case State::kAlreadyExists:
      return lines_.set(line, "Layer already exists");
  }
}

void PushView::note(std::string_view text) {
  if (!quiet_) lines_.note(text);
}

}  // namespace strata::cli
