#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "arrow/status.h"
#include "fmt/format.h"

namespace thalweg::schema {

inline constexpr size_t kNameBytesMax = 200;
/// Names that begin so are kept for the server itself.
inline constexpr std::string_view kInternalPrefix = "__";

/// What is wrong with a name of a database, table or partition value, as the end of a sentence; empty where nothing is.
/// A name has 1 to kNameBytesMax characters of A-Z a-z 0-9 _ - and is neither "." nor "..".
std::string NameProblem(std::string_view name);
/// As NameProblem, for a name that is about to be created: it must not begin with kInternalPrefix either.
std::string NewNameProblem(std::string_view name);

/// INVALID_DATABASE or INVALID_TABLE where the name cannot be created.
arrow::Status CheckDatabaseName(std::string_view name);
arrow::Status CheckTableName(std::string_view name);

struct TablePath {
  std::string database{};
  std::string table{};

  /// Both names: CheckDatabaseName, then CheckTableName.
  arrow::Status Check() const;

  auto operator<=>(const TablePath&) const = default;
};

}  // namespace thalweg::schema

template <>
struct std::hash<thalweg::schema::TablePath> {
  size_t operator()(const thalweg::schema::TablePath& path) const noexcept {
    const size_t database = std::hash<std::string>{}(path.database);
    return std::hash<std::string>{}(path.table) ^ (database << 1 | database >> (8 * sizeof(size_t) - 1));
  }
};

/// "database.table"
template <>
struct fmt::formatter<thalweg::schema::TablePath> {
  constexpr auto parse(fmt::format_parse_context& ctx) { return ctx.begin(); }
  auto format(const thalweg::schema::TablePath& path, fmt::format_context& ctx) const {
    return fmt::format_to(ctx.out(), "{}.{}", path.database, path.table);
  }
};
