// The image config: what an image is besides its files. Its digest is the image's ID.
// https://github.com/opencontainers/image-spec/blob/main/config.md, and what Docker adds to it
// (Healthcheck, OnBuild, Shell, ArgsEscaped).
//
// A pulled config is kept by the store as the bytes it came in; to_json() is for images made here.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/digest.h"

namespace strata::oci {

inline constexpr std::size_t kMaxImageConfigSize = 8 << 20;

// The defaults for containers of the image.
struct ContainerConfig {
  std::string user;
  std::string working_dir;
  std::string stop_signal;
  std::vector<std::string> env;  // "K=V", in order
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> shell;
  std::vector<std::string> on_build;
  std::map<std::string, std::string> labels;
  std::set<std::string> exposed_ports;  // "80/tcp"
  std::set<std::string> volumes;        // paths
  std::string healthcheck;              // a JSON object as text, or empty
  bool args_escaped = false;
  int stop_timeout = -1;  // seconds; -1: not set

  bool operator==(const ContainerConfig&) const = default;
};

struct History {
  std::string created;  // RFC 3339, or empty
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;

  bool operator==(const History&) const = default;
};

struct ImageConfig {
  std::string created;  // RFC 3339, or empty
  std::string author;
  std::string architecture;
  std::string os;
  std::string variant;
  std::string os_version;
  ContainerConfig config;
  std::vector<Digest> diff_ids;  // bottom first
  std::vector<History> history;

  // Errors: kCorrupt naming the member; kResourceExhausted above kMaxImageConfigSize.
  static Result<ImageConfig> parse(std::string_view bytes);
  // Deterministic: the same value gives the same bytes, hence the same image ID. What is empty is
  // left out.
  std::string to_json() const;

  bool operator==(const ImageConfig&) const = default;
};

}  // namespace strata::oci
