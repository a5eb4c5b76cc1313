#include "thalweg/format/changelog_reader.h"

#include <utility>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/format/row_records.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::format {

arrow::Status ChangelogReader::Start(const LogBatchView& batch, const schema::Schema& schema) {
  auto& version = versions_[batch.header.schema_id];
  if (!version) {
    version = std::make_unique<Version>(RowLayout(options_.row_format, schema));
    version->arrow_schema = schema::ToArrowSchema(schema);
  }
  version_ = version.get();
  record_count_ = batch.header.record_count;
  next_ = 0;
  rows_.reset();
  rest_ = {};
  change_types_ = {};
  status_ = arrow::Status::OK();
  if (batch.empty()) return status_;
  if (options_.log_format == schema::LogFormat::kArrow) {
    // With a right checksum the batch is our own: what a client put is read back even where Arrow's validation would not
    // have it, such as text that is no UTF-8.
    ARROW_RETURN_NOT_OK(VerifyCrc(batch));
    ARROW_ASSIGN_OR_RAISE(change_types_, ArrowChangeTypes(batch));
    ARROW_ASSIGN_OR_RAISE(rows_, DecodeArrowBatch(batch, version_->arrow_schema, BatchOrigin::kOwnChangelog));
  } else {
    rest_ = batch.body();
  }
  return status_;
}

bool ChangelogReader::Next() {
  if (!status_.ok()) return false;
  auto more = Advance();
  if (!more.ok()) status_ = more.status();
  return more.ok() && *more;
}

arrow::Result<bool> ChangelogReader::Advance() {
  for (; next_ < record_count_; ++next_) {
    if (rows_) {
      change_type_ = change_types_.empty() ? ChangeType::kAppend
                                           : static_cast<ChangeType>(change_types_[static_cast<size_t>(next_)]);
    } else {
      ARROW_ASSIGN_OR_RAISE(const RowRecord record, NextRowRecord(&rest_));
      change_type_ = record.change_type;
      row_ = record.row;
    }
    if (change_type_ == ChangeType::kUpdateBefore) continue;
    if (rows_) ARROW_RETURN_NOT_OK(ReadArrowRow(next_));
    ARROW_RETURN_NOT_OK(view_.Reset(version_->layout, row_));
    ARROW_RETURN_NOT_OK(keys_.Encode(view_, &key_));
    ++next_;
    return true;
  }
  return false;
}

arrow::Status ChangelogReader::ReadArrowRow(int64_t index) {
  RowWriter& writer = version_->writer;
  writer.Start();
  for (int column = 0; column < rows_->num_columns(); ++column) {
    ARROW_RETURN_NOT_OK(writer.Value(DatumAt(*rows_->column(column), index)));
  }
  row_ = writer.Finish();
  return arrow::Status::OK();
}

}  // namespace thalweg::format
