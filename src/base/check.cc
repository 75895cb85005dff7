#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace strata::detail {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "strata: internal error at %s:%d: %s does not hold\n", file, line, condition);
  std::abort();
}

}  // namespace strata::detail
