// What a container is: the configuration it was made with (the record, immutable), and the state it
// is in (derived, see containers.h). Values only; names and meanings are those of Docker's API
// (Config, HostConfig, State), so that `inspect` is a plain transcription.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "oci/digest.h"

namespace strata::containers {

// Something of the host's or the store's seen inside the container.
struct Mount {
  enum class Type { kBind, kVolume, kTmpfs };
  Type type = Type::kBind;
  std::string name;    // kVolume: the volume's name (64 hex digits for an anonymous one)
  std::string source;  // kBind: absolute path on the host
  std::string target;  // absolute path in the container, lexically clean
  std::string mode;    // the options as typed ("ro,z"), for inspect
  std::string propagation = "rprivate";
  bool read_only = false;
  bool anonymous = false;     // kVolume without a name: `rm -v` and --rm take it along
  bool no_copy = false;       // kVolume: do not fill it from the image
  bool must_exist = false;    // kBind: a missing source is an error (--mount), else a directory is made (-v)
  std::string tmpfs_options;  // kTmpfs: "size=64m,mode=1770"
};

struct PublishedPort {
  std::string host_ip;          // "" = all addresses
  std::uint16_t host_port = 0;  // 0 = any free one
  std::uint16_t container_port = 0;
  std::string protocol = "tcp";
  bool operator==(const PublishedPort&) const = default;
};

// What `create` and `run` were asked for; once recorded, merged with what the image says.
struct Config {
  // Config
  std::string hostname;  // "" = the short id
  std::string domainname;
  std::string user;  // as typed: "name|uid[:group|gid]"; "" = the image's
  std::string working_dir;
  std::vector<std::string> env;                        // "K=V"
  std::optional<std::vector<std::string>> entrypoint;  // nullopt = the image's; then cmd may be too
  std::vector<std::string> cmd;
  std::map<std::string, std::string> labels;
  std::set<std::string> exposed_ports;  // "80/tcp"
  std::string stop_signal;              // "" = SIGTERM
  std::optional<int> stop_timeout;      // seconds; nullopt = 10, -1 = for ever
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = false;
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;

  // HostConfig
  bool auto_remove = false;
  bool read_only = false;
  bool privileged = false;
  bool init = false;
  std::string network_mode = "bridge";  // none | host | bridge | container:<id>
  std::vector<PublishedPort> ports;
  bool publish_all = false;
  std::vector<Mount> mounts;
  std::vector<std::string> cap_add;  // "NET_ADMIN", without CAP_; "ALL"
  std::vector<std::string> cap_drop;
  std::vector<std::string> security_opt;  // "no-new-privileges", "seccomp=unconfined"
  std::vector<std::string> dns, dns_search, dns_options;
  std::vector<std::string> extra_hosts;  // "name:address"
  std::uint64_t memory = 0;              // bytes; 0 = no limit
  std::int64_t memory_swap = 0;          // bytes, memory included; 0 = twice the memory, -1 = no limit
  std::uint64_t memory_reservation = 0;
  std::int64_t nano_cpus = 0;  // 1e9 = one processor
  std::int64_t cpu_shares = 0;
  std::string cpuset_cpus;
  std::int64_t pids_limit = 0;  // 0 or -1 = no limit
  std::uint64_t shm_size = 64 << 20;
  std::map<std::string, std::string> log_options;  // "max-size" -> "10m"
};

// One row of the database.
struct Container {
  std::string id;          // 64 hexadecimal digits
  std::string name;        // without the leading slash
  oci::Digest image_id;    // the digest of the image's config
  std::string image_name;  // as typed
  Timestamp created;
  Config config;  // merged with the image's

  std::string short_id() const { return id.substr(0, 12); }
  // What is executed: entrypoint then cmd. Never empty.
  std::vector<std::string> command() const;
};

enum class Status { kCreated, kRunning, kExited, kDead };
std::string_view to_string(Status status);  // "created", "running", "exited", "dead"

// Of a container whose monitor was killed, or that ended with the machine.
inline constexpr int kUnknownExitCode = 255;
inline constexpr std::string_view kUnknownExit = "exit code unknown: the container's monitor did not see its end";

struct State {
  Status status = Status::kCreated;
  pid_t pid = 0;  // of init on the host; 0 unless running
  pid_t monitor_pid = 0;
  int exit_code = 0;
  bool oom_killed = false;
  std::string error;  // why the last start failed, or why the exit code is unknown
  std::optional<Timestamp> started;
  std::optional<Timestamp> finished;
  bool running() const { return status == Status::kRunning; }
};

// JSON as recorded in the database; unknown members are ignored, so that an older strata reads a newer
// one's. Errors: kCorrupt.
std::string config_to_json(const Config& config);
Result<Config> config_from_json(std::string_view text);

}  // namespace strata::containers
