#include "sys/hangup.h"

#include <poll.h>

#include <cerrno>

namespace strata::sys {

void wait_for_reader_gone(int fd) {
  pollfd watched = {fd, 0, 0};
  while (::poll(&watched, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace strata::sys
