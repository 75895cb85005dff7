// The worker's job: a layer's bytes come in, its tar and its index go out, in one pass and on descriptors
// alone. Threads: read (keep, hash) the blob, inflate, hash the tar, write the tar, and the caller's for the tree.
// Memory: 1.5 MiB of buffers, the window of the compression, and the tree, of which strata-layer keeps little in
// memory (sys/spilled_memory.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "codec/byte_stream.h"
#include "codec/compression.h"
#include "layers/layer_tree.h"
#include "layers/worker_protocol.h"

namespace strata::layers {

struct UnpackOptions {
  int input = -1;  // read to its end
  // A file with what comes before the first byte of `input`, which is appended to it; -1: none. It is
  // emptied when space becomes short: it only saves a second download.
  int kept = -1;
  // Written, also read for what an index copies. In place: `input` is the tar itself, nothing is written to it.
  int tar = -1;
  bool in_place = false;
  int index = -1;   // an empty file; -1: none is made
  std::string key;  // under which the index is kept; "": the diff ID
  std::uint64_t max_tar_size = UINT64_MAX;
  TreeLimits tree_limits;
  ImpliedAttributes implied_attributes;
  std::function<Result<std::unique_ptr<codec::ByteSource>>(codec::Compression, codec::ByteSource&)> decompress;
};

struct UnpackedStream {
  WorkerReport report;
  std::unique_ptr<LayerTree> tree;
};

// After an error threads may still be at work on the descriptors: the process should end.
Result<UnpackedStream> unpack_stream(const UnpackOptions& options);

}  // namespace strata::layers
