// CHECK aborts with a message when our own reasoning was wrong. Never for input.
#pragma once

namespace strata::detail {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition) ((condition) ? void() : ::strata::detail::check_failed(#condition, __FILE__, __LINE__))
