// What COPY and ADD put into a layer: BuildKit's rules for destinations, directories and owners
// (docs/reference.md "COPY"; solver/llbsolver/file, tonistiigi/fsutil/copy).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/archive.h"
#include "build/new_layer.h"
#include "build/ownership.h"
#include "build/source_tree.h"

namespace strata::build {

// A file written in the Dockerfile itself (a heredoc).
struct InlineFile {
  std::string name;
  std::string text;
};

struct CopyRequest {
  bool unpack = false;      // archives among the sources are unpacked (ADD)
  std::string destination;  // absolute; a slash or "/." at its end means a directory
  std::optional<Ownership> owner;
  std::optional<ModeChange> mode;
  std::string work_directory;  // for inflated archives; owned by the caller
  std::uint64_t max_archive_size = std::uint64_t{64} << 30;
};

// Puts sources (hashed, from `tree`) and inline files into `layer`. `tree` and `sources` must outlive
// layer.write(), which reads the files; a file that changed since it was hashed is kConflict then.
// `archives` keeps what ADD unpacked until then.
Result<> copy_into(NewLayer& layer, const SourceTree& tree, const std::vector<Source>& sources,
                   const std::vector<InlineFile>& inline_files, const CopyRequest& request,
                   std::vector<Archive>& archives);

}  // namespace strata::build
