#include "images/archive_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <mutex>
#include <thread>

#include "base/strings.h"
#include "codec/compression.h"
#include "images/archive_index.h"
#include "sys/file.h"
#include "sys/rooted_path.h"

namespace strata::images {
namespace {

constexpr int kMaxLinks = 16;
constexpr std::uint64_t kProgressStep = 4 << 20;

// An OCI layout as a directory.
class LayoutDirectory final : public ArchiveFiles {
 public:
  LayoutDirectory(sys::UniqueFd root, ArchiveTarget& target) : root_(std::move(root)), target_(target) {}

  bool has(const std::string& name) override { return open(name).has_value(); }

  Result<std::string> read(const std::string& name, std::size_t limit) override {
    const sys::UniqueFd file = TRY(open(name));
    return TRY(sys::read_fd(file.get(), limit), "{}", printable(name));
  }

  Result<layers::Unpacked> unpack(const std::string& name) override {
    const sys::UniqueFd file = TRY(open(name));
    const struct stat st = TRY(sys::stat_fd(file.get()));
    return unpack_range(target_, file.get(), 0, static_cast<std::uint64_t>(st.st_size), name);
  }

 private:
  Result<sys::UniqueFd> open(const std::string& name) {
    const std::string clean = TRY(member_name(name));
    // Never waits for the writer of a FIFO.
    sys::UniqueFd file = TRY(sys::open_in_root(root_.get(), clean, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (const struct stat st = TRY(sys::stat_fd(file.get())); !S_ISREG(st.st_mode))
      return error(ErrorKind::kCorrupt, "{} is no file", printable(name));
    return file;
  }

  sys::UniqueFd root_;
  ArchiveTarget& target_;
};

}  // namespace

Result<> MemberTable::add(std::string name, Member member) {
  if (members_.size() == kMaxMembers)
    return error(ErrorKind::kResourceExhausted, "the archive has more than {} files", kMaxMembers);
  name_bytes_ += name.size() + member.target.size();
  if (name_bytes_ > kMaxNames)
    return error(ErrorKind::kResourceExhausted, "the names in the archive take more than {} bytes (16 MiB)", kMaxNames);
  const auto [found, is_new] = members_.emplace(std::move(name), std::move(member));
  if (!is_new) return error(ErrorKind::kCorrupt, "the archive holds \"{}\" twice", printable(found->first));
  return {};
}

Result<const Member*> MemberTable::find(const std::string& name) const {
  const std::string* at = &name;
  for (int links = 0; links <= kMaxLinks; ++links) {
    const auto found = members_.find(*at);
    if (found == members_.end()) return nullptr;
    if (found->second.kind != Member::Kind::kLink) return &found->second;
    at = &found->second.target;
  }
  return error(ErrorKind::kCorrupt, "\"{}\": too many links behind each other", printable(name));
}

std::string short_member(const std::string& name) {
  if (const auto digest = promised_digest(name)) return digest->short_hex();
  return printable(name.substr(0, 12));
}

Result<layers::Unpacked> unpack_range(ArchiveTarget& target, int fd, std::uint64_t offset, std::uint64_t size,
                                      const std::string& name) {
  static std::mutex progress_mutex;
  const std::string shown = short_member(name);
  const auto report = [&](std::uint64_t done) {
    const std::scoped_lock lock(progress_mutex);
    target.progress.layer(shown, done, size);
  };
  sys::Pipe pipe = TRY(sys::make_pipe());
  Result<> fed;
  std::jthread feeder([&, out = std::move(pipe.write)] {
    for (std::uint64_t done = 0; done < size && fed;) {
      const std::uint64_t count = std::min(kProgressStep, size - done);
      fed = sys::copy_range(fd, offset + done, out.get(), count);
      done += count;
      if (fed) report(done);
    }
  });
  report(0);
  auto unpacked = target.layers.unpack(target.lease, pipe.read.get(), target.limits);
  pipe.read.reset();
  feeder.join();
  if (!unpacked) return unpacked.error().with_context(fmt::format("layer {}", shown));
  // What follows a layer's last byte may be cut off by a worker that is content with what it has.
  if (!fed && fed.error().error_number() != EPIPE) return fed.error().with_context(shown);
  return unpacked;
}

Result<std::unique_ptr<ArchiveFiles>> open_layout_directory(int fd, ArchiveTarget& target) {
  return std::make_unique<LayoutDirectory>(TRY(sys::duplicate(fd)), target);
}

Result<std::unique_ptr<ArchiveFiles>> open_archive(int fd, ArchiveTarget& target) {
  const struct stat st = TRY(sys::stat_fd(fd));
  if (S_ISDIR(st.st_mode)) return open_layout_directory(fd, target);
  if (S_ISREG(st.st_mode) && ::lseek(fd, 0, SEEK_CUR) == 0) {
    std::array<std::byte, codec::kCompressionHeadSize> head;
    const std::size_t count = TRY(sys::pread_full(fd, head, 0));
    if (codec::detect_compression(std::span(head).first(count)) == codec::Compression::kNone)
      return open_tar_file(fd, target);
  }
  return read_tar_stream(fd, target);
}

}  // namespace strata::images
