// `image explain`: what makes an image big.
//
// Every layer's own tree is walked once, then the merged tree of all of them: what a layer brought
// and the merged tree does not show was deleted or overwritten above, and is stored all the same.
//
// Memory is bounded whatever the image: sums by layer and top directory (at most kMaxDirectories in
// all, the rest under "…"), the kMaxCandidates largest files, and for the search for identical
// files 8 bytes for each file (at most kMaxFiles) and the digests and paths of the kMaxHashed
// largest whose size occurs more than once. Where one of these ends a search, `limits` says so.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "images/images.h"

namespace strata::images {

struct Explanation {
  static constexpr std::size_t kMaxDirectories = 20'000;
  static constexpr std::size_t kMaxCandidates = 20'000;
  static constexpr std::size_t kMaxFiles = 8'000'000;
  static constexpr std::size_t kMaxHashed = 200'000;
  static constexpr std::uint64_t kSmallestDuplicate = 4096;  // bytes; smaller files are not compared
  static constexpr std::size_t kMaxPaths = 10;               // told for one set of identical files

  // Names in here are foreign bytes.
  struct Size {
    std::uint64_t files = 0, bytes = 0;
    std::uint64_t hidden_files = 0,
                  hidden_bytes = 0;  // of those: deleted or overwritten by layers above
  };
  struct Layer {
    oci::Digest diff_id;
    std::string instruction;
    std::uint64_t tar_size = 0;
    Size total;
    std::map<std::string, Size> directories;  // by the first component: "usr"; "" for files of the root
  };
  struct HiddenFile {
    std::string path;
    std::uint64_t bytes = 0;
    std::size_t layer = 0;
    bool overwritten = false;  // else deleted
  };
  struct Duplicates {
    std::uint64_t bytes = 0;         // of one
    std::size_t count = 0;           // all of them
    std::vector<std::string> paths;  // some of them
    std::uint64_t wasted() const { return bytes * (count - 1); }
  };
  struct Cache {
    std::string path;  // "var/lib/apt/lists"
    std::string of;    // "apt"
    Size size;
    std::vector<std::size_t> layers;  // that hold bytes of it
  };

  std::vector<Layer> layers;           // bottom first
  Size total;                          // bytes of all files that are stored
  std::vector<HiddenFile> hidden;      // largest first
  std::vector<Duplicates> duplicates;  // most wasted bytes first
  std::uint64_t duplicate_bytes = 0;   // that could be saved
  std::vector<Cache> caches;           // largest first
  std::vector<std::string> limits;     // what was not looked at, as sentences
};

Result<Explanation> explain(Images& images, const Image& image);

// The cache of a package manager that the path lies in: its directory and whose it is; empty when
// it is none.
struct CacheDirectory {
  std::string_view path, of;
};
CacheDirectory cache_of(std::string_view path);

}  // namespace strata::images
