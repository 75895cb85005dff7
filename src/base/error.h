// What went wrong, as a value.
//
// An Error has a kind (which maps once to an exit code in cli/ and once to an HTTP status in api/),
// an errno where the kernel gave one, and a message to which each caller adds in front only what
// it alone knows: "pull debian:12: layer sha256:ab12…: write: No space left on device".
// Errors own their text; copying and moving them is safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace strata {

enum class ErrorKind {
  kInvalidArgument,   // the caller's input makes no sense
  kNotFound,          // the thing named does not exist
  kConflict,          // it exists already, or is in a state that forbids this
  kPermissionDenied,  // the host refuses
  kUnauthorized,      // a registry wants (other) credentials
  kUnavailable,       // a peer cannot be reached, or is not answering sensibly
  kTimeout,
  kResourceExhausted,   // disk, memory or a stated limit
  kCorrupt,             // bytes are not what their digest or format promises
  kUnsupported,         // this kernel, platform or build cannot do it
  kCancelled,           // a signal or the user ended it
  kCommandNotFound,     // a container's command does not exist (exit code 127)
  kCommandNotRunnable,  // a container's command cannot be executed (exit code 126)
  kIo,                  // any other failure the kernel reports
  kInternal,            // our own mistake
};

std::string_view to_string(ErrorKind kind);

class Error {
 public:
  Error(ErrorKind kind, std::string message, int error_number = 0)
      : kind_(kind), errno_(error_number), message_(std::move(message)) {}

  // "what: <strerror>"; the kind follows from the number. Call it before anything can change errno.
  static Error from_errno(int error_number, std::string_view what);

  ErrorKind kind() const { return kind_; }
  // 0 when no system call failed.
  int error_number() const { return errno_; }
  const std::string& message() const { return message_; }

  // The same error with "context: " in front.
  Error with_context(std::string_view context) &&;
  Error with_context(std::string_view context) const&;
  Error with_kind(ErrorKind kind) &&;

 private:
  ErrorKind kind_;
  int errno_;
  std::string message_;
};

}  // namespace strata
