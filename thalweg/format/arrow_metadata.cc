#include "thalweg/format/arrow_metadata.h"

#include <cstring>
#include <vector>

#include "flatbuffers/flatbuffers.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_message_generated.h"

namespace thalweg::format {
namespace {

static_assert(sizeof(ipc::FieldNode) == sizeof(FieldNode) && sizeof(ipc::BodyBuffer) == sizeof(BodyBuffer));

arrow::Result<BodyCodec> CodecOf(const ipc::RecordBatch& batch) {
  const ipc::BodyCompression* compression = batch.compression();
  if (compression == nullptr) return BodyCodec::kNone;
  if (compression->method() == ipc::BodyCompressionMethod::BUFFER) {
    if (compression->codec() == ipc::CompressionType::LZ4_FRAME) return BodyCodec::kLz4Frame;
    if (compression->codec() == ipc::CompressionType::ZSTD) return BodyCodec::kZstd;
  }
  return Error(ErrorCode::kCorruptRecord, "The Arrow batch is compressed in an unknown way ({}, {}).",
               static_cast<int>(compression->codec()), static_cast<int>(compression->method()));
}

}  // namespace

arrow::Result<ArrowMetadata> ArrowMetadata::Parse(ByteView flatbuffer) {
  ArrowMetadata result;
  const uint8_t* data = flatbuffer.data();
  if (reinterpret_cast<uintptr_t>(data) % sizeof(uint64_t) != 0) {
    result.aligned_ = std::make_unique_for_overwrite<uint64_t[]>(flatbuffer.size() / sizeof(uint64_t) + 1);
    std::memcpy(result.aligned_.get(), data, flatbuffer.size());
    data = reinterpret_cast<const uint8_t*>(result.aligned_.get());
  }
  const bool fits = flatbuffer.size() < FLATBUFFERS_MAX_BUFFER_SIZE;
  flatbuffers::Verifier verifier(data, fits ? flatbuffer.size() : 0);
  if (!ipc::VerifyMessageBuffer(verifier)) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow metadata of the batch is not sound.");
  }
  const ipc::Message* message = ipc::GetMessage(data);
  const ipc::RecordBatch* batch = message->header_as_RecordBatch();
  if (batch == nullptr || batch->length() < 0 || message->body_length() < 0) {
    return Error(ErrorCode::kCorruptRecord, "The Arrow message of the batch is not a record batch.");
  }
  ARROW_ASSIGN_OR_RAISE(result.codec_, CodecOf(*batch));
  result.row_count_ = batch->length();
  result.body_bytes_ = message->body_length();
  if (batch->nodes() != nullptr) {
    result.nodes_ = batch->nodes()->Data();
    result.node_count_ = batch->nodes()->size();
  }
  if (batch->buffers() != nullptr) {
    result.buffers_ = batch->buffers()->Data();
    result.buffer_count_ = batch->buffers()->size();
  }
  return result;
}

FieldNode ArrowMetadata::node(size_t index) const {
  FieldNode node;
  std::memcpy(&node, nodes_ + index * sizeof node, sizeof node);
  return node;
}

BodyBuffer ArrowMetadata::buffer(size_t index) const {
  BodyBuffer buffer;
  std::memcpy(&buffer, buffers_ + index * sizeof buffer, sizeof buffer);
  return buffer;
}

arrow::Result<size_t> ArrowMetadataBytes(ByteView prefix) {
  const uint32_t continuation = LoadLittle<uint32_t>(prefix.data());
  const int32_t size = LoadLittle<int32_t>(prefix.data() + sizeof continuation);
  if (continuation != kArrowContinuation || size <= 0 || size % 8 != 0) {
    return Error(ErrorCode::kCorruptRecord, "The batch holds no Arrow message (prefix {:#010x}, metadata size {}).",
                 continuation, size);
  }
  return static_cast<size_t>(size);
}

ArrowMetadataTemplate ArrowMetadataTemplate::Make(size_t node_count, size_t buffer_count, BodyCodec codec) {
  flatbuffers::FlatBufferBuilder builder;
  builder.ForceDefaults(true);  // a value of zero still has to have its place
  const std::vector<ipc::FieldNode> nodes(node_count);
  const std::vector<ipc::BodyBuffer> buffers(buffer_count);
  const auto nodes_offset = builder.CreateVectorOfStructs(nodes);
  const auto buffers_offset = builder.CreateVectorOfStructs(buffers);
  flatbuffers::Offset<ipc::BodyCompression> compression;
  builder.ForceDefaults(false);  // but none of the codec's
  if (codec != BodyCodec::kNone) {
    compression = ipc::CreateBodyCompression(
        builder, codec == BodyCodec::kZstd ? ipc::CompressionType::ZSTD : ipc::CompressionType::LZ4_FRAME);
  }
  builder.ForceDefaults(true);
  // Field after field in the order in which Fluss's server writes them, so that our metadata are its, byte for byte.
  ipc::RecordBatchBuilder batch(builder);
  batch.add_length(0);
  batch.add_nodes(nodes_offset);
  batch.add_buffers(buffers_offset);
  if (!compression.IsNull()) batch.add_compression(compression);
  const auto batch_offset = batch.Finish();
  ipc::MessageBuilder message(builder);
  message.add_header_type(ipc::MessageHeader::RecordBatch);
  message.add_header(batch_offset.Union());
  message.add_version(ipc::MetadataVersion::V5);
  message.add_body_length(0);
  builder.Finish(message.Finish());

  const uint8_t* start = builder.GetBufferPointer();
  const auto at = [&](const void* field) {
    return kArrowPrefixBytes + static_cast<size_t>(static_cast<const uint8_t*>(field) - start);
  };
  const auto* root = flatbuffers::GetRoot<flatbuffers::Table>(start);
  const auto* header = root->GetPointer<const flatbuffers::Table*>(ipc::Message::VT_HEADER);
  const auto* parsed = ipc::GetMessage(start)->header_as_RecordBatch();

  ArrowMetadataTemplate result;
  result.row_count_at = at(header->GetAddressOf(ipc::RecordBatch::VT_LENGTH));
  result.body_bytes_at = at(root->GetAddressOf(ipc::Message::VT_BODY_LENGTH));
  result.nodes_at = at(parsed->nodes()->Data());
  result.buffers_at = at(parsed->buffers()->Data());
  const size_t metadata_bytes = (size_t{builder.GetSize()} + 7) / 8 * 8;
  auto bytes = std::make_shared<Buffer>(kArrowPrefixBytes + metadata_bytes);
  StoreLittle(bytes->data(), kArrowContinuation);
  StoreLittle(bytes->data() + sizeof kArrowContinuation, static_cast<int32_t>(metadata_bytes));
  std::memset(bytes->data() + kArrowPrefixBytes, 0, metadata_bytes);
  std::memcpy(bytes->data() + kArrowPrefixBytes, start, builder.GetSize());
  result.bytes = Bytes(std::shared_ptr<const Buffer>(std::move(bytes)));
  return result;
}

}  // namespace thalweg::format
