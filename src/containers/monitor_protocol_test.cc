#include "containers/monitor_protocol.h"

#include <cstring>
#include <random>
#include <vector>

#include "containers/monitor_config.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

std::vector<std::byte> frame(FrameType type, std::string_view payload) {
  const auto header = frame_header(type, payload.size());
  std::vector<std::byte> bytes(header.begin(), header.end());
  const auto body = std::as_bytes(std::span(payload));
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

std::string text(const Frame& frame) {
  return {reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size()};
}

class Decoder : public ::testing::Test {
 protected:
  std::vector<std::byte> buffer_{kFrameHeaderSize + kMaxPayload};
  FrameDecoder decoder_{buffer_};

  void feed(std::span<const std::byte> bytes) {
    const auto space = decoder_.space();
    ASSERT_LE(bytes.size(), space.size());
    std::memcpy(space.data(), bytes.data(), bytes.size());
    decoder_.filled(bytes.size());
  }
};

TEST_F(Decoder, PutsFramesTogetherFromSingleBytes) {
  std::vector<std::byte> stream = frame(FrameType::kStdin, "hello");
  const auto second = frame(FrameType::kStdinEnd, "");
  stream.insert(stream.end(), second.begin(), second.end());
  std::vector<std::string> seen;
  for (const std::byte byte : stream) {
    feed(std::span(&byte, 1));
    while (const auto f = decoder_.next().value()) seen.push_back(text(*f));
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"hello", ""}));
  EXPECT_TRUE(decoder_.empty());
}

TEST_F(Decoder, TakesTheLargestFrameAndRefusesALargerOne) {
  const std::string largest(kMaxPayload, 'x');
  feed(frame(FrameType::kStdout, largest));
  EXPECT_EQ(text(*decoder_.next().value()), largest);
  auto header = frame_header(FrameType::kStdout, kMaxPayload + 1);
  feed(header);
  EXPECT_EQ(decoder_.next().error().kind(), ErrorKind::kCorrupt);
  header = frame_header(FrameType::kStdout, 0xffffffff);
  decoder_ = FrameDecoder(buffer_);
  feed(header);
  EXPECT_EQ(decoder_.next().error().kind(), ErrorKind::kCorrupt);
}

TEST_F(Decoder, RandomBytesEndInAnErrorOrInFramesWithinTheLimit) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    decoder_ = FrameDecoder(buffer_);
    for (int i = 0; i < 100; ++i) {
      std::vector<std::byte> noise(1 + random() % 64);
      // Small lengths now and then, so that frames do come together.
      for (std::byte& b : noise) b = static_cast<std::byte>(random() % 4 == 0 ? random() % 256 : 0);
      feed(noise);
      bool broken = false;
      while (true) {
        const auto next = decoder_.next();
        broken = !next;
        if (broken || !*next) break;
        EXPECT_LE((*next)->payload.size(), kMaxPayload);
      }
      if (broken) break;
    }
  }
}

TEST(Payload, ShortIsNoneAndALaterVersionsLongerOneIsFine) {
  const Resize size{24, 80};
  std::vector<std::byte> bytes(sizeof size + 7);
  std::memcpy(bytes.data(), &size, sizeof size);
  EXPECT_EQ(payload_as<Resize>(bytes)->columns, 80);
  EXPECT_FALSE(payload_as<Resize>(std::span(bytes).first(3)));
  EXPECT_FALSE(payload_as<Exit>(bytes));
}

Result<MonitorArguments> parse(std::vector<std::string> words) {
  static std::vector<std::string> kept;
  kept = std::move(words);
  static std::vector<char*> pointers;
  pointers.clear();
  for (std::string& word : kept) pointers.push_back(word.data());
  return parse_monitor_arguments(pointers);
}

TEST(MonitorArguments, AreReadFromTheArgumentList) {
  const auto a = parse({"strata-monitor", "abc", "run=3", "listen=4", "init=5:123", "out=6", "held=7-9", "log=/l og",
                        "log-size=5", "log-files=2", "later=x", "stdin-once", "--", "/bin/strata", "owner"})
                     .value();
  EXPECT_EQ(a.container_id, "abc");
  EXPECT_EQ(a.init_pidfd, 5);
  EXPECT_EQ(a.init_pid, 123);
  EXPECT_EQ(a.stdin_fifo, -1);
  EXPECT_EQ(a.held_last, 9);
  EXPECT_EQ(a.log_path, "/l og");
  EXPECT_TRUE(a.stdin_once);
  EXPECT_FALSE(a.client_owns);
  ASSERT_EQ(a.teardown.size(), 2u);
}

TEST(MonitorArguments, NonsenseIsRefusedByName) {
  EXPECT_EQ(parse({"strata-monitor", "abc", "run=x"}).error().message(), "bad argument run=x");
  EXPECT_EQ(parse({"strata-monitor", "abc", "log-files=0"}).error().message(), "bad argument log-files=0");
  EXPECT_FALSE(parse({"strata-monitor", "abc", "run=3"}));
  EXPECT_FALSE(parse({"strata-monitor"}));
}

}  // namespace
}  // namespace strata::containers
