#include "thalweg/schema/type_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "thalweg/base/error.h"

namespace thalweg::schema {
namespace {

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '$';
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper;
}

const std::map<std::string, TypeKind, std::less<>>& KindsByName() {
  static const std::map<std::string, TypeKind, std::less<>> kinds = [] {
    std::map<std::string, TypeKind, std::less<>> made{{"INTEGER", TypeKind::kInt},     {"BOOL", TypeKind::kBoolean},
                                                      {"VARCHAR", TypeKind::kString},  {"TEXT", TypeKind::kString},
                                                      {"VARBINARY", TypeKind::kBytes}, {"BLOB", TypeKind::kBytes},
                                                      {"NUMERIC", TypeKind::kDecimal}, {"REAL", TypeKind::kFloat}};
    for (int kind = 0; kind <= static_cast<int>(TypeKind::kRow); ++kind) {
      made.emplace(KindName(static_cast<TypeKind>(kind)), static_cast<TypeKind>(kind));
    }
    return made;
  }();
  return kinds;
}

/// Reads words, numbers and signs from the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  arrow::Result<DataType> Type(int depth) {
    if (depth > kTypeDepthMax) return Wrong(fmt::format("types that nest at most {} deep", kTypeDepthMax));
    const std::string word = Upper(Word());
    const auto found = KindsByName().find(word);
    if (found == KindsByName().end()) return Wrong("a type, such as BIGINT or STRING", word.size());
    DataType type = MakeType(found->second);
    if (type.kind == TypeKind::kDecimal) {
      type.precision = 10;
    } else if (type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kTimestampLtz) {
      type.precision = 6;
    } else if (type.kind == TypeKind::kChar || type.kind == TypeKind::kBinary) {
      type.length = 1;
    }
    ARROW_RETURN_NOT_OK(type.IsNested() ? Children(&type, depth) : Sizes(&type));
    if (TakeWord("NOT")) {
      if (!TakeWord("NULL")) return Wrong("NULL");
      type.nullable = false;
    } else {
      (void)TakeWord("NULL");
    }
    ARROW_RETURN_NOT_OK(CheckType(type));
    return type;
  }

  arrow::Result<Schema> Columns() {
    Schema::Parts parts;
    do {
      ARROW_ASSIGN_OR_RAISE(std::string name, Name());
      if (Upper(name) == "PRIMARY" && TakeWord("KEY")) {
        ARROW_RETURN_NOT_OK(NameList(&parts.primary_key));
        continue;
      }
      Column column{.name = std::move(name)};
      ARROW_ASSIGN_OR_RAISE(column.type, Type(1));
      if (TakeWord("PRIMARY")) {
        if (!TakeWord("KEY")) return Wrong("KEY");
        parts.primary_key.push_back(column.name);
      }
      if (TakeWord("COMMENT")) {
        ARROW_ASSIGN_OR_RAISE(column.comment, Quoted());
      }
      parts.columns.push_back(std::move(column));
    } while (Take(','));
    ARROW_RETURN_NOT_OK(End());
    return Schema::Make(std::move(parts));
  }

  arrow::Status End() {
    SkipSpace();
    return at_ == text_.size() ? arrow::Status::OK() : Wrong("the end, or a comma");
  }

 private:
  arrow::Status Wrong(std::string_view expected, size_t back = 0) const {
    const size_t at = at_ - std::min(back, at_);
    return Error(ErrorCode::kInvalidTable, "Expected {} at {} (position {} of \"{}\").", expected,
                 at < text_.size() ? fmt::format("'{}'", text_.substr(at, 20)) : "the end", at + 1, text_);
  }
  void SkipSpace() {
    while (at_ < text_.size() && static_cast<unsigned char>(text_[at_]) <= ' ') ++at_;
  }
  std::string_view Word() {
    SkipSpace();
    const size_t from = at_;
    while (at_ < text_.size() && IsWordCharacter(text_[at_])) ++at_;
    return text_.substr(from, at_ - from);
  }
  bool TakeWord(std::string_view word) {
    const size_t before = at_;
    if (Upper(Word()) == word) return true;
    at_ = before;
    return false;
  }
  bool Take(char sign) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != sign) return false;
    ++at_;
    return true;
  }
  arrow::Result<std::string> Delimited(char quote) {
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) return Wrong(fmt::format("a closing {}", quote));
    const std::string_view inside = text_.substr(at_, end - at_);
    at_ = end + 1;
    return std::string(inside);
  }
  arrow::Result<std::string> Quoted() {
    if (!Take('\'')) return Wrong("a text in single quotes");
    return Delimited('\'');
  }
  arrow::Result<std::string> Name() {
    if (Take('`')) return Delimited('`');
    const std::string_view word = Word();
    if (word.empty()) return Wrong("a name");
    return std::string(word);
  }
  arrow::Status NameList(std::vector<std::string>* names) {
    if (!Take('(')) return Wrong("(");
    do {
      ARROW_ASSIGN_OR_RAISE(names->emplace_back(), Name());
    } while (Take(','));
    return Take(')') ? arrow::Status::OK() : Wrong(")");
  }
  arrow::Result<int32_t> Number() {
    const std::string_view word = Word();
    int32_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) return Wrong("a number", word.size());
    return number;
  }

  /// "(10, 2)" behind a type that takes numbers.
  arrow::Status Sizes(DataType* type) {
    if (!Take('(')) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const int32_t first, Number());
    if (type->HasPrecision()) {
      type->precision = first;
    } else if (type->kind == TypeKind::kChar || type->kind == TypeKind::kBinary) {
      type->length = first;
    } else if (type->kind != TypeKind::kString && type->kind != TypeKind::kBytes) {  // VARCHAR(20): there is no bound
      return Wrong(fmt::format("no size of {}", KindName(type->kind)));
    }
    if (type->kind == TypeKind::kDecimal && Take(',')) {
      ARROW_ASSIGN_OR_RAISE(type->scale, Number());
    }
    return Take(')') ? arrow::Status::OK() : Wrong(")");
  }

  arrow::Status Children(DataType* type, int depth) {
    // Flink writes ROW(...) too.
    const char close = Take('<') ? '>' : Take('(') ? ')' : '\0';
    if (close == '\0') return Wrong("<");
    if (type->kind == TypeKind::kRow) {
      do {
        DataField field;
        ARROW_ASSIGN_OR_RAISE(field.name, Name());
        ARROW_ASSIGN_OR_RAISE(field.type, Type(depth + 1));
        type->children.push_back(std::move(field));
      } while (Take(','));
    } else if (type->kind == TypeKind::kArray) {
      ARROW_ASSIGN_OR_RAISE(DataType element, Type(depth + 1));
      type->children = MakeArray(std::move(element)).children;
    } else {
      ARROW_ASSIGN_OR_RAISE(DataType key, Type(depth + 1));
      if (!Take(',')) return Wrong("a comma");
      ARROW_ASSIGN_OR_RAISE(DataType value, Type(depth + 1));
      type->children = MakeMap(std::move(key), std::move(value)).children;
    }
    return Take(close) ? arrow::Status::OK() : Wrong(std::string(1, close));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

arrow::Result<DataType> DataTypeFromText(std::string_view text) {
  Reader reader(text);
  ARROW_ASSIGN_OR_RAISE(DataType type, reader.Type(1));
  ARROW_RETURN_NOT_OK(reader.End());
  return type;
}

arrow::Result<Schema> SchemaFromText(std::string_view text) { return Reader(text).Columns(); }

}  // namespace thalweg::schema
