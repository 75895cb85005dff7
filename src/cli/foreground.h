// A container in the foreground: `run` without -d, and `start -a`.
#pragma once

#include "base/result.h"
#include "containers/attach.h"
#include "containers/containers.h"

namespace strata::cli {

// Starts the container joined to our standard streams from its first byte, waits for its end and tears it down.
// Returns its exit code; 0 when the user detached, 128 + signal when our session ended before the container.
Result<int> start_in_foreground(containers::Containers& containers, const containers::Container& container,
                                const containers::AttachOptions& options);

// The rest of a session: from what attach() said to an exit code.
Result<int> finish_session(containers::Containers& containers, const containers::Container& container,
                           containers::MonitorClient& client, const containers::AttachOutcome& outcome);

}  // namespace strata::cli
