// For tests: what a tree of files looks like, entry by entry, so that two trees can be compared.
#pragma once

#include <map>
#include <string>

#include "layers/merged_tree.h"

namespace strata::layers::test {

struct Seen {
  std::string kind;     // "dir", "file", "link → target", "char 1:3", "block 8:0", "fifo"
  std::string owner;    // "0:0"
  std::string mode;     // "0755"
  std::string time;     // "seconds.nanoseconds"
  std::string content;  // of a file: "size sha256"
  std::string xattrs;   // without overlayfs's own
  std::string same_as;  // the first name of the inode, when there are several
  bool operator==(const Seen&) const = default;
};
std::string to_string(const Seen& seen);

// Every entry below the directory, "" for itself; by descriptors, so that no depth is too deep.
// `with_content` reads every file.
using Tree = std::map<std::string, Seen>;
Tree look_at(int directory, bool with_content = true);

// The same of a walk without a mount.
Tree look_at(MergedTree& merged, bool with_content = true);

// Hard links to names that the tree does not have are as good as none.
Tree without_lone_links(Tree tree);

// "path: this | that" for each difference, at most twenty; "" when equal.
std::string difference(const Tree& a, const Tree& b);

}  // namespace strata::layers::test
