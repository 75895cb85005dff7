#include "layers/window_budget.h"

namespace strata::layers {

void WindowBudget::take(std::size_t bytes) {
  {
    std::unique_lock lock(mutex_);
    const std::uint64_t ticket = next_ticket_++;
    changed_.wait(lock, [&] { return ticket == served_ && (taken_ == 0 || taken_ + bytes <= total_); });
    ++served_;
    taken_ += bytes;
  }
  changed_.notify_all();
}

void WindowBudget::give_back(std::size_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    taken_ -= bytes;
  }
  changed_.notify_all();
}

}  // namespace strata::layers
