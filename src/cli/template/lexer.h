// A template's text as tokens, as Go's text/template cuts it (go/src/text/template/parse/lex.go):
// text outside of {{ }}, trimmed by {{- and -}}; comments are gone. Inside the template engine
// only.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/template/source.h"

namespace strata::cli::templates {

struct Token {
  enum class Kind {
    kText,
    kOpen,   // {{
    kClose,  // }}
    kWord,   // a keyword, a function, true, false or nil
    kField,  // ".Name"; text is the name
    kDot,
    kVariable,  // "$", "$x"
    kNumber,
    kString,     // text is what it stands for
    kCharacter,  // text is the code point in decimal digits
    kPipe,
    kComma,
    kDeclare,  // :=
    kAssign,   // =
    kLeftParenthesis,
    kRightParenthesis,
    kOther,  // a character that means nothing
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text;
  std::size_t begin = 0, end = 0;  // in the source
  bool after_space = false;        // inside an action: white space stands before it
};

// The last token is kEnd. Errors: Go's, e.g. "unclosed action".
Result<std::vector<Token>> lex(const Source& source);

}  // namespace strata::cli::templates
