// A plain tar that can be sought in: its headers are read, and of the rest only what is asked for.
#include <sys/stat.h>

#include "base/strings.h"
#include "codec/tar_reader.h"
#include "images/archive_files.h"
#include "images/archive_index.h"
#include "sys/file.h"

namespace strata::images {
namespace {

// A file from its beginning. What is to be skipped is not fetched: the bytes that a reader is told
// of there are whatever its buffer holds.
class SkippingSource final : public codec::ByteSource {
 public:
  SkippingSource(int fd, std::uint64_t size) : fd_(fd), size_(size) {}

  // The reader throws away everything before this offset.
  void skip_until(std::uint64_t offset) { skip_until_ = offset; }

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (position_ >= size_) return 0;
    if (position_ < skip_until_) {
      const std::uint64_t end = std::min(skip_until_, size_);
      const std::size_t count = std::min<std::uint64_t>(buffer.size(), end - position_);
      position_ += count;
      return count;
    }
    const std::size_t count = TRY(sys::pread_full(fd_, buffer, position_));
    position_ += count;
    return count;
  }

 private:
  int fd_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
  std::uint64_t skip_until_ = 0;
};

class TarFile final : public ArchiveFiles {
 public:
  TarFile(int fd, ArchiveTarget& target) : fd_(fd), target_(target) {}

  Result<> scan(std::uint64_t size);

  bool has(const std::string& name) override {
    const auto found = members_.find(name);
    return found && *found != nullptr;
  }

  Result<std::string> read(const std::string& name, std::size_t limit) override {
    const Member* member = TRY(find(name));
    if (member->size > limit)
      return error(ErrorKind::kResourceExhausted, "{} has {} bytes: the limit is {}", printable(name), member->size,
                   limit);
    std::string text(member->size, '\0');
    const std::size_t count = TRY(sys::pread_full(fd_, std::as_writable_bytes(std::span(text)), member->offset));
    if (count != text.size()) return error(ErrorKind::kCorrupt, "the archive ends within {}", printable(name));
    return text;
  }

  Result<layers::Unpacked> unpack(const std::string& name) override {
    const Member* member = TRY(find(name));
    return unpack_range(target_, fd_, member->offset, member->size, name);
  }

 private:
  Result<const Member*> find(const std::string& name) {
    const Member* member = TRY(members_.find(name));
    if (member == nullptr) return error(ErrorKind::kNotFound, "the archive has no {}", printable(name));
    if (member->kind != Member::Kind::kFile) return error(ErrorKind::kCorrupt, "{} is no plain file", printable(name));
    return member;
  }

  int fd_;
  ArchiveTarget& target_;
  MemberTable members_;
};

Result<> TarFile::scan(std::uint64_t size) {
  using Type = codec::TarEntry::Type;
  SkippingSource source(fd_, size);
  codec::TarReader tar(source, {.max_path = 4096});
  while (auto entry = TRY(tar.next())) {
    Member member;
    const std::string name = TRY(member_name(entry->path));
    if (entry->type == Type::kFile) {
      member.kind = entry->sparse ? Member::Kind::kUnreadable : Member::Kind::kFile;
      member.offset = entry->data_offset;
      member.size = entry->stored_size;
      source.skip_until(member.offset + member.size);
    } else if (entry->type == Type::kSymlink || entry->type == Type::kHardLink) {
      member.kind = Member::Kind::kLink;
      member.target = TRY(entry->type == Type::kSymlink ? linked_member(name, entry->link_target)
                                                        : member_name(entry->link_target));
    } else {
      continue;
    }
    TRY(members_.add(name, std::move(member)));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ArchiveFiles>> open_tar_file(int fd, ArchiveTarget& target) {
  const struct stat st = TRY(sys::stat_fd(fd));
  auto file = std::make_unique<TarFile>(fd, target);
  TRY(file->scan(static_cast<std::uint64_t>(st.st_size)));
  return std::unique_ptr<ArchiveFiles>(std::move(file));
}

}  // namespace strata::images
