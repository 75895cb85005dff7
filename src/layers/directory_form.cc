#include "layers/directory_form.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sys/file.h"
#include "sys/new_entry.h"

namespace strata::layers {
namespace {

using codec::ErofsEntry;
using codec::ErofsInode;
using codec::FileType;

constexpr std::size_t kMaxPath = 4000;
constexpr std::uint64_t kSmall = 256 << 10;  // below: read and write; above: copy_file_range

class DirectoryWriter {
 public:
  DirectoryWriter(const codec::ErofsTree& tree, int tar, int root) : tree_(tree), tar_(tar), root_(root) {}

  Result<> write(unsigned threads) {
    TRY(make_directories());
    TRY(fill_directories(threads));
    for (const Link& link : links_) TRY(make_link(link));
    // Deepest first: a directory's time changes with what is put into it, and its mode may close it.
    for (std::size_t i = directories_.size(); i-- > 0;) TRY(finish_directory(i));
    return {};
  }

 private:
  struct Directory {
    std::uint32_t inode;
    std::uint32_t parent;  // position in directories_
    std::string_view name;
  };
  // Of an inode with several names the first found is made with its data, the others link to it.
  struct Link {
    std::uint32_t inode;
    std::uint32_t directory;
    std::string_view name;
  };
  struct FirstName {
    std::uint32_t directory = 0;
    std::string_view name;
  };

  Result<> make_directories() {
    directories_.push_back({0, 0, ""});
    firsts_.resize(tree_.inodes.size());
    for (std::size_t i = 0; i < directories_.size(); ++i) {
      const auto at = static_cast<std::uint32_t>(i);
      sys::UniqueFd dir;
      for (const ErofsEntry& entry : entries_of(at)) {
        const ErofsInode& inode = tree_.inodes[entry.inode];
        if (inode.type == FileType::kDirectory) {
          if (!dir) dir = TRY(open_directory(at));
          TRY(sys::make_directory_entry(dir.get(), std::string(entry.name), 0700));
          directories_.push_back({entry.inode, at, entry.name});
        } else if (inode.nlink > 1 && !is_whiteout(inode)) {
          FirstName& first = firsts_[entry.inode];
          if (first.name.empty()) {
            first = {at, entry.name};
          } else {
            links_.push_back({entry.inode, at, entry.name});
          }
        }
      }
    }
    return {};
  }

  Result<> fill_directories(unsigned threads) {
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::optional<Error> failed;
    const auto work = [&] {
      std::vector<std::byte> buffer;
      for (std::size_t i; (i = next.fetch_add(1)) < directories_.size();) {
        Result<> done = fill_directory(static_cast<std::uint32_t>(i), buffer);
        if (done) continue;
        const std::lock_guard lock(mutex);
        if (!failed) failed = std::move(done).take_error();
        next = directories_.size();
      }
    };
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < threads; ++i)
      others.emplace_back([&] {
        // set_entry_xattr() moves the working directory.
        if (sys::unshare_working_directory()) work();
      });
    work();
    others.clear();
    if (failed) return *failed;
    return {};
  }

  Result<> fill_directory(std::uint32_t at, std::vector<std::byte>& buffer) {
    sys::UniqueFd dir;
    for (const ErofsEntry& entry : entries_of(at)) {
      const ErofsInode& inode = tree_.inodes[entry.inode];
      if (inode.type == FileType::kDirectory) continue;
      if (inode.nlink > 1 && !is_whiteout(inode)) {
        const FirstName& first = firsts_[entry.inode];
        if (first.directory != at || first.name != entry.name) continue;
      }
      if (!dir) dir = TRY(open_directory(at));
      TRY(make_entry(dir.get(), std::string(entry.name), inode, buffer));
    }
    return {};
  }

