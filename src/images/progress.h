// What pull and push tell about themselves while they run; cli/ draws it.
//
// Calls come from one thread at a time, but not always the same one, and must return soon.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "oci/digest.h"
#include "oci/reference.h"

namespace strata::images {

class PullProgress {
 public:
  enum class State {
    kPulling,  // named by the manifest, nothing asked for yet
    kWaiting,
    kDownloading,  // done and total are compressed bytes; inflating, hashing and indexing go along
                   // with it
    kExtracting,   // all bytes are there, the worker is finishing
    kDownloaded,   // verified; waits for the layers below it
    kComplete,
    kAlreadyExists,
  };
  virtual ~PullProgress() = default;
  // The manifest is known. `layers`: digests of the blobs, bottom first.
  virtual void begin(const oci::Reference& reference, std::span<const oci::Digest> layers) = 0;
  // `layer` is an index into the layers of begin(): one blob may stand there twice.
  virtual void layer(std::size_t layer, State state, std::uint64_t done, std::uint64_t total) = 0;
};

class PushProgress {
 public:
  enum class State {
    kPreparing,
    kWaiting,
    kCompressing,  // the original blob is not to be had: the tar is compressed again
    kPushing,      // done and total in compressed bytes
    kPushed,
    kMounted,  // from the repository in `detail`
    kAlreadyExists,
  };
  virtual ~PushProgress() = default;
  // `layers`: diff IDs, bottom first.
  virtual void begin(const oci::Reference& reference, std::span<const oci::Digest> layers) = 0;
  virtual void layer(std::size_t layer, State state, std::uint64_t done, std::uint64_t total,
                     std::string_view detail) = 0;
  // A line for the user: a digest that changes and why.
  virtual void note(std::string_view text) = 0;
};

}  // namespace strata::images
