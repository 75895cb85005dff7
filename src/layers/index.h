// A layer's tree as an EROFS index file beside its tar.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/erofs_tree.h"
#include "codec/erofs_writer.h"
#include "codec/sha256.h"

namespace strata::layers {

// The image's UUID: of the key under which the index is kept (diff ID or chain ID, as hex) and the
// writer's version, so that no two different indexes share one.
std::array<std::byte, 16> index_uuid(std::string_view key);

struct IndexInfo {
  std::uint64_t size = 0;
  codec::Sha256Digest digest{};              // of the whole file
  std::vector<std::uint64_t> inode_offsets;  // see ErofsImage
};

// Writes the index to the beginning of `index` (an empty file, open for writing). `tar` is the whole
// uncompressed tar; what cannot be pointed to is copied from it.
Result<IndexInfo> write_index(const codec::ErofsTree& tree, std::string_view key, std::string_view diff_id_hex, int tar,
                              std::uint64_t tar_size, int index);

// The same with data files of any number; `read_data` gives bytes of them, at the tree's offsets.
using DataReader = std::function<Result<>(std::uint64_t offset, std::span<std::byte> buffer)>;
Result<IndexInfo> write_index(const codec::ErofsTree& tree, const codec::ErofsOptions& options,
                              const DataReader& read_data, int index);

}  // namespace strata::layers
