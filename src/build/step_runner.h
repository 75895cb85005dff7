// Does one step that the cache does not have: makes its layer on top of a chain.
//
// Files in flight lie in the lease's directory and go with it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "build/build.h"
#include "build/plan.h"
#include "build/source_tree.h"
#include "layers/layers.h"
#include "store/lease.h"

namespace strata::build {

// What COPY reads, found and hashed for the cache key.
struct CopyInputs {
  const SourceTree* tree = nullptr;
  std::vector<Source> sources;
};

class StepRunner {
 public:
  StepRunner(const BuildOptions& options, const Parts& parts, store::Lease& lease)
      : options_(options), parts_(parts), lease_(lease) {}

  using Chain = std::vector<oci::Digest>;  // chain IDs, bottom first
  // nullopt: the step changes nothing, so it has no layer. The layer is held by the lease.
  using Outcome = Result<std::optional<layers::Layer>>;

  Outcome run(const RunStep& step, const Chain& chain, const std::function<void(std::string_view)>& on_output);
  Outcome copy(const CopyStep& step, const Chain& chain, const CopyInputs& inputs);
  Outcome make_directory(const WorkdirStep& step, const Chain& chain);

 private:
  std::string next_directory();
  // The finished tar becomes a layer.
  Result<layers::Layer> commit(const std::string& tar_path, const Chain& chain);
  Result<layers::Layer> write_layer(class NewLayer& layer, const Chain& chain);
  Result<sys::UniqueFd> mount_read_only(const Chain& chain);

  const BuildOptions& options_;
  const Parts& parts_;
  store::Lease& lease_;
  int count_ = 0;
};

}  // namespace strata::build
