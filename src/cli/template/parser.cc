#include "cli/template/parser.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "cli/template/functions.h"
#include "cli/template/lexer.h"
#include "cli/template/literal.h"

namespace strata::cli::templates {
namespace {

using TokenKind = Token::Kind;

const std::set<std::string, std::less<>> kKeywords = {"block", "break", "continue", "define",   "else",
                                                      "end",   "if",    "range",    "template", "with"};

ordered_json number_of(const std::string& text) {
  const Number number = parse_number(text).value_or(Number());
  if (number.whole) return number.integer;
  return number.real;
}

class Parser {
 public:
  Parser(const Source& source, std::vector<Token> tokens) : source_(source), tokens_(std::move(tokens)) {}

  Result<Tree> run() {
    while (peek().kind != TokenKind::kEnd) {
      if (is_keyword_action("define")) {
        TRY(definition());
        continue;
      }
      const std::string stop = TRY(list_item(tree_.main));
      if (!stop.empty()) return fail(fmt::format("unexpected {{{{{}}}}}", stop));
    }
    return std::move(tree_);
  }

 private:
  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& next() {
    const Token& token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  Error fail(std::string_view what) const { return source_.syntax_error(peek().begin, what); }
  std::string shown(const Token& token) const {
    if (token.kind == TokenKind::kEnd) return "EOF";
    if (token.kind == TokenKind::kWord && kKeywords.contains(token.text)) return "<" + token.text + ">";
    const std::string text = source_.text.substr(token.begin, token.end - token.begin);
    return go_quote(text.size() > 10 ? text.substr(0, 10) : text) + (text.size() > 10 ? "..." : "");
  }
  Error unexpected(const Token& token, std::string_view where) const {
    if (token.kind == TokenKind::kEnd) return source_.syntax_error(token.begin, "unexpected EOF");
    return source_.syntax_error(token.begin, fmt::format("unexpected {} in {}", shown(token), where));
  }
  bool is_keyword_action(std::string_view keyword) const {
    return peek().kind == TokenKind::kOpen && peek(1).kind == TokenKind::kWord && peek(1).text == keyword;
  }
  Result<> expect_close(std::string_view where) {
    if (peek().kind != TokenKind::kClose) return unexpected(peek(), where);
    next();
    return {};
  }

  // Adds one item to `nodes`; or, at {{end}} or {{else …}}, steps over the keyword and returns it.
  Result<std::string> list_item(std::vector<Node>& nodes) {
    const Token& first = next();
    if (first.kind == TokenKind::kText) {
      Node& node = nodes.emplace_back();
      node.text = first.text;
      return "";
    }
    if (first.kind != TokenKind::kOpen) return unexpected(first, "input");
    const Place place{first.begin, first.end, peek().begin};
    if (peek().kind != TokenKind::kWord || !kKeywords.contains(peek().text)) {
      Node node{Node::Kind::kAction};
      node.place = place;
      node.pipeline = TRY(pipeline("command", TokenKind::kClose));
      nodes.push_back(std::move(node));
      return "";
    }
    const std::string keyword = next().text;
    if (keyword == "end" || keyword == "else") {
      if (keyword == "end") TRY(expect_close("end"));
      return keyword;
    }
    if (keyword == "define") return unexpected(tokens_[at_ - 1], "command");
    Node node;
    node.place = place;
    if (keyword == "break" || keyword == "continue") {
      if (range_depth_ == 0) return fail(fmt::format("{{{{{}}}}} outside {{{{range}}}}", keyword));
      TRY(expect_close("{{" + keyword + "}}"));
      node.kind = keyword == "break" ? Node::Kind::kBreak : Node::Kind::kContinue;
    } else if (keyword == "template" || keyword == "block") {
      node = TRY(named(keyword, place));
    } else {
      node = TRY(control(keyword, place));
    }
    nodes.push_back(std::move(node));
    return "";
  }

  // Up to {{end}} or {{else; which of them.
  Result<std::string> list(std::vector<Node>& nodes) {
    if (++depth_ > kMaxNesting) return fail(fmt::format("nests deeper than {}", kMaxNesting));
    while (peek().kind != TokenKind::kEnd) {
      const std::string stop = TRY(list_item(nodes));
      if (stop.empty()) continue;
      --depth_;
      return stop;
    }
    return fail("unexpected EOF");
  }

  Result<Node> control(const std::string& keyword, Place place) {
    Node node{keyword == "if" ? Node::Kind::kIf : keyword == "with" ? Node::Kind::kWith : Node::Kind::kRange};
    node.place = place;
    const std::size_t variables = variables_.size();
    node.pipeline = TRY(pipeline(keyword, TokenKind::kClose));
    const bool ranges = keyword == "range";
    if (ranges) ++range_depth_;
    std::string stop = TRY(list(node.body));
    if (ranges) --range_depth_;
    if (stop == "else") {
      const bool chained = peek().kind == TokenKind::kWord && peek().text == keyword && !ranges;
      if (chained) {
        // {{else if}} is an {{if}} inside the else, which shares its {{end}}.
        const Place inner{peek().begin, peek().end, peek().begin};
        next();
        if (++depth_ > kMaxNesting) return fail(fmt::format("nests deeper than {}", kMaxNesting));
        node.otherwise.push_back(TRY(control(keyword, inner)));
        --depth_;
      } else {
        TRY(expect_close("else"));
        stop = TRY(list(node.otherwise));
        if (stop == "else") return fail("expected end; found {{else}}");
      }
    }
    variables_.resize(variables);
    return node;
  }

  Result<std::string> template_name(std::string_view where) {
    if (peek().kind != TokenKind::kString) return unexpected(peek(), where);
    return next().text;
  }

  Result<Node> named(const std::string& keyword, Place place) {
    Node node{Node::Kind::kTemplate};
    node.place = place;
    node.place.position = peek().begin;
    node.text = TRY(template_name(keyword + " clause"));
    if (keyword == "block" || peek().kind != TokenKind::kClose)
      node.pipeline = TRY(pipeline(keyword + " clause", TokenKind::kClose));
    else
      next();
    node.place.end = tokens_[at_ - 1].end;
    if (keyword == "block") TRY(body_of(node.text));
    return node;
  }

  Result<> definition() {
    next(), next();
    const std::string name = TRY(template_name("define clause"));
    TRY(expect_close("define clause"));
    return body_of(name);
  }

  Result<> body_of(const std::string& name) {
    // A body of its own sees no variables but "$" and is inside of no range.
    std::vector<std::string> outer{"$"};
    std::swap(outer, variables_);
    const std::size_t ranges = std::exchange(range_depth_, 0);
    std::vector<Node> body;
    const std::string stop = TRY(list(body));
    if (stop != "end") return fail(fmt::format("unexpected {{{{{}}}}} in define clause", stop));
    std::swap(outer, variables_);
    range_depth_ = ranges;
    if (tree_.named.contains(name) && !tree_.named[name].empty() && !body.empty())
      return fail(fmt::format("multiple definition of template {}", go_quote(name)));
    tree_.named[name] = std::move(body);
    return {};
  }

  Result<> declaration(Pipeline& pipe, std::string_view context) {
    const bool pair = context == "range" && peek().kind == TokenKind::kVariable && peek(1).kind == TokenKind::kComma;
    if (pair && peek(2).kind != TokenKind::kVariable)
      return source_.syntax_error(peek(2).begin, "range can only initialize variables");
    const std::size_t count = pair ? 3 : 1;
    if (peek().kind != TokenKind::kVariable) return {};
    const TokenKind after = peek(count).kind;
    if (after != TokenKind::kDeclare && after != TokenKind::kAssign) {
      if (pair) return unexpected(peek(count), context);
      return {};
    }
    pipe.assigns = after == TokenKind::kAssign;
    // Whether what is assigned to exists is found out when it runs, as in Go.
    for (std::size_t i = 0; i < count; i += 2) pipe.variables.push_back(peek(i).text);
    variables_.insert(variables_.end(), pipe.variables.begin(), pipe.variables.end());
    for (std::size_t i = 0; i <= count; ++i) next();
    return {};
  }

  // Up to and with the token that ends it.
  Result<std::shared_ptr<const Pipeline>> pipeline(std::string_view context, TokenKind end) {
    if (++depth_ > kMaxNesting) return fail(fmt::format("nests deeper than {}", kMaxNesting));
    auto pipe = std::make_shared<Pipeline>();
    pipe->place.begin = pipe->place.position = peek().begin;
    TRY(declaration(*pipe, context));
    while (true) {
      // Go takes a pipeline that ends with "|".
      if (peek().kind == end && !pipe->commands.empty()) {
        next();
        break;
      }
      if (peek().kind == end) return fail(fmt::format("missing value for {}", context));
      if (peek().kind == TokenKind::kPipe) return fail("missing value for command");
      pipe->commands.push_back(TRY(command(context)));
      const Token& token = next();
      pipe->place.end = token.begin;
      if (token.kind == end) break;
      if (token.kind != TokenKind::kPipe) return unexpected(token, context);
    }
    for (std::size_t i = 1; i < pipe->commands.size(); ++i) {
      const Operand& first = pipe->commands[i].operands.front();
      const bool runs = !first.fields.empty() || first.kind == Operand::Kind::kFunction ||
                        first.kind == Operand::Kind::kVariable || first.kind == Operand::Kind::kPipeline;
      if (!runs) return fail(fmt::format("non executable command in pipeline stage {}", i + 1));
    }
    --depth_;
    return pipe;
  }

  static bool ends_command(TokenKind kind) {
    return kind == TokenKind::kClose || kind == TokenKind::kPipe || kind == TokenKind::kRightParenthesis ||
           kind == TokenKind::kEnd;
  }

  Result<Command> command(std::string_view context) {
    Command command;
    command.place.begin = command.place.position = peek().begin;
    while (!ends_command(peek().kind)) {
      if (!command.operands.empty() && !peek().after_space) return unexpected(peek(), "operand");
      command.operands.push_back(TRY(operand(context)));
    }
    command.place.end = command.operands.back().place.end;
    return command;
  }

  Result<Operand> operand(std::string_view context) {
    Operand operand;
    const Token& token = next();
    operand.place = {token.begin, token.end, token.begin};
    const auto literal = [&](ordered_json value) {
      operand.kind = Operand::Kind::kLiteral;
      operand.literal = std::make_shared<const ordered_json>(std::move(value));
    };
    switch (token.kind) {
      case TokenKind::kDot:
        operand.kind = Operand::Kind::kDot;
        break;
      case TokenKind::kField:
        operand.fields.push_back(token.text);
        break;
      case TokenKind::kString:
        literal(token.text);
        break;
      case TokenKind::kNumber:
        literal(number_of(token.text));
        break;
      case TokenKind::kCharacter:
        literal(std::stoll(token.text));
        break;
      case TokenKind::kVariable:
        operand.kind = Operand::Kind::kVariable;
        operand.name = token.text;
        if (std::ranges::find(variables_, token.text) == variables_.end())
          return source_.syntax_error(token.begin, fmt::format("undefined variable {}", go_quote(token.text)));
        break;
      case TokenKind::kLeftParenthesis:
        operand.kind = Operand::Kind::kPipeline;
        operand.pipeline = TRY(pipeline("parenthesized pipeline", TokenKind::kRightParenthesis));
        operand.place.end = tokens_[at_ - 1].end;
        break;
      case TokenKind::kWord:
        if (kKeywords.contains(token.text)) return unexpected(token, context);
        if (token.text == "true" || token.text == "false") {
          literal(token.text == "true");
        } else if (token.text == "nil") {
          operand.kind = Operand::Kind::kNil;
        } else {
          operand.kind = Operand::Kind::kFunction;
          operand.name = token.text;
          if (!is_function(token.text))
            return source_.syntax_error(token.begin, fmt::format("function {} not defined", go_quote(token.text)));
        }
        break;
      default:
        return unexpected(token, context);
    }
    TRY(chained_fields(operand));
    return operand;
  }

  Result<> chained_fields(Operand& operand) {
    const bool is_literal = operand.kind == Operand::Kind::kLiteral || operand.kind == Operand::Kind::kNil ||
                            (operand.kind == Operand::Kind::kDot && operand.fields.empty());
    const bool chains = peek().kind == TokenKind::kField && !peek().after_space;
    if (!chains) return {};
    if (is_literal)
      return fail(
          fmt::format("unexpected . after term {}",
                      go_quote(source_.text.substr(operand.place.begin, operand.place.end - operand.place.begin))));
    operand.place.position = peek().begin;
    while (peek().kind == TokenKind::kField && !peek().after_space) {
      operand.place.end = peek().end;
      operand.fields.push_back(next().text);
    }
    return {};
  }

  const Source& source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0, depth_ = 0, range_depth_ = 0;
  std::vector<std::string> variables_{"$"};
  Tree tree_;
};

}  // namespace

Result<Tree> parse(const Source& source) { return Parser(source, TRY(lex(source))).run(); }

}  // namespace strata::cli::templates
