// Result<T>: a value, or the Error that stood in its way; TRY passes the error up.
//
//   Result<UniqueFd> open_config(const std::string& path) {
//     UniqueFd fd = TRY(open_file(path, O_RDONLY), "config {}", path);   // adds "config …: " in front
//     …
//     return fd;
//   }
//
// A Result that is ignored is a compile-time warning that we treat as an error. Thread safety is that
// of T. `return Error(...)` and `return error(kind, "fmt", args…)` convert.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include <fmt/core.h>

namespace strata {

template <class T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
  using Base = std::expected<T, Error>;

 public:
  using Base::Base;
  Result() = default;
  Result(Error error) : Base(std::unexpect, std::move(error)) {}

  // The error alone, whatever T is, to be returned from another function.
  Error take_error() && { return std::move(this->error()); }

  // The same result; an error gets "context: " in front.
  Result context(std::string_view text) && {
    if (!this->has_value()) this->error() = std::move(this->error()).with_context(text);
    return std::move(*this);
  }
};

template <class... Args>
Error error(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  return Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

// error_from(errno, "open {}", path)
template <class... Args>
Error error_from(int error_number, fmt::format_string<Args...> format, Args&&... args) {
  return Error::from_errno(error_number, fmt::format(format, std::forward<Args>(args)...));
}

namespace detail {
inline Error add_context(Error error) { return error; }
template <class... Args>
Error add_context(Error error, fmt::format_string<Args...> format, Args&&... args) {
  return std::move(error).with_context(fmt::format(format, std::forward<Args>(args)...));
}
}  // namespace detail

}  // namespace strata

// The value of `expression`, or return its error (with the formatted context, if one is given).
// The expression must not hold a comma outside parentheses. TRYs may nest: each has a variable of its own.
#define TRY(expression, ...) \
  STRATA_TRY_NAMED(STRATA_TRY_JOIN(try_result_, __COUNTER__), expression __VA_OPT__(, ) __VA_ARGS__)

#define STRATA_TRY_JOIN(a, b) STRATA_TRY_JOIN_EXPANDED(a, b)
#define STRATA_TRY_JOIN_EXPANDED(a, b) a##b
#define STRATA_TRY_NAMED(name, expression, ...)                                                      \
  __extension__({                                                                                    \
    auto&& name = (expression);                                                                      \
    if (!name) [[unlikely]]                                                                          \
      return ::strata::detail::add_context(std::move(name).take_error() __VA_OPT__(, ) __VA_ARGS__); \
    std::move(name).value();                                                                         \
  })
