#include "thalweg/format/batch_encoder.h"

#include <algorithm>
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

namespace thalweg::format {
namespace {

BodyCodec CodecOf(schema::CompressionType compression) {
  switch (compression) {
    case schema::CompressionType::kNone:
      return BodyCodec::kNone;
    case schema::CompressionType::kLz4Frame:
      return BodyCodec::kLz4Frame;
    case schema::CompressionType::kZstd:
      return BodyCodec::kZstd;
  }
  return BodyCodec::kNone;
}

}  // namespace

arrow::Result<BatchEncoder> BatchEncoder::Make(SchemaId schema_id, const schema::TableDescriptor& table) {
  ARROW_ASSIGN_OR_RAISE(auto config, schema::TableConfig::Make(table.properties));
  BatchEncoder encoder(schema_id, std::move(config));
  for (const auto& column : table.schema.columns()) encoder.types_.push_back(column.type);
  if (table.HasPrimaryKey()) {
    const auto format =
        encoder.config_.kv_format == schema::KvFormat::kIndexed ? RowFormat::kIndexed : RowFormat::kCompacted;
    encoder.layout_.emplace(format, encoder.types_);
    ARROW_ASSIGN_OR_RAISE(encoder.keys_, KeyCodec::ForPrimaryKey(table, encoder.config_));
  }
  return encoder;
}

arrow::Result<Bytes> BatchEncoder::Encode(const arrow::RecordBatch& rows, WriterId writer, int32_t sequence) const {
  if (keys_) return EncodeKv(rows, false, writer, sequence);
  if (config_.log_format != schema::LogFormat::kArrow) return EncodeRowLog(rows, writer, sequence);
  const BatchHeader header{.schema_id = schema_id_, .writer_id = writer, .batch_sequence = sequence};
  return EncodeArrowBatch(header, rows, {}, CodecOf(config_.compression));
}

arrow::Result<Bytes> BatchEncoder::EncodeRowLog(const arrow::RecordBatch& rows, WriterId writer,
                                                int32_t sequence) const {
  const auto format = config_.log_format == schema::LogFormat::kIndexed ? RowFormat::kIndexed : RowFormat::kCompacted;
  std::vector<std::vector<uint8_t>> encoded;
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::vector<Datum> values;
    values.reserve(types_.size());
    for (int column = 0; column < rows.num_columns(); ++column) {
      values.push_back(DatumAt(*rows.column(column), row));
    }
    ARROW_ASSIGN_OR_RAISE(encoded.emplace_back(), EncodeRow(format, values, types_));
  }
  const std::vector<ByteView> views(encoded.begin(), encoded.end());
  const BatchHeader header{
      .schema_id = schema_id_, .attributes = kAppendOnlyAttribute, .writer_id = writer, .batch_sequence = sequence};
  return EncodeRowBatch(header, views, {});
}

arrow::Result<Bytes> BatchEncoder::EncodeDeletes(const arrow::RecordBatch& rows, WriterId writer,
                                                 int32_t sequence) const {
  return EncodeKv(rows, true, writer, sequence);
}

arrow::Result<Bytes> BatchEncoder::EncodeKv(const arrow::RecordBatch& rows, bool deletes, WriterId writer,
                                            int32_t sequence) const {
  RowWriter row(&*layout_);
  RowView view;
  KvBatchBuilder batch;
  std::vector<uint8_t> key;
  for (int64_t i = 0; i < rows.num_rows(); ++i) {
    row.Start();
    for (int column = 0; column < rows.num_columns(); ++column) {
      const bool wanted = !deletes || std::ranges::count(keys_->columns(), static_cast<size_t>(column)) > 0;
      ARROW_RETURN_NOT_OK(row.Value(wanted ? DatumAt(*rows.column(column), i) : Datum()));
    }
    const ByteView bytes = row.Finish();
    ARROW_RETURN_NOT_OK(view.Reset(*layout_, bytes));
    ARROW_RETURN_NOT_OK(keys_->Encode(view, &key));
    batch.Append(key, deletes ? std::nullopt : std::optional(bytes));
  }
  return Bytes::Copy(batch.Finish(schema_id_, writer, sequence));
}

}  // namespace thalweg::format
