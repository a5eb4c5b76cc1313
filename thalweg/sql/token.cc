#include "thalweg/sql/token.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

namespace thalweg::sql {
namespace {

bool IsSpace(char c) { return static_cast<unsigned char>(c) <= ' '; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool BeginsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) > 127;
}
bool GoesOnWord(char c) { return BeginsWord(c) || IsDigit(c) || c == '$'; }

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}

  arrow::Result<std::vector<Token>> All() {
    std::vector<Token> tokens;
    do {
      ARROW_RETURN_NOT_OK(SkipBetween());
      ARROW_ASSIGN_OR_RAISE(Token token, Next());
      tokens.push_back(std::move(token));
    } while (tokens.back().kind != TokenKind::kEnd);
    return tokens;
  }

 private:
  char At(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }
  bool ended() const { return at_ >= sql_.size(); }
  arrow::Status Unended(std::string_view what, size_t begin) const {
    return arrow::Status::Invalid(what, " that begins at ", PlaceIn(sql_, begin), " has no end.");
  }

  arrow::Status SkipBetween() {
    while (!ended()) {
      if (IsSpace(At())) {
        ++at_;
      } else if (At() == '-' && At(1) == '-') {
        while (!ended() && At() != '\n') ++at_;
      } else if (At() == '/' && At(1) == '*') {
        ARROW_RETURN_NOT_OK(SkipComment());
      } else {
        break;
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status SkipComment() {
    const size_t begin = at_;
    int depth = 0;
    do {
      if (ended()) return Unended("A comment", begin);
      if (At() == '/' && At(1) == '*') {
        ++depth;
        at_ += 2;
      } else if (At() == '*' && At(1) == '/') {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0);
    return arrow::Status::OK();
  }

  arrow::Result<Token> Next() {
    Token token{.begin = at_};
    if (ended()) {
      token.end = at_;
      return token;
    }
    const char first = At();
    if (first == '"' || first == '`') {
      token.kind = TokenKind::kQuoted;
      ARROW_RETURN_NOT_OK(Quoted("A name", first, false, &token.text));
    } else if (first == '\'') {
      token.kind = TokenKind::kText;
      ARROW_RETURN_NOT_OK(Quoted("A text", first, false, &token.text));
    } else if ((first == 'e' || first == 'E') && At(1) == '\'') {
      token.kind = TokenKind::kText;
      ++at_;
      ARROW_RETURN_NOT_OK(Quoted("A text", '\'', true, &token.text));
    } else if (BeginsWord(first)) {
      token.kind = TokenKind::kWord;
      while (!ended() && GoesOnWord(At())) token.text += sql_[at_++];
    } else if (IsDigit(first) || (first == '.' && IsDigit(At(1)))) {
      token.kind = TokenKind::kNumber;
      Number(&token.text);
    } else if (const size_t tag = DollarTag(); tag > 0) {
      token.kind = TokenKind::kText;
      ARROW_RETURN_NOT_OK(Dollars(tag, &token.text));
    } else {
      token.kind = TokenKind::kSign;
      token.text = sql_[at_++];
    }
    token.end = at_;
    return token;
  }

  arrow::Status Quoted(std::string_view what, char quote, bool backslashes, std::string* text) {
    const size_t begin = at_++;
    while (true) {
      if (ended()) return Unended(what, begin);
      const char c = sql_[at_++];
      if (c == quote) {
        if (At() != quote) return arrow::Status::OK();
        ++at_;
        *text += quote;
      } else if (c == '\\' && backslashes && !ended()) {
        const char escaped = sql_[at_++];
        *text += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped == 'r' ? '\r' : escaped;
      } else {
        *text += c;
      }
    }
  }

  void Number(std::string* text) {
    while (!ended()) {
      const char c = At();
      const bool sign = (c == '+' || c == '-') && !text->empty() && (text->back() == 'e' || text->back() == 'E');
      if (!GoesOnWord(c) && c != '.' && !sign) break;
      *text += c;
      ++at_;
    }
  }

  /// The bytes of "$tag$" at this place; 0 where there is none ($1 is a parameter).
  size_t DollarTag() const {
    if (At() != '$') return 0;
    size_t length = 1;
    while (at_ + length < sql_.size() && (BeginsWord(At(length)) || (length > 1 && IsDigit(At(length))))) ++length;
    return At(length) == '$' ? length + 1 : 0;
  }

  arrow::Status Dollars(size_t tag_bytes, std::string* text) {
    const std::string_view tag = sql_.substr(at_, tag_bytes);
    const size_t end = sql_.find(tag, at_ + tag_bytes);
    if (end == std::string_view::npos) return Unended("A text", at_);
    *text = sql_.substr(at_ + tag_bytes, end - at_ - tag_bytes);
    at_ = end + tag_bytes;
    return arrow::Status::OK();
  }

  const std::string_view sql_;
  size_t at_ = 0;
};

}  // namespace

bool Token::Is(std::string_view word) const {
  return kind == TokenKind::kWord && std::ranges::equal(text, word, [](char a, char b) {
           return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
         });
}

arrow::Result<std::vector<Token>> Tokenize(std::string_view sql) { return Lexer(sql).All(); }

arrow::Result<std::vector<std::string>> SplitStatements(std::string_view script) {
  ARROW_ASSIGN_OR_RAISE(const auto tokens, Tokenize(script));
  std::vector<std::string> statements;
  size_t first = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!tokens[i].IsSign(';') && tokens[i].kind != TokenKind::kEnd) continue;
    if (i > first) {
      statements.emplace_back(script.substr(tokens[first].begin, tokens[i - 1].end - tokens[first].begin));
    }
    first = i + 1;
  }
  return statements;
}

std::string PlaceIn(std::string_view sql, size_t position) {
  const std::string_view before = sql.substr(0, std::min(position, sql.size()));
  const size_t line = static_cast<size_t>(std::ranges::count(before, '\n')) + 1;
  const size_t line_begin = before.rfind('\n');
  const size_t column = line_begin == std::string_view::npos ? before.size() + 1 : before.size() - line_begin;
  return fmt::format("line {}, column {}", line, column);
}

}  // namespace thalweg::sql
