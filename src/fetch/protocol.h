// What a command and its strata-fetch say to each other: messages of sys/message_socket.h, each a
// JSON text, after which a zero byte and raw bytes may follow. Both come from one build, so there
// is no version.
//
//   command → strata-fetch   RequestMessage, with descriptors in this order, as far as it announces
//   them:
//                            output, upload, CA certificates, client certificate, client key
//                            CancelMessage
//   strata-fetch → command   per request: at most one Head, then BodyPart or Progress, then one End
//
// Numbers that both sides rely on stand here. No JSON in this header.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace strata::fetch {

using Headers = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t kMaxHeaderBytes = 48 << 10;  // of one response, all its headers
inline constexpr std::size_t kMaxErrorBody = 64 << 10;    // of a response that is no success; the rest is dropped
inline constexpr std::size_t kBodyPartBytes = 32 << 10;
inline constexpr std::size_t kMaxUrlBytes = 16 << 10;
inline constexpr std::size_t kMaxPemBytes = 1 << 20;  // of certificates and keys handed over
inline constexpr int kMaxRedirects = 10;

// Why a request got no (whole) response.
enum class Failure {
  kNone,
  kResolve,      // the host's name has no address
  kConnect,      // refused, unreachable
  kTls,          // the peer does not speak TLS, or not such that we agree
  kCertificate,  // it does, but its certificate is not trusted
  kTimeout,      // not connected in time, or no byte for too long
  kBroken,       // the connection ended in the middle, or HTTP was violated
  kLimit,        // more bytes than the request allows
  kRedirect,     // too many, or to where we do not go
  kOutput,       // nobody reads the output any more
  kUpload,       // the upload's source failed or was too short
  kCancelled,
  kProcess,  // strata-fetch itself could not do it, or is gone
};
std::string_view to_string(Failure failure);

struct RequestMessage {
  std::uint64_t id = 0;
  std::string method;
  std::string url;
  Headers headers;
  std::uint64_t max_body = 0;     // of a success; more is kLimit
  std::uint64_t range_start = 0;  // as in fetch::Request
  bool has_output = false;        // a success's body goes to the descriptor
  bool has_upload = false;
  std::optional<std::uint64_t> upload_size;  // unknown: chunked
  bool has_ca = false;
  bool has_client_certificate = false;  // certificate and key
  bool verify = true;                   // the peer's certificate
};

struct CancelMessage {
  std::uint64_t id = 0;
};

struct Head {
  std::uint64_t id = 0;
  int status = 0;
  std::string url;  // that answered, after redirects
  Headers headers;  // names in lower case
};

struct BodyPart {
  std::uint64_t id = 0;
  std::string bytes;
};

struct Progress {
  std::uint64_t id = 0;
  std::uint64_t bytes = 0;  // received so far, or sent when there is an upload
};

struct End {
  std::uint64_t id = 0;
  Failure failure = Failure::kNone;
  std::string message;      // for people; never a query string or a header's value
  std::uint64_t bytes = 0;  // that reached the output, or the upload's
};

using ToFetch = std::variant<RequestMessage, CancelMessage>;
using ToCommand = std::variant<Head, BodyPart, Progress, End>;

std::string encode(const ToFetch& message);
std::string encode(const ToCommand& message);
// Errors: kCorrupt.
Result<ToFetch> decode_to_fetch(std::string_view bytes);
Result<ToCommand> decode_to_command(std::string_view bytes);

}  // namespace strata::fetch
