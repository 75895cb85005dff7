// What Layers::check() finds: the files of root/layers against what the database says of them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "oci/digest.h"

namespace strata::layers {

struct Defect {
  enum class Kind {
    kTar,           // lost or damaged: only who made it can bring it back
    kIndex,         // lost or damaged: made again from the tar
    kDirectory,     // the directory form is lost: made again from the tar
    kMerged,        // a tree made of several layers is lost or damaged: made again when it is needed
    kRecord,        // a record of the layer is missing: as if the tar were lost
    kOrphanFile,    // in root/layers, and no record owns it
    kOrphanRecord,  // of a file that no layer needs
  };
  Kind kind = Kind::kTar;
  std::string file;                    // its name in root/layers; "" when a record is missing
  std::optional<oci::Digest> diff_id;  // of the layer; nullopt for an orphan
  std::vector<oci::Digest> chain_ids;  // which are unusable, or badly served, because of it
  std::string what;                    // "its tar is lost", "its tar is damaged: it has digest sha256:…"
};

struct CheckOptions {
  unsigned threads = 4;    // each reads one file with a buffer of 1 MiB
  bool from_disk = false;  // not what the kernel has cached of it: after an error of the disk
  // Told of bytes as they are read, by any of the threads; false ends the check (kCancelled).
  std::function<bool(std::uint64_t)> progress;
};

struct CheckTotals {
  std::uint64_t tars = 0, indexes = 0, directories = 0;
  std::uint64_t bytes = 0;  // read and hashed
};

}  // namespace strata::layers
