#include "sys/message_socket.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace strata::sys {
namespace {

constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(int) * kMaxMessageFds);

std::vector<UniqueFd> take_fds(msghdr& header) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Result<> send_message(int socket, std::string_view bytes, std::span<const int> fds) {
  if (bytes.size() > kMaxMessageSize || fds.size() > kMaxMessageFds)
    return error(ErrorKind::kResourceExhausted, "message of {} bytes and {} descriptors: the limits are {} and {}",
                 bytes.size(), fds.size(), kMaxMessageSize, kMaxMessageFds);
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[kControlSize] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }
  while (::sendmsg(socket, &header, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) return Error::from_errno(errno, "sendmsg");
  return {};
}

Result<Message> receive_message(int socket) {
  Message message;
  message.bytes.resize(kMaxMessageSize);
  iovec part{message.bytes.data(), message.bytes.size()};
  alignas(cmsghdr) char control[kControlSize];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t n = 0;
  while ((n = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC)) < 0) {
    if (errno == ECONNRESET) {  // the peer went with messages of ours unread
      n = 0;
      break;
    }
    if (errno != EINTR) return Error::from_errno(errno, "recvmsg");
  }
  message.bytes.resize(static_cast<std::size_t>(n));
  if (n > 0) message.fds = take_fds(header);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return error(ErrorKind::kCorrupt, "a message is larger than {} bytes or {} descriptors", kMaxMessageSize,
                 kMaxMessageFds);
  return message;
}

}  // namespace strata::sys
