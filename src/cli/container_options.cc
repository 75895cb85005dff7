#include "cli/container_options.h"

#include <fcntl.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/strings.h"
#include "cli/mount_flag.h"
#include "cli/port_flag.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

Error wrong_argument(std::string_view value, std::string_view flag, std::string_view why) {
  return error(ErrorKind::kInvalidArgument, "invalid argument \"{}\" for \"{}\" flag: {}", printable(value), flag, why);
}

Result<std::uint64_t> size_of(const std::string& text, std::string_view flag) {
  const auto size = parse_size(text);
  if (!size) return wrong_argument(text, flag, fmt::format("invalid size: '{}'", printable(text)));
  return *size;
}

// Lines "K=V" or "K"; comments and empty lines are skipped.
Result<std::vector<std::string>> read_lines(const std::string& path) {
  const std::string text = TRY(sys::read_file(path));
  std::vector<std::string> out;
  for (std::string_view line : split(text, '\n')) {
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const std::string_view name = line.substr(0, line.find('='));
    if (name.empty())
      return error(ErrorKind::kInvalidArgument, "{}: no variable name on line '{}'", path, printable(line));
    if (name.find_first_of(" \t") != std::string_view::npos)
      return error(ErrorKind::kInvalidArgument, "{}: variable '{}' contains whitespaces", path, printable(name));
    out.emplace_back(line);
  }
  return out;
}

Result<std::map<std::string, std::string>> pairs(const std::vector<std::string>& list, std::string_view flag) {
  std::map<std::string, std::string> out;
  for (const std::string& text : list) {
    const std::size_t equals = text.find('=');
    if (equals == 0) return wrong_argument(text, flag, "the key is missing");
    out[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
  }
  return out;
}

// "1.5" to billionths.
Result<std::int64_t> parse_cpus(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(value) || value < 0 || value > 1e6)
    return wrong_argument(text, "--cpus", fmt::format("failed to parse {} as a rational number", printable(text)));
  return static_cast<std::int64_t>(std::llround(value * 1e9));
}

}  // namespace

