// `system fsck`: is what the records say on the disk, and is it what it was?
//
// Other commands may be at work meanwhile. Everything is read once: tars at the speed of the processor's SHA-256
// on several threads, in bounded memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "layers/layers_check.h"

namespace strata::engine {

struct FsckOptions {
  bool repair = false;
  // Told of bytes as they are read, by any thread; false ends it (kCancelled).
  std::function<bool(std::uint64_t)> progress;
  // A line about a repair that takes its time.
  std::function<void(const std::string&)> note;
};

struct Finding {
  std::string subject;  // "layer", "image", "container", "volume", "orphan", "build cache", "database", "disk"
  std::string name;     // of the subject: "sha256:…", a container's id, a file
  std::string what;     // "its tar is lost"
  std::vector<std::string> images;  // that cannot be used, or badly, because of it
  enum class Outcome { kFound, kRepaired, kLost } outcome = Outcome::kFound;
  std::string remedy;  // what was done, or why nothing could be

  std::string line() const;
};

struct FsckReport {
  std::vector<Finding> findings;
  layers::CheckTotals checked;
  std::uint64_t images = 0, containers = 0, volumes = 0;
  // Nothing is wrong any more.
  bool clean() const;
};

Result<FsckReport> fsck(Engine& engine, const FsckOptions& options);

}  // namespace strata::engine
