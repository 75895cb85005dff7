// An archive that comes once, front to back, in any order: docker and skopeo write the tables of
// contents behind the layers. So what looks like a layer (a tar's first block, or a compressed
// stream's first bytes) is unpacked as it passes, in a worker of its own; whatever else is small
// may be a document and is kept in one file of the lease; the rest is passed over. A layer whose
// name promises a digest that the store has is passed over too.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <deque>
#include <thread>

#include "base/strings.h"
#include "codec/compression.h"
#include "codec/tar_reader.h"
#include "images/archive_files.h"
#include "images/archive_index.h"
#include "images/records.h"
#include "layers/file_stream.h"
#include "oci/image_config.h"
#include "store/lease.h"
#include "sys/file.h"

namespace strata::images {
namespace {

// Workers that finish (index, report) while the next layer passes.
constexpr std::size_t kWorkersAtOnce = 4;
constexpr std::size_t kBufferSize = 256 << 10;
// What may follow the end of the tar: padding, the last compressed block's rest.
constexpr std::uint64_t kMaxTrailing = 16 << 20;

// A layer on its way through a worker.
struct PassingLayer {
  sys::Pipe pipe;
  std::optional<Result<layers::Unpacked>> unpacked;
  std::jthread worker;

  void finish() {
    pipe.write.reset();
    if (worker.joinable()) worker.join();
  }
};

bool is_layer_start(std::span<const std::byte> head) {
  if (codec::detect_compression(head) != codec::Compression::kNone) return true;
  if (head.size() < codec::kTarBlockSize) return false;
  codec::TarBlock block;
  std::ranges::copy(head.first(codec::kTarBlockSize), block.writable().begin());
  if (block.is_zero()) return true;  // a tar of nothing
  const auto checksum = codec::parse_tar_number(block.field(codec::kTarChecksum));
  return checksum && (*checksum == block.unsigned_checksum() || *checksum == block.signed_checksum());
}

class TarStream final : public ArchiveFiles {
 public:
  explicit TarStream(ArchiveTarget& target) : target_(target) {}
  ~TarStream() override {
    for (PassingLayer& layer : layers_) layer.finish();
  }

  Result<> pass(codec::ByteSource& in);

  bool has(const std::string& name) override {
    const auto found = members_.find(name);
    return found && *found != nullptr;
  }

  Result<std::string> read(const std::string& name, std::size_t limit) override {
    const Member* member = TRY(find(name));
    if (member->kind != Member::Kind::kFile) return error(ErrorKind::kCorrupt, "{} is no document", printable(name));
    if (member->size > limit)
      return error(ErrorKind::kResourceExhausted, "{} has {} bytes: the limit is {}", printable(name), member->size,
                   limit);
    std::string text(member->size, '\0');
    TRY(sys::pread_full(spool_.get(), std::as_writable_bytes(std::span(text)), member->offset));
    return text;
  }

  // Thread-safe: nothing changes any more once the stream has passed.
  Result<layers::Unpacked> unpack(const std::string& name) override {
    const Member* member = TRY(find(name));
    const std::string shown = "layer " + short_member(name);
    switch (member->kind) {
      case Member::Kind::kLayer:
        return Result(*layers_[member->offset].unpacked).context(shown);
      case Member::Kind::kKnown:
        return error(ErrorKind::kConflict, "{} was removed meanwhile; load the archive again", shown);
      default:
        return error(ErrorKind::kCorrupt, "{} is neither a tar nor compressed", shown);
    }
  }

 private:
  Result<const Member*> find(const std::string& name) {
    const Member* member = TRY(members_.find(name));
    if (member == nullptr) return error(ErrorKind::kNotFound, "the archive has no {}", printable(name));
    return member;
  }
  Result<Member> take(codec::TarReader& tar, const std::string& name, std::uint64_t size);
  Result<bool> is_known(const std::string& name);
  Result<Member> unpack_passing(codec::TarReader& tar, const std::string& name, std::uint64_t size,
                                std::span<const std::byte> head);
  Result<Member> spool(codec::TarReader& tar, std::uint64_t size, std::span<const std::byte> head);

