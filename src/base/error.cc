#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace strata {
namespace {

ErrorKind kind_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ESRCH:
    case ENXIO:
    case ENODEV:
      return ErrorKind::kNotFound;
    case EEXIST:
    case EBUSY:
    case EADDRINUSE:
    case ENOTEMPTY:
      return ErrorKind::kConflict;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kPermissionDenied;
    case EINVAL:
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
      return ErrorKind::kInvalidArgument;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EFBIG:
      return ErrorKind::kResourceExhausted;
    case ENOSYS:
    case EOPNOTSUPP:
      return ErrorKind::kUnsupported;
    case ETIMEDOUT:
      return ErrorKind::kTimeout;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return ErrorKind::kUnavailable;
    case EINTR:
    case ECANCELED:
      return ErrorKind::kCancelled;
    default:
      return ErrorKind::kIo;
  }
}

}  // namespace

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument:
      return "invalid argument";
    case ErrorKind::kNotFound:
      return "not found";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kPermissionDenied:
      return "permission denied";
    case ErrorKind::kUnauthorized:
      return "unauthorized";
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kResourceExhausted:
      return "resource exhausted";
    case ErrorKind::kCorrupt:
      return "corrupt";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kCommandNotFound:
      return "command not found";
    case ErrorKind::kCommandNotRunnable:
      return "command not runnable";
    case ErrorKind::kIo:
      return "input/output";
    case ErrorKind::kInternal:
      return "internal";
  }
  return "unknown";
}

Error Error::from_errno(int error_number, std::string_view what) {
  std::string message(what);
  message += ": ";
  message += std::strerror(error_number);
  return Error(kind_of_errno(error_number), std::move(message), error_number);
}

Error Error::with_context(std::string_view context) && {
  message_.insert(0, ": ").insert(0, context);
  return std::move(*this);
}

Error Error::with_context(std::string_view context) const& { return Error(*this).with_context(context); }

Error Error::with_kind(ErrorKind kind) && {
  kind_ = kind;
  return std::move(*this);
}

}  // namespace strata
