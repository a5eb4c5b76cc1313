#include "thalweg/schema/table_path.h"

#include <algorithm>

#include "thalweg/base/error.h"

namespace thalweg::schema {
namespace {

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

std::string NameProblem(std::string_view name) {
  if (name.empty()) return "it is empty";
  if (name == "." || name == "..") return fmt::format("'{}' is not allowed", name);
  if (name.size() > kNameBytesMax) {
    return fmt::format("it has {} characters, and {} are allowed", name.size(), kNameBytesMax);
  }
  if (!std::ranges::all_of(name, IsNameCharacter)) return "only ASCII letters, digits, '_' and '-' are allowed";
  return {};
}

std::string NewNameProblem(std::string_view name) {
  if (std::string problem = NameProblem(name); !problem.empty()) return problem;
  if (name.starts_with(kInternalPrefix)) {
    return fmt::format("names that begin with '{}' are kept for the server", kInternalPrefix);
  }
  return {};
}

arrow::Status CheckDatabaseName(std::string_view name) {
  const std::string problem = NewNameProblem(name);
  if (problem.empty()) return arrow::Status::OK();
  return Error(ErrorCode::kInvalidDatabase, "The database name '{}' is invalid: {}.", name, problem);
}

arrow::Status CheckTableName(std::string_view name) {
  const std::string problem = NewNameProblem(name);
  if (problem.empty()) return arrow::Status::OK();
  return Error(ErrorCode::kInvalidTable, "The table name '{}' is invalid: {}.", name, problem);
}

arrow::Status TablePath::Check() const {
  ARROW_RETURN_NOT_OK(CheckDatabaseName(database));
  return CheckTableName(table);
}

}  // namespace thalweg::schema
