#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/row_view.h"
#include "thalweg/format/row_writer.h"
#include "thalweg/kv/row_combiner.h"
#include "thalweg/kv/row_schemas.h"
#include "thalweg/schema/table_config.h"

namespace thalweg::kv {

/// What a table's options say about writes.
struct MergeRules {
  std::optional<schema::MergeEngine> engine{};
  std::optional<std::string> version_column{};
  std::optional<schema::DeleteBehavior> delete_behavior{};
  schema::ChangelogImage image = schema::ChangelogImage::kFull;

  static MergeRules Of(const schema::TableConfig& config);
};

/// What a request says about its writes.
struct WriteMode {
  /// By position in the latest schema; absent for whole rows.
  std::optional<std::span<const int32_t>> target_columns{};
  /// agg_mode OVERWRITE: as if the table had no merge engine, deletes allowed.
  bool overwrite = false;
  /// PUT_KV from version 2 on: naming every column of a table without merge engine means whole rows.
  bool all_targets_are_whole_rows = false;
};

/// Numbers for an auto-increment column, for one bucket. Thread safety: none.
class IdSource {
 public:
  virtual ~IdSource() = default;
  virtual arrow::Result<int64_t> Next() = 0;
};

/// What one write does to the row under its key.
struct RowEffect {
  enum class Kind : uint8_t { kNothing, kInsert, kUpdate, kDelete };
  Kind kind = Kind::kNothing;
  /// Of an insert or update: what is stored, `| i16 schema id | row |`.
  ByteView value{};
  /// Read as rows of the latest schema. Null where there is none, or the write did not look (RowMerger::reads_old_rows).
  const format::RowView* before = nullptr;
  const format::RowView* after = nullptr;

  int64_t rows_added() const { return kind == Kind::kInsert ? 1 : kind == Kind::kDelete ? -1 : 0; }
};

struct ChangeRecord {
  format::ChangeType type;
  const format::RowView* row;
};

/// The records of the changelog that tell an effect, each with an offset of its own: +I; −U and +U; −D; none. With image WAL an
/// update is +U alone.
class ChangeRecords {
 public:
  ChangeRecords(const RowEffect& effect, schema::ChangelogImage image);
  const ChangeRecord* begin() const { return records_.data(); }
  const ChangeRecord* end() const { return records_.data() + count_; }
  size_t size() const { return count_; }

 private:
  std::array<ChangeRecord, 2> records_{};
  size_t count_ = 0;
};

/// The writes of one batch, one after the other, against what was there before each: decodes the rows, lets the table's merge
/// engine decide, and says what to store and what to log. Made for a schema version and a WriteMode, and used for any number
/// of batches; allocates only while its buffers grow.
///
/// The caller keeps the order: takes the old value from the overlay or the store, calls, puts `value` (or removes the key) at the
/// offset of the last record, and appends the records to the changelog. A batch without any is logged empty.
/// What an effect points to is valid until the next call. A failed call has decided nothing; the whole batch is refused.
/// Thread safety: none.
class RowMerger {
 public:
  /// `ids` may be null for tables without auto-increment column; it must outlive the merger. INVALID_TARGET_COLUMN for target
  /// columns that the table or its engine does not take; UNKNOWN_SERVER_ERROR, as Fluss has it, for partial updates of
  /// first_row and versioned tables.
  static arrow::Result<std::unique_ptr<RowMerger>> Make(std::shared_ptr<const RowSchemas> schemas,
                                                        const MergeRules& rules, const WriteMode& mode, IdSource* ids);

  /// Whether Upsert wants to know what is there; if not, it takes the key for absent and calls the change an update. (Image WAL
  /// with whole rows, no merge engine and no auto-increment.)
  bool reads_old_rows() const { return reads_old_rows_; }
  /// Whether Remove does; if not, it does nothing, or refuses.
  bool takes_deletes() const { return delete_behavior_ == schema::DeleteBehavior::kAllow; }

  /// SCHEMA_NOT_EXIST for a schema that the table does not have, CORRUPT_RECORD for a row that is none of its schema,
  /// KV_STORAGE where the stored value makes no sense.
  arrow::Result<RowEffect> Upsert(SchemaId schema, ByteView row, std::optional<ByteView> old_value);
  /// DELETION_DISABLED where the table says so.
  arrow::Result<RowEffect> Remove(std::optional<ByteView> old_value);

 private:
  RowMerger(std::shared_ptr<const RowSchemas> schemas, std::unique_ptr<RowCombiner> combiner);

  arrow::Status ReadOld(ByteView value);
  void TakeValue(SchemaId schema, ByteView row);
  /// Into value_, for kNew and kWritten; the row as it is then.
  arrow::Result<const format::RowView*> TakeOutcome(RowCombiner::Outcome outcome, SchemaId schema);
  /// The same row with the next number in its auto-increment column.
  arrow::Result<const format::RowView*> Number(const format::RowView& row);

  const std::shared_ptr<const RowSchemas> schemas_;
  const std::unique_ptr<RowCombiner> combiner_;
  schema::DeleteBehavior delete_behavior_ = schema::DeleteBehavior::kAllow;
  bool reads_old_rows_ = true;
  IdSource* ids_ = nullptr;

  format::RowView old_;
  format::RowView fresh_;
  format::RowView written_;
  format::RowWriter writer_;
  format::RowWriter numbering_;
  std::vector<uint8_t> value_;
};

}  // namespace thalweg::kv
