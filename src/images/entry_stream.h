// The entries of an image's merged tree, one at a time, for whoever walks two trees at once. A
// thread of its own walks ahead by at most two batches.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "layers/merged_tree.h"

namespace strata::images {

struct StreamedEntry {
  std::string path;
  layers::TreeEntry entry;  // its views are empty
  std::string link_of;
};

// One user. The destructor ends the walk.
class EntryStream {
 public:
  explicit EntryStream(layers::MergedTree tree);
  ~EntryStream();
  EntryStream(const EntryStream&) = delete;
  EntryStream& operator=(const EntryStream&) = delete;

  // The entry at hand, until pop(); null at the end. Errors: those of the walk.
  Result<const StreamedEntry*> front();
  void pop() { ++at_; }

 private:
  using Batch = std::vector<StreamedEntry>;
  static constexpr std::size_t kBatch = 512, kBatches = 2;
  void run();
  bool hand_over(Batch& batch);  // false: nobody wants it any more

  layers::MergedTree tree_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> ready_;
  bool ended_ = false, unwanted_ = false;
  std::optional<Error> failure_;
  Batch current_;
  std::size_t at_ = 0;
  std::thread walker_;  // last: it uses all the others
};

}  // namespace strata::images
