// A whole Dockerfile: global arguments and stages.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/dockerfile/instruction.h"

namespace strata::dockerfile {

struct Stage {
  From from;
  std::string original;
  Range range;  // of FROM
  std::vector<Instruction> instructions;
};

struct Dockerfile {
  char escape = '\\';
  std::map<std::string, std::string> directives;
  std::vector<Instruction> global_args;  // ARG before the first FROM
  std::vector<Stage> stages;             // at least one
};

// Errors: kInvalidArgument "NAME:LINE:COLUMN: …" (place in `diagnostics`), kResourceExhausted beyond a bound.
// Pure; hostile input costs time and memory proportional to its size.
Result<Dockerfile> parse(const SourceFile& file, Diagnostics& diagnostics);

// The instructions of an ONBUILD trigger: exactly one, neither FROM nor ONBUILD nor MAINTAINER. `place`
// is where errors are said to be.
Result<Instruction> parse_trigger(const std::string& expression);

}  // namespace strata::dockerfile
