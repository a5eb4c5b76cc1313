#include "thalweg/service/fetch_transform.h"

#include <utility>

#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/format/statistics.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/service/predicate_message.h"

namespace thalweg::service {

arrow::Result<std::unique_ptr<FetchTransform>> FetchTransform::Make(const Services& services, TableAccess access,
                                                                    const wire::FetchLogRequest::Table& request) {
  std::unique_ptr<FetchTransform> made(new FetchTransform(std::move(access)));
  const catalog::Table& table = made->access_.table();
  ARROW_ASSIGN_OR_RAISE(const auto* config, table.layout->Config());
  const bool arrow_format = config->log_format == schema::LogFormat::kArrow;
  FetchTransform* self = made.get();
  if (request.projection_pushdown_enabled) {
    if (!arrow_format) {
      return Error(ErrorCode::kInvalidColumnProjection, "{} is not stored in Arrow format: project on the client.",
                   table.path);
    }
    made->fields_ = request.projected_fields;
    ARROW_ASSIGN_OR_RAISE(made->table_columns_, table.layout->ColumnsOf(table.schema_id()));
    made->transform_.plan = [self](SchemaId schema) { return self->PlanFor(schema); };
    ARROW_RETURN_NOT_OK(made->PlanFor(table.schema_id()).status());  // tells bad fields before anything is read
  }
  if (request.filter && arrow_format) {
    made->predicate_ = PredicateOf(*request.filter);
    const auto id = request.filter_schema_id.value_or(table.schema_id().value);
    made->filter_schema_ = id > 0 && id <= INT16_MAX ? table.FindSchema(SchemaId(static_cast<int16_t>(id))) : nullptr;
    if (made->predicate_ && made->filter_schema_) {
      made->transform_.wanted = [self](const format::BatchHeader& header, ByteView statistics) {
        return self->Wanted(header, statistics);
      };
    }
  }
  if (!made->transform_.plan && !made->transform_.wanted) return nullptr;
  return made;
}

arrow::Result<const format::ProjectionPlan*> FetchTransform::PlanFor(SchemaId schema) {
  auto& plan = plans_[schema];
  if (!plan) {
    const catalog::Table& table = access_.table();
    if (!table.FindSchema(schema)) {
      return Error(ErrorCode::kSchemaNotExist, "{} has no schema version {}, which a batch names.", table.path, schema);
    }
    ARROW_ASSIGN_OR_RAISE(const auto* batch_columns, table.layout->ColumnsOf(schema));
    ARROW_ASSIGN_OR_RAISE(auto made, format::ProjectionPlan::Make(*batch_columns, *table_columns_, fields_));
    plan = std::make_unique<format::ProjectionPlan>(std::move(made));
  }
  return plan.get();
}

bool FetchTransform::Wanted(const format::BatchHeader& header, ByteView statistics) {
  if (statistics.empty()) return true;
  const auto view = format::StatisticsView::Parse(statistics);
  const auto written_with = access_.table().FindSchema(header.schema_id);
  if (!view.ok() || !written_with) return true;
  auto& filter = filters_[header.schema_id];
  if (!filter) filter = std::make_unique<format::BatchFilter>(*predicate_, *filter_schema_, *written_with);
  return filter->MayMatch(*view, header.record_count);
}

}  // namespace thalweg::service
