#include "thalweg/kv/row_merger.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::kv {
namespace {

using schema::DeleteBehavior;
using schema::MergeEngine;
using Outcome = RowCombiner::Outcome;

constexpr size_t kSchemaIdBytes = sizeof(int16_t);

/// Of a table that says nothing.
DeleteBehavior DefaultDeleteBehavior(std::optional<MergeEngine> engine) {
  return engine ? DeleteBehavior::kIgnore : DeleteBehavior::kAllow;
}

arrow::Status CheckAutoIncrement(const RowSchemas& schemas, const WriteMode& mode) {
  const std::optional<size_t> column = schemas.auto_increment_column();
  if (!column) return arrow::Status::OK();
  const std::string& name = schemas.latest().columns()[*column].name;
  if (!mode.target_columns) {
    return Error(ErrorCode::kInvalidTargetColumn,
                 "The server numbers column '{}': write partial updates, with target columns that leave it out.", name);
  }
  if (std::ranges::find(*mode.target_columns, static_cast<int32_t>(*column)) != mode.target_columns->end()) {
    return Error(ErrorCode::kInvalidTargetColumn, "The server numbers column '{}': leave it out of the target columns.",
                 name);
  }
  return arrow::Status::OK();
}

arrow::Result<std::unique_ptr<RowCombiner>> MakeCombiner(const RowSchemas& schemas, const MergeRules& rules,
                                                         const WriteMode& mode) {
  const schema::Schema& latest = schemas.latest();
  const std::optional<MergeEngine> engine = mode.overwrite ? std::nullopt : rules.engine;
  if (engine && *engine != MergeEngine::kAggregation && mode.target_columns) {
    return Error(ErrorCode::kUnknownServerError,
                 "Tables with the merge engine {} take whole rows only: write without target columns.",
                 *engine == MergeEngine::kFirstRow ? "first_row" : "versioned");
  }
  std::vector<bool> targets;
  if (mode.target_columns) {
    ARROW_ASSIGN_OR_RAISE(targets, CheckTargetColumns(latest, *mode.target_columns));
  }
  if (!engine) return mode.target_columns ? MakePartialRow(latest, std::move(targets)) : MakeLastRow();
  switch (*engine) {
    case MergeEngine::kFirstRow:
      return MakeFirstRow();
    case MergeEngine::kVersioned:
      return MakeVersionedRow(latest, rules.version_column.value_or(""));
    case MergeEngine::kAggregation:
      return MakeAggregatedRow(latest, std::move(targets));
  }
  return Error(ErrorCode::kUnknownServerError, "Unknown merge engine {}.", static_cast<int>(*engine));
}

bool NamesEveryColumn(const RowSchemas& schemas, std::span<const int32_t> target_columns) {
  for (size_t i = 0; i < schemas.latest().column_count(); ++i) {
    if (std::ranges::find(target_columns, static_cast<int32_t>(i)) == target_columns.end()) return false;
  }
  return true;
}

}  // namespace

MergeRules MergeRules::Of(const schema::TableConfig& config) {
  return {config.merge_engine, config.merge_engine_version_column, config.delete_behavior, config.changelog_image};
}

ChangeRecords::ChangeRecords(const RowEffect& effect, schema::ChangelogImage image) {
  switch (effect.kind) {
    case RowEffect::Kind::kNothing:
      break;
    case RowEffect::Kind::kInsert:
      records_[count_++] = {format::ChangeType::kInsert, effect.after};
      break;
    case RowEffect::Kind::kUpdate:
      if (image == schema::ChangelogImage::kFull)
        records_[count_++] = {format::ChangeType::kUpdateBefore, effect.before};
      records_[count_++] = {format::ChangeType::kUpdateAfter, effect.after};
      break;
    case RowEffect::Kind::kDelete:
      records_[count_++] = {format::ChangeType::kDelete, effect.before};
      break;
  }
}

RowMerger::RowMerger(std::shared_ptr<const RowSchemas> schemas, std::unique_ptr<RowCombiner> combiner)
    : schemas_(std::move(schemas)),
      combiner_(std::move(combiner)),
      writer_(&schemas_->latest_layout()),
      numbering_(&schemas_->latest_layout()) {}

arrow::Result<std::unique_ptr<RowMerger>> RowMerger::Make(std::shared_ptr<const RowSchemas> schemas,
                                                          const MergeRules& rules, const WriteMode& asked,
                                                          IdSource* ids) {
  ARROW_RETURN_NOT_OK(CheckAutoIncrement(*schemas, asked));
  WriteMode mode = asked;
  const bool has_engine = rules.engine && !mode.overwrite;
  if (mode.all_targets_are_whole_rows && !has_engine && mode.target_columns &&
      NamesEveryColumn(*schemas, *mode.target_columns)) {
    mode.target_columns.reset();
  }
  ARROW_ASSIGN_OR_RAISE(auto combiner, MakeCombiner(*schemas, rules, mode));
  std::unique_ptr<RowMerger> merger(new RowMerger(std::move(schemas), std::move(combiner)));
  merger->delete_behavior_ =
      mode.overwrite ? DeleteBehavior::kAllow : rules.delete_behavior.value_or(DefaultDeleteBehavior(rules.engine));
  const bool is_numbered = merger->schemas_->auto_increment_column().has_value();
  merger->reads_old_rows_ =
      rules.image == schema::ChangelogImage::kFull || has_engine || mode.target_columns || is_numbered;
  if (is_numbered) {
    if (!ids) return Error(ErrorCode::kUnknownServerError, "There are no numbers for the auto-increment column.");
    merger->ids_ = ids;
  }
  return merger;
}

