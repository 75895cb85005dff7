#include "containers/log_reader.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/strings.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include "sys/file_watch.h"

namespace strata::containers {
namespace {

constexpr std::size_t kBlock = 64 << 10;
// An entry of our writer: kMaxLogLine bytes, each six characters at most, and the rest of the object.
constexpr std::size_t kMaxEntry = 6 * kMaxLogLine + 256;
constexpr int kMaxFiles = 1000;

// Takes `expected` from the front; false if it is not there.
bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::optional<std::uint32_t> take_hex4(std::string_view& text) {
  if (text.size() < 4) return std::nullopt;
  const auto value = parse_unsigned(text.substr(0, 4), 16);
  text.remove_prefix(4);
  if (!value) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

void append_utf8(std::uint32_t c, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    tail(12), tail(6), tail(0);
  }
}

// After "\u".
bool take_unicode(std::string_view& text, std::string& out) {
  const auto unit = take_hex4(text);
  if (!unit) return false;
  if (*unit >= 0xdc80 && *unit <= 0xdcff) {  // a byte that was no UTF-8
    out += static_cast<char>(*unit & 0xff);
    return true;
  }
  if (*unit < 0xd800 || *unit > 0xdfff) {
    append_utf8(*unit, out);
    return true;
  }
  std::string_view rest = text;
  if (*unit < 0xdc00 && take(rest, "\\u"))
    if (const auto low = take_hex4(rest); low && *low >= 0xdc00 && *low <= 0xdfff) {
      append_utf8(0x10000 + ((*unit - 0xd800) << 10) + (*low - 0xdc00), out);
      text = rest;
      return true;
    }
  append_utf8(0xfffd, out);
  return true;
}

// A JSON string, its opening quote taken already.
bool take_string(std::string_view& text, std::string& out) {
  while (true) {
    const auto special = text.find_first_of("\"\\");
    if (special == std::string_view::npos) return false;
    out.append(text.substr(0, special));
    const bool end = text[special] == '"';
    text.remove_prefix(special + 1);
    if (end) return true;
    if (text.empty()) return false;
    const char escape = text[0];
    text.remove_prefix(1);
    switch (escape) {
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case '"':
      case '\\':
      case '/':
        out += escape;
        break;
      case 'u':
        if (!take_unicode(text, out)) return false;
        break;
      default:
        return false;
    }
  }
}

// Reads the whole lines of one file, forwards.
class LineReader {
 public:
  LineReader() = default;
  explicit LineReader(sys::UniqueFd fd, std::uint64_t offset = 0) : fd_(std::move(fd)), offset_(offset) {}

  bool open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

  // The next line without its newline; nullopt at the end of what is there (maybe within a line).
  Result<std::optional<std::string_view>> next() {
    while (true) {
      const auto newline = buffer_.find('\n', searched_);
      if (newline != std::string::npos) {
        const auto line = std::string_view(buffer_).substr(begin_, newline - begin_);
        begin_ = searched_ = newline + 1;
        return std::optional(line);
      }
      buffer_.erase(0, begin_);
      begin_ = 0;
      // What is too long for an entry is none; its end will be taken for a line, and be none either.
      if (buffer_.size() > kMaxEntry) buffer_.clear();
      searched_ = buffer_.size();
      buffer_.resize(searched_ + kBlock);
      const auto target = std::as_writable_bytes(std::span(buffer_)).subspan(searched_);
      const Result<std::size_t> count = sys::pread_full(fd_.get(), target, offset_);
      buffer_.resize(searched_ + count.value_or(0));
      if (!count) return count.error();
      if (*count == 0) return std::optional<std::string_view>();
      offset_ += *count;
    }
  }

