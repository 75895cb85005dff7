// The low-level SHA256_* functions, although OpenSSL 3 calls them deprecated: EVP_DigestInit
// fetches its provider first (0.3 ms of start-up), these run the same assembly and initialize
// nothing.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "codec/sha256.h"

#include <openssl/sha.h>

namespace strata::codec {

static_assert(sizeof(SHA256_CTX) == 112 && alignof(SHA256_CTX) <= 8);

Sha256::Sha256() { SHA256_Init(reinterpret_cast<SHA256_CTX*>(state_.data())); }

void Sha256::update(std::span<const std::byte> bytes) {
  SHA256_Update(reinterpret_cast<SHA256_CTX*>(state_.data()), bytes.data(), bytes.size());
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), reinterpret_cast<SHA256_CTX*>(state_.data()));
  return digest;
}

Sha256Digest sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

Sha256Digest sha256(std::string_view bytes) { return sha256(std::as_bytes(std::span(bytes))); }

Result<std::size_t> HashingSource::read(std::span<std::byte> buffer) {
  const std::size_t got = TRY(in_.read(buffer));
  hash_.update(buffer.first(got));
  count_ += got;
  return got;
}

Result<> HashingSink::write(std::span<const std::byte> bytes) {
  hash_.update(bytes);
  count_ += bytes.size();
  return out_.write(bytes);
}

}  // namespace strata::codec