arrow::Status RowMerger::ReadOld(ByteView value) {
  if (value.size() >= kSchemaIdBytes) {
    const format::RowLayout* const layout = schemas_->LayoutOf(SchemaId(LoadLittle<int16_t>(value.data())));
    if (layout && old_.Reset(*layout, value.subspan(kSchemaIdBytes)).ok()) return arrow::Status::OK();
  }
  return Error(ErrorCode::kKvStorage,
               "A stored row of {} bytes is not one of its schema: the state of the bucket is damaged.", value.size());
}

void RowMerger::TakeValue(SchemaId schema, ByteView row) {
  value_.resize(kSchemaIdBytes);
  StoreLittle<int16_t>(value_.data(), schema.value);
  value_.insert(value_.end(), row.begin(), row.end());
}

arrow::Result<const format::RowView*> RowMerger::TakeOutcome(Outcome outcome, SchemaId schema) {
  if (outcome == Outcome::kNew) {
    TakeValue(schema, fresh_.bytes());
    return &fresh_;
  }
  TW_CHECK(outcome == Outcome::kWritten);
  TakeValue(schemas_->latest_id(), writer_.Finish());
  ARROW_RETURN_NOT_OK(written_.Reset(schemas_->latest_layout(), ByteView(value_).subspan(kSchemaIdBytes)));
  return &written_;
}

arrow::Result<const format::RowView*> RowMerger::Number(const format::RowView& row) {
  const size_t numbered = *schemas_->auto_increment_column();
  ARROW_ASSIGN_OR_RAISE(const int64_t number, ids_->Next());
  numbering_.Start();
  for (size_t i = 0; i < schemas_->latest_layout().column_count(); ++i) {
    if (i == numbered) {
      numbering_.Integer(number);
    } else {
      numbering_.Copy(row, i);
    }
  }
  TakeValue(schemas_->latest_id(), numbering_.Finish());
  ARROW_RETURN_NOT_OK(written_.Reset(schemas_->latest_layout(), ByteView(value_).subspan(kSchemaIdBytes)));
  return &written_;
}

arrow::Result<RowEffect> RowMerger::Upsert(SchemaId schema, ByteView row, std::optional<ByteView> old_value) {
  const format::RowLayout* const layout = schemas_->LayoutOf(schema);
  if (!layout) {
    return Error(ErrorCode::kSchemaNotExist, "The table has no schema {}, its latest is {}.", schema,
                 schemas_->latest_id());
  }
  ARROW_RETURN_NOT_OK(fresh_.Reset(*layout, row));
  RowEffect effect;
  if (!reads_old_rows_) {
    effect.kind = RowEffect::Kind::kUpdate;
    ARROW_ASSIGN_OR_RAISE(effect.after, TakeOutcome(Outcome::kNew, schema));
  } else if (!old_value) {
    effect.kind = RowEffect::Kind::kInsert;
    ARROW_ASSIGN_OR_RAISE(const Outcome outcome, combiner_->Insert(fresh_, &writer_));
    ARROW_ASSIGN_OR_RAISE(effect.after, TakeOutcome(outcome, schema));
    if (ids_) {
      ARROW_ASSIGN_OR_RAISE(effect.after, Number(*effect.after));
    }
  } else {
    ARROW_RETURN_NOT_OK(ReadOld(*old_value));
    ARROW_ASSIGN_OR_RAISE(const Outcome outcome, combiner_->Update(old_, fresh_, &writer_));
    if (outcome == Outcome::kOld) return effect;
    effect.kind = RowEffect::Kind::kUpdate;
    effect.before = &old_;
    ARROW_ASSIGN_OR_RAISE(effect.after, TakeOutcome(outcome, schema));
  }
  effect.value = value_;
  return effect;
}

arrow::Result<RowEffect> RowMerger::Remove(std::optional<ByteView> old_value) {
  if (delete_behavior_ == DeleteBehavior::kDisable) {
    return Error(ErrorCode::kDeletionDisabled,
                 "Rows of this table cannot be deleted: its option table.delete.behavior says 'disable'.");
  }
  if (delete_behavior_ == DeleteBehavior::kIgnore || !old_value) return RowEffect{};
  ARROW_RETURN_NOT_OK(ReadOld(*old_value));
  ARROW_ASSIGN_OR_RAISE(const Outcome outcome, combiner_->Remove(old_, &writer_));
  RowEffect effect;
  effect.before = &old_;
  if (outcome == Outcome::kGone) {
    effect.kind = RowEffect::Kind::kDelete;
    return effect;
  }
  effect.kind = RowEffect::Kind::kUpdate;
  ARROW_ASSIGN_OR_RAISE(effect.after, TakeOutcome(outcome, schemas_->latest_id()));
  effect.value = value_;
  return effect;
}

}  // namespace thalweg::kv
