#include <charconv>
#include <string>
#include <unordered_map>

#include "thalweg/base/error.h"
#include "thalweg/sql/duckdb_internal.h"

namespace thalweg::sql {
namespace {

// Under these an exception carries our status through DuckDB.
constexpr const char* kCodeKey = "thalweg_code";
constexpr const char* kStatusKey = "thalweg_status";

int NumberOf(const std::unordered_map<std::string, std::string>& info, const char* key, int otherwise) {
  const auto found = info.find(key);
  if (found == info.end()) return otherwise;
  int number = otherwise;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

}  // namespace

void ThrowStatus(const arrow::Status& status) {
  const auto type = status.IsCancelled()     ? duckdb::ExceptionType::INTERRUPT
                    : status.IsOutOfMemory() ? duckdb::ExceptionType::OUT_OF_MEMORY
                                             : duckdb::ExceptionType::INVALID_INPUT;
  throw duckdb::Exception(type, status.message(),
                          {{kCodeKey, std::to_string(static_cast<int>(CodeOf(status)))},
                           {kStatusKey, std::to_string(static_cast<int>(status.code()))}});
}

arrow::Status StatusOf(const duckdb::ErrorData& error) {
  const auto& info = error.ExtraInfo();
  if (info.contains(kCodeKey)) {
    const auto code = static_cast<ErrorCode>(NumberOf(info, kCodeKey, -1));
    if (code != ErrorCode::kUnknownServerError) return MakeError(code, error.RawMessage());
    return {
        static_cast<arrow::StatusCode>(NumberOf(info, kStatusKey, static_cast<int>(arrow::StatusCode::UnknownError))),
        error.RawMessage()};
  }
  if (const auto what = info.find("error_subtype"); what != info.end() && what->second == "MISSING_ENTRY") {
    const auto type = info.find("type");
    if (type != info.end() && type->second == "Table") return MakeError(ErrorCode::kTableNotExist, error.Message());
  }
  switch (error.Type()) {
    case duckdb::ExceptionType::OUT_OF_MEMORY:
      // Its further lines advise settings that cannot be changed here.
      return arrow::Status::OutOfMemory(
          "The query needs more memory than it may have: ", error.RawMessage().substr(0, error.RawMessage().find('\n')),
          ". Ask for less at a time, or give it more: thalweg.sql.memory of a server, --memory of a shell.");
    case duckdb::ExceptionType::INTERRUPT:
      return arrow::Status::Cancelled("The query was cancelled.");
    case duckdb::ExceptionType::INTERNAL:
    case duckdb::ExceptionType::FATAL:
      // Where in its code it happened is nothing to its user.
      return arrow::Status::UnknownError(error.Message().substr(0, error.Message().find("\n\nStack Trace")));
    case duckdb::ExceptionType::NOT_IMPLEMENTED:
      return arrow::Status::NotImplemented(error.Message());
    default:
      return arrow::Status::Invalid(error.Message());
  }
}

}  // namespace thalweg::sql
