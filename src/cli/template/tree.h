// What a template says, as a tree. Inside the template engine only.
//
// Every part knows where it stands in the source (begin, end: what errors quote; position: where
// errors point, which for a chain of fields is Go's second field).
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace strata::cli::templates {

struct Pipeline;

struct Place {
  std::size_t begin = 0, end = 0, position = 0;
};

// An operand: the dot, a literal, a variable, a function or a pipeline in parentheses; and fields
// of it.
struct Operand {
  enum class Kind { kDot, kNil, kLiteral, kVariable, kFunction, kPipeline };
  Kind kind = Kind::kDot;
  std::string name;  // of a variable ("$x") or a function
  std::shared_ptr<const nlohmann::ordered_json> literal;
  std::shared_ptr<const Pipeline> pipeline;
  std::vector<std::string> fields;
  Place place;
};

struct Command {
  std::vector<Operand> operands;  // never empty
  Place place;
};

struct Pipeline {
  std::vector<std::string> variables;  // with their "$"
  bool assigns = false;                // "=" instead of ":="
  std::vector<Command> commands;       // never empty
  Place place;
};

struct Node {
  enum class Kind { kText, kAction, kIf, kWith, kRange, kBreak, kContinue, kTemplate };
  Kind kind = Kind::kText;
  std::string text;  // or the name of the template
  std::shared_ptr<const Pipeline> pipeline;
  std::vector<Node> body, otherwise;
  Place place;
};

struct Tree {
  std::vector<Node> main;
  std::map<std::string, std::vector<Node>> named;  // by define and block
};

}  // namespace strata::cli::templates
