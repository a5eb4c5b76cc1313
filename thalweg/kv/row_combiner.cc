#include "thalweg/kv/row_combiner.h"

#include <limits>
#include <optional>
#include <utility>

#include "thalweg/base/error.h"

namespace thalweg::kv {
namespace {

using format::RowView;
using format::RowWriter;
using Outcome = RowCombiner::Outcome;

class LastRow final : public RowCombiner {
 public:
  arrow::Result<Outcome> Update(const RowView&, const RowView&, RowWriter*) override { return Outcome::kNew; }
};

class FirstRow final : public RowCombiner {
 public:
  arrow::Result<Outcome> Update(const RowView&, const RowView&, RowWriter*) override { return Outcome::kOld; }
};

class VersionedRow final : public RowCombiner {
 public:
  VersionedRow(size_t column, schema::TypeKind kind) : column_(column), kind_(kind) {}
  arrow::Result<Outcome> Update(const RowView& old, const RowView& fresh, RowWriter*) override {
    return VersionOf(old) <= VersionOf(fresh) ? Outcome::kNew : Outcome::kOld;
  }

 private:
  // Null is the smallest value of the type, not below it: it wins against that one.
  format::TimestampValue VersionOf(const RowView& row) const {
    const bool is_null = row.IsNull(column_);
    if (kind_ == schema::TypeKind::kInt)
      return {is_null ? std::numeric_limits<int32_t>::min() : row.Integer(column_), 0};
    if (is_null) return {std::numeric_limits<int64_t>::min(), 0};
    if (kind_ == schema::TypeKind::kBigInt) return {row.Integer(column_), 0};
    return row.Timestamp(column_);
  }

  const size_t column_;
  const schema::TypeKind kind_;
};

std::vector<bool> KeyColumnsOf(const schema::Schema& schema) {
  std::vector<bool> key(schema.column_count());
  for (const size_t index : schema.PrimaryKeyIndexes()) key[index] = true;
  return key;
}

class PartialRow final : public RowCombiner {
 public:
  PartialRow(const schema::Schema& schema, std::vector<bool> targets)
      : targets_(std::move(targets)), key_(KeyColumnsOf(schema)) {}

  arrow::Result<Outcome> Insert(const RowView& fresh, RowWriter* out) override {
    out->Start();
    for (size_t i = 0; i < targets_.size(); ++i) {
      if (targets_[i]) {
        out->Copy(fresh, i);
      } else {
        out->Null();
      }
    }
    return Outcome::kWritten;
  }

  arrow::Result<Outcome> Update(const RowView& old, const RowView& fresh, RowWriter* out) override {
    if (targets_ == key_) return Outcome::kOld;  // nothing beside the key could change
    out->Start();
    for (size_t i = 0; i < targets_.size(); ++i) out->Copy(targets_[i] ? fresh : old, i);
    return Outcome::kWritten;
  }

  arrow::Result<Outcome> Remove(const RowView& old, RowWriter* out) override {
    bool anything_else = false;
    for (size_t i = 0; i < targets_.size(); ++i) anything_else |= !targets_[i] && !old.IsNull(i);
    if (!anything_else) return Outcome::kGone;
    out->Start();
    for (size_t i = 0; i < targets_.size(); ++i) {
      if (targets_[i] && !key_[i]) {
        out->Null();
      } else {
        out->Copy(old, i);
      }
    }
    return Outcome::kWritten;
  }

 private:
  const std::vector<bool> targets_;
  const std::vector<bool> key_;
};

}  // namespace

arrow::Result<Outcome> RowCombiner::Insert(const RowView&, RowWriter*) { return Outcome::kNew; }
arrow::Result<Outcome> RowCombiner::Remove(const RowView&, RowWriter*) { return Outcome::kGone; }

std::unique_ptr<RowCombiner> MakeLastRow() { return std::make_unique<LastRow>(); }
std::unique_ptr<RowCombiner> MakeFirstRow() { return std::make_unique<FirstRow>(); }

arrow::Result<std::unique_ptr<RowCombiner>> MakeVersionedRow(const schema::Schema& schema,
                                                             const std::string& version_column) {
  const std::optional<size_t> column = schema.IndexOf(version_column);
  if (!column) {
    return Error(ErrorCode::kInvalidConfig, "The version column '{}' of the versioned merge engine does not exist.",
                 version_column);
  }
  const schema::DataType& type = schema.columns()[*column].type;
  switch (type.kind) {
    case schema::TypeKind::kInt:
    case schema::TypeKind::kBigInt:
    case schema::TypeKind::kTimestamp:
    case schema::TypeKind::kTimestampLtz:
      return std::make_unique<VersionedRow>(*column, type.kind);
    default:
      return Error(ErrorCode::kInvalidConfig,
                   "The version column '{}' must be INT, BIGINT, TIMESTAMP or TIMESTAMP_LTZ, it is {}.", version_column,
                   type);
  }
}

arrow::Result<std::vector<bool>> CheckTargetColumns(const schema::Schema& schema,
                                                    std::span<const int32_t> target_columns) {
  std::vector<bool> targets(schema.column_count());
  for (const int32_t column : target_columns) {
    if (column < 0 || static_cast<size_t>(column) >= targets.size()) {
      return Error(ErrorCode::kInvalidTargetColumn, "Target column {} does not exist, there are {}.", column,
                   targets.size());
    }
    targets[static_cast<size_t>(column)] = true;
  }
  const std::vector<bool> key = KeyColumnsOf(schema);
  for (size_t i = 0; i < targets.size(); ++i) {
    const schema::Column& column = schema.columns()[i];
    if (key[i] && !targets[i]) {
      return Error(ErrorCode::kInvalidTargetColumn,
                   "The target columns lack '{}': they must have all columns of the primary key.", column.name);
    }
    if (!key[i] && !column.type.nullable) {
      return Error(
          ErrorCode::kInvalidTargetColumn,
          "Column '{}' is NOT NULL: a partial update needs all columns outside the primary key to be nullable. Write "
          "whole rows.",
          column.name);
    }
  }
  return targets;
}

std::unique_ptr<RowCombiner> MakePartialRow(const schema::Schema& schema, std::vector<bool> targets) {
  return std::make_unique<PartialRow>(schema, std::move(targets));
}

}  // namespace thalweg::kv
