#include <algorithm>
#include <array>
#include <vector>

#include "fmt/format.h"
#include "thalweg/sql/statement_text_internal.h"
#include "thalweg/sql/token_reader_internal.h"

namespace thalweg::sql {
namespace {

std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'') quoted += c;
  }
  return quoted + "'";
}

// Words that go on behind a table, so that a moment in front of them is complete.
constexpr std::array<std::string_view, 28> kAfterTable = {
    "WHERE", "JOIN",   "INNER",     "LEFT",    "RIGHT",       "FULL",       "CROSS", "NATURAL", "ASOF",   "SEMI",
    "ANTI",  "ON",     "USING",     "GROUP",   "HAVING",      "WINDOW",     "ORDER", "LIMIT",   "OFFSET", "UNION",
    "AS",    "EXCEPT", "INTERSECT", "QUALIFY", "TABLESAMPLE", "POSITIONAL", "SET",   "FOR"};
// Words that stand inside of a moment behind a value.
constexpr std::array<std::string_view, 20> kInMoment = {
    "SECOND", "SECONDS", "MINUTE", "MINUTES", "HOUR",        "HOURS",        "DAY", "DAYS", "WEEK", "WEEKS",
    "MONTH",  "MONTHS",  "YEAR",   "YEARS",   "MILLISECOND", "MILLISECONDS", "AT",  "TIME", "ZONE", "AND"};

bool IsOneOf(const Token& token, auto words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return token.Is(word); });
}

/// The index behind the moment that begins at `from`.
size_t EndOfMoment(const std::vector<Token>& tokens, size_t from) {
  int depth = 0;
  bool complete = false;  // a value stands right before
  size_t at = from;
  for (; tokens[at].kind != TokenKind::kEnd; ++at) {
    const Token& token = tokens[at];
    if (depth == 0 && (token.IsSign(',') || token.IsSign(';') || token.IsSign(')') || IsOneOf(token, kAfterTable)))
      break;
    if (depth == 0 && complete && (token.kind == TokenKind::kWord || token.kind == TokenKind::kQuoted) &&
        !IsOneOf(token, kInMoment)) {
      break;  // an alias
    }
    if (token.IsSign('(')) ++depth;
    if (token.IsSign(')')) --depth;
    const bool introduces = token.Is("TIMESTAMP") || token.Is("TIMESTAMPTZ") || token.Is("DATE") ||
                            token.Is("INTERVAL") || token.Is("AT") || token.Is("TIME") || token.Is("ZONE");
    complete = (token.kind != TokenKind::kSign && !introduces) || token.IsSign(')');
  }
  return at;
}

/// The index behind "[AS] name" that begins at `from`; `from` itself where there is no alias.
size_t EndOfAlias(const std::vector<Token>& tokens, size_t from) {
  const size_t name = from + (tokens[from].Is("AS") ? 1 : 0);
  if (tokens[name].kind == TokenKind::kQuoted) return name + 1;
  return tokens[name].kind == TokenKind::kWord && !IsOneOf(tokens[name], kAfterTable) ? name + 1 : from;
}

}  // namespace

arrow::Result<std::optional<std::string>> DatabaseOfUse(std::string_view statement) {
  ARROW_ASSIGN_OR_RAISE(auto tokens, TokenReader::Make(statement));
  if (!tokens.Take("USE")) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(std::string name, tokens.Name("the name of a database"));
  if (tokens.TakeSign('.')) {
    ARROW_ASSIGN_OR_RAISE(name, tokens.Name("the name of a database"));
  }
  (void)tokens.TakeSign(';');
  if (!tokens.ended()) return tokens.Wrong("the end of the statement");
  return name;
}

arrow::Result<std::optional<std::string>> TimeZoneOfSet(std::string_view statement) {
  ARROW_ASSIGN_OR_RAISE(auto tokens, TokenReader::Make(statement));
  if (!tokens.Take("SET")) return std::nullopt;
  (void)tokens.Take("SESSION");
  if (!tokens.Take("TIMEZONE") && !tokens.Take("TIME", "ZONE")) return std::nullopt;
  if (!tokens.TakeSign('=')) (void)tokens.Take("TO");
  ARROW_ASSIGN_OR_RAISE(std::string zone, tokens.Text("the name of a time zone in single quotes"));
  return zone;
}

arrow::Result<std::optional<std::string>> AtLeastOfSet(std::string_view statement) {
  ARROW_ASSIGN_OR_RAISE(auto tokens, TokenReader::Make(statement));
  if (!tokens.Take("SET")) return std::nullopt;
  (void)tokens.Take("SESSION");
  if (!tokens.Take("THALWEG_AT_LEAST")) return std::nullopt;
  if (!tokens.TakeSign('=')) (void)tokens.Take("TO");
  ARROW_ASSIGN_OR_RAISE(std::string token, tokens.Text("a token in single quotes"));
  (void)tokens.TakeSign(';');
  if (!tokens.ended()) return tokens.Wrong("the end of the statement");
  return token;
}

arrow::Result<std::string> ForDuckDb(std::string_view statement, const std::string& current_database) {
  ARROW_ASSIGN_OR_RAISE(const auto tokens, Tokenize(statement));
  if (tokens[0].Is("SHOW") && (tokens[1].Is("DATABASES") || tokens[1].Is("SCHEMAS"))) {
    return std::string("SELECT database_name FROM thalweg.databases ORDER BY database_name");
  }
  if (tokens[0].Is("SHOW") && tokens[1].Is("PARTITIONS")) {
    ARROW_ASSIGN_OR_RAISE(auto reader, TokenReader::Make(statement));
    reader.Skip();
    reader.Skip();
    ARROW_ASSIGN_OR_RAISE(std::string table, reader.Name("the name of a table"));
    std::string database = current_database;
    if (reader.TakeSign('.')) {
      database = std::move(table);
      ARROW_ASSIGN_OR_RAISE(table, reader.Name("the name of a table"));
    }
    return fmt::format(
        "SELECT partition_name FROM thalweg.partitions WHERE database_name = {} AND table_name = {} ORDER BY "
        "partition_name",
        Quoted(database), Quoted(table));
  }
  std::string made;
  size_t copied = 0;
  for (size_t i = 0; i + 4 < tokens.size(); ++i) {
    if (!tokens[i].Is("FOR") || !tokens[i + 1].Is("SYSTEM_TIME") || !tokens[i + 2].Is("AS") ||
        !tokens[i + 3].Is("OF")) {
      continue;
    }
    const size_t end = EndOfMoment(tokens, i + 4);
    if (end == i + 4) {
      return arrow::Status::Invalid("Expected a moment behind FOR SYSTEM_TIME AS OF at ",
                                    PlaceIn(statement, tokens[end].begin), ".");
    }
    const auto text = [&](size_t from, size_t to) {
      return from == to ? std::string_view()
                        : statement.substr(tokens[from].begin, tokens[to - 1].end - tokens[from].begin);
    };
    // DuckDB wants the alias in front of AT.
    const size_t behind_alias = EndOfAlias(tokens, end);
    made += statement.substr(copied, tokens[i].begin - copied);
    made += fmt::format("{}{}AT (TIMESTAMP => {})", text(end, behind_alias), end == behind_alias ? "" : " ",
                        text(i + 4, end));
    copied = tokens[behind_alias - 1].end;
    i = behind_alias - 1;
  }
  return made + std::string(statement.substr(copied));
}

}  // namespace thalweg::sql
