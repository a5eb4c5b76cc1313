#include "thalweg/format/arrow_batch.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "arrow/buffer.h"
#include "arrow/io/memory.h"
#include "arrow/ipc/dictionary.h"
#include "arrow/ipc/message.h"
#include "arrow/ipc/options.h"
#include "arrow/ipc/reader.h"
#include "arrow/ipc/writer.h"
#include "arrow/record_batch.h"
#include "arrow/util/compression.h"
#include "thalweg/base/error.h"
#include "thalweg/format/body_inflation.h"

namespace thalweg::format {
namespace {

arrow::Status Corrupt(const arrow::Status& cause) {
  if (CodeOf(cause) == ErrorCode::kCorruptRecord || CodeOf(cause) == ErrorCode::kRecordTooLarge) return cause;
  return Error(ErrorCode::kCorruptRecord, "The Arrow batch cannot be read: {}", cause.message());
}

arrow::Result<ByteView> MessageOf(const LogBatchView& batch) {
  ARROW_ASSIGN_OR_RAISE(const ByteView change_types, ArrowChangeTypes(batch));
  const ByteView message = batch.body().subspan(change_types.size());
  if (message.size() < kArrowPrefixBytes) {
    return Error(ErrorCode::kCorruptRecord, "The batch of {} bytes has no room for an Arrow message.",
                 batch.bytes.size());
  }
  return message;
}

arrow::Result<ArrowMessageParts> SplitMessage(ByteView message) {
  ARROW_ASSIGN_OR_RAISE(const size_t metadata_bytes, ArrowMetadataBytes(message));
  const ByteView rest = message.subspan(kArrowPrefixBytes);
  if (metadata_bytes > rest.size()) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow metadata of {} bytes does not fit the batch.", metadata_bytes);
  }
  return ArrowMessageParts{rest.first(metadata_bytes), rest.subspan(metadata_bytes)};
}

std::shared_ptr<arrow::Buffer> Wrap(ByteView bytes) {
  return std::make_shared<arrow::Buffer>(bytes.data(), static_cast<int64_t>(bytes.size()));
}

/// Not compressed, so the result refers to `body`. Checked as far as it takes no look at the values.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> ReadMessage(ByteView metadata, std::shared_ptr<arrow::Buffer> body,
                                                               const std::shared_ptr<arrow::Schema>& schema) {
  ARROW_ASSIGN_OR_RAISE(auto message, arrow::ipc::Message::Open(Wrap(metadata), std::move(body)));
  const arrow::ipc::DictionaryMemo no_dictionaries;
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  // A batch may lie anywhere; compute kernels want values where their type belongs.
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;
  ARROW_ASSIGN_OR_RAISE(auto rows, arrow::ipc::ReadRecordBatch(*message, schema, &no_dictionaries, options));
  ARROW_RETURN_NOT_OK(rows->Validate());
  return rows;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> ReadParts(const ArrowMessageParts& parts,
                                                             const ArrowMetadata& metadata,
                                                             const std::shared_ptr<arrow::Schema>& schema) {
  if (metadata.codec() == BodyCodec::kNone) return ReadMessage(parts.metadata, Wrap(parts.body), schema);
  ARROW_ASSIGN_OR_RAISE(auto plain, InflateBody(metadata, parts.body, kDecodedBytesMax));
  return ReadMessage(plain.metadata.view(), std::move(plain.body), schema);
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> Decode(const LogBatchView& batch,
                                                          const std::shared_ptr<arrow::Schema>& schema) {
  if (batch.empty()) return arrow::RecordBatch::MakeEmpty(schema);
  ARROW_ASSIGN_OR_RAISE(const ArrowMessageParts parts, SplitArrowBatch(batch));
  // Ours first: it refuses what is not a record batch before Arrow's reader sees it.
  ARROW_ASSIGN_OR_RAISE(const ArrowMetadata metadata, ArrowMetadata::Parse(parts.metadata));
  auto rows = ReadParts(parts, metadata, schema);
  if (!rows.ok()) return Corrupt(rows.status());
  if ((*rows)->num_rows() != batch.header.record_count) {
    return Error(ErrorCode::kCorruptRecord, "The batch claims {} records, its Arrow message holds {}.",
                 batch.header.record_count, (*rows)->num_rows());
  }
  return rows;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> Validated(std::shared_ptr<arrow::RecordBatch> rows) {
  const arrow::Status sound = rows->ValidateFull();
  if (!sound.ok()) return Corrupt(sound);
  return rows;
}

}  // namespace

arrow::Result<ByteView> ArrowChangeTypes(const LogBatchView& batch) {
  if (batch.header.append_only() || batch.empty()) return ByteView{};
  const auto count = static_cast<size_t>(batch.header.record_count);
  if (count > batch.body().size()) {
    return Error(ErrorCode::kCorruptRecord, "The batch of {} bytes has no room for {} change types.",
                 batch.bytes.size(), count);
  }
  return batch.body().first(count);
}

arrow::Result<ArrowMessageParts> SplitArrowBatch(const LogBatchView& batch) {
  ARROW_ASSIGN_OR_RAISE(const ByteView message, MessageOf(batch));
  return SplitMessage(message);
}

arrow::Result<BodyCodec> ArrowBatchCodec(const LogBatchView& batch) {
  ARROW_ASSIGN_OR_RAISE(const ArrowMessageParts parts, SplitArrowBatch(batch));
  ARROW_ASSIGN_OR_RAISE(const ArrowMetadata metadata, ArrowMetadata::Parse(parts.metadata));
  return metadata.codec();
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> DecodeArrowBatch(const LogBatchView& batch,
                                                                    const std::shared_ptr<arrow::Schema>& schema,
                                                                    BatchOrigin origin) {
  ARROW_ASSIGN_OR_RAISE(auto rows, Decode(batch, schema));
  if (origin == BatchOrigin::kOwnChangelog) return rows;
  return Validated(std::move(rows));
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> DecodeArrowRows(const LogBatchView& batch,
                                                                   const std::shared_ptr<arrow::Schema>& schema,
                                                                   int32_t first, int32_t count) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, Decode(batch, schema));
  return Validated(rows->Slice(first, count));
}

arrow::Result<Bytes> EncodeArrowBatch(const BatchHeader& header, const arrow::RecordBatch& rows, ByteView change_types,
                                      BodyCodec codec) {
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  options.use_threads = false;
  if (codec != BodyCodec::kNone) {
    const auto type = codec == BodyCodec::kZstd ? arrow::Compression::ZSTD : arrow::Compression::LZ4_FRAME;
    ARROW_ASSIGN_OR_RAISE(options.codec, arrow::util::Codec::Create(type));
  }
  std::shared_ptr<arrow::Buffer> message;
  if (rows.num_rows() > 0) {
    ARROW_ASSIGN_OR_RAISE(message, arrow::ipc::SerializeRecordBatch(rows, options));
  }
  const size_t message_bytes = message == nullptr ? 0 : static_cast<size_t>(message->size());
  const size_t total = kHeaderBytesV0 + change_types.size() + message_bytes;
  if (total > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return Error(ErrorCode::kRecordTooLarge, "The batch would take {} bytes.", total);
  }
  auto out = std::make_shared<Buffer>(total);
  BatchHeader written = header;
  written.attributes =
      change_types.empty() ? header.attributes | kAppendOnlyAttribute : header.attributes & ~kAppendOnlyAttribute;
  written.record_count = static_cast<int32_t>(rows.num_rows());
  WriteHeaderV0(written, out->view());
  std::ranges::copy(change_types, out->data() + kHeaderBytesV0);
  if (message != nullptr) std::copy_n(message->data(), message_bytes, out->data() + total - message_bytes);
  StoreCrc(out->view());
  return Bytes(std::shared_ptr<const Buffer>(std::move(out)));
}

}  // namespace thalweg::format
