#include "containers/names.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/strings.h"
#include "sys/temp_dir.h"
#include <fmt/core.h>

namespace strata::containers {
namespace {

constexpr auto kAdjectives = std::to_array<std::string_view>({
    "able",   "agile",  "airy",    "amber",    "ample",  "apt",    "ardent", "astute",  "awake",   "balmy",  "basic",
    "bold",   "brave",  "breezy",  "brief",    "bright", "brisk",  "calm",   "candid",  "careful", "civil",  "clear",
    "clever", "cosy",   "crisp",   "curious",  "daring", "deft",   "deep",   "eager",   "early",   "easy",   "exact",
    "fair",   "famous", "fast",    "fearless", "fine",   "firm",   "fluent", "fond",    "frank",   "free",   "fresh",
    "gentle", "glad",   "golden",  "good",     "grand",  "happy",  "hardy",  "honest",  "humble",  "jolly",  "just",
    "keen",   "kind",   "lasting", "light",    "lively", "lucid",  "lucky",  "merry",   "mild",    "modest", "neat",
    "nimble", "noble",  "open",    "patient",  "placid", "plain",  "polite", "prompt",  "proud",   "pure",   "quick",
    "quiet",  "rapid",  "ready",   "robust",   "rosy",   "serene", "sharp",  "simple",  "sincere", "smart",  "solid",
    "sound",  "spry",   "steady",  "still",    "strong", "sturdy", "subtle", "sunny",   "sure",    "swift",  "tidy",
    "true",   "upbeat", "vivid",   "warm",     "wise",   "witty",  "young",  "zealous", "zesty",
});

constexpr auto kSurnames = std::to_array<std::string_view>({
    "abel",       "agnesi",      "ampere",   "arago",     "avogadro",     "babbage",   "backus",      "banach",
    "bardeen",    "becquerel",   "bell",     "bernoulli", "bohr",         "boole",     "bose",        "boyle",
    "brahe",      "bunsen",      "cantor",   "carnot",    "carson",       "cauchy",    "cavendish",   "cerf",
    "chandra",    "chebyshev",   "church",   "clarke",    "codd",         "conway",    "copernicus",  "cori",
    "coulomb",    "curie",       "dalton",   "darwin",    "davy",         "descartes", "dijkstra",    "dirac",
    "easley",     "eckert",      "edison",   "einstein",  "engelbart",    "erdos",     "euclid",      "euler",
    "faraday",    "fermat",      "fermi",    "feynman",   "fibonacci",    "fourier",   "franklin",    "frege",
    "galileo",    "galois",      "gauss",    "germain",   "godel",        "goldberg",  "hamilton",    "hamming",
    "heisenberg", "henry",       "hertz",    "hilbert",   "hoare",        "hodgkin",   "hopper",      "hubble",
    "huygens",    "hypatia",     "jackson",  "jacobi",    "jemison",      "johnson",   "joule",       "kelvin",
    "kepler",     "khayyam",     "kilby",    "knuth",     "kovalevskaya", "lagrange",  "lamarr",      "laplace",
    "lavoisier",  "leavitt",     "leibniz",  "linnaeus",  "lovelace",     "lumiere",   "mandelbrot",  "maxwell",
    "mccarthy",   "mcclintock",  "meitner",  "mendel",    "mirzakhani",   "moore",     "morse",       "napier",
    "newton",     "nightingale", "nobel",    "noether",   "noyce",        "ohm",       "oppenheim",   "pascal",
    "pasteur",    "pauli",       "perlman",  "planck",    "poincare",     "ptolemy",   "raman",       "ramanujan",
    "riemann",    "ritchie",     "roentgen", "rubin",     "rutherford",   "sagan",     "schrodinger", "shannon",
    "sinoussi",   "snyder",      "spence",   "tesla",     "thompson",     "torvalds",  "turing",      "villani",
    "volta",      "watt",        "wiles",    "wilkes",    "wirth",        "wozniak",   "wright",      "wu",
    "yalow",      "zuse",
});

// [a-zA-Z0-9][a-zA-Z0-9_.-]*
bool follows_rule(std::string_view name) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && alphanumeric(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

}  // namespace

Result<std::string> parse_name(std::string_view text) {
  std::string_view name = text;
  if (name.starts_with('/')) name.remove_prefix(1);
  const bool valid = name.size() >= 2 && name.size() <= 255 && follows_rule(name);
  if (!valid)
    return error(ErrorKind::kInvalidArgument, "Invalid container name ({}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                 printable(text));
  return std::string(name);
}

Result<> check_volume_name(std::string_view name) {
  if (name.size() <= 255 && follows_rule(name)) return {};
  return error(ErrorKind::kInvalidArgument,
               "\"{}\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are "
               "allowed. If you intended to pass a host directory, use absolute path",
               printable(name));
}

std::string made_up_name() {
  const std::uint64_t random = *parse_unsigned(sys::random_hex(7), 16);
  return fmt::format("{}_{}", kAdjectives[random % kAdjectives.size()],
                     kSurnames[random / kAdjectives.size() % kSurnames.size()]);
}

}  // namespace strata::containers
