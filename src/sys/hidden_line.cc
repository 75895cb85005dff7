#include "sys/hidden_line.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file.h"

namespace strata::sys {
namespace {

// Signals from keys are off too, so that ^C cannot leave a terminal without echo behind.
class SilentTerminal {
 public:
  explicit SilentTerminal(int fd) : fd_(fd) {
    if (::tcgetattr(fd, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    entered_ = ::tcsetattr(fd, TCSAFLUSH, &silent) == 0;
  }
  ~SilentTerminal() {
    if (entered_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  bool entered() const { return entered_; }

 private:
  int fd_;
  termios before_{};
  bool entered_ = false;
};

}  // namespace

Result<std::string> read_hidden_line(int fd, std::size_t limit) {
  const SilentTerminal silent(fd);
  if (!silent.entered()) return Error::from_errno(errno, "turn off echo");
  constexpr char kInterrupt = 3, kEnd = 4, kErase = 127, kBackspace = 8, kKill = 21;
  std::string line;
  while (true) {
    char c = 0;
    const std::size_t n = TRY(read_some(fd, std::as_writable_bytes(std::span(&c, 1))));
    if (n == 0 || c == kInterrupt || (c == kEnd && line.empty())) return error(ErrorKind::kCancelled, "interrupted");
    if (c == '\n' || c == '\r' || c == kEnd) return line;
    if (c == kKill)
      line.clear();
    else if (c != kErase && c != kBackspace)
      line += c;
    else if (!line.empty())
      line.pop_back();
    if (line.size() > limit) return error(ErrorKind::kResourceExhausted, "more than {} bytes in one line", limit);
  }
}

}  // namespace strata::sys
