// A build: a Dockerfile and a context become an image.
//
// Parse, plan (plan.h), then solve: for each step a look into the cache, or the work: COPY and ADD write the
// layer's tar straight from the files, RUN runs a container without a record on a volatile upper. Everything in
// flight belongs to a lease, so that a build killed at any moment leaves nothing behind; layers that it finished
// are found again by the next one.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/progress.h"
#include "oci/digest.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace strata::store {
class Store;
}
namespace strata::layers {
class Layers;
}
namespace strata::images {
class Images;
}
namespace strata::registry {
class Client;
}
namespace strata::containers {
class Containers;
}

namespace strata::build {

struct BuildOptions {
  std::optional<std::string> context;  // a directory; nullopt: none (the Dockerfile came on its own)
  // The Dockerfile: its text, the name that messages show, and the path whose NAME.dockerignore counts
  // (empty: none).
  std::string dockerfile;
  std::string dockerfile_name = "Dockerfile";
  std::string dockerfile_path;

  std::vector<oci::Reference> tags;
  std::string target;
  std::map<std::string, std::string> build_args;
  std::map<std::string, std::string> labels;
  std::optional<oci::Platform> platform;  // only the host's so far
  bool no_cache = false;                  // run every step; the outcomes are still recorded
  bool pull = false;                      // ask the registry for newer base images
  std::string network = "default";        // of RUN: default (the bridge), none, host
  std::uint64_t max_layer_size = std::uint64_t{64} << 30;
  int cancel_fd = -1;  // readable when the build shall end; -1: never
};

struct Parts {
  store::Store& store;
  layers::Layers& layers;
  images::Images& images;
  containers::Containers& containers;
  std::function<Result<registry::Client*>()> registry;  // asked only when something must be pulled
};

// The image's ID. On error nothing stays but cached steps. Errors: those of the parts, and
// - kInvalidArgument "Dockerfile:LINE:COLUMN: …"
// - kConflict `process "/bin/sh -c …" did not complete successfully: exit code: N`
// - kNotFound `"/x": not found`
// - kUnsupported for what is not executed yet
// - kCancelled
Result<oci::Digest> build(const BuildOptions& options, const Parts& parts, Progress& progress);

}  // namespace strata::build
