#include "thalweg/client/log_reader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/array/builder_base.h"
#include "arrow/array/util.h"
#include "arrow/record_batch.h"
#include "arrow/table_builder.h"
#include "arrow/type.h"
#include "fmt/format.h"
#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/row_records.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::client {
namespace {

constexpr int32_t kRequestBytesMax = 16 << 20;
constexpr int32_t kBucketBytesMax = 4 << 20;
constexpr std::string_view kFileScheme = "file:";

/// The local path of "file:///a", "file:/a" or "/a"; empty for anything else.
std::string LocalPath(std::string_view uri) {
  if (uri.starts_with(kFileScheme)) uri.remove_prefix(kFileScheme.size());
  while (uri.starts_with("//")) uri.remove_prefix(1);
  return uri.starts_with('/') ? std::string(uri) : std::string();
}

std::string NameOf(const BucketRange& range) {
  return range.partition == kNoPartition ? fmt::format("bucket {}", range.bucket)
                                         : fmt::format("partition {}, bucket {}", range.partition, range.bucket);
}

}  // namespace

arrow::Result<std::unique_ptr<LogReader>> LogReader::Make(Connection& connection, TableInfo table,
                                                          std::vector<int32_t> columns) {
  std::unique_ptr<LogReader> reader(new LogReader(connection, std::move(table)));
  ARROW_ASSIGN_OR_RAISE(reader->config_, schema::TableConfig::Make(reader->table_.descriptor.properties));
  const auto whole = schema::ToArrowSchema(reader->table_.descriptor.schema);
  const bool arrow_log = reader->config_.log_format == schema::LogFormat::kArrow;
  if (columns.empty()) {
    columns.resize(static_cast<size_t>(whole->num_fields()));
    std::iota(columns.begin(), columns.end(), 0);
  } else if (arrow_log) {
    reader->projection_ = columns;
    std::ranges::sort(reader->projection_);
  }
  arrow::FieldVector fields;
  for (const int32_t column : columns) {
    if (column < 0 || column >= whole->num_fields()) {
      return Error(ErrorCode::kInvalidColumnProjection, "{} has no column {}.", reader->table_.path, column);
    }
    fields.push_back(whole->field(column));
  }
  reader->columns_ = std::move(columns);
  reader->output_schema_ = arrow::schema(std::move(fields));
  reader->schemas_.emplace(reader->table_.schema_id, reader->table_.descriptor.schema);
  return reader;
}

void LogReader::Add(const BucketRange& range) {
  if (!range.end || range.from < *range.end) ranges_[{range.partition, range.bucket}] = range;
}

arrow::Status LogReader::SendFetch(int32_t wait_ms) {
  pb::FetchLogRequest request;
  request.set_follower_server_id(-1);
  request.set_max_bytes(kRequestBytesMax);
  request.set_max_wait_ms(wait_ms);
  request.set_min_bytes(1);
  auto* wanted = request.add_tables_req();
  wanted->set_table_id(table_.id.value);
  wanted->set_projection_pushdown_enabled(projects());
  for (const int32_t field : projection_) wanted->add_projected_fields(field);
  for (const auto& [key, range] : ranges_) {
    auto* bucket = wanted->add_buckets_req();
    if (range.partition != kNoPartition) bucket->set_partition_id(range.partition.value);
    bucket->set_bucket_id(range.bucket.value);
    bucket->set_fetch_offset(range.from.value);
    bucket->set_max_fetch_bytes(kBucketBytesMax);
  }
  ARROW_ASSIGN_OR_RAISE(request_id_, connection_.Send(wire::ApiKey::kFetchLog, request));
  return arrow::Status::OK();
}

arrow::Result<std::vector<FetchedRows>> LogReader::Next(int32_t wait_ms) {
  std::vector<FetchedRows> fetched;
  if (done()) return fetched;
  if (!request_id_) ARROW_RETURN_NOT_OK(SendFetch(wait_ms));
  pb::FetchLogResponse answer;
  const int32_t id = *std::exchange(request_id_, std::nullopt);
  ARROW_RETURN_NOT_OK(connection_.Receive(id, &answer));
  for (const auto& table : answer.tables_resp()) {
    for (const auto& part : table.buckets_resp()) ARROW_RETURN_NOT_OK(Take(part, &fetched));
  }
  // The next answer is on its way while the caller looks at this one.
  if (!done() && !fetched.empty()) ARROW_RETURN_NOT_OK(SendFetch(wait_ms));
  return fetched;
}

