// Go templates as docker's --format takes them: text/template with docker's functions.
// https://pkg.go.dev/text/template, https://docs.docker.com/engine/cli/formatting/
//
//   const Template row = TRY(Template::parse("{{.Name}}: {{json .Ports}}"));
//   std::string text;
//   TRY(row.render(record, text));
//
// The language is whole but for method calls, complex numbers and `call`: fields, variables, if,
// with, range (lists, objects in the order of their keys, numbers), break, continue, define,
// template, block, comments, trim markers, pipelines, index, slice, len, and, or, not, eq…ge,
// print, printf, println, html, js, urlquery, json, split, join, title, lower, upper, pad,
// truncate.
//
// - The data is JSON. What Go's types would say and JSON does not (struct or map, empty list or
// nil) is
//   known by member names (value.cc); a missing field of a struct is an error, of a map
//   "<no value>".
// - Bounded: nesting and calls of templates 100 deep, 64 MB of output, 2 million steps, 512 MB that
//   functions read and make; beyond is kResourceExhausted.
// - Errors are kInvalidArgument in docker's words: "template parsing error: template: :1: unclosed
//   action". Where docker exits with 64 after one, so does is_template() (cli/format.h).
//
// Immutable, cheap to copy; any thread may render.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include <nlohmann/json_fwd.hpp>

namespace strata::cli {

class Template {
 public:
  using Json = nlohmann::ordered_json;

  struct Rules {
    // What errors call the record: "can't evaluate field X in type NAME"; empty: "map has no entry
    // for key "X"", as inspect has it.
    std::string type;
    // For the first line of a table: the data are headings, and what is no heading is "<no value>".
    bool headings = false;
    // What comes of the data loses its control characters, but for tabs and new lines: for
    // terminals. The template's own text stays.
    bool for_terminal = false;
    // The record's method of that name, e.g. {{.Label "x"}}; null: it has none.
    std::function<std::string(std::string_view name, const std::vector<std::string>& arguments)> method;
    std::vector<std::string_view> method_names{};
  };

  static Result<Template> parse(std::string_view text, std::string_view name = "");

  // Adds to `out`; after an error nothing was added.
  Result<> render(const Json& data, std::string& out) const;
  Result<> render(const Json& data, std::string& out, const Rules& rules) const;

  // Whether the field stands anywhere in the template, or the whole record is used ({{.}}, {{json
  // .}},
  // {{$}}): what is expensive to find out need not be, otherwise.
  bool mentions(std::string_view field) const;

 private:
  struct Parsed;
  explicit Template(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace strata::cli
