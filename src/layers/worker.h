// Starting the worker program strata-layer (apps/strata_layer.cc) and taking its report.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "layers/window_budget.h"
#include "layers/worker_protocol.h"

namespace strata::layers {

struct WorkerJob {
  std::string program;
  int input = -1;      // compressed bytes, or the tar when in_place or into a directory
  int tar = -1;        // to be written; -1: in place
  int kept = -1;       // what came before `input`'s first byte, to be continued; -1: none
  int index = -1;      // to be written (an empty file), or
  int directory = -1;  // to be filled (an empty directory)
  std::string key;     // of the index; "": the diff ID
  std::uint64_t max_tar_size = 0, max_entries = 0, max_metadata = 0;
  ImpliedAttributes implied_attributes;
  WindowBudget* windows = nullptr;  // null: it may take what it likes, up to kMaxWindow
};

// Waits for its end. The worker's error comes back as it is; kInternal when it died without a report.
Result<WorkerReport> run_worker(const WorkerJob& job);

// Compresses the tar `input` into `output` (an empty file, or a pipe).
Result<WorkerReport> run_compressor(const std::string& program, int input, int output, codec::Compression compression,
                                    int level = codec::kDefaultLevel);

// Inflates `input` into `output`.
Result<> run_inflater(const std::string& program, int input, int output, codec::Compression compression);

}  // namespace strata::layers
