// A Dockerfile's logical lines: parser directives, comments, continuation lines and heredocs resolved,
// the keyword and its flags split off; the arguments still as written. Follows BuildKit's parser
// (frontend/dockerfile/parser; docs/reference.md "Format", "Parser directives", "Here-documents").
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "build/dockerfile/source.h"

namespace strata::dockerfile {

// Bounds for hostile input.
inline constexpr std::size_t kMaxDockerfileSize = 4 << 20;
inline constexpr std::size_t kMaxHeredocsPerLine = 64;

struct Heredoc {
  std::string name;         // without quotes
  bool expand = true;       // false when any part of the name was quoted
  bool strip_tabs = false;  // <<-
  unsigned file_descriptor = 0;
  std::string content;  // as written, tabs too, line ends kept
  // The content with leading tabs removed where <<- asks for it.
  std::string text() const;
};

struct Word {
  std::string text;
  std::size_t offset = 0;  // in Line::text
};

struct Line {
  std::string text;         // the whole logical line, continuation lines joined
  Range range;              // heredocs included
  std::string keyword;      // as written
  std::vector<Word> flags;  // "--name=value", quotes and escapes removed
  Word arguments;           // the rest, trimmed
  std::vector<Heredoc> heredocs;
  std::vector<std::string> comments;  // directly above, without #

  // Where a byte of `text` stands in the file.
  Range place(std::size_t offset) const;

  struct Piece {
    std::size_t offset;  // where it begins in `text`
    int line;
    int column;
  };
  std::vector<Piece> pieces;
};

struct Lines {
  std::vector<Line> lines;
  char escape = '\\';
  std::map<std::string, std::string> directives;  // syntax, escape, check; names in lower case
};

Result<Lines> split_lines(const SourceFile& file, Diagnostics& diagnostics);
// The keyword, flags and arguments of `text` (an ONBUILD's inner instruction has its own).
void split_keyword(Line& line, char escape);

// The heredoc that a word such as `<<-"EOF"` or `3<<END` announces.
Result<std::optional<Heredoc>> parse_heredoc_word(std::string_view word);

// Words separated by white space; quotes and escapes stay in them, but keep white space together.
std::vector<Word> split_quoted_words(const Word& text, char escape);
std::vector<Word> split_plain_words(const Word& text);

}  // namespace strata::dockerfile
