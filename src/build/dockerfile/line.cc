#include "build/dockerfile/line.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "build/dockerfile/shell_lexer.h"

namespace strata::dockerfile {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trim_left(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

bool is_comment(std::string_view line) { return trim_left(line).starts_with('#'); }

// "# name=value" at the top of the file. nullopt: no directive, so there are no more either.
struct Directive {
  std::string name;
  std::string value;
};
std::optional<Directive> parse_directive(std::string_view line) {
  line = trim_left(line);
  if (!line.starts_with('#')) return std::nullopt;
  line = trim_left(line.substr(1));
  const auto is_alpha = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::size_t end = 0;
  while (end < line.size() && (is_alpha(line[end]) || (end > 0 && line[end] >= '0' && line[end] <= '9'))) ++end;
  std::string name = to_lower(line.substr(0, end));
  const std::string_view rest = trim_left(line.substr(end));
  if (!rest.starts_with('=')) return std::nullopt;
  const std::string_view value = trim(rest.substr(1));
  if (value.empty() || (name != "syntax" && name != "escape" && name != "check")) return std::nullopt;
  return Directive{std::move(name), std::string(value)};
}

// Removes an escape character at the end of a line (blanks may follow it) unless another one stands
// before it. True: the next line continues this one.
bool strip_continuation(std::string_view& line, char escape) {
  std::string_view text = line;
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  if (!text.ends_with(escape)) return false;
  text.remove_suffix(1);
  if (text.ends_with(escape)) return false;
  line = text;
  return true;
}

bool takes_heredocs(std::string_view keyword) {
  const std::string name = to_lower(keyword);
  return name == "run" || name == "copy" || name == "add";
}

// The heredocs that a logical line announces, contents still empty.
Result<std::vector<Heredoc>> announced_heredocs(const Line& line, char escape) {
  std::vector<Heredoc> heredocs;
  if (line.text.find("<<") == std::string::npos) return heredocs;
  Line inner = line;
  if (to_lower(line.keyword) == "onbuild") {
    inner.text = line.arguments.text;
    split_keyword(inner, escape);
  }
  if (!takes_heredocs(inner.keyword) || inner.arguments.text.starts_with('[')) return heredocs;
  const auto words = expand(line.text, [](std::string_view) { return std::nullopt; },
                            {.keep_quotes = true, .keep_escapes = true, .keep_unset = true});
  if (!words) return heredocs;  // not for us: the shell may know better
  for (const std::string& word : words->words) {
    auto heredoc = TRY(parse_heredoc_word(word));
    if (!heredoc) continue;
    if (heredocs.size() == kMaxHeredocsPerLine)
      return error(ErrorKind::kResourceExhausted, "more than {} heredocs", kMaxHeredocsPerLine);
    heredocs.push_back(*std::move(heredoc));
  }
  return heredocs;
}

class Splitter {
 public:
  Splitter(const SourceFile& file, Diagnostics& diagnostics) : file_(file), diagnostics_(diagnostics) {}

  Result<Lines> run() {
    if (file_.text().size() > kMaxDockerfileSize)
      return error(ErrorKind::kResourceExhausted, "{}: larger than {} bytes", file_.name(), kMaxDockerfileSize);
    TRY(read_directives());
    while (next_ < file_.lines().size()) TRY(read_line());
    if (result_.lines.empty())
      return error_at(file_, {static_cast<int>(next_), 1, static_cast<int>(next_)}, diagnostics_,
                      "file with no instructions");
    return std::move(result_);
  }

 private:
  int number() const { return static_cast<int>(next_); }  // of the line read last

  Result<> read_directives() {
    for (; next_ < file_.lines().size(); ++next_) {
      const auto directive = parse_directive(file_.lines()[next_]);
      if (!directive) return {};
      const int line = number() + 1;
      if (!result_.directives.emplace(directive->name, directive->value).second)
        return error_at(file_, {line, 1, line}, diagnostics_,
                        fmt::format("only one {} parser directive can be used", directive->name));
      if (directive->name != "escape") continue;
      if (directive->value != "\\" && directive->value != "`")
        return error_at(file_, {line, 1, line}, diagnostics_,
                        fmt::format("invalid escape token '{}' does not match ` or \\", printable(directive->value)));
      result_.escape = directive->value[0];
    }
    return {};
  }

  // One instruction, or a comment or blank line.
  Result<> read_line() {
    const std::string_view raw = file_.lines()[next_++];
    std::string_view text = trim_left(raw);
    if (text.starts_with('#')) {
      const std::string_view comment = trim(text.substr(1));
      if (comment.empty()) {
        comments_.clear();
      } else {
        comments_.emplace_back(comment);
      }
      return {};
    }
    Line line;
    line.range = {number(), static_cast<int>(text.data() - raw.data()) + 1, number()};
    bool more = strip_continuation(text, result_.escape);
    if (!more && text.empty()) return {};
    append(line, text, raw);
    bool empty_continuation = false;
    while (more && next_ < file_.lines().size()) {
      const std::string_view next_raw = file_.lines()[next_++];
      if (is_comment(next_raw)) continue;
      if (trim_left(next_raw).empty()) {
        empty_continuation = true;
        continue;
      }
      std::string_view next_text = next_raw;
      more = strip_continuation(next_text, result_.escape);
      append(line, next_text, next_raw);
    }
    line.range.last_line = number();
    if (empty_continuation) diagnostics_.warn("NoEmptyContinuation", line.range, "Empty continuation line");
    split_keyword(line, result_.escape);
    line.comments = std::exchange(comments_, {});
    auto heredocs = announced_heredocs(line, result_.escape);
    if (!heredocs) return error_at(file_, line.range, diagnostics_, heredocs.error().message());
    for (Heredoc& heredoc : *heredocs) {
      if (!read_heredoc(heredoc))
        return error_at(file_, line.range, diagnostics_,
                        fmt::format("unterminated heredoc {}", printable(heredoc.name)));
      line.heredocs.push_back(std::move(heredoc));
    }
    line.range.last_line = number();
    result_.lines.push_back(std::move(line));
    return {};
  }

  void append(Line& line, std::string_view text, std::string_view raw) const {
    line.pieces.push_back({line.text.size(), number(), static_cast<int>(text.data() - raw.data()) + 1});
    line.text += text;
  }

  bool read_heredoc(Heredoc& heredoc) {
    while (next_ < file_.lines().size()) {
      const std::string_view raw = file_.lines()[next_++];
      std::string_view end = raw;
      if (heredoc.strip_tabs)
        while (end.starts_with('\t')) end.remove_prefix(1);
      if (end == heredoc.name) return true;
      // With its line end, as the file has it.
      const char* stop =
          next_ < file_.lines().size() ? file_.lines()[next_].data() : file_.text().data() + file_.text().size();
      heredoc.content.append(raw.data(), stop);
    }
    return false;
  }

  const SourceFile& file_;
  Diagnostics& diagnostics_;
  Lines result_;
  std::size_t next_ = 0;
  std::vector<std::string> comments_;
};

}  // namespace

Result<Lines> split_lines(const SourceFile& file, Diagnostics& diagnostics) {
  return Splitter(file, diagnostics).run();
}

Range Line::place(std::size_t offset) const {
  auto piece = std::upper_bound(pieces.begin(), pieces.end(), offset,
                                [](std::size_t o, const Piece& p) { return o < p.offset; });
  if (piece == pieces.begin()) return range;
  --piece;
  return {piece->line, piece->column + static_cast<int>(offset - piece->offset), range.last_line};
}

std::string Heredoc::text() const {
  if (!strip_tabs) return content;
  std::string out;
  bool at_start = true;
  for (const char c : content) {
    if (at_start && c == '\t') continue;
    at_start = c == '\n';
    out += c;
  }
  return out;
}

Result<std::optional<Heredoc>> parse_heredoc_word(std::string_view word) {
  Heredoc heredoc;
  std::size_t digits = 0;
  while (digits < word.size() && word[digits] >= '0' && word[digits] <= '9') ++digits;
  if (digits > 0) {
    const auto number = parse_unsigned(word.substr(0, digits));
    heredoc.file_descriptor = static_cast<unsigned>(std::min<std::uint64_t>(number.value_or(0), 1 << 20));
  }
  word.remove_prefix(digits);
  if (!word.starts_with("<<")) return std::nullopt;
  word.remove_prefix(2);
  if (word.starts_with('-')) {
    heredoc.strip_tabs = true;
    word.remove_prefix(1);
  }
  word = trim_left(word);
  if (word.empty() || word.find('<') != std::string_view::npos) return std::nullopt;
  const auto none = [](std::string_view) { return std::nullopt; };
  const auto plain = TRY(expand(word, none, {.keep_unset = true}));
  if (plain.words.size() != 1) return std::nullopt;
  const auto quoted = TRY(expand(word, none, {.keep_quotes = true, .keep_unset = true}));
  const auto quotes = [](const std::string& text) {
    return std::ranges::count(text, '\'') + std::ranges::count(text, '"');
  };
  heredoc.name = plain.words[0];
  heredoc.expand = quotes(plain.text) == quotes(quoted.text);
  return heredoc;
}

}  // namespace strata::dockerfile
