#include "sys/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace strata::sys {
namespace {

// "/proc/self/fd/<directory>/<name>": short however deep the directory lies.
Result<sockaddr_un> address_in(int directory, const char* name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  constexpr std::string_view kPrefix = "/proc/self/fd/";
  char* at = address.sun_path;
  char* const end = address.sun_path + sizeof address.sun_path - 1;
  at = std::copy(kPrefix.begin(), kPrefix.end(), at);
  at = std::to_chars(at, end, directory).ptr;
  const std::size_t length = std::strlen(name);
  if (length + 1 > static_cast<std::size_t>(end - at))
    return Error(ErrorKind::kInvalidArgument, "the socket's name is too long");
  *at++ = '/';
  std::memcpy(at, name, length);
  return address;
}

Result<UniqueFd> make_socket(int flags) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd) return Error::from_errno(errno, "socket");
  return fd;
}

}  // namespace

Result<UniqueFd> listen_in(int directory, const char* name) {
  const sockaddr_un address = TRY(address_in(directory, name));
  UniqueFd fd = TRY(make_socket(SOCK_NONBLOCK));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(fd.get(), generic, sizeof address) != 0) {
    if (errno != EADDRINUSE) return Error::from_errno(errno, "bind the socket");
    if (::unlinkat(directory, name, 0) != 0 && errno != ENOENT)
      return Error::from_errno(errno, "remove the old socket");
    if (::bind(fd.get(), generic, sizeof address) != 0) return Error::from_errno(errno, "bind the socket");
  }
  if (::listen(fd.get(), 64) != 0) return Error::from_errno(errno, "listen");
  return fd;
}

Result<UniqueFd> connect_in(int directory, const char* name) {
  const sockaddr_un address = TRY(address_in(directory, name));
  UniqueFd fd = TRY(make_socket(0));
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    if (errno != EINTR) return Error::from_errno(errno, "connect");
  return fd;
}

Result<std::optional<UniqueFd>> accept_waiting(int listener) {
  UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd) return std::optional<UniqueFd>(std::move(fd));
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return std::optional<UniqueFd>();
  return Error::from_errno(errno, "accept");
}

Result<std::size_t> send_now(int socket, std::span<const std::byte> bytes) {
  while (true) {
    const ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN) return std::size_t{0};
    if (errno != EINTR) return Error::from_errno(errno, "send");
  }
}

void shut_down(int socket) { ::shutdown(socket, SHUT_RDWR); }

Result<> send_all(int socket, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0)
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    else if (errno != EINTR)
      return Error::from_errno(errno, "send");
  }
  return {};
}

}  // namespace strata::sys
