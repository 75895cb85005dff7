// A registry, as the OCI distribution spec 1.1 and Docker's token authentication have it.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md
// https://distribution.github.io/distribution/spec/auth/token/
//
// One Client per command. All members may be called from many threads at once; every one of them
// blocks its caller only. All HTTP is done by one strata-fetch process, which is started by the
// first request and ends with the Client.
//
// Pulls ask the registry's mirrors first, pushes never do. Manifests and small blobs come back
// verified against their digest; the bytes of a Download are not (layers::unpack does that).
//
// Errors: kNotFound, kUnauthorized (also docker's "pull access denied"), kUnavailable (host, what
// and why), kTimeout, kCorrupt (digest or size is not what was promised), kResourceExhausted (a
// stated limit, and "toomanyrequests"). No error text holds a credential.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "registry/credentials.h"
#include "registry/settings.h"
#include "sys/unique_fd.h"

namespace strata::registry {

// A blob on its way. The bytes come out of fd(), a pipe, which ends when the transfer ends, well or
// not; finish() tells which. A transfer that breaks in the middle is continued where it stopped
// (from another source if need be) before anybody hears of it.
//
//   auto download = TRY(client.open_blob(reference, descriptor));
//   auto unpacked = layers.unpack(lease, download.fd(), limits);   // reads to the end
//   TRY(download.finish());                                        // the better error of the two:
//   look here first
//
// Move-only; used by one thread, except received() and cancel(). The destructor abandons the
// transfer.
class [[nodiscard]] Download {
 public:
  class State;
  explicit Download(std::unique_ptr<State> state);
  Download(Download&&) noexcept;
  Download& operator=(Download&&) noexcept;
  ~Download();

  // The read end; stays the Download's.
  int fd() const;
  // Gives the read end away.
  sys::UniqueFd take_fd();
  // Bytes that have come out of fd() or wait there; for progress. Any thread.
  std::uint64_t received() const;
  // Ends the transfer, and with it what comes out of fd(), now: for a download that nobody wants
  // any more because another one has failed. Any thread.
  void cancel();
  // Closes fd() and waits for the end of the transfer. That nobody read to the end is no error here
  // (what failed then is the reader), and ends the transfer. Errors: what broke it; kCorrupt when
  // the blob was shorter or longer than its descriptor says.
  Result<> finish();

 private:
  std::unique_ptr<State> state_;
};

// One answer of search(). Foreign text: printable only after printable().
struct FoundRepository {
  std::string name;
  std::string description;
  std::int64_t stars = 0;
  bool official = false;
  bool automated = false;
};

struct Fetched {
  std::string bytes;
  std::string media_type;  // the registry's Content-Type
  oci::Digest digest;      // of `bytes`
  std::string source;      // host[:port] that answered: the registry or a mirror
};

class Client {
 public:
  static Result<std::unique_ptr<Client>> open(const Settings& settings);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // ---- pulling ----

  // By digest if the reference has one, else by tag (default "latest"). At most
  // oci::kMaxManifestSize bytes.
  Result<Fetched> get_manifest(const oci::Reference& reference);
  // What a tag stands for now: digest, media type and size, by HEAD. kNotFound when there is no
  // such tag.
  Result<oci::Descriptor> resolve(const oci::Reference& reference);
  // All tags of a repository, in the registry's order. Errors: kResourceExhausted beyond 100,000.
  Result<std::vector<std::string>> tags(const oci::Reference& repository);
  // A whole small blob (an image config), verified. More than `limit` bytes is kResourceExhausted.
  Result<std::string> get_blob(const oci::Reference& repository, const oci::Descriptor& blob, std::size_t limit);
  // From byte `offset` on. Returns when the source has agreed to send; a missing blob or refused
  // access is an error here.
  Result<Download> open_blob(const oci::Reference& repository, const oci::Descriptor& blob, std::uint64_t offset = 0);

  // ---- searching ----

  // What Docker Hub, and few others, answer at /v1/search. `registry` is a domain; mirrors are not asked.
  // At most `limit` results. Errors: kUnsupported when the registry has no search.
  Result<std::vector<FoundRepository>> search(const std::string& registry, std::string_view term, int limit);

  // ---- pushing ----

  Result<bool> has_blob(const oci::Reference& repository, const oci::Digest& digest);
  // Makes a blob of another repository of the same registry appear in this one; false when the
  // registry will not (then push it).
  Result<bool> mount_blob(const oci::Reference& repository, const oci::Digest& digest, const oci::Reference& from);
  // Called with the bytes sent so far, from another thread; may be null.
  using Progress = std::move_only_function<void(std::uint64_t)>;
  // Sends blob.size bytes from `source`: a file from its beginning (repeated when the connection
  // breaks), or a pipe (not repeated).
  Result<> push_blob(const oci::Reference& repository, const oci::Descriptor& blob, int source,
                     Progress progress = nullptr);
  // As push_blob, for a blob whose size and digest are known only when its last byte is: reads the
  // pipe to its end, then asks `describe` for the digest. A failing `describe` abandons the upload.
  Result<> push_blob_stream(const oci::Reference& repository, int source,
                            std::move_only_function<Result<oci::Digest>()> describe, Progress progress = nullptr);
  // Under the reference's tag, or its digest when it has no tag. Returns the digest of `bytes`.
  Result<oci::Digest> put_manifest(const oci::Reference& reference, std::string_view bytes,
                                   std::string_view media_type);

  // ---- login ----

  // Asks the registry whether it takes these. The result is what should be stored (Docker Hub may
  // answer with an identity token). Errors: kUnauthorized.
  Result<Credentials> check_login(std::string_view domain, const Credentials& credentials);

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strata::registry
