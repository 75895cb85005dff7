// Dockerfiles of any bytes: parsed, and planned on a base image that is always there. Places lie within the
// file, errors say something and carry a place, what a plan names exists.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "build/dockerfile/dockerfile.h"
#include "build/plan.h"

using namespace strata;

namespace {

void check_range(const dockerfile::Range& range, const dockerfile::SourceFile& file) {
  const int lines = static_cast<int>(file.lines().size());
  CHECK(range.line >= 1 && range.line <= lines);
  CHECK(range.last_line >= range.line && range.last_line <= lines);
  CHECK(range.column >= 1);
}

void check_parsed(const dockerfile::Dockerfile& parsed, const dockerfile::SourceFile& file) {
  CHECK(!parsed.stages.empty());
  int last = 0;
  const auto check = [&](const dockerfile::Range& range) {
    check_range(range, file);
    CHECK(range.line > last);
    last = range.last_line;
  };
  for (const auto& arg : parsed.global_args) check(arg.range);
  for (const auto& stage : parsed.stages) {
    check(stage.range);
    for (const auto& instruction : stage.instructions) check(instruction.range);
  }
}

void check_plan(const build::Plan& plan) {
  CHECK(plan.target < plan.stages.size());
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const auto& stage = plan.stages[i];
    CHECK(!stage.base_stage || *stage.base_stage < i);
    for (const auto& step : stage.steps) {
      CHECK(step.history < stage.config.history.size());
      const auto* copy = std::get_if<build::CopyStep>(&step.operation);
      CHECK(copy == nullptr || !copy->from || *copy->from < i);
      CHECK(copy == nullptr || copy->destination.starts_with('/'));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const dockerfile::SourceFile file("Dockerfile", std::string(reinterpret_cast<const char*>(data), size));
  dockerfile::Diagnostics diagnostics;
  const auto parsed = dockerfile::parse(file, diagnostics);
  if (!parsed) {
    CHECK(!parsed.error().message().empty());
    if (diagnostics.error_range) (void)file.excerpt(*diagnostics.error_range);
    return 0;
  }
  check_parsed(*parsed, file);
  const auto resolve = [](const std::string& name) -> Result<build::BaseImage> {
    if (name.size() > 100) return error(ErrorKind::kNotFound, "no such image");
    build::BaseImage image{.name = name};
    image.config.config.env = {"PATH=/bin", "V=1"};
    image.config.config.on_build = {"RUN x", "COPY a b"};
    return image;
  };
  const auto plan =
      build::make_plan(*parsed, file, {.platform = oci::Platform{"linux", "amd64", "", ""}}, resolve, diagnostics);
  if (!plan) {
    CHECK(!plan.error().message().empty());
  } else {
    check_plan(*plan);
  }
  return 0;
}
