#include "oci/platform.h"

#include <algorithm>

#include "base/strings.h"

namespace strata::oci {
namespace {

void normalize(Platform& platform) {
  std::string& architecture = platform.architecture;
  if (architecture == "x86_64" || architecture == "x86-64") architecture = "amd64";
  if (architecture == "i386" || architecture == "i686") architecture = "386";
  if (architecture == "aarch64") architecture = "arm64";
  if (architecture == "armhf") {
    architecture = "arm";
    platform.variant = "v7";
  }
  if (architecture == "armel") {
    architecture = "arm";
    platform.variant = "v6";
  }
  if (platform.os == "macos") platform.os = "darwin";
}

// The variant as a number, with the default of its architecture; -1 for one we cannot order.
int variant_number(const Platform& platform) {
  std::string_view variant = platform.variant;
  if (variant.empty()) {
    if (platform.architecture == "arm") return 7;
    if (platform.architecture == "arm64") return 8;
    return 1;
  }
  if (variant.starts_with('v')) variant.remove_prefix(1);
  const auto number = parse_unsigned(variant);
  return number && *number < 100 ? static_cast<int>(*number) : -1;
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

bool is_os(std::string_view text) {
  static constexpr std::string_view kKnown[] = {"linux",  "windows", "darwin",  "macos",  "freebsd",
                                                "netbsd", "openbsd", "solaris", "wasip1", "js"};
  return std::ranges::find(kKnown, text) != std::end(kKnown);
}

}  // namespace

std::string Platform::to_string() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

Platform host_platform() {
  Platform platform;
  platform.os = "linux";
#if defined(__x86_64__)
  platform.architecture = "amd64";
#elif defined(__aarch64__)
  platform.architecture = "arm64";
#elif defined(__arm__)
  platform.architecture = "arm";
  platform.variant = "v7";
#elif defined(__riscv) && __riscv_xlen == 64
  platform.architecture = "riscv64";
#elif defined(__powerpc64__)
  platform.architecture = "ppc64le";
#elif defined(__s390x__)
  platform.architecture = "s390x";
#elif defined(__i386__)
  platform.architecture = "386";
#else
#error "name this architecture as Go does"
#endif
  return platform;
}

Result<Platform> parse_platform(std::string_view text) {
  const std::string lower = to_lower(text);
  const auto parts = split(lower, '/');
  Platform platform = host_platform();
  const auto bad = [&] {
    return error(ErrorKind::kInvalidArgument, "\"{}\": invalid platform; write os/architecture[/variant]",
                 printable(text));
  };
  if (parts.size() > 3 || !std::ranges::all_of(parts, is_word)) return bad();
  if (parts.size() == 1) {
    if (is_os(parts[0])) {
      platform.os = parts[0];
    } else {
      platform.architecture = parts[0];
      platform.variant.clear();
    }
  } else {
    platform.os = parts[0];
    platform.architecture = parts[1];
    platform.variant = parts.size() == 3 ? std::string(parts[2]) : "";
  }
  normalize(platform);
  return platform;
}

int match_distance(const Platform& wanted_as_given, const Platform& have_as_given) {
  Platform wanted = wanted_as_given;
  Platform have = have_as_given;
  normalize(wanted);
  normalize(have);
  if (wanted.os != have.os || wanted.architecture != have.architecture) return -1;
  if (wanted.variant == have.variant) return 0;
  const int wanted_number = variant_number(wanted);
  const int have_number = variant_number(have);
  if (wanted_number < 0 || have_number < 0 || have_number > wanted_number) return -1;
  return wanted_number - have_number;
}

bool matches(const Platform& wanted, const Platform& have) { return match_distance(wanted, have) >= 0; }

}  // namespace strata::oci
