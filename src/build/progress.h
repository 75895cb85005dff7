// What a build tells about itself while it runs; cli/ draws it. Calls come from one thread at a time and
// must return soon.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "images/progress.h"

namespace strata::build {

class Progress {
 public:
  enum class Outcome { kDone, kCached, kFailed, kCancelled };
  virtual ~Progress() = default;

  // A step begins; the number returned names it in the other calls.
  virtual int begin(std::string_view title) = 0;
  // A line about the step: what it does, why it is not cached.
  virtual void note(int step, std::string_view line) = 0;
  // Output of the step's command, as it comes.
  virtual void output(int step, std::string_view bytes) = 0;
  // `message`: of kFailed.
  virtual void end(int step, Outcome outcome, std::string_view message = "") = 0;
  // For an image that the step pulls; valid until end().
  virtual images::PullProgress& pull(int step) = 0;

  virtual void warning(std::string_view text) = 0;
  // Where a build failed, told before build() returns its error: the step's title (may be empty), its last lines
  // of output, and the Dockerfile around the instruction (may be empty).
  virtual void failure(std::string_view title, const std::vector<std::string>& last_lines,
                       std::string_view excerpt) = 0;
};

}  // namespace strata::build
