#include "build/archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "codec/compression.h"
#include "codec/tar_reader.h"
#include "layers/file_stream.h"
#include "sys/file.h"

namespace strata::build {
namespace {

using codec::TarEntry;

constexpr std::size_t kChunk = 256 << 10;

// Reads a file by offset, so that the descriptor's position does not matter.
class OffsetSource final : public codec::ByteSource {
 public:
  explicit OffsetSource(int fd) : fd_(fd) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t n = TRY(sys::pread_full(fd_, buffer, offset_));
    offset_ += n;
    return n;
  }

 private:
  int fd_;
  std::uint64_t offset_ = 0;
};

// Counts what an archive inflates to.
class LimitedSink final : public codec::ByteSink {
 public:
  LimitedSink(codec::ByteSink& out, std::uint64_t limit) : out_(out), left_(limit), limit_(limit) {}
  Result<> write(std::span<const std::byte> bytes) override {
    if (bytes.size() > left_)
      return error(ErrorKind::kResourceExhausted, "archive inflates beyond {}", human_size(limit_));
    left_ -= bytes.size();
    return out_.write(bytes);
  }

 private:
  codec::ByteSink& out_;
  std::uint64_t left_;
  std::uint64_t limit_;
};

Result<> write_piece(codec::TarWriter& tar, int fd, std::uint64_t offset, std::uint64_t length) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(length, kChunk));
  while (length > 0) {
    const auto want = std::span(buffer).first(std::min<std::uint64_t>(length, buffer.size()));
    const std::size_t n = TRY(sys::pread_full(fd, want, offset));
    if (n == 0) return error(ErrorKind::kCorrupt, "archive ends early");
    TRY(tar.write_data(want.first(n)));
    offset += n;
    length -= n;
  }
  return {};
}

// "./usr//bin/" to "usr/bin"; nullopt when it leaves the archive's root.
std::optional<std::string> clean_name(std::string_view name) {
  std::string out;
  for (const std::string_view part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return std::nullopt;
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

}  // namespace

Result<bool> is_archive(int fd) {
  std::byte head[codec::kCompressionHeadSize];
  const std::size_t n = TRY(sys::pread_full(fd, head, 0));
  const auto compression = codec::detect_compression(std::span(head).first(n));
  OffsetSource file(fd);
  auto plain = codec::decompress(compression, file);
  if (!plain) return false;
  codec::TarReader tar(**plain);
  const auto entry = tar.next();
  return entry && entry->has_value();
}

Result<Archive> Archive::open(int fd, const std::string& path, std::uint64_t max_size) {
  std::byte head[codec::kCompressionHeadSize];
  const std::size_t n = TRY(sys::pread_full(fd, head, 0));
  const auto compression = codec::detect_compression(std::span(head).first(n));
  OffsetSource file(fd);
  const auto plain = TRY(codec::decompress(compression, file));
  auto out = TRY(sys::open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600));
  TRY(sys::remove_file(path));  // the descriptor is enough, and nothing is left when we die
  layers::FileSink sink(out.get());
  LimitedSink limited(sink, max_size);
  TRY(codec::copy_all(*plain, limited));
  TRY(sink.flush());
  return Archive(std::move(out));
}

Result<> Archive::put_into(NewLayer& layer, const std::string& destination, const std::optional<Owner>& owner) {
  OffsetSource file(tar_.get());
  codec::TarReader tar(file);
  TarEntry fresh;  // a directory that the archive itself does not name
  fresh.type = TarEntry::Type::kDirectory;
  fresh.mode = 0755;
  if (owner) fresh.uid = owner->uid, fresh.gid = owner->gid;
  const auto place = [&](const std::string& name) -> Result<std::string> {
    const std::size_t slash = name.rfind('/');
    const std::string directory = slash == std::string::npos ? "" : name.substr(0, slash);
    std::string real = TRY(layer.make_directories(destination + "/" + directory, fresh));
    const std::string base = name.substr(slash == std::string::npos ? 0 : slash + 1);
    return real.empty() ? base : real + "/" + base;
  };
  while (std::optional<TarEntry> entry = TRY(tar.next())) {
    const auto name = clean_name(entry->path);
    if (!name) return error(ErrorKind::kCorrupt, "archive entry \"{}\" leaves the destination", printable(entry->path));
    if (owner) entry->uid = owner->uid, entry->gid = owner->gid;
    std::erase_if(entry->xattrs, [](const auto& x) { return x.first.starts_with("trusted."); });
    if (name->empty()) {
      if (entry->type != TarEntry::Type::kDirectory) continue;
      TRY(layer.put(destination, *entry));
      continue;
    }
    const std::string path = TRY(place(*name), "{}", printable(*name));
    if (entry->type == TarEntry::Type::kHardLink) {
      const auto target = clean_name(entry->link_target);
      if (!target || target->empty())
        return error(ErrorKind::kCorrupt, "archive entry \"{}\" links outside the destination", printable(entry->path));
      const std::string target_path = TRY(place(*target), "{}", printable(*target));
      TRY(layer.put_link(path, target_path));
      continue;
    }
    ContentWriter content;
    if (entry->type == TarEntry::Type::kFile && entry->stored_size > 0)
      content = [fd = tar_.get(), offset = entry->data_offset, length = entry->stored_size](codec::TarWriter& out) {
        return write_piece(out, fd, offset, length);
      };
    TRY(layer.put(path, *std::move(entry), std::move(content)));
  }
  return {};
}

}  // namespace strata::build