arrow::Status LogReader::Take(const pb::PbFetchLogRespForBucket& part, std::vector<FetchedRows>* to) {
  const PartitionId partition = part.has_partition_id() ? PartitionId(part.partition_id()) : kNoPartition;
  const auto found = ranges_.find({partition, BucketId(part.bucket_id())});
  if (found == ranges_.end()) return arrow::Status::OK();
  BucketRange& range = found->second;
  if (part.has_error_code() && part.error_code() != 0) {
    return Error(static_cast<ErrorCode>(part.error_code()), "{}, {}: {}", table_.path, NameOf(range),
                 part.error_message());
  }
  if (part.has_remote_log_fetch_info()) {
    ARROW_RETURN_NOT_OK(TakeRemote(part, range, to));
  } else {
    ARROW_RETURN_NOT_OK(TakeRecords(AsBytes(part.records()), projects(), range, to));
  }
  // Batches that a filter left out, of which this client asks for none, still move the place forward.
  if (part.has_filtered_end_offset()) range.from = std::max(range.from, LogOffset(part.filtered_end_offset()));
  if (range.end && range.from >= *range.end) ranges_.erase(found);
  return arrow::Status::OK();
}

arrow::Status LogReader::TakeRemote(const pb::PbFetchLogRespForBucket& part, BucketRange& range,
                                    std::vector<FetchedRows>* to) {
  const auto& info = part.remote_log_fetch_info();
  const std::string directory = LocalPath(info.remote_log_tablet_dir());
  if (directory.empty()) {
    return Error(ErrorCode::kUnsupportedVersion,
                 "{}, {}: records from offset {} on are in {}, which this client cannot read.", table_.path,
                 NameOf(range), range.from, info.remote_log_tablet_dir());
  }
  if (info.remote_log_segments().empty()) {
    return Error(ErrorCode::kUnknownServerError, "{}, {}: the server names no remote segment.", table_.path,
                 NameOf(range));
  }
  // One segment at a time bounds the memory.
  const auto& segment = info.remote_log_segments(0);
  const std::string path =
      fmt::format("{}/{}/{:020}.log", directory, segment.remote_log_segment_id(), segment.remote_log_start_offset());
  io::PosixFileSystem fs;
  auto content = io::ReadFile(fs, path);
  if (!content.ok()) {
    return Error(CodeOf(content.status()),
                 "{}, {}: records from offset {} on stand in a remote segment that this machine cannot read: {}",
                 table_.path, NameOf(range), range.from, content.status().message());
  }
  const auto start = static_cast<size_t>(std::max(info.first_start_pos(), 0));
  if (start > content->size()) {
    return Error(ErrorCode::kCorruptRecord, "{} is shorter than the server says.", path);
  }
  const LogOffset before = range.from;
  ARROW_RETURN_NOT_OK(TakeRecords(AsBytes(*content).subspan(start), false, range, to));
  if (range.from == before) {
    return Error(ErrorCode::kCorruptRecord, "{} holds no record from offset {} on.", path, before);
  }
  return arrow::Status::OK();
}

arrow::Status LogReader::TakeRecords(ByteView records, bool projected, BucketRange& range,
                                     std::vector<FetchedRows>* to) {
  for (format::BatchIterator it(records); !it.AtEnd();) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, it.Next());
    const auto& header = batch.header;
    if (header.next_offset() <= range.from) continue;
    if (range.end && header.base_offset >= *range.end) {
      range.from = *range.end;
      break;
    }
    // The checksum of a projected batch is that of the whole one.
    const arrow::Status sound = projected ? arrow::Status::OK() : format::VerifyCrc(batch);
    const Bytes memory = Bytes::Copy(batch.bytes);
    ARROW_ASSIGN_OR_RAISE(const auto owned, format::ParseBatch(memory.view()));
    const auto rows = sound.ok() ? Decode(owned, projected) : arrow::Result<std::shared_ptr<arrow::RecordBatch>>(sound);
    if (!rows.ok()) {
      return Error(CodeOf(rows.status()), "{}, {}, offset {}: {}", table_.path, NameOf(range), header.base_offset,
                   rows.status().message());
    }
    const int64_t skip = std::max<int64_t>(0, range.from - header.base_offset);
    int64_t count = (*rows)->num_rows() - skip;
    if (range.end) count = std::min(count, *range.end - (header.base_offset + skip));
    if (count > 0) {
      ARROW_ASSIGN_OR_RAISE(auto changes, ChangesOf(owned));
      if (!changes.empty()) changes = {changes.begin() + skip, changes.begin() + skip + count};
      to->push_back({.partition = range.partition,
                     .bucket = range.bucket,
                     .first = header.base_offset + skip,
                     .commit_timestamp_ms = header.commit_timestamp_ms,
                     .rows = (*rows)->Slice(skip, count),
                     .changes = std::move(changes),
                     .memory = memory});
    }
    range.from = header.next_offset();
  }
  return arrow::Status::OK();
}

