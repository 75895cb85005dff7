// The flags that `run` and `create` share, and the image they name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/options.h"
#include "containers/containers.h"

namespace strata::store {
class Lease;
}

namespace strata::cli {

class ContainerOptions {
 public:
  // Declares the flags and "IMAGE [COMMAND] [ARG...]". This object must outlive options.parse().
  explicit ContainerOptions(Options& options);

  // What the flags say, after options.parse(). Errors: kInvalidArgument in docker's words.
  Result<containers::CreateRequest> request() const;
  const std::string& image_name() const { return words_.front(); }
  // Refuses an existing file before anything is made, and writes the id to it afterwards.
  Result<> check_cid_file() const;
  Result<> write_cid_file(const std::string& id) const;

  bool interactive = false, tty = false, remove = false, quiet = false;
  std::vector<std::string> attach;  // "stdin", "stdout", "stderr", lower case
  std::string pull = "missing";     // always | missing | never
  std::string platform;

 private:
  Result<std::vector<std::string>> environment() const;
  Result<> apply_limits(containers::Config& config) const;

  Options& options_;
  std::vector<std::string> words_;
  std::string name_, hostname_, domainname_, user_, working_dir_, network_ = "default", stop_signal_, cid_file_;
  std::string log_driver_ = "json-file", cpuset_cpus_, memory_, memory_swap_, memory_reservation_, cpus_, shm_size_;
  std::optional<std::string> entrypoint_;
  std::optional<std::int64_t> stop_timeout_;
  std::int64_t cpu_shares_ = 0, pids_limit_ = 0;
  bool privileged_ = false, read_only_ = false, publish_all_ = false;
  std::vector<std::string> env_, env_files_, labels_, label_files_, volumes_, mounts_, tmpfs_, publish_, expose_,
      cap_add_, cap_drop_, security_opt_, dns_, dns_search_, dns_option_, extra_hosts_, log_opt_;
};

// The image by its name; pulled when it is not there (or always, or never), with what that prints on
// standard error. Errors: kNotFound "No such image: …" with "never".
// An image that has lost layers is made whole again first (engine/restore.h). `lease` (or nullptr) keeps it from
// prunes.
Result<images::Image> image_for_container(Context& context, const ContainerOptions& options, store::Lease* lease);
// A container from that image, whoever prunes meanwhile.
Result<containers::Container> create_container(Context& context, const ContainerOptions& options,
                                               const containers::CreateRequest& request);
// The same for a container that is about to be started again.
Result<> restore_image_of(Context& context, const containers::Container& container);

}  // namespace strata::cli
