#include "build/dockerfile/dockerfile.h"

#include <utility>

namespace strata::dockerfile {

Result<Dockerfile> parse(const SourceFile& file, Diagnostics& diagnostics) {
  Lines lines = TRY(split_lines(file, diagnostics));
  Dockerfile out{.escape = lines.escape, .directives = std::move(lines.directives)};
  for (const Line& line : lines.lines) {
    Instruction instruction = TRY(parse_instruction(line, out.escape, file, diagnostics));
    if (auto* from = std::get_if<From>(&instruction.body)) {
      out.stages.push_back({.from = std::move(*from),
                            .original = std::move(instruction.original),
                            .range = instruction.range,
                            .instructions = {}});
    } else if (!out.stages.empty()) {
      out.stages.back().instructions.push_back(std::move(instruction));
    } else if (std::holds_alternative<Arg>(instruction.body)) {
      out.global_args.push_back(std::move(instruction));
    } else {
      return error_at(file, instruction.range, diagnostics, "no build stage in current context");
    }
  }
  if (out.stages.empty()) {
    const Range end = lines.lines.back().range;
    return error_at(file, end, diagnostics, "dockerfile contains no stages to build");
  }
  return out;
}

Result<Instruction> parse_trigger(const std::string& expression) {
  const SourceFile file("ONBUILD", expression);
  Diagnostics diagnostics;
  const Lines lines = TRY(split_lines(file, diagnostics));
  if (lines.lines.size() != 1)
    return error(ErrorKind::kInvalidArgument, "onbuild trigger should be a single expression");
  Instruction instruction = TRY(parse_instruction(lines.lines[0], lines.escape, file, diagnostics));
  if (std::holds_alternative<From>(instruction.body) || std::holds_alternative<Onbuild>(instruction.body) ||
      std::holds_alternative<Maintainer>(instruction.body))
    return error(ErrorKind::kInvalidArgument, "{} isn't allowed as an ONBUILD trigger", instruction.name);
  return instruction;
}

}  // namespace strata::dockerfile