arrow::Result<std::vector<format::ChangeType>> LogReader::ChangesOf(const format::LogBatchView& batch) const {
  std::vector<format::ChangeType> changes;
  if (!table_.descriptor.HasPrimaryKey()) return changes;
  if (config_.log_format == schema::LogFormat::kArrow) {
    ARROW_ASSIGN_OR_RAISE(const ByteView types, format::ArrowChangeTypes(batch));
    for (const uint8_t type : types) changes.push_back(static_cast<format::ChangeType>(type));
    return changes;
  }
  ByteView rest = batch.body();
  for (int32_t i = 0; i < batch.header.record_count; ++i) {
    ARROW_ASSIGN_OR_RAISE(const auto record, format::NextRowRecord(&rest));
    changes.push_back(record.change_type);
  }
  return changes;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> LogReader::Decode(const format::LogBatchView& batch,
                                                                     bool projected) {
  if (config_.log_format != schema::LogFormat::kArrow) {
    ARROW_ASSIGN_OR_RAISE(const auto rows, DecodeRows(batch, batch.header.schema_id));
    return Shape(*rows);
  }
  if (!projected) {
    ARROW_ASSIGN_OR_RAISE(const auto* schema, SchemaOf(batch.header.schema_id));
    ARROW_ASSIGN_OR_RAISE(const auto rows, format::DecodeArrowBatch(batch, schema::ToArrowSchema(*schema)));
    return Shape(*rows);
  }
  arrow::FieldVector fields;
  const auto whole = schema::ToArrowSchema(table_.descriptor.schema);
  for (const int32_t field : projection_) fields.push_back(whole->field(field));
  ARROW_ASSIGN_OR_RAISE(const auto rows, format::DecodeArrowBatch(batch, arrow::schema(std::move(fields))));
  arrow::ArrayVector chosen;
  for (const int32_t column : columns_) {
    chosen.push_back(
        rows->column(static_cast<int>(std::ranges::lower_bound(projection_, column) - projection_.begin())));
  }
  return arrow::RecordBatch::Make(output_schema_, rows->num_rows(), std::move(chosen));
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> LogReader::DecodeRows(const format::LogBatchView& batch,
                                                                         SchemaId id) {
  ARROW_ASSIGN_OR_RAISE(const auto* schema, SchemaOf(id));
  const auto arrow_schema = schema::ToArrowSchema(*schema);
  std::vector<schema::DataType> types;
  for (const auto& column : schema->columns()) types.push_back(column.type);
  const auto format =
      config_.log_format == schema::LogFormat::kIndexed ? format::RowFormat::kIndexed : format::RowFormat::kCompacted;
  ARROW_ASSIGN_OR_RAISE(auto builder, arrow::RecordBatchBuilder::Make(arrow_schema, arrow::default_memory_pool()));
  ByteView rest = batch.body();
  for (int32_t i = 0; i < batch.header.record_count; ++i) {
    ARROW_ASSIGN_OR_RAISE(const auto record, format::NextRowRecord(&rest));
    ARROW_ASSIGN_OR_RAISE(const auto values, format::DecodeRow(format, record.row, types));
    for (size_t column = 0; column < values.size(); ++column) {
      ARROW_RETURN_NOT_OK(format::AppendDatum(values[column], *builder->GetField(static_cast<int>(column))));
    }
  }
  return builder->Flush();
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> LogReader::Shape(const arrow::RecordBatch& rows) const {
  arrow::ArrayVector chosen;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i] < rows.num_columns()) {
      chosen.push_back(rows.column(columns_[i]));
    } else {
      ARROW_ASSIGN_OR_RAISE(
          auto nulls, arrow::MakeArrayOfNull(output_schema_->field(static_cast<int>(i))->type(), rows.num_rows()));
      chosen.push_back(std::move(nulls));
    }
  }
  return arrow::RecordBatch::Make(output_schema_, rows.num_rows(), std::move(chosen));
}

arrow::Result<const schema::Schema*> LogReader::SchemaOf(SchemaId id) {
  const auto found = schemas_.find(id);
  if (found != schemas_.end()) return &found->second;
  ARROW_ASSIGN_OR_RAISE(auto schema, GetSchema(connection_, table_.path, id));
  return &schemas_.emplace(id, std::move(schema)).first->second;
}

}  // namespace thalweg::client
