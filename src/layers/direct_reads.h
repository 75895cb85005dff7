// Whether the kernel may read layers past the page cache of their files.
//
// A file-backed index is cached twice: the pages of the files in it, and the pages of the tars where their data lies,
// both charged to the container that read them. EROFS's mount option "directio" avoids the second. It is used where
// all of this is so:
// - the kernel is free of CVE-2026-23224, a use-after-free of just this option (uses_direct_reads_safely());
// - a read through it has worked on the store's file system (probe.h);
// - each file says that it can be read in pieces of 512 bytes, the block size of an index, and is made of such;
// - each file is on the disk: a direct read of what was just written waits until that is.
// Else reads are buffered. So what a pull has just made is read from memory at first; when the store has settled, the
// background process switches what is mounted, under running containers too. What is cached by then stays.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "store/store.h"

namespace strata::layers {

// Of a uname(2) release, such as "6.18.44-cloud-amd64".
bool uses_direct_reads_safely(std::string_view kernel_release);

// Of a file: 512-byte blocks, and a whole number of them.
Result<bool> has_direct_blocks(const std::string& path);

// Of all files behind the index `key`. False for what is no index of ours.
Result<bool> may_read_directly(const store::Paths& paths, store::Database& db, const std::string& key);

// store::Schema::settled: turns what is mounted and may.
Result<> read_settled_directly(const store::Paths& paths, store::Database& db);

}  // namespace strata::layers
