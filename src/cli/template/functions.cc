#include "cli/template/functions.h"

#include <algorithm>
#include <limits>
#include <map>

#include "base/json.h"
#include "base/strings.h"
#include "cli/template/compare.h"
#include "cli/template/literal.h"
#include "cli/template/printf.h"

namespace strata::cli::templates {
namespace {

using Arguments = std::span<const Value>;

template <class... Args>
Error wrong(fmt::format_string<Args...> format, Args&&... args) {
  return error(ErrorKind::kInvalidArgument, format, std::forward<Args>(args)...);
}

// Types were checked before a function is called.
std::string text_of(const Value& value) { return value.json().is_string() ? value.json().get<std::string>() : ""; }
std::int64_t integer_of(const Value& value) {
  return value.json().is_number_integer() ? value.json().get<std::int64_t>() : 0;
}

char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
std::string mapped(std::string text, char (*map)(char)) {
  std::ranges::transform(text, text.begin(), map);
  return text;
}
std::string title_case(std::string text) {
  bool inside = false;
  for (char& c : text) {
    if (!inside) c = ascii_upper(c);
    inside = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '\'' ||
             (static_cast<unsigned char>(c) & 0x80) != 0;
  }
  return text;
}

// Sprint: a space between two operands when neither is a string; Sprintln: always, and a new line.
std::string printed(Arguments arguments, bool lines) {
  std::string text;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto is_text = [&](std::size_t k) { return arguments[k].json().is_string(); };
    if (i > 0 && (lines || (!is_text(i) && !is_text(i - 1)))) text += ' ';
    const Value& value = arguments[i];
    text += value.json().is_null() && value.text() == "<no value>" ? "<nil>" : value.text();
  }
  return lines ? text + '\n' : text;
}
// What html, js and urlquery work on; what has no value is a text there.
std::string evaluated(Arguments arguments) {
  std::vector<Value> shown(arguments.begin(), arguments.end());
  for (Value& value : shown)
    if (value.json().is_null()) value = Value(value.text());
  return printed(shown, false);
}

std::string html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else if (c == '&')
      escaped += "&amp;";
    else if (c == '"')
      escaped += "&#34;";
    else if (c == '\'')
      escaped += "&#39;";
    else if (c == '\0')
      escaped += "\xef\xbf\xbd";
    else
      escaped += c;
  }
  return escaped;
}
std::string javascript(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '\'' || c == '"')
      (escaped += '\\') += c;
    else if (c == '<' || c == '>' || c == '&' || c == '=' || (c >= 0 && c < 0x20))
      escaped += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else
      escaped += c;
  }
  return escaped;
}
std::string url_query(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~").find(c) != std::string_view::npos;
    if (plain)
      escaped += c;
    else if (c == ' ')
      escaped += '+';
    else
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return escaped;
}

Result<Value> index_one(const Value& item, const Value& key) {
  const ordered_json& json = item.json();
  if (json.is_null()) {
    if (item.text() == "<no value>") return wrong("index of untyped nil");
    if (!item.is_map()) return wrong("index out of range: {}", key.text());
    return Value(std::string());
  }
  if (json.is_object()) {
    if (!key.json().is_string()) return wrong("value has type {}; should be string", key.type());
    const std::string name = text_of(key);
    const auto found = json.find(name);
    if (found != json.end()) return item.part(*found, item.is_map() ? "" : name);
    // The zero value of a map of strings.
    const bool strings = item.is_map() && (json.empty() || json.begin()->is_string());
    return strings ? Value(std::string()) : Value();
  }
  if (!json.is_array() && !json.is_string()) return wrong("can't index item of type {}", item.type());
  if (!key.json().is_number_integer())
    return key.json().is_null() ? wrong("cannot index slice/array with nil")
                                : wrong("cannot index slice/array with type {}", key.type());
  const auto at = key.json().get<std::int64_t>();
  const std::size_t size = json.is_array() ? json.size() : json.get_ref<const std::string&>().size();
  if (at < 0 || static_cast<std::size_t>(at) >= size) return wrong("index out of range: {}", at);
  if (json.is_array()) return item.part(json[static_cast<std::size_t>(at)]);
  return Value(
      static_cast<int>(static_cast<unsigned char>(json.get_ref<const std::string&>()[static_cast<std::size_t>(at)])));
}

