// Capabilities (capabilities(7)) of the calling thread, as bit masks: bit N is capability number N.
// Straight system calls, no libcap. Not for several threads: each thread has its own sets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::sys {

using CapabilityMask = std::uint64_t;

// "CAP_NET_ADMIN" or "net_admin", in any case. nullopt when the name is none we know.
std::optional<int> capability_number(std::string_view name);
// "CAP_NET_ADMIN"; "CAP_63" for a number without a name.
std::string capability_name(int number);
// All that we know by name.
CapabilityMask known_capabilities();

struct CapabilitySets {
  CapabilityMask effective = 0, permitted = 0, inheritable = 0, bounding = 0, ambient = 0;
};
Result<CapabilitySets> current_capabilities();

// capset(2).
Result<> set_capabilities(CapabilityMask effective, CapabilityMask permitted, CapabilityMask inheritable);
// Drops from the bounding set what is not in `keep`.
Result<> limit_bounding(CapabilityMask keep);
// Replaces the ambient set.
Result<> set_ambient(CapabilityMask ambient);

// setgroups, setgid, setuid (all of real, effective and saved), keeping the permitted capabilities;
// the effective ones are those again. The caller sets what shall be left with set_capabilities().
Result<> switch_user_keeping_capabilities(uid_t uid, gid_t gid, const gid_t* groups, std::size_t count);

Result<> set_no_new_privileges();

}  // namespace strata::sys
