#include "cli/template/evaluator.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/json.h"
#include "base/strings.h"
#include "cli/template/functions.h"
#include "cli/template/value.h"

namespace strata::cli::templates {
namespace {

enum class Flow { kOn, kBreak, kContinue };

class Evaluator {
 public:
  Evaluator(const Source& source, const Tree& tree, const Template::Rules& rules, const ordered_json& data)
      : source_(source), tree_(tree), rules_(rules), root_(&data), variables_{{"$", Value::borrowed(data)}} {}

  Result<std::string> run() {
    TRY(walk(tree_.main, Value::borrowed(*root_)));
    return std::move(out_);
  }

 private:
  struct Variable {
    std::string name;
    Value value;
  };

  Error fail(const Place& place, std::string_view what) const {
    return source_.execution_error(place.position, place.begin, place.end, what);
  }
  Result<> step(const Place& place) {
    if (++steps_ > kMaxSteps)
      return fail(place, fmt::format("more than {} steps", kMaxSteps)).with_kind(ErrorKind::kResourceExhausted);
    return {};
  }
  Result<> print(const Place& place, std::string_view text) {
    if (out_.size() + text.size() > kMaxOutput)
      return fail(place, fmt::format("more than {} bytes of output", kMaxOutput))
          .with_kind(ErrorKind::kResourceExhausted);
    out_ += text;
    return {};
  }

  std::string shown(const Value& value) const {
    if (!rules_.for_terminal) return value.text();
    std::string text;
    const std::string all = value.text();
    for (std::size_t from = 0; from < all.size();) {
      const std::size_t end = std::min(all.find_first_of("\t\n", from), all.size());
      text += printable(std::string_view(all).substr(from, end - from));
      if (end < all.size()) text += all[end];
      from = end + 1;
    }
    return text;
  }

  // ---- nodes

  Result<Flow> walk(const std::vector<Node>& nodes, const Value& dot) {
    for (const Node& node : nodes) {
      const Flow flow = TRY(walk(node, dot));
      if (flow != Flow::kOn) return flow;
    }
    return Flow::kOn;
  }

  Result<Flow> walk(const Node& node, const Value& dot) {
    TRY(step(node.place));
    switch (node.kind) {
      case Node::Kind::kText:
        TRY(print(node.place, node.text));
        break;
      case Node::Kind::kAction: {
        const Value value = TRY(run_pipeline(*node.pipeline, dot));
        if (node.pipeline->variables.empty()) TRY(print(node.pipeline->place, shown(value)));
        break;
      }
      case Node::Kind::kIf:
      case Node::Kind::kWith: {
        const std::size_t mark = variables_.size();
        const Value value = TRY(run_pipeline(*node.pipeline, dot));
        const bool with = node.kind == Node::Kind::kWith;
        const Flow flow = value.truth() ? TRY(walk(node.body, with ? value : dot)) : TRY(walk(node.otherwise, dot));
        variables_.resize(mark);
        return flow;
      }
      case Node::Kind::kRange:
        return range(node, dot);
      case Node::Kind::kBreak:
        return Flow::kBreak;
      case Node::Kind::kContinue:
        return Flow::kContinue;
      case Node::Kind::kTemplate:
        TRY(call_template(node, dot));
        break;
    }
    return Flow::kOn;
  }

  Result<Flow> range(const Node& node, const Value& dot) {
    const std::size_t outer = variables_.size();
    const Value over = TRY(run_pipeline(*node.pipeline, dot, true));
    const std::size_t mark = variables_.size();
    const auto& names = node.pipeline->variables;
    // With one variable it is the element, with two the first is the index or the key.
    const auto one = [&](const Value& key, const Value& element) -> Result<Flow> {
      if (names.size() == 1) TRY(set(*node.pipeline, 0, element));
      if (names.size() == 2) {
        TRY(set(*node.pipeline, 0, key));
        TRY(set(*node.pipeline, 1, element));
      }
      const Flow flow = TRY(walk(node.body, element));
      variables_.resize(mark);
      return flow;
    };
    const ordered_json& json = over.json();
    std::int64_t count = static_cast<std::int64_t>(json.is_structured() ? json.size() : 0);
    if (json.is_number_integer() && names.size() > 1)
      return fail(inner_place(*node.pipeline),
                  fmt::format("can't use {} to iterate over more than one variable", over.text()));
    if (json.is_number_integer())
      count = json.get<std::int64_t>();
    else if (!json.is_structured() && !json.is_null())
      return fail(inner_place(*node.pipeline), fmt::format("range can't iterate over {}", over.text()));
    const auto keys = json.is_object() ? sorted_keys(json) : std::vector<std::string>();
    for (std::int64_t i = 0; i < count; ++i) {
      TRY(step(node.place));
      const auto at = static_cast<std::size_t>(i);
      const Value element = json.is_array()    ? over.part(json[at])
                            : json.is_object() ? over.part(json.at(keys[at]), over.is_map() ? "" : keys[at])
                                               : Value(i);
      if (TRY(one(json.is_object() ? Value(keys[at]) : Value(i), element)) == Flow::kBreak) break;
    }
    Flow flow = Flow::kOn;
    if (count <= 0) flow = TRY(walk(node.otherwise, dot));
    variables_.resize(outer);
    return flow;
  }

