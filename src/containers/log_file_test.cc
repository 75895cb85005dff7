#include "containers/log_file.h"

#include <sys/resource.h>

#include <csignal>
#include <random>

#include "containers/log_reader.h"
#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

constexpr LogTime kTime{1767323045, 123456789};  // 2026-01-02T03:04:05.123456789Z

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class Log : public ::testing::Test {
 protected:
  sys::TempDir dir_ = sys::TempDir::create("/tmp", "strata-log.").value();
  std::string path_ = dir_.path() + "/c-json.log";

  LogWriter writer(LogLimits limits = {}) { return LogWriter::open(path_, limits).value(); }

  std::vector<LogEntry> entries(const LogQuery& query = {}) {
    std::vector<LogEntry> all;
    EXPECT_TRUE(read_log(path_, query, [&](const LogEntry& entry) -> Result<bool> {
      all.push_back(entry);
      return true;
    }));
    return all;
  }
  std::string text(const LogQuery& query = {}) {
    std::string all;
    for (const LogEntry& entry : entries(query)) all += entry.bytes;
    return all;
  }
};

TEST_F(Log, ALineOfOutputIsALineOfDockersJson) {
  LogWriter log = writer();
  log.write(LogStream::kStdout, kTime, bytes("say \"hi\" \\ \t<&>\r\n"));
  log.write(LogStream::kStderr, {0, 5}, bytes("\x01\xc3\xa4\n"));
  EXPECT_EQ(sys::read_file(path_).value(),
            R"({"log":"say \"hi\" \\ \t<&>\r\n","stream":"stdout","time":"2026-01-02T03:04:05.123456789Z"})"
            "\n"
            R"({"log":"\u0001ä\n","stream":"stderr","time":"1970-01-01T00:00:00.000000005Z"})"
            "\n");
}

TEST_F(Log, ALineInPiecesIsOneEntryAndStreamsDoNotMix) {
  LogWriter log = writer();
  log.write(LogStream::kStdout, kTime, bytes("one "));
  log.write(LogStream::kStderr, kTime, bytes("err"));
  log.write(LogStream::kStdout, kTime, bytes("line\nrest"));
  EXPECT_EQ(text(), "one line\n");
  log.finish(kTime);
  const auto all = entries();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1].bytes, "rest");
  EXPECT_EQ(all[2].bytes, "err");
  EXPECT_EQ(all[2].stream, LogStream::kStderr);
}

TEST_F(Log, EveryByteComesBackHoweverItWasCut) {
  std::mt19937 random(7);
  std::string all;
  for (int i = 0; i < 300'000; ++i) all += static_cast<char>(random() % 256);
  for (int i = 0; i < 20'000; ++i) all += "ä€\U0001f600";
  all += "\xed\xb2\x80 a surrogate, \xf0\x9f\x98 cut\n";
  LogWriter log = writer();
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t n = std::min<std::size_t>(1 + random() % 40'000, all.size() - at);
    log.write(LogStream::kStdout, kTime, bytes(std::string_view(all).substr(at, n)));
    at += n;
  }
  log.finish(kTime);
  EXPECT_EQ(text(), all);
}

TEST_F(Log, ALongLineIsCutBetweenCharacters) {
  LogWriter log = writer();
  std::string line = "x";
  while (line.size() < 3 * kMaxLogLine) line += "€";
  log.write(LogStream::kStdout, kTime, bytes(line + "\n"));
  EXPECT_EQ(text(), line + "\n");
  EXPECT_EQ(sys::read_file(path_)->find("\\udc"), std::string::npos);
  for (const LogEntry& entry : entries()) EXPECT_LE(entry.bytes.size(), kMaxLogLine);
}

TEST_F(Log, RotationKeepsTheNewestFilesAndWholeEntries) {
  LogWriter log = writer({.max_size = 1000, .max_files = 3});
  for (int i = 0; i < 100; ++i) log.write(LogStream::kStdout, kTime, bytes(fmt::format("line {}\n", i)));
  EXPECT_TRUE(sys::exists(path_ + ".2"));
  EXPECT_FALSE(sys::exists(path_ + ".3"));
  const auto all = entries();
  ASSERT_GT(all.size(), 20u);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].bytes, fmt::format("line {}\n", 100 - all.size() + i));
  EXPECT_LE(sys::stat_path(path_ + ".1")->st_size, 1200);
}

