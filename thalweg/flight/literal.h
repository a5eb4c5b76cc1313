#pragma once

#include "arrow/result.h"
#include "thalweg/format/datum.h"
#include "thalweg/format/predicate.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/schema.h"

namespace thalweg::flight {

namespace v1 {
class Literal;
class Predicate;
}  // namespace v1

/// A value of `type`. INVALID_SCAN_REQUEST where it is none, saying what would be.
arrow::Result<format::Datum> DatumOf(const v1::Literal& literal, const schema::DataType& type);

/// With the ids of the columns of `schema`. INVALID_COLUMN_PROJECTION; INVALID_SCAN_REQUEST. Nests at most kPredicateDepthMax deep.
arrow::Result<format::Predicate> PredicateOf(const v1::Predicate& predicate, const schema::Schema& schema);
inline constexpr int kPredicateDepthMax = 32;

}  // namespace thalweg::flight
