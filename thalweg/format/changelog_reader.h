#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/key_codec.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/format/row_view.h"
#include "thalweg/format/row_writer.h"
#include "thalweg/schema/schema.h"
#include "thalweg/schema/table_config.h"

namespace thalweg::format {

/// The way back from a changelog (changelog_builder.h) to what it did to the rows: each change as a key and a row.
///
///   ARROW_RETURN_NOT_OK(reader.Start(batch, schema));   // the schema that the batch names
///   while (reader.Next()) {
///     if (reader.change_type() == ChangeType::kDelete) rows.erase(reader.key());
///     else rows[reader.key()] = {schema_id, reader.row()};
///   }
///   ARROW_RETURN_NOT_OK(reader.status());
///
/// The images before updates (−U) are passed over: what follows each of them says all. Rows are of the batch's own schema.
/// Thread safety: none.
class ChangelogReader {
 public:
  struct Options {
    schema::LogFormat log_format = schema::LogFormat::kArrow;
    RowFormat row_format = RowFormat::kCompacted;  ///< of the rows wanted
  };
  /// `keys`: of the table's primary key.
  ChangelogReader(const Options& options, KeyCodec keys) : options_(options), keys_(std::move(keys)) {}

  /// CORRUPT_RECORD where the batch does not fit the schema. Both must outlive its reading.
  arrow::Status Start(const LogBatchView& batch, const schema::Schema& schema);
  /// Moves to the next change; false at the end and after an error.
  bool Next();
  const arrow::Status& status() const { return status_; }

  // Of the current change, until the next call of Next.
  /// Its place in the batch, −U counted.
  int32_t index() const { return next_ - 1; }
  ChangeType change_type() const { return change_type_; }
  ByteView key() const { return key_; }
  ByteView row() const { return row_; }

 private:
  /// What rows of one schema version need.
  struct Version {
    explicit Version(RowLayout rows) : layout(std::move(rows)), writer(&layout) {}
    RowLayout layout;
    RowWriter writer;
    std::shared_ptr<arrow::Schema> arrow_schema;
  };

  arrow::Result<bool> Advance();
  arrow::Status ReadArrowRow(int64_t index);

  const Options options_;
  const KeyCodec keys_;
  std::map<SchemaId, std::unique_ptr<Version>> versions_;

  Version* version_ = nullptr;
  arrow::Status status_;
  int32_t record_count_ = 0;
  int32_t next_ = 0;
  ByteView change_types_;
  std::shared_ptr<arrow::RecordBatch> rows_;
  ByteView rest_;  ///< of records that are logged as rows

  ChangeType change_type_ = ChangeType::kAppend;
  RowView view_;
  ByteView row_;
  std::vector<uint8_t> key_;
};

}  // namespace thalweg::format