  Result<> make_entry(int dir, const std::string& name, const ErofsInode& inode, std::vector<std::byte>& buffer) {
    const auto major = static_cast<unsigned>(inode.data >> 32);
    const auto minor = static_cast<unsigned>(inode.data & 0xFFFFFFFF);
    switch (inode.type) {
      case FileType::kFile: {
        const sys::UniqueFd file = TRY(sys::open_at(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
        TRY(write_data(file.get(), inode, buffer));
        break;
      }
      case FileType::kSymlink:
        TRY(sys::make_symlink_entry(dir, name, std::string(tree_.targets[inode.detail])));
        break;
      case FileType::kCharDevice:
        TRY(sys::make_node_entry(dir, name, S_IFCHR, major, minor));
        break;
      case FileType::kBlockDevice:
        TRY(sys::make_node_entry(dir, name, S_IFBLK, major, minor));
        break;
      case FileType::kFifo:
        TRY(sys::make_node_entry(dir, name, S_IFIFO, 0, 0));
        break;
      case FileType::kDirectory:
        break;
    }
    return set_attributes(dir, name, inode);
  }

  Result<> write_data(int file, const ErofsInode& inode, std::vector<std::byte>& buffer) {
    if (inode.detail == 0) return copy_data(file, inode.data, 0, inode.size, buffer);
    for (const codec::Segment& segment : tree_.segment_lists[inode.detail])
      TRY(copy_data(file, segment.stored_offset, segment.offset, segment.length, buffer));
    return sys::set_file_size(file, inode.size);
  }

  Result<> copy_data(int file, std::uint64_t from, std::uint64_t to, std::uint64_t length,
                     std::vector<std::byte>& buffer) {
    if (length > kSmall) {
      TRY(sys::seek_to(file, to));
      return sys::copy_range(tar_, from, file, length);
    }
    if (length == 0) return {};
    buffer.resize(kSmall);
    const auto bytes = std::span(buffer).first(length);
    if (TRY(sys::pread_full(tar_, bytes, from)) != length)
      return error(ErrorKind::kCorrupt, "the tar ends before byte {}", from + length);
    return sys::pwrite_all(file, bytes, to);
  }

  // The owner first, because chown(2) clears set-id bits and capabilities; the time last.
  Result<> set_attributes(int dir, const std::string& name, const ErofsInode& inode) {
    TRY(sys::set_entry_owner(dir, name, inode.uid, inode.gid));
    if (inode.type != FileType::kSymlink) TRY(sys::set_entry_mode(dir, name, inode.mode));
    for (const auto& [xattr, value] : tree_.xattr_sets[inode.xattrs])
      TRY(sys::set_entry_xattr(dir, name, xattr, value));
    return sys::set_entry_time(dir, name, inode.mtime_sec, inode.mtime_nsec);
  }

  Result<> make_link(const Link& link) {
    const FirstName& first = firsts_[link.inode];
    const sys::UniqueFd from = TRY(open_directory(first.directory));
    const sys::UniqueFd to = TRY(open_directory(link.directory));
    return sys::make_link_entry(from.get(), std::string(first.name), to.get(), std::string(link.name));
  }

  Result<> finish_directory(std::size_t at) {
    const Directory& directory = directories_[at];
    const ErofsInode& inode = tree_.inodes[directory.inode];
    if (at == 0) return set_attributes(root_, ".", inode);
    const sys::UniqueFd parent = TRY(open_directory(directory.parent));
    return set_attributes(parent.get(), std::string(directory.name), inode);
  }

  // All components are directories that we made, so no symlink can be met.
  Result<sys::UniqueFd> open_directory(std::uint32_t at) {
    std::vector<std::string_view> names;
    for (; at != 0; at = directories_[at].parent) names.push_back(directories_[at].name);
    sys::UniqueFd dir;
    std::string path = ".";
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      if (path.size() + name->size() + 1 > kMaxPath) {
        dir = TRY(sys::open_at(dir ? dir.get() : root_, path, O_PATH | O_DIRECTORY | O_NOFOLLOW));
        path = '.';
      }
      path += '/';
      path += *name;
    }
    return sys::open_at(dir ? dir.get() : root_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  const std::vector<ErofsEntry>& entries_of(std::uint32_t at) const {
    return tree_.directories[tree_.inodes[directories_[at].inode].detail];
  }

  // The tree has one inode for all whiteouts; a file system may not hold so many links to one.
  static bool is_whiteout(const ErofsInode& inode) { return inode.type == FileType::kCharDevice && inode.data == 0; }

  const codec::ErofsTree& tree_;
  int tar_, root_;
  std::vector<Directory> directories_;
  std::vector<FirstName> firsts_;
  std::vector<Link> links_;
};

}  // namespace

Result<> write_directory_form(const codec::ErofsTree& tree, int tar, int directory, unsigned threads) {
  return DirectoryWriter(tree, tar, directory).write(std::max(1u, threads));
}

}  // namespace strata::layers
