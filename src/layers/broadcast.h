// One producer, several consumers on threads of their own; every consumer sees every buffer. A ring of fixed
// buffers, so that memory is bounded and the slowest consumer sets the pace.
//
// Waking a thread costs as much as hashing 20 KB. So nobody is woken who does not wait, and a producer that met
// a full ring goes on when half of it is free.
//
// The producer: while it has something, reserve() and publish(); at the end finish() once. A consumer i:
// next(i), look at the bytes, done(i). A consumer that fails calls stop(): everybody else ends soon.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "codec/byte_stream.h"

namespace strata::layers {

class Broadcast {
 public:
  Broadcast(std::size_t consumers, std::size_t buffers, std::size_t buffer_size)
      : storage_(buffers * buffer_size), lengths_(buffers), positions_(consumers), size_(buffer_size) {}

  // A buffer to be filled; empty when somebody called stop().
  std::span<std::byte> reserve();
  // The first `length` bytes of it are there; 0 publishes nothing.
  void publish(std::size_t length);
  // No more will come; consumers get the error after the last buffer.
  void finish(Result<> outcome);
  void stop();

  // The next buffer; empty at the end. After stop(): kCancelled.
  Result<std::span<const std::byte>> next(std::size_t consumer);
  void done(std::size_t consumer);

 private:
  std::size_t free_buffers() const;
  void wake_consumers(std::unique_lock<std::mutex>& lock);
  std::vector<std::byte> storage_;
  std::vector<std::size_t> lengths_;
  std::vector<std::size_t> positions_;  // of consumers: buffers done
  std::size_t size_;
  std::size_t published_ = 0;
  bool finished_ = false, stopped_ = false;
  std::optional<Error> failed_;
  std::mutex mutex_;
  bool producer_waits_ = false;
  std::size_t consumers_waiting_ = 0;
  std::condition_variable for_producer_, for_consumers_;
};

// A consumer as a source of bytes.
class BroadcastSource final : public codec::ByteSource {
 public:
  BroadcastSource(Broadcast& broadcast, std::size_t consumer) : broadcast_(broadcast), consumer_(consumer) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override;
  Result<std::uint64_t> skip(std::uint64_t count) override;
  // Passes over everything up to the end.
  Result<> drain();

 private:
  // Makes `rest_` the next bytes; it is empty at the end.
  Result<> advance();

  Broadcast& broadcast_;
  std::size_t consumer_;
  std::span<const std::byte> rest_;
  bool held_ = false, ended_ = false;
};

}  // namespace strata::layers
