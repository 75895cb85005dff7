// The registry client's settings, completed from where this user and this installation keep things.
// Needs no engine and no store: logging in takes no privileges.
#pragma once

#include "engine/settings.h"

namespace strata::engine {

// - certificates: certs.d beside the config file (so /etc/strata/certs.d), then Docker's
// - credentials: Docker's config file of this user
// - strata-fetch: beside strata
registry::Settings registry_settings(const Settings& settings);

}  // namespace strata::engine
