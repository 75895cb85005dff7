#include "containers/log_file.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/strings.h"
#include "sys/appended_file.h"

namespace strata::containers {
namespace {

constexpr std::size_t kBufferSize = 32 << 10;

std::size_t index(LogStream stream) { return static_cast<std::size_t>(stream); }

void digits(std::uint64_t value, std::span<char> out) {
  for (std::size_t i = out.size(); i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

// How much of a full line buffer is emitted: not the start of a character whose end is still to come.
std::size_t whole_characters(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back < text.size(); ++back) {
    const auto lead = static_cast<unsigned char>(text[text.size() - back]);
    if (lead < 0x80) break;
    if (lead < 0xc0) continue;  // within a character: look for its first byte
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    return length > back ? text.size() - back : text.size();
  }
  return text.size();
}

bool plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
}

// "NAME.7"
const char* numbered(const std::array<char, 240>& name, int number, std::array<char, 256>& out) {
  const std::size_t length = std::strlen(name.data());
  std::memcpy(out.data(), name.data(), length);
  out[length] = '.';
  *std::to_chars(out.data() + length + 1, out.data() + out.size() - 1, number).ptr = '\0';
  return out.data();
}

}  // namespace

void format_log_time(LogTime time, std::span<char, 30> out) {
  using namespace std::chrono;
  const sys_seconds whole{seconds(time.seconds)};
  const auto day = floor<days>(whole);
  const year_month_day date(day);
  const hh_mm_ss clock(whole - day);
  constexpr std::string_view kShape = "0000-00-00T00:00:00.000000000Z";
  std::ranges::copy(kShape, out.begin());
  digits(static_cast<std::uint64_t>(static_cast<int>(date.year())), out.subspan(0, 4));
  digits(static_cast<unsigned>(date.month()), out.subspan(5, 2));
  digits(static_cast<unsigned>(date.day()), out.subspan(8, 2));
  digits(static_cast<std::uint64_t>(clock.hours().count()), out.subspan(11, 2));
  digits(static_cast<std::uint64_t>(clock.minutes().count()), out.subspan(14, 2));
  digits(static_cast<std::uint64_t>(clock.seconds().count()), out.subspan(17, 2));
  digits(static_cast<std::uint64_t>(time.nanoseconds), out.subspan(20, 9));
}

Result<LogWriter> LogWriter::open(std::string_view path, LogLimits limits) {
  LogWriter writer;
  const auto slash = path.rfind('/');
  const std::string_view name = path.substr(slash + 1);
  if (slash == std::string_view::npos || name.empty() || name.size() >= writer.name_.size())
    return Error(ErrorKind::kInvalidArgument, "the log's path makes no sense");
  std::ranges::copy(name, writer.name_.begin());
  writer.limits_ = limits;
  writer.directory_ = TRY(sys::open_directory(std::string(path.substr(0, slash + 1)).c_str()));
  writer.lines_ = TRY(sys::PageBuffer::create(2 * kMaxLogLine));
  writer.buffer_ = TRY(sys::PageBuffer::create(kBufferSize));
  sys::AppendedFile file = TRY(sys::open_appended(writer.directory_.get(), writer.name_.data()));
  writer.file_ = std::move(file.fd);
  writer.size_ = file.size;
  writer.torn_ = !file.ends_with_newline;
  return writer;
}

std::span<std::byte> LogWriter::line_buffer(LogStream stream) const {
  return lines_.bytes().subspan(index(stream) * kMaxLogLine, kMaxLogLine);
}

void LogWriter::write(LogStream stream, LogTime time, std::span<const std::byte> output) {
  if (buffer_.bytes().empty()) return;
  const std::span<std::byte> waiting = line_buffer(stream);
  const auto waiting_text = [&](std::size_t n) {
    return std::string_view(reinterpret_cast<const char*>(waiting.data()), n);
  };
  std::size_t& length = line_length_[index(stream)];
  while (!output.empty()) {
    const void* newline = std::memchr(output.data(), '\n', output.size());
    const std::size_t line = newline == nullptr
                                 ? output.size()
                                 : static_cast<std::size_t>(static_cast<const std::byte*>(newline) - output.data()) + 1;
    if (newline != nullptr && length == 0 && line <= kMaxLogLine) {
      append(stream, time, {reinterpret_cast<const char*>(output.data()), line});
      output = output.subspan(line);
      continue;
    }
    const std::size_t taken = std::min(line, kMaxLogLine - length);
    std::memcpy(waiting.data() + length, output.data(), taken);
    length += taken;
    output = output.subspan(taken);
    if (waiting[length - 1] == std::byte{'\n'}) {
      append(stream, time, waiting_text(length));
      length = 0;
    } else if (length == kMaxLogLine) {
      const std::size_t cut = whole_characters(waiting_text(length));
      append(stream, time, waiting_text(cut));
      std::memmove(waiting.data(), waiting.data() + cut, length - cut);
      length -= cut;
    }
  }
  flush();
}

void LogWriter::finish(LogTime time) {
  for (const LogStream stream : {LogStream::kStdout, LogStream::kStderr}) {
    std::size_t& length = line_length_[index(stream)];
    if (length > 0) append(stream, time, {reinterpret_cast<const char*>(line_buffer(stream).data()), length});
    length = 0;
  }
  flush();
}

void LogWriter::rest() {
  buffer_.forget();
  if (line_length_[0] == 0 && line_length_[1] == 0) lines_.forget();
}

// One entry; what it says about lost ones goes before it.
void LogWriter::append(LogStream stream, LogTime time, std::string_view line) {
  if (limits_.max_size > 0 && size_ + buffered_ >= limits_.max_size) {
    flush();
    rotate();
  }
  std::array<char, 30> when;
  format_log_time(time, when);
  const auto end_entry = [&](std::string_view name) {
    put("\",\"stream\":\"");
    put(name);
    put("\",\"time\":\"");
    put({when.data(), when.size()});
    put("\"}\n");
    ++buffered_entries_;
  };
  if (torn_) put("\n");
  torn_ = false;
  if (lost_ > 0) {
    std::array<char, 20> count;
    const auto end = std::to_chars(count.data(), count.data() + count.size(), std::exchange(lost_, 0)).ptr;
    put("{\"log\":\"[strata: log entries lost: ");
    put({count.data(), end});
    put("]\\n");
    end_entry("stderr");
  }
  put("{\"log\":\"");
  append_escaped(line);
  end_entry(stream == LogStream::kStdout ? "stdout" : "stderr");
}

void LogWriter::append_escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && plain(text[run])) ++run;
    if (run > 0) {
      put(text.substr(0, run));
      text.remove_prefix(run);
      continue;
    }
    const auto byte = static_cast<unsigned char>(text[0]);
    const std::size_t length = utf8_length(text);
    if (length > 1) {
      put(text.substr(0, length));
      text.remove_prefix(length);
      continue;
    }
    switch (byte) {
      case '\n':
        put("\\n");
        break;
      case '\r':
        put("\\r");
        break;
      case '\t':
        put("\\t");
        break;
      case '"':
        put("\\\"");
        break;
      case '\\':
        put("\\\\");
        break;
      default: {
        const char escape[] = {'\\',           'u', length == 0 ? 'd' : '0', length == 0 ? 'c' : '0', kHex[byte >> 4],
                               kHex[byte & 15]};
        put({escape, sizeof escape});
      }
    }
    text.remove_prefix(1);
  }
}

