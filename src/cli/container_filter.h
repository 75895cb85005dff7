// `ps --filter KEY=VALUE`. Different keys must all match; of the values of one key any.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "containers/containers.h"

namespace strata::cli {

class ContainerFilter {
 public:
  // Keys: id, name, label, status, exited, ancestor. Errors: kInvalidArgument in docker's words.
  static Result<ContainerFilter> parse(const std::vector<std::string>& filters);

  // Whether stopped containers may match without -a.
  bool wants_stopped() const { return values_.contains("status") || values_.contains("exited"); }
  bool matches(const containers::Container& container, const containers::State& state) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

}  // namespace strata::cli