ContainerOptions::ContainerOptions(Options& options) : options_(options) {
  options.list("--add-host", extra_hosts_, "Add a custom host-to-IP mapping (host:ip)");
  options.list("-a,--attach", attach, "Attach to STDIN, STDOUT or STDERR");
  options.list("--cap-add", cap_add_, "Add Linux capabilities");
  options.list("--cap-drop", cap_drop_, "Drop Linux capabilities");
  options.value("--cidfile", cid_file_, "Write the container ID to the file");
  options.value("-c,--cpu-shares", cpu_shares_, "CPU shares (relative weight)");
  options.value("--cpus", cpus_, "Number of CPUs");
  options.value("--cpuset-cpus", cpuset_cpus_, "CPUs in which to allow execution (0-3, 0,1)");
  options.list("--dns", dns_, "Set custom DNS servers");
  options.list("--dns-option", dns_option_, "Set DNS options");
  options.list("--dns-search", dns_search_, "Set custom DNS search domains");
  options.value("--domainname", domainname_, "Container NIS domain name");
  options.value("--entrypoint", entrypoint_, "Overwrite the default ENTRYPOINT of the image");
  options.list("-e,--env", env_, "Set environment variables");
  options.list("--env-file", env_files_, "Read in a file of environment variables");
  options.list("--expose", expose_, "Expose a port or a range of ports");
  options.value("-h,--hostname", hostname_, "Container host name");
  options.flag("-i,--interactive", interactive, "Keep STDIN open even if not attached");
  options.list("-l,--label", labels_, "Set meta data on a container");
  options.list("--label-file", label_files_, "Read in a line delimited file of labels");
  options.value("--log-driver", log_driver_, "Logging driver for the container");
  options.list("--log-opt", log_opt_, "Log driver options");
  options.value("-m,--memory", memory_, "Memory limit");
  options.value("--memory-reservation", memory_reservation_, "Memory soft limit");
  options.value("--memory-swap", memory_swap_, "Swap limit equal to memory plus swap: '-1' to enable unlimited swap");
  options.list("--mount", mounts_, "Attach a filesystem mount to the container");
  options.value("--name", name_, "Assign a name to the container");
  options.value("--network,--net", network_, "Connect a container to a network (none, host, bridge, container:NAME)");
  options.value("--pids-limit", pids_limit_, "Tune container pids limit (set -1 for unlimited)");
  options.value("--platform", platform, "Set platform if server is multi-platform capable");
  options.flag("--privileged", privileged_, "Give extended privileges to this container");
  options.list("-p,--publish", publish_, "Publish a container's port(s) to the host");
  options.flag("-P,--publish-all", publish_all_, "Publish all exposed ports to random ports");
  options.value("--pull", pull, "Pull image before running (\"always\", \"missing\", \"never\")");
  options.flag("-q,--quiet", quiet, "Suppress the pull output");
  options.flag("--read-only", read_only_, "Mount the container's root filesystem as read only");
  options.flag("--rm", remove, "Automatically remove the container and its associated anonymous volumes when it exits");
  options.list("--security-opt", security_opt_, "Security Options");
  options.value("--shm-size", shm_size_, "Size of /dev/shm");
  options.value("--stop-signal", stop_signal_, "Signal to stop the container");
  options.value("--stop-timeout", stop_timeout_, "Timeout (in seconds) to stop a container");
  options.list("--tmpfs", tmpfs_, "Mount a tmpfs directory");
  options.flag("-t,--tty", tty, "Allocate a pseudo-TTY");
  options.value("-u,--user", user_, "Username or UID (format: <name|uid>[:<group|gid>])");
  options.list("-v,--volume", volumes_, "Bind mount a volume");
  options.value("-w,--workdir", working_dir_, "Working directory inside the container");
  options.arguments(words_, 1);
  options.stop_at_first_argument();
}

Result<std::vector<std::string>> ContainerOptions::environment() const {
  std::vector<std::string> out;
  for (const std::string& file : env_files_)
    for (std::string& line : TRY(read_lines(file))) {
      if (line.find('=') != std::string::npos) {
        out.push_back(std::move(line));
      } else if (const char* value = std::getenv(line.c_str())) {
        out.push_back(fmt::format("{}={}", line, value));
      }
    }
  for (const std::string& variable : env_) {
    if (variable.empty() || variable.starts_with('='))
      return wrong_argument(variable, "-e, --env",
                            fmt::format("invalid environment variable: {}", printable(variable)));
    const char* value = variable.find('=') == std::string::npos ? std::getenv(variable.c_str()) : nullptr;
    // Without a value here either, the image's variable is taken away.
    out.push_back(value != nullptr ? fmt::format("{}={}", variable, value) : variable);
  }
  return out;
}

Result<> ContainerOptions::apply_limits(containers::Config& config) const {
  if (!memory_.empty()) config.memory = TRY(size_of(memory_, "-m, --memory"));
  if (!memory_reservation_.empty())
    config.memory_reservation = TRY(size_of(memory_reservation_, "--memory-reservation"));
  if (memory_swap_ == "-1")
    config.memory_swap = -1;
  else if (!memory_swap_.empty())
    config.memory_swap = static_cast<std::int64_t>(TRY(size_of(memory_swap_, "--memory-swap")));
  if (!cpus_.empty()) config.nano_cpus = TRY(parse_cpus(cpus_));
  config.cpu_shares = cpu_shares_;
  config.cpuset_cpus = cpuset_cpus_;
  config.pids_limit = pids_limit_;
  if (!shm_size_.empty()) config.shm_size = TRY(size_of(shm_size_, "--shm-size"));
  return {};
}

