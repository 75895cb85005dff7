// What strata-layer says to its parent on the report descriptor, and what it is told of implied parents:
// small JSON texts. Names of files may have any bytes, so they travel as hex.
//
// Before its report a worker may ask for memory, as often as it likes: "need BYTES\n". It has given back what
// it had before, and goes on when a byte comes on its other pipe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/compression.h"
#include "layers/layer_tree.h"

namespace strata::layers {

struct WorkerReport {
  std::string blob_digest, diff_id, index_digest;  // hex
  std::uint64_t blob_size = 0, tar_size = 0, index_size = 0, entries = 0;
  codec::Compression compression = codec::Compression::kNone;
  // Each with the offset of its inode in the index, for patch_erofs_inode().
  struct Implied {
    std::string path;
    std::uint64_t offset = 0;
  };
  std::vector<Implied> implied;
};

std::string to_json(const WorkerReport& report);
std::string to_json(const Error& failed);
// A report, or the error that was reported. kCorrupt when it is neither.
Result<WorkerReport> parse_report(std::string_view text);

using ImpliedAttributes = std::map<std::string, DirectoryAttributes>;
std::string to_json(const ImpliedAttributes& attributes);
Result<ImpliedAttributes> parse_implied_attributes(std::string_view text);

// The list of implied parents as a record keeps it.
std::string to_json(const std::vector<WorkerReport::Implied>& implied);
Result<std::vector<WorkerReport::Implied>> parse_implied(std::string_view text);

inline constexpr std::string_view kNeed = "need ";
// A layer that wants more for the window of its compression is refused. zstd's own levels up to 19 take up to
// 8 MiB, the most that the usual builders take is 32 MiB; --long=27 and --ultra are beyond that.
inline constexpr std::size_t kMaxWindow = 32 << 20;
// Of all workers of a process together.
inline constexpr std::size_t kWindowBudget = 26 << 20;

// Only directories that a layer implies make a report large: this is room for some 50,000 of them.
inline constexpr std::size_t kMaxReport = 8 << 20;

}  // namespace strata::layers
