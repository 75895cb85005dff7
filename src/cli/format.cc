#include "cli/format.h"

#include <unistd.h>

#include "base/json.h"
#include "base/strings.h"
#include "cli/table.h"
#include "cli/template/value.h"

namespace strata::cli {
namespace {

// In formats of lists a backslash and a letter are a tab or a new line, without quotes too.
std::string unescaped(std::string_view format) {
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const bool escape = format[i] == '\\' && i + 1 < format.size() && (format[i + 1] == 't' || format[i + 1] == 'n');
    if (escape)
      text += format[++i] == 't' ? '\t' : '\n';
    else
      text += format[i];
  }
  return text;
}

bool writes_to_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

}  // namespace

Result<ListFormat> ListFormat::parse(std::string_view format, std::string_view record_type,
                                     std::span<const Column> columns, std::vector<std::string_view> method_names) {
  const bool table = format.starts_with("table");
  const bool json = format == "json";
  if (table) format.remove_prefix(5);
  while (format.starts_with(' ')) format.remove_prefix(1);
  while (format.ends_with(' ')) format.remove_suffix(1);
  ListFormat list(TRY(Template::parse(json ? "" : unescaped(format))));
  list.json_ = json;
  list.table_ = table;
  list.record_type_ = record_type;
  list.columns_ = columns;
  list.method_names_ = std::move(method_names);
  return list;
}

Result<> ListFormat::add(const ordered_json& record, Method method) {
  // Keys sorted, as Go writes a map.
  const ordered_json sorted = json(record);
  if (json_) {
    rows_ += templates::go_json(sorted, true);
  } else {
    Template::Rules rules;
    rules.type = record_type_;
    rules.for_terminal = writes_to_terminal();
    rules.method = std::move(method);
    rules.method_names = rules.method ? method_names_ : std::vector<std::string_view>();
    TRY(template_.render(sorted, rows_, rules));
  }
  rows_ += '\n';
  return {};
}

Result<std::string> ListFormat::text() const {
  if (!table_) return rows_;
  ordered_json headings = ordered_json::object();
  for (const Column& column : columns_) headings[std::string(column.field)] = column.heading;
  Template::Rules rules;
  rules.headings = true;
  rules.method_names = method_names_;
  rules.method = [](std::string_view, const std::vector<std::string>& arguments) { return arguments.front(); };
  std::string first;
  TRY(template_.render(headings, first, rules));
  const auto cells = [](std::string_view line) {
    std::vector<std::string> row;
    for (const std::string_view cell : split(line, '\t')) row.emplace_back(cell);
    return row;
  };
  Table table(cells(first));
  std::string_view rows = rows_;
  if (rows.ends_with('\n')) rows.remove_suffix(1);
  if (!rows.empty())
    for (const std::string_view line : split(rows, '\n')) table.add(cells(line));
  return table.to_string();
}

Result<std::string> format_object(std::string_view format, const ordered_json& object, std::string_view name) {
  if (format == "json") return templates::go_json(object, false) + "\n";
  const Template parsed = TRY(Template::parse(format, name));
  std::string text;
  Template::Rules rules;
  rules.for_terminal = writes_to_terminal();
  TRY(parsed.render(object, text, rules));
  return text + "\n";
}

bool is_template(std::string_view format, std::string_view name) {
  if (format.empty() || format == "json") return true;
  const auto parsed = Template::parse(format, name);
  if (!parsed) fmt::print(stderr, "strata: {}\n", printable(parsed.error().message()));
  return parsed.has_value();
}

}  // namespace strata::cli
