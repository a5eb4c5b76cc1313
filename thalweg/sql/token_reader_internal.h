#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/sql/token.h"

namespace thalweg::sql {

/// Goes over the tokens of one statement.
class TokenReader {
 public:
  static arrow::Result<TokenReader> Make(std::string_view sql) {
    ARROW_ASSIGN_OR_RAISE(auto tokens, Tokenize(sql));
    return TokenReader(sql, std::move(tokens));
  }

  const Token& now() const { return tokens_[at_]; }
  const Token& ahead(size_t count) const { return tokens_[std::min(at_ + count, tokens_.size() - 1)]; }
  bool ended() const { return now().kind == TokenKind::kEnd; }
  void Skip() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }
  /// All that is left, as it stands.
  std::string_view rest() const { return sql_.substr(now().begin); }

  bool Take(std::string_view word) { return TakeIf(now().Is(word)); }
  bool TakeSign(char sign) { return TakeIf(now().IsSign(sign)); }
  /// Both or none.
  bool Take(std::string_view first, std::string_view second) {
    if (!now().Is(first) || !ahead(1).Is(second)) return false;
    at_ += 2;
    return true;
  }
  arrow::Status Expect(std::string_view word) { return Take(word) ? arrow::Status::OK() : Wrong(word); }
  arrow::Status ExpectSign(char sign) { return TakeSign(sign) ? arrow::Status::OK() : Wrong(std::string(1, sign)); }

  /// A name: a word, or anything in double or back quotes.
  arrow::Result<std::string> Name(std::string_view what);
  /// In single quotes.
  arrow::Result<std::string> Text(std::string_view what);
  /// "(a, b)".
  arrow::Result<std::vector<std::string>> Names(std::string_view what);
  /// A type, without NOT NULL behind it.
  arrow::Result<schema::DataType> Type(int depth = 1);
  /// NOT NULL or NULL, where it stands.
  arrow::Status Nullability(schema::DataType* type);

  /// Invalid: "Expected … at '…' (line 1, column 12)."
  arrow::Status Wrong(std::string_view expected) const;

 private:
  TokenReader(std::string_view sql, std::vector<Token> tokens) : sql_(sql), tokens_(std::move(tokens)) {}
  bool TakeIf(bool is) {
    if (is) Skip();
    return is;
  }
  arrow::Result<schema::DataType> PlainType(const std::string& word);
  arrow::Result<schema::DataType> NestedType(schema::TypeKind kind, int depth);

  std::string_view sql_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace thalweg::sql
