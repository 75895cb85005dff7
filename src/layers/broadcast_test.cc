#include "layers/broadcast.h"

#include <cstring>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace strata::layers {
namespace {

std::string sample(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

void produce(Broadcast& broadcast, std::string_view bytes, std::size_t step) {
  while (!bytes.empty()) {
    const std::span<std::byte> buffer = broadcast.reserve();
    if (buffer.empty()) return;
    const std::size_t count = std::min({step, bytes.size(), buffer.size()});
    std::memcpy(buffer.data(), bytes.data(), count);
    bytes.remove_prefix(count);
    broadcast.publish(count);
  }
  broadcast.finish({});
}

TEST(Broadcast, EveryConsumerSeesEveryByteInOrder) {
  const std::string bytes = sample(100'000);
  for (const std::size_t buffers : {1U, 2U, 5U}) {
    Broadcast broadcast(3, buffers, 64);
    std::string seen[3];
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 3; ++i)
      threads.emplace_back([&, i] {
        BroadcastSource source(broadcast, i);
        const auto all = codec::read_all(source, bytes.size());
        if (all) seen[i] = *all;
      });
    produce(broadcast, bytes, 50);
    threads.clear();
    for (const std::string& one : seen) EXPECT_EQ(one, bytes);
  }
}

TEST(Broadcast, SkippingIsReadingWithoutTheBytes) {
  const std::string bytes = sample(10'000);
  Broadcast broadcast(1, 3, 64);
  std::jthread producer([&] { produce(broadcast, bytes, 64); });
  BroadcastSource source(broadcast, 0);
  EXPECT_EQ(*source.skip(1000), 1000U);
  std::string part(100, '\0');
  ASSERT_EQ(*codec::read_full(source, std::as_writable_bytes(std::span(part))), 100U);
  EXPECT_EQ(part, bytes.substr(1000, 100));
  EXPECT_EQ(*source.skip(1'000'000), bytes.size() - 1100);
  EXPECT_EQ(*source.skip(1), 0U);
}

TEST(Broadcast, AnErrorComesAfterTheLastByte) {
  Broadcast broadcast(1, 2, 64);
  std::memcpy(broadcast.reserve().data(), "last", 4);
  broadcast.publish(4);
  broadcast.finish(error(ErrorKind::kCorrupt, "broken"));
  const auto bytes = broadcast.next(0);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->size(), 4U);
  broadcast.done(0);
  const auto end = broadcast.next(0);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message(), "broken");
}

TEST(Broadcast, StopWakesWhoeverWaits) {
  Broadcast empty(1, 2, 64);
  std::jthread consumer([&] { EXPECT_EQ(empty.next(0).error().kind(), ErrorKind::kCancelled); });
  empty.stop();
  Broadcast full(1, 1, 64);
  (void)full.reserve();
  full.publish(1);
  std::jthread producer([&] { EXPECT_TRUE(full.reserve().empty()); });
  full.stop();
}

}  // namespace
}  // namespace strata::layers