 private:
  sys::UniqueFd fd_;
  std::uint64_t offset_ = 0;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t searched_ = 0;
};

struct LogFiles {
  std::vector<sys::UniqueFd> oldest_first;  // the current one last; empty when there is no log
};

Result<ino_t> inode(int fd) { return TRY(sys::stat_fd(fd)).st_ino; }

// The inode of a file by its name; 0 when there is none.
Result<ino_t> inode_of(const std::string& path) {
  const Result<struct stat> status = sys::stat_path(path);
  if (status) return status->st_ino;
  if (status.error().error_number() == ENOENT) return ino_t{0};
  return status.error();
}

std::string file_name(const std::string& path, int number) {
  return number == 0 ? path : fmt::format("{}.{}", path, number);
}

// All files of the log as they were at one moment. A rotation renames one file after the other, the oldest
// first, so while it goes on one number is missing, or a file is met under two; what was opened counts only
// if every name still means the same afterwards.
Result<LogFiles> open_files(const std::string& path) {
  constexpr int kTries = 1000;
  for (int i = 0; i < kTries; ++i) {
    std::vector<sys::UniqueFd> newest_first;
    std::vector<ino_t> inodes;  // by number; 0: missing
    for (int number = 0; number < kMaxFiles; ++number) {
      Result<sys::UniqueFd> fd = sys::open_file(file_name(path, number), O_RDONLY | O_NOFOLLOW);
      if (!fd && fd.error().error_number() != ENOENT) return std::move(fd).take_error();
      inodes.push_back(fd ? TRY(inode(fd->get())) : 0);
      if (fd) newest_first.push_back(std::move(*fd));
      if (number > 0 && inodes[inodes.size() - 1] == 0 && inodes[inodes.size() - 2] == 0) break;
    }
    bool same = true;
    for (std::size_t number = 0; number < inodes.size() && same; ++number)
      same = TRY(inode_of(file_name(path, static_cast<int>(number)))) == inodes[number];
    if (same) {
      std::ranges::reverse(newest_first);
      return LogFiles{std::move(newest_first)};
    }
  }
  return error(ErrorKind::kUnavailable, "{}: rotated faster than it can be read", path);
}

// Looks for where the last lines of output begin, backwards through the files.
class TailFinder {
 public:
  explicit TailFinder(std::uint64_t lines) : wanted_(lines) {}

  // The offset in this file at which reading is to start; done() says whether older files matter.
  Result<std::uint64_t> search(int fd) {
    std::uint64_t position = static_cast<std::uint64_t>(TRY(sys::stat_fd(fd)).st_size);
    std::string carried;  // the start of a line whose beginning lies further in front
    while (position > 0) {
      const std::size_t size = std::min<std::uint64_t>(kBlock, position);
      std::string block(size, '\0');
      position -= size;
      block.resize(TRY(sys::pread_full(fd, std::as_writable_bytes(std::span(block)), position)));
      block += carried;
      std::size_t end = block.size();
      while (end > 0) {
        const auto newline = end >= 2 ? block.rfind('\n', end - 2) : std::string::npos;
        if (newline == std::string::npos) break;
        if (enough(std::string_view(block).substr(newline + 1, end - newline - 1))) return position + end;
        end = newline + 1;
      }
      carried = block.substr(0, end);
      if (carried.size() > kMaxEntry) carried.clear();
      if (position == 0 && enough(carried)) return end;
    }
    return std::uint64_t{0};
  }
  bool done() const { return done_; }

 private:
  // Whether reading is to begin after this entry.
  bool enough(std::string_view line) {
    const auto entry = parse_log_entry(trim(line));
    if (!entry) return false;
    // Each entry that ends a line of output, and the newest that does not, is one line.
    const std::size_t stream = static_cast<std::size_t>(entry->stream);
    if (entry->bytes.ends_with('\n') || !seen_[stream]) {
      if (found_ == wanted_) return done_ = true;
      ++found_;
    }
    seen_[stream] = true;
    return false;
  }