void LogWriter::put(std::string_view text) {
  while (!text.empty()) {
    if (buffered_ == kBufferSize) flush();
    const std::size_t n = std::min(text.size(), kBufferSize - buffered_);
    std::memcpy(buffer_.bytes().data() + buffered_, text.data(), n);
    buffered_ += n;
    text.remove_prefix(n);
  }
}

void LogWriter::flush() {
  if (buffered_ == 0) return;
  const auto bytes = buffer_.bytes().first(std::exchange(buffered_, 0));
  const sys::Written written = sys::append(file_.get(), bytes);
  size_ += written.count;
  const std::uint64_t entries = std::exchange(buffered_entries_, 0);
  if (written.error_number == 0) return;
  // How many of them are whole cannot be told without reading them again; say too many rather than too few.
  lost_ += entries + 1;
  torn_ = size_ > 0;
}

void LogWriter::rotate() {
  const int dir = directory_.get();
  std::array<char, 256> from, to;
  bool moved = true;
  if (limits_.max_files > 1) {
    for (int i = limits_.max_files - 1; i > 1 && moved; --i)
      moved = sys::rename_in(dir, numbered(name_, i - 1, from), numbered(name_, i, to)).has_value();
    moved = moved && sys::rename_in(dir, name_.data(), numbered(name_, 1, to)).has_value();
  } else {
    moved = sys::remove_in(dir, name_.data()).has_value();
  }
  if (!moved) return;  // go on with the file there is
  Result<sys::AppendedFile> file = sys::open_appended(dir, name_.data());
  if (!file) return;
  file_ = std::move(file->fd);
  size_ = file->size;
  torn_ = false;
}

}  // namespace strata::containers