Result<Value> index(Arguments arguments) {
  Value item = arguments[0];
  for (const Value& key : arguments.subspan(1)) item = TRY(index_one(item, key));
  return item;
}

Result<Value> slice(Arguments arguments) {
  const Value& item = arguments[0];
  const ordered_json& json = item.json();
  if (json.is_null()) return wrong("slice of untyped nil");
  if (!json.is_array() && !json.is_string()) return wrong("can't slice item of type {}", item.type());
  if (arguments.size() > 4) return wrong("too many slice indexes: {}", arguments.size() - 1);
  const std::size_t size = json.is_array() ? json.size() : json.get_ref<const std::string&>().size();
  std::size_t bounds[3] = {0, size, size};
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const auto at = integer_of(arguments[i]);
    if (!arguments[i].json().is_number_integer())
      return wrong("cannot index slice/array with type {}", arguments[i].type());
    if (at < 0 || static_cast<std::size_t>(at) > size) return wrong("index out of range: {}", at);
    bounds[i - 1] = static_cast<std::size_t>(at);
  }
  if (arguments.size() == 4 && json.is_string()) return wrong("cannot 3-index slice a string");
  const auto [from, to, limit] = bounds;
  if (from > to) return wrong("invalid slice index: {} > {}", from, to);
  if (to > limit) return wrong("invalid slice index: {} > {}", to, limit);
  if (json.is_string()) return Value(json.get_ref<const std::string&>().substr(from, to - from));
  ordered_json part = ordered_json::array();
  for (std::size_t i = from; i < to; ++i) part.push_back(json[i]);
  return Value(std::move(part));
}

Result<Value> length(Arguments arguments) {
  const ordered_json& json = arguments[0].json();
  if (json.is_null() && arguments[0].text() == "<no value>") return wrong("len of nil pointer");
  if (json.is_null() || json.is_structured()) return Value(static_cast<std::int64_t>(json.size()));
  if (json.is_string()) return Value(static_cast<std::int64_t>(json.get_ref<const std::string&>().size()));
  return wrong("len of type {}", arguments[0].type());
}

Result<Value> split_text(Arguments arguments) {
  const std::string text = text_of(arguments[0]);
  const std::string separator = text_of(arguments[1]);
  ordered_json parts = ordered_json::array();
  const auto too_many = [&] { return wrong("more than {} parts", kMaxParts); };
  if (separator.empty()) {
    for (std::size_t at = 0; at < text.size();) {
      if (parts.size() >= kMaxParts) return too_many();
      const std::size_t length = std::max<std::size_t>(1, utf8_length(std::string_view(text).substr(at)));
      parts.push_back(text.substr(at, length));
      at += length;
    }
    return Value(std::move(parts));
  }
  std::size_t from = 0;
  for (std::size_t at; (at = text.find(separator, from)) != std::string::npos; from = at + separator.size()) {
    if (parts.size() >= kMaxParts) return too_many();
    parts.push_back(text.substr(from, at - from));
  }
  parts.push_back(text.substr(from));
  return Value(std::move(parts));
}

Result<Value> join_texts(Arguments arguments) {
  const ordered_json& list = arguments[0].json();
  const std::string separator = text_of(arguments[1]);
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i) {
    text += (i == 0 ? "" : separator) + plain_text(list[i]);
    if (text.size() > kMaxText) return wrong("text is longer than {} bytes", kMaxText);
  }
  return Value(std::move(text));
}

Result<Value> pad(Arguments arguments) {
  const std::string text = text_of(arguments[0]);
  const auto before = integer_of(arguments[1]);
  const auto after = integer_of(arguments[2]);
  constexpr std::int64_t kMost = 1 << 20;
  if (before < 0 || after < 0) return wrong("strings: negative Repeat count");
  if (before > kMost || after > kMost) return wrong("pad by more than {}", kMost);
  if (text.empty()) return Value(text);
  return Value(std::string(static_cast<std::size_t>(before), ' ') + text +
               std::string(static_cast<std::size_t>(after), ' '));
}

