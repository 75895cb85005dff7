// The layers of a pull or a push on their way, as docker shows them: on a terminal a line for each
// that changes in place, with a bar; elsewhere a plain line for each step.
//
// With more layers than the terminal has rows the lines cannot be reached any more: plain lines
// then too. Everything goes to standard output. Called by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "images/progress.h"

namespace strata::cli {

class LayerLines {
 public:
  void begin(std::vector<std::string> names);
  // One more line, below the others.
  void add(std::string name);
  // `status` is what stands behind the name, e.g. "Pull complete"; with a total, a bar follows on a
  // terminal. Elsewhere the line is printed when `status` changes, and not at all when it has a
  // bar.
  void set(std::size_t line, const std::string& status, std::uint64_t done = 0, std::uint64_t total = 0);
  void note(std::string_view text);

 private:
  struct Line {
    std::string name, status, drawn;
  };
  std::vector<Line> lines_;
  bool in_place_ = false;
  std::size_t columns_ = 80;
  std::size_t rows_ = 24;
};

class PullView : public images::PullProgress {
 public:
  explicit PullView(bool quiet) : quiet_(quiet) {}
  void begin(const oci::Reference& reference, std::span<const oci::Digest> layers) override;
  void layer(std::size_t layer, State state, std::uint64_t done, std::uint64_t total) override;

 private:
  bool quiet_;
  LayerLines lines_;
};

class PushView : public images::PushProgress {
 public:
  explicit PushView(bool quiet) : quiet_(quiet) {}
  void begin(const oci::Reference& reference, std::span<const oci::Digest> layers) override;
  void layer(std::size_t layer, State state, std::uint64_t done, std::uint64_t total, std::string_view detail) override;
  void note(std::string_view text) override;

 private:
  bool quiet_;
  std::size_t count_ = 0;
  LayerLines lines_;
};

}  // namespace strata::cli
