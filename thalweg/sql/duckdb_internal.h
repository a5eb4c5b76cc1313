#pragma once

#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "arrow/result.h"
#include "arrow/status.h"
#include "duckdb.hpp"

/// Where DuckDB's exceptions and our statuses meet. Only files of this folder include it.
namespace thalweg::sql {

/// Inside of DuckDB: carries a status with its code out to the caller of DuckDB.
[[noreturn]] void ThrowStatus(const arrow::Status& status);
inline void ThrowNotOk(const arrow::Status& status) {
  if (!status.ok()) ThrowStatus(status);
}
template <typename T>
T ValueOrThrow(arrow::Result<T> result) {
  if (!result.ok()) ThrowStatus(result.status());
  return std::move(result).ValueUnsafe();
}

/// What DuckDB complains about: with its code where ThrowStatus brought one; a mistake in the statement as Invalid, too little
/// memory as OutOfMemory, an interruption as Cancelled.
arrow::Status StatusOf(const duckdb::ErrorData& error);

/// Runs `work`, which calls DuckDB; what is thrown comes back as a status.
template <typename Work>
auto Guarded(Work&& work)
    -> std::conditional_t<std::is_same_v<std::invoke_result_t<Work>, void>, arrow::Status, std::invoke_result_t<Work>> {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Work>>) {
      work();
      return arrow::Status::OK();
    } else {
      return work();
    }
  } catch (const std::exception& error) {
    return StatusOf(duckdb::ErrorData(error));
  }
}

}  // namespace thalweg::sql
