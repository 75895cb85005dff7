// How lists show a container's columns. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "containers/containers.h"

namespace strata::cli {

// "nginx -g 'daemon …" in quotes, cut to 20 unless `whole`.
std::string command_text(const containers::Container& container, bool whole);
// "Up 5 minutes", "Exited (0) 2 hours ago", "Created", "Dead"
std::string status_text(const containers::State& state, Timestamp now);
// "0.0.0.0:8080->80/tcp, 443/tcp"
std::string ports_text(const std::vector<containers::PublishedPort>& published, const containers::Config& config);

}  // namespace strata::cli