Result<containers::CreateRequest> ContainerOptions::request() const {
  containers::CreateRequest out;
  out.name = name_;
  out.image_name = words_.front();
  containers::Config& config = out.config;
  config.hostname = hostname_;
  config.domainname = domainname_;
  config.user = user_;
  config.working_dir = working_dir_;
  config.env = TRY(environment());
  if (entrypoint_) config.entrypoint = std::vector{*entrypoint_};
  config.cmd.assign(words_.begin() + 1, words_.end());
  for (const std::string& file : label_files_) {
    const std::vector<std::string> lines = TRY(read_lines(file));
    config.labels.merge(TRY(pairs(lines, "--label-file")));
  }
  for (auto& [key, value] : TRY(pairs(labels_, "-l, --label"))) config.labels[key] = value;
  for (const std::string& text : expose_)
    for (std::string& port : TRY(parse_expose(text))) config.exposed_ports.insert(std::move(port));
  if (!stop_signal_.empty()) TRY(containers::parse_signal(stop_signal_));
  config.stop_signal = stop_signal_;
  if (stop_timeout_) config.stop_timeout = static_cast<int>(std::clamp<std::int64_t>(*stop_timeout_, -1, 1 << 30));
  config.tty = tty;
  config.open_stdin = interactive;
  config.auto_remove = remove;
  config.read_only = read_only_;
  config.privileged = privileged_;
  config.network_mode = network_ == "default" ? "bridge" : network_;
  for (const std::string& text : publish_)
    for (containers::PublishedPort& port : TRY(parse_publish(text))) config.ports.push_back(std::move(port));
  config.publish_all = publish_all_;
  for (const std::string& text : volumes_) config.mounts.push_back(TRY(parse_volume(text)));
  for (const std::string& text : mounts_) config.mounts.push_back(TRY(parse_mount(text)));
  for (const std::string& text : tmpfs_) config.mounts.push_back(TRY(parse_tmpfs(text)));
  config.cap_add = cap_add_;
  config.cap_drop = cap_drop_;
  config.security_opt = security_opt_;
  config.dns = dns_;
  config.dns_search = dns_search_;
  config.dns_options = dns_option_;
  for (const std::string& host : extra_hosts_)
    if (host.find_first_of(":=") == std::string::npos || host.find_first_of(":=") == 0)
      return wrong_argument(host, "--add-host", fmt::format("bad format for add-host: \"{}\"", printable(host)));
  config.extra_hosts = extra_hosts_;
  if (log_driver_ != "json-file")
    return error(ErrorKind::kUnsupported, "logging driver \"{}\" is not supported yet: only json-file is",
                 printable(log_driver_));
  config.log_options = TRY(pairs(log_opt_, "--log-opt"));
  for (const auto& [key, value] : config.log_options)
    if (key != "max-size" && key != "max-file")
      return error(ErrorKind::kInvalidArgument, "unknown log opt '{}' for json-file log driver", printable(key));
  TRY(apply_limits(config));
  for (const std::string& stream : attach) {
    const std::string lower = to_lower(stream);
    if (lower != "stdin" && lower != "stdout" && lower != "stderr")
      return wrong_argument(stream, "-a, --attach", "valid streams are STDIN, STDOUT and STDERR");
    (lower == "stdin" ? config.attach_stdin : lower == "stdout" ? config.attach_stdout : config.attach_stderr) = true;
  }
  return out;
}

Result<> ContainerOptions::check_cid_file() const {
  if (!cid_file_.empty() && sys::exists(cid_file_))
    return error(ErrorKind::kConflict,
                 "container ID file found, make sure the other container isn't running or delete {}", cid_file_);
  return {};
}

Result<> ContainerOptions::write_cid_file(const std::string& id) const {
  if (cid_file_.empty()) return {};
  const sys::UniqueFd file = TRY(sys::open_file(cid_file_, O_WRONLY | O_CREAT | O_EXCL, 0644), "container ID file");
  return sys::write_all(file.get(), id);
}

}  // namespace strata::cli
