#include "sys/rlimit.h"

#include <sys/resource.h>

#include <cerrno>
#include <utility>

namespace strata::sys {
namespace {

constexpr std::pair<std::string_view, int> kLimits[] = {
    {"RLIMIT_AS", RLIMIT_AS},           {"RLIMIT_CORE", RLIMIT_CORE},         {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},       {"RLIMIT_FSIZE", RLIMIT_FSIZE},       {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK}, {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},   {"RLIMIT_NPROC", RLIMIT_NPROC},       {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},   {"RLIMIT_RTTIME", RLIMIT_RTTIME},     {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};

}  // namespace

std::optional<int> rlimit_number(std::string_view name) {
  for (const auto& [known, number] : kLimits)
    if (known == name) return number;
  return std::nullopt;
}

Result<> set_rlimit(int number, std::uint64_t soft, std::uint64_t hard) {
  const rlimit64 limit{soft, hard};
  if (::prlimit64(0, static_cast<__rlimit_resource>(number), &limit, nullptr) != 0)
    return Error::from_errno(errno, "setrlimit");
  return {};
}

}  // namespace strata::sys