  ArchiveTarget& target_;
  MemberTable members_;
  std::deque<PassingLayer> layers_;  // stay where they are: their threads write into them
  sys::UniqueFd spool_;
  std::uint64_t spooled_ = 0;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kBufferSize);
};

Result<bool> TarStream::is_known(const std::string& name) {
  const auto promised = promised_digest(name);
  if (!promised) return false;
  if (TRY(target_.layers.has_tar(*promised))) return true;
  const auto layer = TRY(records::layer_of_blob(target_.store.db(), *promised));
  return layer && TRY(target_.layers.has_tar(*layer));
}

// Bytes of the current entry until the buffer is full or there are no more.
Result<std::size_t> read_head(codec::TarReader& tar, std::span<std::byte> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const std::size_t count = TRY(tar.read_data(buffer.subspan(filled)));
    if (count == 0) break;
    filled += count;
  }
  return filled;
}

Result<Member> TarStream::take(codec::TarReader& tar, const std::string& name, std::uint64_t size) {
  if (size > target_.limits.max_tar_size)
    return error(ErrorKind::kResourceExhausted, "{} has {} bytes: the limit of a layer is {}", printable(name), size,
                 target_.limits.max_tar_size);
  const std::size_t count = TRY(read_head(tar, std::span(buffer_).first(codec::kTarBlockSize)));
  // unpack_passing() and spool() use the buffer again.
  std::array<std::byte, codec::kTarBlockSize> head;
  std::ranges::copy(std::span(buffer_).first(count), head.begin());
  const std::span<const std::byte> start = std::span(head).first(count);
  if (is_layer_start(start)) {
    if (TRY(is_known(name))) return Member{.kind = Member::Kind::kKnown};
    return unpack_passing(tar, name, size, start);
  }
  if (size <= oci::kMaxImageConfigSize) return spool(tar, size, start);
  return Member{.kind = Member::Kind::kUnreadable};
}

Result<Member> TarStream::unpack_passing(codec::TarReader& tar, const std::string& name, std::uint64_t size,
                                         std::span<const std::byte> head) {
  if (layers_.size() >= kWorkersAtOnce) layers_[layers_.size() - kWorkersAtOnce].finish();
  PassingLayer& layer = layers_.emplace_back();
  layer.pipe = TRY(sys::make_pipe());
  layer.worker = std::jthread([this, &layer] {
    layer.unpacked = target_.layers.unpack(target_.lease, layer.pipe.read.get(), target_.limits);
    layer.pipe.read.reset();  // whoever writes into it ends
  });
  const int out = layer.pipe.write.get();
  const std::string shown = short_member(name);
  std::uint64_t done = head.size();
  Result<> written = sys::write_all(out, head);
  while (written) {
    target_.progress.layer(shown, done, size);
    const std::size_t count = TRY(tar.read_data(buffer_));
    if (count == 0) break;
    written = sys::write_all(out, std::span(buffer_).first(count));
    done += count;
  }
  layer.pipe.write.reset();
  // A worker that wants no more has its reasons, which unpack() tells if anybody asks.
  if (!written && written.error().error_number() != EPIPE) return std::move(written).take_error();
  return Member{.kind = Member::Kind::kLayer, .offset = layers_.size() - 1, .size = size};
}

Result<Member> TarStream::spool(codec::TarReader& tar, std::uint64_t size, std::span<const std::byte> head) {
  if (spooled_ + size > kMaxSpooled)
    return error(ErrorKind::kResourceExhausted, "the documents in the archive take more than {} bytes (1 GiB)",
                 kMaxSpooled);
  if (!spool_) spool_ = TRY(sys::open_file(target_.lease.directory() + "/documents", O_RDWR | O_CREAT | O_EXCL, 0600));
  const Member member{.kind = Member::Kind::kFile, .offset = spooled_, .size = size};
  TRY(sys::write_all(spool_.get(), head));
  while (const std::size_t count = TRY(tar.read_data(buffer_)))
    TRY(sys::write_all(spool_.get(), std::span<const std::byte>(buffer_).first(count)));
  spooled_ += size;
  return member;
}