  Result<> call_template(const Node& node, const Value& dot) {
    const auto found = tree_.named.find(node.text);
    if (found == tree_.named.end()) return fail(node.place, fmt::format("template \"{}\" not defined", node.text));
    const Value argument = node.pipeline ? TRY(run_pipeline(*node.pipeline, dot)) : Value();
    if (++calls_ > kMaxCallDepth)
      return fail(node.place, fmt::format("templates call each other more than {} deep", kMaxCallDepth))
          .with_kind(ErrorKind::kResourceExhausted);
    std::vector<Variable> inner{{"$", argument}};
    std::swap(inner, variables_);
    TRY(walk(found->second, argument));
    std::swap(inner, variables_);
    --calls_;
    return {};
  }

  // ---- variables

  Result<> set(const Pipeline& pipe, std::size_t which, const Value& value) {
    const std::string& name = pipe.variables[which];
    if (!pipe.assigns) {
      variables_.push_back({name, value});
      return {};
    }
    const auto found =
        std::find_if(variables_.rbegin(), variables_.rend(), [&](const Variable& known) { return known.name == name; });
    if (found == variables_.rend()) return fail(pipe.place, "undefined variable: " + name);
    found->value = value;
    return {};
  }
  Result<Value> variable(const Operand& operand) const {
    const auto found =
        std::find_if(variables_.rbegin(), variables_.rend(), [&](const auto& v) { return v.name == operand.name; });
    if (found == variables_.rend()) return fail(operand.place, "undefined variable: " + operand.name);
    return found->value;
  }

  // ---- pipelines

  // A range sets its variables itself, for each element.
  Result<Value> run_pipeline(const Pipeline& pipe, const Value& dot, bool sets_elsewhere = false) {
    std::optional<Value> last;
    for (const Command& command : pipe.commands) last = TRY(run_command(command, dot, last));
    if (pipe.variables.size() == 1 && !sets_elsewhere) TRY(set(pipe, 0, *last));
    return *last;
  }

  Result<Value> run_command(const Command& command, const Value& dot, const std::optional<Value>& last) {
    TRY(step(command.place));
    const Operand& first = command.operands.front();
    if (first.kind == Operand::Kind::kFunction) {
      Value value = TRY(call(command, dot, last));
      return fields_of(std::move(value), first);
    }
    if (!first.fields.empty()) {
      if (is_method(first)) return call_method(command, dot, last);
      if (command.operands.size() > 1 || last)
        return fail(first.place, fmt::format("{} is not a method but has arguments", first.fields.back()));
      return run_operand(first, dot);
    }
    if (command.operands.size() > 1 || last)
      return fail(first.place,
                  fmt::format("can't give argument to non-function {}",
                              source_.text.substr(first.place.begin, first.place.end - first.place.begin)));
    if (first.kind == Operand::Kind::kNil) return fail(first.place, "nil is not a command");
    return run_operand(first, dot);
  }

  Result<Value> run_operand(const Operand& operand, const Value& dot) {
    Value value;
    switch (operand.kind) {
      case Operand::Kind::kDot:
        value = dot;
        break;
      case Operand::Kind::kNil:
        value = Value(ordered_json());
        break;
      case Operand::Kind::kLiteral:
        return Value::borrowed(*operand.literal);
      case Operand::Kind::kVariable:
        value = TRY(variable(operand));
        break;
      case Operand::Kind::kPipeline:
        value = TRY(run_pipeline(*operand.pipeline, dot));
        break;
      case Operand::Kind::kFunction: {
        const Command alone{{operand}, operand.place};
        return run_command(alone, dot, std::nullopt);
      }
    }
    if (is_method(operand)) {
      const Command alone{{operand}, operand.place};
      return call_method(alone, dot, std::nullopt);
    }
    return fields_of(std::move(value), operand);
  }

  Result<Value> fields_of(Value value, const Operand& operand) {
    for (const std::string& name : operand.fields) value = TRY(field_of(value, name, operand));
    return value;
  }

  Result<Value> field_of(const Value& value, const std::string& name, const Operand& operand) {
    const ordered_json& json = value.json();
    if (json.is_object()) {
      const auto found = json.find(name);
      if (found != json.end()) return value.part(*found, value.is_map() ? "" : name);
      if (value.is_map() || (rules_.headings && &json == root_)) return Value();
      if (&json == root_ && !rules_.type.empty())
        return fail(operand.place, fmt::format("can't evaluate field {} in type {}", name, rules_.type));
      return fail(operand.place, fmt::format("map has no entry for key \"{}\"", name));
    }
    if (value.is_map()) return Value();
    if (json.is_null()) return fail(operand.place, fmt::format("nil data; no entry for key \"{}\"", name));
    return fail(operand.place, fmt::format("can't evaluate field {} in type interface {{}}", name));
  }

