#include "cli/template/template.h"

#include "base/json.h"
#include "cli/template/evaluator.h"
#include "cli/template/parser.h"

namespace strata::cli {

using namespace templates;

struct Template::Parsed {
  Source source;
  Tree tree;
};

namespace {

bool mentions_in(const std::vector<Node>& nodes, std::string_view field);

bool mentions_in(const Pipeline* pipe, std::string_view field) {
  if (pipe == nullptr) return false;
  for (const Command& command : pipe->commands)
    for (const Operand& operand : command.operands) {
      const bool whole = operand.fields.empty() && (operand.kind == Operand::Kind::kDot || operand.name == "$");
      if (whole || mentions_in(operand.pipeline.get(), field)) return true;
      for (const std::string& name : operand.fields)
        if (name == field) return true;
    }
  return false;
}

bool mentions_in(const std::vector<Node>& nodes, std::string_view field) {
  for (const Node& node : nodes)
    if (mentions_in(node.pipeline.get(), field) || mentions_in(node.body, field) || mentions_in(node.otherwise, field))
      return true;
  return false;
}

}  // namespace

Result<Template> Template::parse(std::string_view text, std::string_view name) {
  auto parsed = std::make_shared<Parsed>(Parsed{{std::string(name), std::string(text)}, {}});
  parsed->tree = TRY(templates::parse(parsed->source));
  return Template(std::move(parsed));
}

Result<> Template::render(const Json& data, std::string& out) const { return render(data, out, {}); }

Result<> Template::render(const Json& data, std::string& out, const Rules& rules) const {
  out += TRY(evaluate(parsed_->source, parsed_->tree, data, rules));
  return {};
}

bool Template::mentions(std::string_view field) const {
  if (mentions_in(parsed_->tree.main, field)) return true;
  for (const auto& [name, body] : parsed_->tree.named)
    if (mentions_in(body, field)) return true;
  return false;
}

}  // namespace strata::cli
