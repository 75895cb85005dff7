#include "cli/each_container.h"

#include <cstdio>
#include <optional>

#include <fmt/core.h>

namespace strata::cli {

Result<int> each_container(Context& context, const std::vector<std::string>& names, bool print,
                           const std::function<Result<>(containers::Containers&, const containers::Container&)>& work) {
  containers::Containers& containers = TRY(context.engine())->containers();
  std::optional<Error> failed;
  for (const std::string& name : names) {
    Result<containers::Container> container = containers.find(name);
    Result<> done = container ? work(containers, *container) : Result<>(std::move(container).take_error());
    if (done) {
      if (print) {
        fmt::print("{}\n", name);
        std::fflush(stdout);
      }
    } else if (!failed) {
      failed = std::move(done).take_error();
    } else {
      failed = Error(failed->kind(), failed->message() + "\n" + done.error().message(), failed->error_number());
    }
  }
  if (failed) return std::move(*failed);
  return 0;
}

}  // namespace strata::cli
