// The flags and arguments of one verb, read as docker reads them: "-it", "--name x", "--name=x", "--name=",
// "-n=x", "-nx", "-e A -e B", "--rm=false", "--".
//
//   bool quiet = false;
//   std::vector<std::string> names;
//   Options options(verb);
//   options.flag("-q,--quiet", quiet, "Only show IDs");
//   options.arguments("NAME", names, 1, 1);
//   if (!TRY(options.parse(arguments))) return 0;  // --help was printed
//
// Targets must outlive parse(). Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace strata::cli {

struct Verb;

class Options {
 public:
  explicit Options(const Verb& verb);
  ~Options();
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  // `names` is "-q,--quiet" or "--quiet". An empty help hides the flag from --help.
  // What a target holds before is what help calls the default.
  void flag(const std::string& names, bool& target, const std::string& help);
  void value(const std::string& names, std::string& target, const std::string& help);
  void value(const std::string& names, std::optional<std::string>& target, const std::string& help);
  void value(const std::string& names, std::int64_t& target, const std::string& help);
  void value(const std::string& names, std::optional<std::int64_t>& target, const std::string& help);
  // May be given several times; commas are not separators.
  // Likewise, each "name=value"; without spaces around, the name in small letters.
  void filters(const std::string& names, std::vector<std::string>& target, const std::string& help);
  void list(const std::string& names, std::vector<std::string>& target, const std::string& help);

  static constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);
  // What is left after the flags; fewer or more than allowed is docker's usage error.
  void arguments(std::vector<std::string>& target, std::size_t at_least, std::size_t at_most = kNoLimit);
  // Flags end at the first argument, as in `run IMAGE ls -l`.
  void stop_at_first_argument();

  // True when the verb should go on; false when --help was asked for and printed.
  // Errors are kInvalidArgument in docker's words ("unknown flag: --x"), and set the verb's failure_code: 125
  // for flags, 1 for too few or too many words.
  Result<bool> parse(std::span<const std::string> arguments);
  // Whether the flag (by its long name, without dashes) was given at all.
  bool given(const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strata::cli