Result<Value> truncate(Arguments arguments) {
  const std::string text = text_of(arguments[0]);
  const auto size = integer_of(arguments[1]);
  if (size < 0) return wrong("slice bounds out of range [:{}]", size);
  return Value(text.substr(0, static_cast<std::size_t>(size)));
}

struct Function {
  std::size_t least, most;
  Result<Value> (*run)(Arguments);
  std::string_view types{};  // of the first arguments: s(tring), i(nteger), l(ist); anything behind
};

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

const std::map<std::string_view, Function> kFunctions = {
    {"index", {1, kAny, index}},
    {"slice", {1, kAny, slice}},
    {"len", {1, 1, length}},
    {"not", {1, 1, [](Arguments a) -> Result<Value> { return Value(!a[0].truth()); }}},
    {"print", {0, kAny, [](Arguments a) -> Result<Value> { return Value(printed(a, false)); }}},
    {"println", {0, kAny, [](Arguments a) -> Result<Value> { return Value(printed(a, true)); }}},
    {"printf",
     {1, kAny, [](Arguments a) -> Result<Value> { return Value(go_printf(text_of(a[0]), a.subspan(1))); }, "s"}},
    {"html", {0, kAny, [](Arguments a) -> Result<Value> { return Value(html(evaluated(a))); }}},
    {"js", {0, kAny, [](Arguments a) -> Result<Value> { return Value(javascript(evaluated(a))); }}},
    {"urlquery", {0, kAny, [](Arguments a) -> Result<Value> { return Value(url_query(evaluated(a))); }}},
    {"json",
     {1, 1,
      [](Arguments a) -> Result<Value> {  // Maps are sorted, structs are in their order.
        const bool sort = a[0].is_map() && a[0].json().is_object();
        return Value(go_json(sort ? ordered_json(json(a[0].json())) : a[0].json(), false));
      }}},
    {"split", {2, 2, split_text, "ss"}},
    {"join", {2, 2, join_texts, "ls"}},
    {"pad", {3, 3, pad, "sii"}},
    {"truncate", {2, 2, truncate, "si"}},
    {"title", {1, 1, [](Arguments a) -> Result<Value> { return Value(title_case(text_of(a[0]))); }, "s"}},
    {"lower", {1, 1, [](Arguments a) -> Result<Value> { return Value(mapped(text_of(a[0]), ascii_lower)); }, "s"}},
    {"upper", {1, 1, [](Arguments a) -> Result<Value> { return Value(mapped(text_of(a[0]), ascii_upper)); }, "s"}},
};

bool leaves_headings(std::string_view name) {
  return name == "json" || name == "title" || name == "lower" || name == "upper" || name == "truncate";
}

struct Count {
  std::size_t least, most;
};
Count count_of(std::string_view name) {
  if (name == "and" || name == "or" || name == "eq") return {1, kAny};
  if (is_comparison(name)) return {2, 2};
  const Function& function = kFunctions.at(name);
  return {function.least, function.most};
}

}  // namespace

bool is_function(std::string_view name) {
  return name == "and" || name == "or" || is_comparison(name) || kFunctions.contains(name);
}

Result<> check_argument_count(std::string_view name, std::size_t count) {
  const auto [least, most] = count_of(name);
  if (count >= least && count <= most) return {};
  return wrong("wrong number of args for {}: want {}{} got {}", name, least == most ? "" : "at least ", least, count);
}

std::string_view wrong_type(std::string_view name, std::size_t position, const Value& value) {
  const auto found = kFunctions.find(name);
  if (found == kFunctions.end() || position >= found->second.types.size()) return "";
  switch (found->second.types[position]) {
    case 's':
      return value.json().is_string() ? "" : "string";
    case 'i':
      return value.json().is_number_integer() ? "" : "int";
    default:
      return value.json().is_array() || (value.json().is_null() && !value.missing()) ? "" : "[]string";
  }
}

Result<Value> call_function(std::string_view name, Arguments arguments, bool headings) {
  if (is_comparison(name)) return Value(TRY(compare(name, arguments)));
  if (headings && leaves_headings(name)) return arguments[0];
  Value value = TRY(kFunctions.at(name).run(arguments));
  if (value.json().is_string() && value.json().get_ref<const std::string&>().size() > kMaxText)
    return wrong("text is longer than {} bytes", kMaxText);
  return value;
}

}  // namespace strata::cli::templates
