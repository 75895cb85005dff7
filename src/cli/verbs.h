// The entry point of every verb; see command.h.
#pragma once

#include "cli/command.h"

namespace strata::cli {

#define STRATA_VERB(name) Result<int> run_##name(Context& context, const Verb& verb, Arguments arguments)

// images
STRATA_VERB(pull);
STRATA_VERB(push);
STRATA_VERB(images);
STRATA_VERB(tag);
STRATA_VERB(rmi);
STRATA_VERB(history);
STRATA_VERB(image_prune);
STRATA_VERB(image_tree);
STRATA_VERB(image_explain);
STRATA_VERB(image_diff);
STRATA_VERB(manifest_create);
STRATA_VERB(manifest_annotate);
STRATA_VERB(manifest_inspect);
STRATA_VERB(manifest_push);
STRATA_VERB(manifest_rm);
STRATA_VERB(search);
STRATA_VERB(save);
STRATA_VERB(load);
STRATA_VERB(import);
// registries
STRATA_VERB(login);
STRATA_VERB(logout);
// builds
STRATA_VERB(build);
STRATA_VERB(builder_prune);
// containers
STRATA_VERB(run);
STRATA_VERB(create);
STRATA_VERB(start);
STRATA_VERB(stop);
STRATA_VERB(restart);
STRATA_VERB(kill);
STRATA_VERB(rm);
STRATA_VERB(ps);
STRATA_VERB(wait);
STRATA_VERB(diff);
STRATA_VERB(commit);
STRATA_VERB(export);
STRATA_VERB(exec);
STRATA_VERB(logs);
STRATA_VERB(attach);
STRATA_VERB(internal_teardown);
// both, and the whole
STRATA_VERB(inspect);
STRATA_VERB(container_inspect);
STRATA_VERB(image_inspect);
STRATA_VERB(system_df);
STRATA_VERB(system_fsck);
STRATA_VERB(system_prune);
STRATA_VERB(info);
STRATA_VERB(version);

#undef STRATA_VERB

}  // namespace strata::cli
