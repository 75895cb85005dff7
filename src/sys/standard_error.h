// Where messages go may be full or gone (a log on a full disk). Work goes on then, and its exit code says how it went.
#pragma once

namespace strata::sys {

// From now on what is printed to `stderr` and cannot be written is dropped. Call it once, before there are threads.
void drop_lost_messages();

}  // namespace strata::sys