Result<> TarStream::pass(codec::ByteSource& in) {
  using Type = codec::TarEntry::Type;
  codec::TarReader tar(in, {.max_path = 4096});
  while (auto entry = TRY(tar.next())) {
    const std::string name = TRY(member_name(entry->path));
    Member member;
    if (entry->type == Type::kFile) {
      member.kind = Member::Kind::kUnreadable;
      if (!entry->sparse) member = TRY(take(tar, name, entry->size));
    } else if (entry->type == Type::kSymlink || entry->type == Type::kHardLink) {
      member.kind = Member::Kind::kLink;
      member.target = TRY(entry->type == Type::kSymlink ? linked_member(name, entry->link_target)
                                                        : member_name(entry->link_target));
    } else {
      continue;
    }
    TRY(members_.add(name, std::move(member)));
  }
  for (PassingLayer& layer : layers_) layer.finish();
  std::uint64_t trailing = 0;
  while (const std::size_t count = TRY(in.read(buffer_))) {
    trailing += count;
    if (trailing > kMaxTrailing)
      return error(ErrorKind::kCorrupt, "the archive goes on for more than {} bytes behind its end", kMaxTrailing);
  }
  return {};
}

// The stream without its outer compression, inflated by a worker.
class Inflation {
 public:
  Inflation(layers::Layers& layers, codec::ByteSource& source, codec::Compression compression, sys::Pipe in,
            sys::Pipe out)
      : out_(std::move(out)) {
    feeder_ = std::jthread([&source, pipe = std::move(in.write)] {
      std::vector<std::byte> buffer(kBufferSize);
      for (Result<> written; written;) {
        const auto count = source.read(buffer);
        if (!count || *count == 0) break;  // a read that failed is a stream cut short to the worker
        written = sys::write_all(pipe.get(), std::span<const std::byte>(buffer).first(*count));
      }
    });
    worker_ = std::jthread([this, &layers, compression, input = std::move(in.read)]() mutable {
      outcome_ = layers.inflate(input.get(), out_.write.get(), compression);
      ended_ = true;
      input.reset();
      out_.write.reset();
    });
  }
  ~Inflation() { (void)finish(); }
  int fd() const { return out_.read.get(); }
  // The error of a worker that ended by itself.
  Result<> finish() {
    const bool by_itself = ended_;
    out_.read.reset();
    if (worker_.joinable()) worker_.join();
    if (feeder_.joinable()) feeder_.join();
    return by_itself ? outcome_ : Result<>();
  }

 private:
  sys::Pipe out_;
  Result<> outcome_;
  std::atomic<bool> ended_ = false;
  std::jthread feeder_, worker_;
};

}  // namespace

Result<std::unique_ptr<ArchiveFiles>> read_tar_stream(int fd, ArchiveTarget& target) {
  layers::FileSource bytes(fd);
  const auto source = TRY(codec::PeekedSource::create(bytes, codec::kCompressionHeadSize));
  const auto compression = codec::detect_compression(source->head());
  auto stream = std::make_unique<TarStream>(target);
  if (compression == codec::Compression::kNone) {
    TRY(stream->pass(*source));
    return std::unique_ptr<ArchiveFiles>(std::move(stream));
  }
  Inflation inflation(target.layers, *source, compression, TRY(sys::make_pipe()), TRY(sys::make_pipe()));
  layers::FileSource inflated(inflation.fd());
  const Result<> passed = stream->pass(inflated);
  // A compressed stream that breaks off looks like a damaged tar from here.
  TRY(inflation.finish());
  if (!passed) return passed.error();
  return std::unique_ptr<ArchiveFiles>(std::move(stream));
}

}  // namespace strata::images