  std::uint64_t wanted_;
  std::uint64_t found_ = 0;
  std::array<bool, 2> seen_{};
  bool done_ = false;
};

using Handle = std::function<Result<bool>(const LogEntry&)>;

// False when nothing more is wanted.
Result<bool> pass_on(std::string_view line, const LogQuery& query, const Handle& handle) {
  const auto entry = parse_log_entry(line);
  if (!entry || (query.since && entry->time < *query.since)) return true;
  if (query.until && entry->time > *query.until) return false;
  return handle(*entry);
}

struct Position {
  LineReader current;  // the newest file, read to its end
  bool wanted = true;  // more is
};

Result<bool> pass_lines(LineReader& reader, const LogQuery& query, const Handle& handle) {
  while (const auto line = TRY(reader.next()))
    if (!TRY(pass_on(*line, query, handle))) return false;
  return true;
}

Result<Position> read_existing(const std::string& path, const LogQuery& query, const Handle& handle) {
  LogFiles files = TRY(open_files(path));
  auto& fds = files.oldest_first;
  std::size_t first = 0;
  std::uint64_t offset = 0;
  if (query.tail) {
    TailFinder finder(*query.tail);
    for (std::size_t i = fds.size(); i-- > 0 && !finder.done();) {
      first = i;
      offset = TRY(finder.search(fds[i].get()));
    }
  }
  Position position;
  for (std::size_t i = first; i < fds.size(); ++i) {
    LineReader reader(std::move(fds[i]), i == first ? offset : 0);
    position.wanted = TRY(pass_lines(reader, query, handle));
    position.current = std::move(reader);
    if (!position.wanted) break;
  }
  return position;
}

// After a rotation: the rest of the old file, then those after it. The old one may have become .1 or .2 by now.
Result<bool> catch_up(const std::string& path, LineReader& current, const LogQuery& query, const Handle& handle) {
  while (true) {
    if (current.open() && !TRY(pass_lines(current, query, handle))) return false;
    LogFiles files = TRY(open_files(path));
    auto& fds = files.oldest_first;
    if (fds.empty()) return true;
    std::size_t next = 0;  // ours is gone: all that is there is newer
    for (std::size_t i = 0; current.open() && i < fds.size(); ++i)
      if (TRY(inode(fds[i].get())) == TRY(inode(current.fd()))) next = i + 1;
    if (next == fds.size()) return true;
    // It was renamed before its successor appeared, so its last bytes are there now.
    if (current.open() && !TRY(pass_lines(current, query, handle))) return false;
    current = LineReader(std::move(fds[next]));
  }
}

}  // namespace

std::optional<LogEntry> parse_log_entry(std::string_view line) {
  LogEntry entry;
  std::string stream, time;
  bool has_log = false;
  if (!take(line, "{")) return std::nullopt;
  // Any order of members, as other writers of this format have it; members whose value is no string are not ours.
  while (true) {
    std::string name, value;
    line = trim(line);
    if (!take(line, "\"") || !take_string(line, name)) return std::nullopt;
    line = trim(line);
    if (!take(line, ":")) return std::nullopt;
    line = trim(line);
    std::string& target = name == "log" ? entry.bytes : name == "stream" ? stream : name == "time" ? time : value;
    has_log |= name == "log";
    if (!take(line, "\"") || !take_string(line, target)) return std::nullopt;
    line = trim(line);
    if (take(line, "}")) break;
    if (!take(line, ",")) return std::nullopt;
  }
  const auto when = parse_rfc3339(time);
  if (!has_log || !when || (stream != "stdout" && stream != "stderr")) return std::nullopt;
  entry.time = *when;
  entry.stream = stream == "stdout" ? LogStream::kStdout : LogStream::kStderr;
  return entry;
}

Result<> read_log(const std::string& path, const LogQuery& query, const Handle& handle) {
  TRY(read_existing(path, query, handle));
  return {};
}

Result<> follow_log(const std::string& path, const LogQuery& query, MonitorClient* monitor, const Handle& handle) {
  // First the watch and only then the reading, so that nothing written in between is missed.
  sys::FileWatch watch = TRY(sys::FileWatch::create(path.substr(0, path.rfind('/'))));
  Position position = TRY(read_existing(path, query, handle));
  bool ended = monitor == nullptr;
  while (position.wanted) {
    if (ended) {
      // The monitor tells of the exit after the last line.
      TRY(catch_up(path, position.current, query, handle));
      return {};
    }
    std::array<pollfd, 2> entries{{{watch.fd(), POLLIN, 0}, {monitor->fd(), POLLIN, 0}}};
    std::optional<sys::Milliseconds> timeout;
    if (query.until)
      timeout = std::max(sys::Milliseconds(0),
                         std::chrono::duration_cast<sys::Milliseconds>(*query.until - now()) + sys::Milliseconds(1));
    if (!TRY(sys::wait_ready(entries, timeout))) return {};
    if (entries[1].revents != 0) {
      ended = !TRY(monitor->receive());
      while (const auto frame = TRY(monitor->next())) ended |= frame->type == FrameType::kExit;
    }
    watch.clear();
    if (!ended) position.wanted = TRY(catch_up(path, position.current, query, handle));
  }
  return {};
}

}  // namespace strata::containers
