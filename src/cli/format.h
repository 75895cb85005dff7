// `--format` of the verbs: of those that list things (rows, tables, "json"), and of those that show
// one object. Docker's rules (cli/command/formatter); the templates are template.h's.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/template/template.h"
#include <nlohmann/json_fwd.hpp>

namespace strata::cli {

struct Column {
  std::string_view field;    // "ID"
  std::string_view heading;  // "IMAGE ID"
};

// One --format of a list. Formats that are no template of ours are "" and "table": is_default(),
// and the verb prints its own table without any of this.
//
//   ListFormat format = TRY(ListFormat::parse(text, "image", kColumns));
//   TRY(format.add(record));        // an object that has every field of the columns
//   fmt::print("{}", format.text());
class ListFormat {
 public:
  static bool is_default(std::string_view format) { return format.empty() || format == "table"; }
  // `method_names`: what {{.NAME "argument"}} may call. Errors: the template's.
  static Result<ListFormat> parse(std::string_view format, std::string_view record_type,
                                  std::span<const Column> columns, std::vector<std::string_view> method_names = {});

  // Whether anybody will see the field.
  bool mentions(std::string_view field) const { return json_ || template_.mentions(field); }

  bool is_json() const { return json_; }

  using Method = std::function<std::string(std::string_view name, const std::vector<std::string>& arguments)>;
  Result<> add(const nlohmann::ordered_json& record, Method method = nullptr);
  // All of it: rows, or the table with its headings.
  Result<std::string> text() const;

 private:
  explicit ListFormat(Template parsed) : template_(std::move(parsed)) {}
  Template template_;
  bool json_ = false, table_ = false;
  std::string record_type_;
  std::span<const Column> columns_;
  std::vector<std::string_view> method_names_;
  std::string rows_;
};

// One object by a template, and a new line behind it; "json" is the object on one line.
// Errors: the template's.
Result<std::string> format_object(std::string_view format, const nlohmann::ordered_json& object,
                                  std::string_view name = "");

// Whether the format is a template at all: docker exits with 64 where it is none. Prints the error
// then.
bool is_template(std::string_view format, std::string_view name = "");
inline constexpr int kBrokenTemplate = 64;

}  // namespace strata::cli