TEST_F(Log, OneFileAloneStartsAnew) {
  LogWriter log = writer({.max_size = 500, .max_files = 1});
  for (int i = 0; i < 50; ++i) log.write(LogStream::kStdout, kTime, bytes(fmt::format("line {}\n", i)));
  EXPECT_EQ(sys::list_directory(dir_.path())->size(), 1u);
  EXPECT_EQ(entries().back().bytes, "line 49\n");
}

TEST_F(Log, TailCountsLinesFromTheEndAcrossFiles) {
  LogWriter log = writer({.max_size = 2000, .max_files = 5});
  for (int i = 0; i < 60; ++i) log.write(LogStream::kStdout, kTime, bytes(fmt::format("line {}\n", i)));
  for (const std::uint64_t n : {0, 1, 2, 10, 35, 60, 1000}) {
    const auto last = entries({.tail = n});
    ASSERT_EQ(last.size(), std::min<std::uint64_t>(n, 60)) << n;
    for (std::size_t i = 0; i < last.size(); ++i)
      EXPECT_EQ(last[i].bytes, fmt::format("line {}\n", 60 - last.size() + i));
  }
}

TEST_F(Log, TailTakesALongLineAsOne) {
  LogWriter log = writer();
  const std::string line = std::string(5 * kMaxLogLine, 'x') + "\n";
  log.write(LogStream::kStdout, kTime, bytes("first\n" + line + "last"));
  log.finish(kTime);
  EXPECT_EQ(text({.tail = 1}), "last");
  EXPECT_EQ(text({.tail = 2}), line + "last");
  EXPECT_EQ(text({.tail = 3}), "first\n" + line + "last");
}

TEST_F(Log, SinceAndUntilBoundTheTime) {
  LogWriter log = writer();
  for (int i = 0; i < 10; ++i) log.write(LogStream::kStdout, {100 + i, 0}, bytes(fmt::format("{}", i) + "\n"));
  const Timestamp since{std::chrono::seconds(103)}, until{std::chrono::seconds(105)};
  EXPECT_EQ(text({.since = since, .until = until}), "3\n4\n5\n");
  EXPECT_EQ(text({.tail = 2, .since = since}), "8\n9\n");
}

TEST_F(Log, AWriterAfterAKilledOneStartsOnALineOfItsOwn) {
  {
    writer().write(LogStream::kStdout, kTime, bytes("whole\n"));
  }
  {
    ASSERT_TRUE(sys::write_all(sys::open_file(path_, O_WRONLY | O_APPEND)->get(), R"({"log":"to)"));
  }
  EXPECT_EQ(text(), "whole\n");
  writer().write(LogStream::kStdout, kTime, bytes("after\n"));
  EXPECT_EQ(text(), "whole\nafter\n");
  EXPECT_EQ(text({.tail = 2}), "whole\nafter\n");
}

TEST_F(Log, WhatAFullDiskSwallowedIsTold) {
  LogWriter log = writer();
  log.write(LogStream::kStdout, kTime, bytes("before\n"));
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit small{120, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  log.write(LogStream::kStdout, kTime, bytes("lost\n"));
  log.write(LogStream::kStdout, kTime, bytes("lost too\n"));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_DFL);
  log.write(LogStream::kStdout, kTime, bytes("after\n"));
  const auto all = entries();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].bytes, "before\n");
  EXPECT_TRUE(all[1].bytes.starts_with("[strata: log entries lost: ")) << all[1].bytes;
  EXPECT_EQ(all[2].bytes, "after\n");
}

TEST_F(Log, NoLogIsAnEmptyLog) { EXPECT_TRUE(entries().empty()); }

TEST_F(Log, ForeignLinesAreSkippedAndDockersAreRead) {
  ASSERT_TRUE(
      sys::replace_file(path_,
                        "garbage\n{}\n\n{\"log\":1}\n"
                        "{\"log\":\"\\u003cb\\u003e "
                        "\\ud83d\\ude00\\n\",\"stream\":\"stderr\",\"attrs\":\"x\",\"time\":\"2020-01-01T00:00:00Z\"}\n"
                        "{\"log\":\"no time\",\"stream\":\"stdout\"}\n" +
                            std::string(1 << 20, 'x') +
                            "\n"
                            "{\"log\":\"end\",\"stream\":\"stdout\",\"time\":\"2020-01-01T00:00:00.5Z\"}\n"));
  EXPECT_EQ(text(), "<b> \U0001f600\nend");
}

}  // namespace
}  // namespace strata::containers
