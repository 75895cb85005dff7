#include "layers/broadcast.h"

#include <algorithm>
#include <cstring>

namespace strata::layers {

std::size_t Broadcast::slowest() const { return *std::ranges::min_element(positions_); }

std::span<std::byte> Broadcast::reserve() {
  std::unique_lock lock(mutex_);
  for_producer_.wait(lock, [&] { return stopped_ || published_ - slowest() < lengths_.size(); });
  if (stopped_) return {};
  return std::span(storage_).subspan(published_ % lengths_.size() * size_, size_);
}

void Broadcast::publish(std::size_t length) {
  if (length == 0) return;
  {
    const std::lock_guard lock(mutex_);
    lengths_[published_ % lengths_.size()] = length;
    ++published_;
  }
  for_consumers_.notify_all();
}

void Broadcast::finish(Result<> outcome) {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    if (!outcome) failed_ = std::move(outcome).take_error();
  }
  for_consumers_.notify_all();
}

void Broadcast::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  for_producer_.notify_all();
  for_consumers_.notify_all();
}

Result<std::span<const std::byte>> Broadcast::next(std::size_t consumer) {
  std::unique_lock lock(mutex_);
  for_consumers_.wait(lock, [&] { return stopped_ || finished_ || positions_[consumer] < published_; });
  if (stopped_) return error(ErrorKind::kCancelled, "another part failed");
  if (positions_[consumer] < published_) {
    const std::size_t slot = positions_[consumer] % lengths_.size();
    return std::span<const std::byte>(storage_).subspan(slot * size_, lengths_[slot]);
  }
  if (failed_) return *failed_;
  return std::span<const std::byte>();
}

void Broadcast::done(std::size_t consumer) {
  {
    const std::lock_guard lock(mutex_);
    ++positions_[consumer];
  }
  for_producer_.notify_one();
}

Result<std::size_t> BroadcastSource::read(std::span<std::byte> buffer) {
  while (rest_.empty()) {
    if (ended_) return std::size_t{0};
    if (held_) broadcast_.done(consumer_);
    held_ = false;
    rest_ = TRY(broadcast_.next(consumer_));
    if (rest_.empty()) {
      ended_ = true;
      return std::size_t{0};
    }
    held_ = true;
  }
  const std::size_t count = std::min(buffer.size(), rest_.size());
  std::memcpy(buffer.data(), rest_.data(), count);
  rest_ = rest_.subspan(count);
  return count;
}

Result<> BroadcastSource::drain() {
  rest_ = {};
  std::byte one[1];
  while (TRY(read(one)) != 0) rest_ = {};
  return {};
}

}  // namespace strata::layers
