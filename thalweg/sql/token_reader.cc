#include <algorithm>
#include <map>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/type_text.h"
#include "thalweg/sql/token_reader_internal.h"

namespace thalweg::sql {
namespace {

// DuckDB's words for types that Fluss has under another name.
const std::map<std::string, std::string_view, std::less<>> kTypeWords = {{"INT1", "TINYINT"},
                                                                         {"INT2", "SMALLINT"},
                                                                         {"SHORT", "SMALLINT"},
                                                                         {"INT4", "INT"},
                                                                         {"SIGNED", "INT"},
                                                                         {"INT8", "BIGINT"},
                                                                         {"LONG", "BIGINT"},
                                                                         {"FLOAT4", "FLOAT"},
                                                                         {"FLOAT8", "DOUBLE"},
                                                                         {"LOGICAL", "BOOLEAN"},
                                                                         {"BYTEA", "BYTES"},
                                                                         {"DATETIME", "TIMESTAMP(6)"},
                                                                         {"TIMESTAMP_S", "TIMESTAMP(0)"},
                                                                         {"TIMESTAMP_MS", "TIMESTAMP(3)"},
                                                                         {"TIMESTAMP_NS", "TIMESTAMP(9)"},
                                                                         {"TIMESTAMPTZ", "TIMESTAMP_LTZ(6)"},
                                                                         {"BPCHAR", "STRING"}};

std::string Upper(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return upper;
}

}  // namespace

arrow::Status TokenReader::Wrong(std::string_view expected) const {
  const std::string found =
      ended() ? "the end" : fmt::format("'{}'", sql_.substr(now().begin, now().end - now().begin));
  return arrow::Status::Invalid("Expected ", expected, " at ", found, " (", PlaceIn(sql_, now().begin), ").");
}

arrow::Result<std::string> TokenReader::Name(std::string_view what) {
  if (now().kind != TokenKind::kWord && now().kind != TokenKind::kQuoted) return Wrong(what);
  std::string name = now().text;
  Skip();
  return name;
}

arrow::Result<std::string> TokenReader::Text(std::string_view what) {
  if (now().kind != TokenKind::kText) return Wrong(what);
  std::string text = now().text;
  Skip();
  return text;
}

arrow::Result<std::vector<std::string>> TokenReader::Names(std::string_view what) {
  ARROW_RETURN_NOT_OK(ExpectSign('('));
  std::vector<std::string> names;
  do {
    ARROW_ASSIGN_OR_RAISE(names.emplace_back(), Name(what));
  } while (TakeSign(','));
  ARROW_RETURN_NOT_OK(ExpectSign(')'));
  return names;
}

arrow::Status TokenReader::Nullability(schema::DataType* type) {
  if (Take("NOT")) {
    ARROW_RETURN_NOT_OK(Expect("NULL"));
    type->nullable = false;
  } else {
    (void)Take("NULL");
  }
  return arrow::Status::OK();
}

arrow::Result<schema::DataType> TokenReader::PlainType(const std::string& word) {
  std::string text(word);
  if (const auto other = kTypeWords.find(word); other != kTypeWords.end()) text = other->second;
  if (word == "DOUBLE") (void)Take("PRECISION");
  if (TakeSign('(')) {
    text += '(';
    do {
      if (now().kind != TokenKind::kNumber) return Wrong("a number");
      text += now().text + ",";
      Skip();
    } while (TakeSign(','));
    ARROW_RETURN_NOT_OK(ExpectSign(')'));
    text.back() = ')';
  }
  auto type = schema::DataTypeFromText(text);
  if (!type.ok())
    return Error(CodeOf(type.status()), "{} is no type of a table's column ({})", word, type.status().message());
  if (type->kind == schema::TypeKind::kTimestamp) {
    const bool zone = Take("WITH");
    if (zone) (void)Take("LOCAL");
    if (zone || Take("WITHOUT")) {
      ARROW_RETURN_NOT_OK(Expect("TIME"));
      ARROW_RETURN_NOT_OK(Expect("ZONE"));
    }
    if (zone) type->kind = schema::TypeKind::kTimestampLtz;
  }
  return type;
}

arrow::Result<schema::DataType> TokenReader::NestedType(schema::TypeKind kind, int depth) {
  const char close = TakeSign('<') ? '>' : TakeSign('(') ? ')' : '\0';
  if (close == '\0') return Wrong("<");
  const auto part = [&]() -> arrow::Result<schema::DataType> {
    ARROW_ASSIGN_OR_RAISE(auto type, Type(depth + 1));
    ARROW_RETURN_NOT_OK(Nullability(&type));
    return type;
  };
  schema::DataType made;
  if (kind == schema::TypeKind::kRow) {
    std::vector<schema::DataField> fields;
    do {
      schema::DataField field;
      ARROW_ASSIGN_OR_RAISE(field.name, Name("the name of a field"));
      ARROW_ASSIGN_OR_RAISE(field.type, part());
      if (now().kind == TokenKind::kText) {
        field.description = now().text;
        Skip();
      }
      fields.push_back(std::move(field));
    } while (TakeSign(','));
    made = schema::MakeRow(std::move(fields));
  } else {
    ARROW_ASSIGN_OR_RAISE(auto first, part());
    if (kind == schema::TypeKind::kMap) {
      ARROW_RETURN_NOT_OK(ExpectSign(','));
      ARROW_ASSIGN_OR_RAISE(auto second, part());
      made = schema::MakeMap(std::move(first), std::move(second));
    } else {
      made = schema::MakeArray(std::move(first));
    }
  }
  ARROW_RETURN_NOT_OK(ExpectSign(close));
  return made;
}

arrow::Result<schema::DataType> TokenReader::Type(int depth) {
  if (depth > schema::kTypeDepthMax)
    return Wrong(fmt::format("types that nest at most {} deep", schema::kTypeDepthMax));
  if (now().kind != TokenKind::kWord) return Wrong("a type, such as BIGINT or STRING");
  const std::string word = Upper(now().text);
  Skip();
  schema::DataType type;
  if (word == "ARRAY" || word == "LIST") {
    ARROW_ASSIGN_OR_RAISE(type, NestedType(schema::TypeKind::kArray, depth));
  } else if (word == "MAP") {
    ARROW_ASSIGN_OR_RAISE(type, NestedType(schema::TypeKind::kMap, depth));
  } else if (word == "ROW" || word == "STRUCT") {
    ARROW_ASSIGN_OR_RAISE(type, NestedType(schema::TypeKind::kRow, depth));
  } else {
    ARROW_ASSIGN_OR_RAISE(type, PlainType(word));
  }
  while (now().IsSign('[') && ahead(1).IsSign(']')) {
    Skip();
    Skip();
    type = schema::MakeArray(std::move(type));
  }
  ARROW_RETURN_NOT_OK(schema::CheckType(type));
  return type;
}

}  // namespace thalweg::sql
