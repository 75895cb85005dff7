#include "build/step_runner.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/defer.h"
#include "base/strings.h"
#include "build/new_layer.h"
#include "codec/tar_writer.h"
#include "containers/containers.h"
#include "containers/transient.h"
#include "layers/file_stream.h"
#include "layers/upper_tar.h"
#include "oci/chain_id.h"
#include "store/reference.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/rooted_path.h"

namespace strata::build {
namespace {

// A container's own /etc files are mounted over the image's; where the image has none, an empty file
// was made in the upper to mount on. It is nothing that the command did.
Result<> remove_mount_stubs(int upper) {
  const auto etc = sys::open_at(upper, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!etc) return {};
  for (const char* name : {"hostname", "hosts", "resolv.conf"}) {
    const auto st = sys::stat_entry(etc->get(), name);
    if (!st || !S_ISREG(st->st_mode) || st->st_size != 0) continue;
    TRY(sys::remove_file(fmt::format("/proc/self/fd/{}/{}", etc->get(), name)));
  }
  return {};
}

}  // namespace

std::string StepRunner::next_directory() { return fmt::format("{}/step-{}", lease_.directory(), ++count_); }

Result<sys::UniqueFd> StepRunner::mount_read_only(const Chain& chain) {
  return parts_.layers.mount_rootfs(chain, nullptr).context("mount the root file system");
}

Result<layers::Layer> StepRunner::commit(const std::string& tar_path, const Chain& chain) {
  const layers::Unpacked unpacked =
      TRY(parts_.layers.adopt_tar(lease_, tar_path, {.max_tar_size = options_.max_layer_size}));
  std::optional<oci::Digest> parent;
  if (!chain.empty()) parent = chain.back();
  const oci::Digest id = parent ? oci::chain_id(*parent, unpacked.diff_id) : unpacked.diff_id;
  TRY(lease_.hold(store::kLayer, id.to_string()));
  return parts_.layers.commit(lease_, unpacked, parent);
}

Result<layers::Layer> StepRunner::write_layer(NewLayer& layer, const Chain& chain) {
  const std::string directory = next_directory();
  const std::string path = directory + ".tar";
  const auto file = TRY(sys::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  layers::FileSink sink(file.get());
  codec::TarWriter tar(sink);
  TRY(layer.write(tar));
  TRY(sink.flush());
  return commit(path, chain);
}

StepRunner::Outcome StepRunner::run(const RunStep& step, const Chain& chain,
                                    const std::function<void(std::string_view)>& on_output) {
  const std::string directory = next_directory();
  const layers::UpperDir upper{.upper = directory + "/upper", .work = directory + "/work", .volatile_ = true};
  TRY(sys::make_directories(upper.upper));
  TRY(sys::make_directories(upper.work));

  containers::TransientOptions transient;
  transient.chain = chain;
  transient.upper = &upper;
  transient.arguments = step.args;
  transient.env = step.env;
  transient.env.insert(transient.env.end(), step.proxy_env.begin(), step.proxy_env.end());
  transient.user = step.user;
  transient.working_dir = step.working_dir;
  const std::string& network = step.network.empty() ? options_.network : step.network;
  transient.network_mode = network == "default" || network.empty() ? "bridge" : network;
  transient.on_output = on_output;
  transient.cancel_fd = options_.cancel_fd;
  if (step.script) {
    const std::string pipes = directory + "/pipes";
    TRY(sys::make_directories(pipes));
    TRY(sys::replace_file(pipes + "/" + step.script->name, step.script->text, 0755));
    containers::Mount mount;
    mount.source = pipes;
    mount.target = "/dev/pipes";
    mount.read_only = true;
    transient.mounts.push_back(std::move(mount));
  }
  const std::string process = fmt::format("process \"{}\"", printable(join(step.args, " ")));
  auto ended = containers::run_transient(parts_.containers.parts(), transient);
  if (!ended) {
    Error error = std::move(ended).take_error();
    // A command of the build that cannot be run is not ours that cannot be run.
    if (error.kind() == ErrorKind::kCommandNotFound || error.kind() == ErrorKind::kCommandNotRunnable)
      return std::move(error).with_context(process).with_kind(ErrorKind::kInvalidArgument);
    return error;
  }
  if (ended->exit_code != 0)
    return error(ErrorKind::kConflict, "{} did not complete successfully: exit code: {}{}", process, ended->exit_code,
                 ended->oom_killed ? " (out of memory)" : "");

  const std::string path = directory + ".tar";
  {
    const auto upper_fd = TRY(sys::open_file(upper.upper, O_RDONLY | O_DIRECTORY));
    TRY(remove_mount_stubs(upper_fd.get()));
    const auto file = TRY(sys::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    layers::FileSink sink(file.get());
    TRY(layers::write_upper_tar(upper_fd.get(), sink));
    TRY(sink.flush());
  }
  layers::Layer layer = TRY(commit(path, chain));
  TRY(sys::remove_tree(directory));
  return layer;
}

StepRunner::Outcome StepRunner::copy(const CopyStep& step, const Chain& chain, const CopyInputs& inputs) {
  const auto root = TRY(mount_read_only(chain));
  CopyRequest request{.unpack = step.unpack, .destination = step.destination};
  if (!step.chown.empty()) request.owner = TRY(parse_ownership(step.chown, root.get()));
  if (!step.chmod.empty()) request.mode = TRY(ModeChange::parse(step.chmod));
  request.work_directory = next_directory();
  request.max_archive_size = options_.max_layer_size;
  TRY(sys::make_directories(request.work_directory));
  NewLayer layer(step.link ? -1 : root.get());
  std::vector<Archive> archives;
  TRY(copy_into(layer, *inputs.tree, inputs.sources, step.inline_files, request, archives));
  return TRY(write_layer(layer, chain));
}

StepRunner::Outcome StepRunner::make_directory(const WorkdirStep& step, const Chain& chain) {
  const auto root = TRY(mount_read_only(chain));
  NewLayer layer(root.get());
  codec::TarEntry fresh;
  fresh.type = codec::TarEntry::Type::kDirectory;
  fresh.mode = 0755;
  if (!step.user.empty()) {
    const Ownership owner = TRY(parse_ownership(step.user, root.get()));
    fresh.uid = owner.uid;
    fresh.gid = owner.gid;
  }
  TRY(layer.make_directories(step.path, fresh));
  if (layer.empty()) return std::nullopt;
  return TRY(write_layer(layer, chain));
}

}  // namespace strata::build
