// Memory for the windows of decompressors, shared by the workers of this process: a zstd window is chosen
// by whoever made the layer, and 8 layers with the largest one at once would take a quarter of a gigabyte.
// A worker asks before it takes (worker_protocol.h) and waits for its turn; meanwhile others go on.
//
// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace strata::layers {

class WindowBudget {
 public:
  explicit WindowBudget(std::size_t total) : total_(total) {}

  class [[nodiscard]] Share {
   public:
    // Waits, in the order of asking, until so much is left; more than the total is given when nobody
    // else has anything. Whoever asks must have no other share.
    Share(WindowBudget& budget, std::size_t bytes) : budget_(budget), bytes_(bytes) { budget_.take(bytes_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { budget_.give_back(bytes_); }

   private:
    WindowBudget& budget_;
    std::size_t bytes_;
  };

 private:
  void take(std::size_t bytes);
  void give_back(std::size_t bytes);

  const std::size_t total_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t taken_ = 0;
  std::uint64_t next_ticket_ = 0, served_ = 0;
};

}  // namespace strata::layers