  // ---- functions

  Result<Value> call(const Command& command, const Value& dot, const std::optional<Value>& last) {
    const std::string& name = command.operands.front().name;
    const std::span<const Operand> operands = std::span(command.operands).subspan(1);
    if (name == "and" || name == "or") {
      std::optional<Value> value;
      for (const Operand& operand : operands) {
        value = TRY(run_operand(operand, dot));
        if (value->truth() == (name == "or")) return *value;
      }
      if (last) return *last;
      if (!value) return fail(command.place, fmt::format("wrong number of args for {}: want at least 1 got 0", name));
      return *value;
    }
    std::vector<Value> arguments;
    const Place& own = command.operands.front().place;
    const Result<> counted = check_argument_count(name, operands.size() + (last ? 1 : 0));
    if (!counted) return fail(own, counted.error().message());
    for (const Operand& operand : operands) {
      arguments.push_back(TRY(run_operand(operand, dot)));
      if (const auto wanted = wrong_type(name, arguments.size() - 1, arguments.back()); !wanted.empty())
        return fail(inner_place(operand), wrong_argument(operand, arguments.back(), wanted));
    }
    if (last) {
      arguments.push_back(*last);
      if (const auto wanted = wrong_type(name, arguments.size() - 1, *last); !wanted.empty())
        return fail(own, wrong_argument({}, *last, wanted));
    }
    // A whole record of a list: Go asks its type for the JSON, which escapes <, > and &.
    const bool record = name == "json" && !rules_.type.empty() && &arguments[0].json() == root_;
    Result<Value> value = record ? Value(go_json(*root_, true)) : call_function(name, arguments, rules_.headings);
    if (!value) return fail(command.place, fmt::format("error calling {}: {}", name, value.error().message()));
    arguments.push_back(*value);
    TRY(work(command.place, arguments));
    return value;
  }

  // What functions read and make: a step may be a megabyte.
  Result<> work(const Place& place, std::span<const Value> values) {
    for (const Value& value : values) {
      const ordered_json& json = value.json();
      work_ += json.is_string() ? json.get_ref<const std::string&>().size() : json.size() * 64;
    }
    if (work_ > kMaxWork)
      return fail(place, fmt::format("functions work on more than {} bytes", kMaxWork))
          .with_kind(ErrorKind::kResourceExhausted);
    return {};
  }

  // Of a pipeline Go names what was looked at last.
  static Place inner_place(const Operand& operand) {
    if (operand.kind != Operand::Kind::kPipeline || !operand.fields.empty()) return operand.place;
    return inner_place(*operand.pipeline);
  }
  static Place inner_place(const Pipeline& pipe) {
    const Command& last = pipe.commands.back();
    return last.operands.size() == 1 ? inner_place(last.operands.front()) : last.place;
  }
  std::string wrong_argument(const Operand& operand, const Value& value, std::string_view wanted) const {
    if (operand.kind == Operand::Kind::kLiteral)
      return fmt::format("expected {}; found {}", wanted,
                         source_.text.substr(operand.place.begin, operand.place.end - operand.place.begin));
    if (operand.kind == Operand::Kind::kNil) return fmt::format("cannot assign nil to {}", wanted);
    if (value.json().is_null()) return fmt::format("invalid value; expected {}", wanted);
    return fmt::format("wrong type for value; expected {}; got {}", wanted, value.type());
  }

  bool is_method(const Operand& operand) const {
    return rules_.method && operand.kind == Operand::Kind::kDot && operand.fields.size() == 1 &&
           std::ranges::find(rules_.method_names, operand.fields[0]) != rules_.method_names.end();
  }
  Result<Value> call_method(const Command& command, const Value& dot, const std::optional<Value>& last) {
    std::vector<std::string> arguments;
    for (const Operand& operand : std::span(command.operands).subspan(1))
      arguments.push_back(TRY(run_operand(operand, dot)).text());
    if (last) arguments.push_back(last->text());
    const std::string& name = command.operands.front().fields[0];
    if (arguments.size() != 1)
      return fail(command.place, fmt::format("wrong number of args for {}: want 1 got {}", name, arguments.size()));
    return Value(rules_.method(name, arguments));
  }

  const Source& source_;
  const Tree& tree_;
  const Template::Rules& rules_;
  const ordered_json* root_;
  std::vector<Variable> variables_;
  std::string out_;
  std::size_t steps_ = 0, calls_ = 0, work_ = 0;
};

}  // namespace

Result<std::string> evaluate(const Source& source, const Tree& tree, const ordered_json& data,
                             const Template::Rules& rules) {
  return Evaluator(source, tree, rules, data).run();
}

}  // namespace strata::cli::templates
