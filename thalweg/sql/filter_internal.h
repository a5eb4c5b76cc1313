#pragma once

#include <optional>

#include "thalweg/format/predicate.h"
#include "thalweg/schema/schema.h"
#include "thalweg/sql/duckdb_internal.h"

namespace thalweg::sql {

/// `expression`, a condition on the columns that `get` gives, as a predicate that is true for exactly the same rows; absent where
/// it cannot be one (a function, a comparison of two columns, a value of another type, …).
std::optional<format::Predicate> ToPredicate(const duckdb::Expression& expression, const duckdb::LogicalGet& get,
                                             const schema::Schema& columns);

}  // namespace thalweg::sql
