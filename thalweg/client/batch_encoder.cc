#include "thalweg/client/batch_encoder.h"

#include <utility>

#include "arrow/record_batch.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/format/kv_batch.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/row_records.h"
#include "thalweg/format/row_view.h"
#include "thalweg/format/row_writer.h"

namespace thalweg::client {
namespace {

format::BodyCodec CodecOf(schema::CompressionType compression) {
  switch (compression) {
    case schema::CompressionType::kNone:
      return format::BodyCodec::kNone;
    case schema::CompressionType::kLz4Frame:
      return format::BodyCodec::kLz4Frame;
    case schema::CompressionType::kZstd:
      return format::BodyCodec::kZstd;
  }
  return format::BodyCodec::kNone;
}

}  // namespace

arrow::Result<BatchEncoder> BatchEncoder::Make(const TableInfo& table) {
  ARROW_ASSIGN_OR_RAISE(auto config, schema::TableConfig::Make(table.descriptor.properties));
  BatchEncoder encoder(table.schema_id, std::move(config));
  for (const auto& column : table.descriptor.schema.columns()) encoder.types_.push_back(column.type);
  if (table.descriptor.HasPrimaryKey()) {
    const auto format = encoder.config_.kv_format == schema::KvFormat::kIndexed ? format::RowFormat::kIndexed
                                                                                : format::RowFormat::kCompacted;
    encoder.layout_.emplace(format, encoder.types_);
    ARROW_ASSIGN_OR_RAISE(encoder.keys_, format::KeyCodec::ForPrimaryKey(table.descriptor, encoder.config_));
  }
  return encoder;
}

arrow::Result<Bytes> BatchEncoder::Encode(const arrow::RecordBatch& rows, WriterId writer, int32_t sequence) const {
  if (keys_) return EncodeKv(rows, writer, sequence);
  if (config_.log_format != schema::LogFormat::kArrow) return EncodeRowLog(rows, writer, sequence);
  const format::BatchHeader header{.schema_id = schema_id_, .writer_id = writer, .batch_sequence = sequence};
  return format::EncodeArrowBatch(header, rows, {}, CodecOf(config_.compression));
}

arrow::Result<Bytes> BatchEncoder::EncodeRowLog(const arrow::RecordBatch& rows, WriterId writer,
                                                int32_t sequence) const {
  const auto format =
      config_.log_format == schema::LogFormat::kIndexed ? format::RowFormat::kIndexed : format::RowFormat::kCompacted;
  std::vector<std::vector<uint8_t>> encoded;
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::vector<format::Datum> values;
    values.reserve(types_.size());
    for (int column = 0; column < rows.num_columns(); ++column) {
      values.push_back(format::DatumAt(*rows.column(column), row));
    }
    ARROW_ASSIGN_OR_RAISE(encoded.emplace_back(), format::EncodeRow(format, values, types_));
  }
  const std::vector<ByteView> views(encoded.begin(), encoded.end());
  const format::BatchHeader header{.schema_id = schema_id_,
                                   .attributes = format::kAppendOnlyAttribute,
                                   .writer_id = writer,
                                   .batch_sequence = sequence};
  return format::EncodeRowBatch(header, views, {});
}

arrow::Result<Bytes> BatchEncoder::EncodeKv(const arrow::RecordBatch& rows, WriterId writer, int32_t sequence) const {
  format::RowWriter row(&*layout_);
  format::RowView view;
  format::KvBatchBuilder batch;
  std::vector<uint8_t> key;
  for (int64_t i = 0; i < rows.num_rows(); ++i) {
    row.Start();
    for (int column = 0; column < rows.num_columns(); ++column) {
      ARROW_RETURN_NOT_OK(row.Value(format::DatumAt(*rows.column(column), i)));
    }
    const ByteView bytes = row.Finish();
    ARROW_RETURN_NOT_OK(view.Reset(*layout_, bytes));
    ARROW_RETURN_NOT_OK(keys_->Encode(view, &key));
    batch.Append(key, bytes);
  }
  return Bytes::Copy(batch.Finish(schema_id_, writer, sequence));
}

}  // namespace thalweg::client
