#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "thalweg/catalog/table.h"
#include "thalweg/format/arrow_projection.h"
#include "thalweg/format/column_shape.h"
#include "thalweg/format/predicate.h"
#include "thalweg/format/predicate_filter.h"
#include "thalweg/service/projected_read.h"
#include "thalweg/service/table_access.h"
#include "thalweg/wire/fetch_log.h"

namespace thalweg::service {

struct Services;

/// The projection and the filter of one table in one fetch. Keeps what it makes per schema version.
/// Thread safety: none; one call at a time.
class FetchTransform {
 public:
  /// Null where whole batches are to be sent after all (only a filter, and one that says nothing).
  /// INVALID_COLUMN_PROJECTION: fields that are none of the table's, out of order, or a table that is not in Arrow format.
  static arrow::Result<std::unique_ptr<FetchTransform>> Make(const Services& services, TableAccess access,
                                                             const wire::FetchLogRequest::Table& request);

  const BatchTransform& transform() const { return transform_; }

 private:
  explicit FetchTransform(TableAccess access) : access_(std::move(access)) {}

  arrow::Result<const format::ProjectionPlan*> PlanFor(SchemaId schema);
  bool Wanted(const format::BatchHeader& header, ByteView statistics);

  TableAccess access_;
  BatchTransform transform_;
  std::vector<int32_t> fields_;
  const std::vector<format::ColumnShape>* table_columns_ = nullptr;  ///< of the latest schema; the table's own
  std::unordered_map<SchemaId, std::unique_ptr<format::ProjectionPlan>> plans_;
  std::optional<format::Predicate> predicate_;
  std::shared_ptr<const schema::Schema> filter_schema_;
  std::unordered_map<SchemaId, std::unique_ptr<format::BatchFilter>> filters_;
};

}  // namespace thalweg::service
