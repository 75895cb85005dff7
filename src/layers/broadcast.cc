#include "layers/broadcast.h"

#include <algorithm>
#include <cstring>

namespace strata::layers {

std::size_t Broadcast::free_buffers() const {
  return lengths_.size() - (published_ - *std::ranges::min_element(positions_));
}

std::span<std::byte> Broadcast::reserve() {
  std::unique_lock lock(mutex_);
  if (free_buffers() == 0) {
    producer_waits_ = true;
    for_producer_.wait(lock, [&] { return stopped_ || free_buffers() >= (lengths_.size() + 1) / 2; });
    producer_waits_ = false;
  }
  if (stopped_) return {};
  return std::span(storage_).subspan(published_ % lengths_.size() * size_, size_);
}

void Broadcast::wake_consumers(std::unique_lock<std::mutex>& lock) {
  const bool somebody = consumers_waiting_ > 0;
  lock.unlock();
  if (somebody) for_consumers_.notify_all();
}

void Broadcast::publish(std::size_t length) {
  if (length == 0) return;
  std::unique_lock lock(mutex_);
  lengths_[published_ % lengths_.size()] = length;
  ++published_;
  wake_consumers(lock);
}

void Broadcast::finish(Result<> outcome) {
  std::unique_lock lock(mutex_);
  finished_ = true;
  if (!outcome) failed_ = std::move(outcome).take_error();
  wake_consumers(lock);
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
  const auto ready = [&] { return stopped_ || finished_ || positions_[consumer] < published_; };
  if (!ready()) {
    ++consumers_waiting_;
    for_consumers_.wait(lock, ready);
    --consumers_waiting_;
  }
  if (stopped_) return error(ErrorKind::kCancelled, "another part failed");
  if (positions_[consumer] < published_) {
    const std::size_t slot = positions_[consumer] % lengths_.size();
    return std::span<const std::byte>(storage_).subspan(slot * size_, lengths_[slot]);
  }
  if (failed_) return *failed_;
  return std::span<const std::byte>();
}

void Broadcast::done(std::size_t consumer) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    ++positions_[consumer];
    wake = producer_waits_ && free_buffers() >= (lengths_.size() + 1) / 2;
  }
  if (wake) for_producer_.notify_one();
}

Result<> BroadcastSource::advance() {
  if (ended_) return {};
  if (held_) broadcast_.done(consumer_);
  held_ = false;
  rest_ = TRY(broadcast_.next(consumer_));
  held_ = !rest_.empty();
  ended_ = rest_.empty();
  return {};
}

Result<std::size_t> BroadcastSource::read(std::span<std::byte> buffer) {
  if (rest_.empty()) TRY(advance());
  const std::size_t count = std::min(buffer.size(), rest_.size());
  if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
  rest_ = rest_.subspan(count);
  return count;
}

Result<std::uint64_t> BroadcastSource::skip(std::uint64_t count) {
  std::uint64_t skipped = 0;
  while (skipped < count) {
    if (rest_.empty()) TRY(advance());
    if (rest_.empty()) break;
    const std::size_t part = std::min<std::uint64_t>(count - skipped, rest_.size());
    rest_ = rest_.subspan(part);
    skipped += part;
  }
  return skipped;
}

Result<> BroadcastSource::drain() {
  (void)TRY(skip(UINT64_MAX));
  return {};
}

}  // namespace strata::layers
