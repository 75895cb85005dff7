#include "runtime/control.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "runtime/executable.h"
#include "sys/hidden_exec.h"
#include "sys/message_socket.h"

namespace strata::runtime {
namespace {

// kError, kind, errno (four bytes, host order), text. Both ends are one program.
constexpr std::size_t kErrorHead = 1 + 1 + 4;
constexpr std::size_t kMaxErrorText = 8 << 10;

// kFailedStep, step, errno, path of the program.
constexpr std::size_t kFailedStepHead = kFailedStepAt + 2 * sizeof(std::int32_t);

Error failed_step(const std::string& bytes) {
  std::int32_t step = 0, number = 0;
  std::memcpy(&step, &bytes[kFailedStepAt], sizeof step);
  std::memcpy(&number, &bytes[kFailedStepAt + sizeof step], sizeof number);
  switch (static_cast<sys::HiddenExecStep>(step)) {
    case sys::HiddenExecStep::kHide:
      return error_from(number, "leave our program");
    case sys::HiddenExecStep::kFilter:
      return error_from(number, "load seccomp filter");
    case sys::HiddenExecStep::kCapabilities:
      return error_from(number, "set capabilities");
    case sys::HiddenExecStep::kExecute:
      return execution_error(bytes.substr(kFailedStepHead), number);
  }
  return error(ErrorKind::kInternal, "the child says nonsense");
}

}  // namespace

Result<> send_signal(int socket, Signal signal, int fd) {
  const char byte = static_cast<char>(signal);
  return sys::send_message(socket, std::string_view(&byte, 1),
                           fd < 0 ? std::span<const int>{} : std::span<const int>(&fd, 1));
}

void send_error(int socket, const Error& error) {
  std::string bytes(kErrorHead, '\0');
  bytes[0] = static_cast<char>(Signal::kError);
  bytes[1] = static_cast<char>(error.kind());
  const std::int32_t number = error.error_number();
  std::memcpy(&bytes[2], &number, sizeof number);
  bytes += error.message().substr(0, kMaxErrorText);
  (void)!sys::send_message(socket, bytes);
}

std::string failed_step_report(const std::string& program) {
  std::string bytes(kFailedStepHead, '\0');
  bytes[0] = static_cast<char>(Signal::kFailedStep);
  return bytes + program.substr(0, kMaxErrorText);
}

Result<std::optional<Received>> receive_signal(int socket) {
  auto message = sys::receive_message(socket);
  if (!message) {
    if (message.error().error_number() == ECONNRESET) return std::optional<Received>{};
    return message.error();
  }
  const std::string& bytes = message->bytes;
  if (bytes.empty()) return std::optional<Received>{};
  if (bytes[0] == static_cast<char>(Signal::kError) && bytes.size() >= kErrorHead) {
    std::int32_t number = 0;
    std::memcpy(&number, &bytes[2], sizeof number);
    return Error(static_cast<ErrorKind>(bytes[1]), bytes.substr(kErrorHead), number);
  }
  if (bytes[0] == static_cast<char>(Signal::kFailedStep) && bytes.size() >= kFailedStepHead) return failed_step(bytes);
  Received received{static_cast<Signal>(bytes[0]), {}};
  if (!message->fds.empty()) received.fd = std::move(message->fds[0]);
  return std::optional<Received>{std::move(received)};
}

}  // namespace strata::runtime
