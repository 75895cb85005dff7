#include <fcntl.h>
#include <sys/stat.h>

#include "cli/archive_output.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "engine/restore.h"
#include "images/archive.h"
#include "images/images.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

// An OCI layout as a directory: one that is missing or empty.
Result<> save_directory(images::Images& images, std::span<const std::string> names, const images::SaveOptions& options,
                        const std::string& path) {
  if (path.empty()) return error(ErrorKind::kInvalidArgument, "--format oci-dir needs a directory: use -o");
  TRY(sys::make_directories(path));
  if (!TRY(sys::list_directory(path)).empty()) return error(ErrorKind::kConflict, "{} is not empty", path);
  const sys::UniqueFd directory = TRY(sys::open_file(path, O_RDONLY | O_DIRECTORY));
  Result<> saved = images::save(images, names, options, directory.get());
  if (!saved)  // it was empty
    for (const std::string& name : TRY(sys::list_directory(path))) (void)sys::remove_tree(path + "/" + name);
  return saved;
}

}  // namespace

Result<int> run_save(Context& context, const Verb& verb, Arguments arguments) {
  std::string output, format;
  std::optional<std::string> platform;
  std::vector<std::string> names;
  images::SaveOptions save;
  Options options(verb);
  options.value("-o,--output", output, "Write to a file, instead of STDOUT");
  options.value("--format", format, "docker-archive, oci-archive or oci-dir (default: an archive that is both)");
  options.value("--platform", platform, "Save only the given platform");
  options.flag("--squash", save.squash, "Save the images with their layers merged into one");
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;

  save.format = TRY(images::parse_archive_format(format));
  if (platform) save.platform = TRY(oci::parse_platform(*platform));
  engine::Engine& engine = *TRY(context.engine());
  save.prepare = [&](const images::Image& image) {
    return engine::restore(engine, image, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  };
  images::Images& images = engine.images();
  if (save.format == images::ArchiveFormat::kOciDirectory) {
    TRY(save_directory(images, names, save, output));
    return 0;
  }
  ArchiveOutput out = TRY(ArchiveOutput::open(output));
  TRY(images::save(images, names, save, out.fd()));
  TRY(out.commit());
  return 0;
}

}  // namespace strata::cli
