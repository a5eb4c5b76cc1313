#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"

/// SQL text in tokens: as much of SQL as is needed to tell statements apart and to read the ones that DuckDB does not (definition.h).
///
///   word      letter or _ or a byte above 127, then those, digits and $       orders, orders$changelog
///   quoted    "…" ("" inside is a quote), and `…` (`` inside is one)          names of any kind
///   text      '…' ('' inside is a quote); E'…' with backslashes; $tag$…$tag$
///   number    digits, with . and exponent
///   sign      any other single character
///
/// Between tokens: white space, `-- …` to the end of the line, `/* … */`, which nests.
namespace thalweg::sql {

enum class TokenKind : uint8_t { kWord, kQuoted, kText, kNumber, kSign, kEnd };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t begin = 0;  ///< in the SQL text, in bytes
  size_t end = 0;
  /// Of kQuoted and kText what is inside, with its quotes resolved; else as it stands.
  std::string text{};

  /// Whether it is that word of SQL, in any case; never something quoted. `word` in capitals.
  bool Is(std::string_view word) const;
  bool IsSign(char sign) const { return kind == TokenKind::kSign && text[0] == sign; }
};

/// All tokens, and kEnd behind them. Invalid, saying where, for quotes and comments without an end.
arrow::Result<std::vector<Token>> Tokenize(std::string_view sql);

/// A script in its statements, each without its semicolon and without what is around it; empty ones are left out.
arrow::Result<std::vector<std::string>> SplitStatements(std::string_view script);

/// "line 3, column 7" of a position in the text, both from 1.
std::string PlaceIn(std::string_view sql, size_t position);

}  // namespace thalweg::sql
