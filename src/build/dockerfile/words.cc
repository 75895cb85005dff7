// How one logical line falls into keyword, flags and words (BuildKit: parser/split_command.go,
// parser/line_parsers.go).
#include <utility>

#include "base/strings.h"
#include "build/dockerfile/line.h"

namespace strata::dockerfile {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

// Reads one flag at `at`; quotes and escapes are removed. Returns where it ends.
std::size_t read_flag(std::string_view text, std::size_t at, char escape, std::string& flag) {
  char quote = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quote == 0 && is_space(c)) break;
    if (quote != 0 ? c == quote : c == '\'' || c == '"') {
      quote = quote != 0 ? '\0' : c;
    } else if (c == escape) {
      if (at + 1 < text.size()) flag += text[++at];
    } else {
      flag += c;
    }
  }
  return at;
}

}  // namespace

void split_keyword(Line& line, char escape) {
  const std::string_view text = line.text;
  std::size_t at = skip_space(text, 0);
  std::size_t end = at;
  while (end < text.size() && !is_space(text[end])) ++end;
  line.keyword = std::string(text.substr(at, end - at));
  line.flags.clear();
  for (at = skip_space(text, end); text.substr(at).starts_with("--"); at = skip_space(text, at)) {
    Word flag{.text = "", .offset = at};
    at = read_flag(text, at, escape, flag.text);
    if (flag.text == "--") {
      at = skip_space(text, at);
      break;
    }
    line.flags.push_back(std::move(flag));
  }
  line.arguments = {.text = std::string(trim(text.substr(at))), .offset = at};
}

std::vector<Word> split_quoted_words(const Word& source, char escape) {
  const std::string_view text = source.text;
  std::vector<Word> words;
  for (std::size_t at = skip_space(text, 0); at < text.size(); at = skip_space(text, at)) {
    Word word{.text = "", .offset = source.offset + at};
    bool blank_counts = false;
    char quote = 0;
    for (; at < text.size(); ++at) {
      const char c = text[at];
      if (quote == 0 && is_space(c)) break;
      if (c == escape && quote != '\'') {
        if (at + 1 == text.size()) continue;  // an escape at the end is dropped
        word.text += c;
        word.text += text[++at];
        continue;
      }
      if (quote == 0 && (c == '\'' || c == '"')) {
        quote = c;
        blank_counts = true;
      } else if (c == quote) {
        quote = 0;
      }
      word.text += c;
    }
    if (blank_counts || !word.text.empty()) words.push_back(std::move(word));
  }
  return words;
}

std::vector<Word> split_plain_words(const Word& source) {
  const std::string_view text = source.text;
  std::vector<Word> words;
  for (std::size_t at = skip_space(text, 0); at < text.size(); at = skip_space(text, at)) {
    const std::size_t begin = at;
    while (at < text.size() && !is_space(text[at])) ++at;
    words.push_back({.text = std::string(text.substr(begin, at - begin)), .offset = source.offset + begin});
  }
  return words;
}

}  // namespace strata::dockerfile
