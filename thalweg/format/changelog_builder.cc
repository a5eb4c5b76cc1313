#include "thalweg/format/changelog_builder.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/row_records.h"

namespace thalweg::format {
namespace {

constexpr size_t kBatchBytesMax = std::numeric_limits<int32_t>::max();

BodyCodec CodecOf(const ChangelogBuilder::Options& options) {
  if (options.log_format != schema::LogFormat::kArrow) return BodyCodec::kNone;
  switch (options.compression) {
    case schema::CompressionType::kLz4Frame:
      return BodyCodec::kLz4Frame;
    case schema::CompressionType::kZstd:
      return BodyCodec::kZstd;
    case schema::CompressionType::kNone:
      break;
  }
  return BodyCodec::kNone;
}

arrow::Status TooLarge() {
  return Error(ErrorCode::kRecordTooLarge,
               "The changelog of the batch would take more than 2 GiB; send smaller batches.");
}

/// A batch of which the body is still to be written, behind its header.
std::shared_ptr<Buffer> NewBatch(const BatchHeader& header, size_t body_bytes) {
  auto out = std::make_shared<Buffer>(kHeaderBytesV0 + body_bytes);
  WriteHeaderV0(header, out->view());
  return out;
}

Bytes Seal(std::shared_ptr<Buffer> batch) {
  StoreCrc(batch->view());
  return Bytes(std::shared_ptr<const Buffer>(std::move(batch)));
}

}  // namespace

ChangelogBuilder::Options ChangelogBuilder::OptionsOf(const schema::TableConfig& config, SchemaId schema_id) {
  return {.log_format = config.log_format,
          .compression = config.compression,
          .zstd_level = config.zstd_level,
          .row_format = config.kv_format == schema::KvFormat::kIndexed ? RowFormat::kIndexed : RowFormat::kCompacted,
          .schema_id = schema_id};
}

arrow::Result<std::unique_ptr<ChangelogBuilder>> ChangelogBuilder::Make(const schema::Schema& schema,
                                                                        const Options& options) {
  const bool is_log_of_rows = options.log_format != schema::LogFormat::kArrow;
  const RowFormat logged =
      options.log_format == schema::LogFormat::kIndexed ? RowFormat::kIndexed : RowFormat::kCompacted;
  if (is_log_of_rows && logged != options.row_format) {
    return Error(ErrorCode::kInvalidTable,
                 "A table with a primary key whose log is not ARROW keeps its rows in the format of its log.");
  }
  ARROW_ASSIGN_OR_RAISE(BodyCompressor compressor, BodyCompressor::Make(CodecOf(options), options.zstd_level));
  return std::unique_ptr<ChangelogBuilder>(new ChangelogBuilder(schema, options, std::move(compressor)));
}

ChangelogBuilder::ChangelogBuilder(const schema::Schema& schema, const Options& options, BodyCompressor compressor)
    : options_(options), layout_(options.row_format, schema), compressor_(std::move(compressor)), padded_(&layout_) {
  if (options.log_format != schema::LogFormat::kArrow) return;
  columns_.reserve(layout_.column_count());
  for (const schema::DataType& type : layout_.types()) columns_.emplace_back(type, options.row_format);
}

void ChangelogBuilder::Start() {
  change_types_.clear();
  records_.clear();
  for (ColumnBuffers& column : columns_) column.Clear();
}

arrow::Status ChangelogBuilder::Append(ChangeType change_type, const RowView& row) {
  TW_CHECK(row.column_count() == layout_.column_count() && row.layout().format() == options_.row_format);
  if (change_types_.size() >= kBatchBytesMax) return TooLarge();
  if (options_.log_format != schema::LogFormat::kArrow) {
    ARROW_RETURN_NOT_OK(AppendRecord(change_type, row));
  } else {
    for (size_t i = 0; i < columns_.size(); ++i) ARROW_RETURN_NOT_OK(columns_[i].Append(row, i));
  }
  change_types_.push_back(static_cast<uint8_t>(change_type));
  return arrow::Status::OK();
}

arrow::Status ChangelogBuilder::AppendRecord(ChangeType change_type, const RowView& row) {
  ByteView bytes = row.bytes();
  if (!row.layout().identity()) {
    padded_.Start();
    for (size_t i = 0; i < layout_.column_count(); ++i) padded_.Copy(row, i);
    bytes = padded_.Finish();
  }
  const size_t at = records_.size();
  if (at + kRowRecordPrefixBytes + bytes.size() > kBatchBytesMax - kHeaderBytesV0) return TooLarge();
  records_.resize(at + kRowRecordPrefixBytes);
  StoreLittle(records_.data() + at, static_cast<int32_t>(bytes.size() + 1));
  records_[at + sizeof(int32_t)] = static_cast<uint8_t>(change_type);
  records_.insert(records_.end(), bytes.begin(), bytes.end());
  return arrow::Status::OK();
}

size_t ChangelogBuilder::estimated_bytes() const {
  size_t sum = kHeaderBytesV0 + change_types_.size() + records_.size();
  for (const ColumnBuffers& column : columns_) sum += column.bytes();
  return sum;
}

arrow::Result<Bytes> ChangelogBuilder::Finish(WriterId writer_id, int32_t batch_sequence) {
  BatchHeader header;
  header.schema_id = options_.schema_id;
  header.writer_id = writer_id;
  header.batch_sequence = batch_sequence;
  header.record_count = record_count();
  if (header.record_count == 0) return Seal(NewBatch(header, 0));
  if (options_.log_format == schema::LogFormat::kArrow) return FinishArrow(header);
  auto batch = NewBatch(header, records_.size());
  std::ranges::copy(records_, batch->data() + kHeaderBytesV0);
  return Seal(std::move(batch));
}

arrow::Result<Bytes> ChangelogBuilder::FinishArrow(const BatchHeader& header) {
  parts_.nodes.clear();
  parts_.buffers.clear();
  compressor_.Clear();
  for (const ColumnBuffers& column : columns_) column.AddParts(&parts_);
  for (const ByteView buffer : parts_.buffers) ARROW_RETURN_NOT_OK(compressor_.Add(buffer));
  if (!metadata_) {
    metadata_ = ArrowMetadataTemplate::Make(parts_.nodes.size(), parts_.buffers.size(), compressor_.codec());
  }
  const size_t message_bytes = metadata_->bytes.size() + compressor_.body().size();
  if (message_bytes > kBatchBytesMax - kHeaderBytesV0 - change_types_.size()) return TooLarge();
  auto batch = NewBatch(header, change_types_.size() + message_bytes);
  uint8_t* to = std::ranges::copy(change_types_, batch->data() + kHeaderBytesV0).out;
  WriteMetadata(header.record_count, to);
  std::ranges::copy(compressor_.body(), to + metadata_->bytes.size());
  return Seal(std::move(batch));
}

void ChangelogBuilder::WriteMetadata(int64_t row_count, uint8_t* to) const {
  std::ranges::copy(metadata_->bytes.view(), to);
  StoreLittle(to + metadata_->row_count_at, row_count);
  StoreLittle(to + metadata_->body_bytes_at, static_cast<int64_t>(compressor_.body().size()));
  std::memcpy(to + metadata_->nodes_at, parts_.nodes.data(), parts_.nodes.size() * sizeof(FieldNode));
  std::memcpy(to + metadata_->buffers_at, compressor_.buffers().data(),
              compressor_.buffers().size() * sizeof(BodyBuffer));
}

}  // namespace thalweg::format
