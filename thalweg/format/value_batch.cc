#include "thalweg/format/value_batch.h"

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::format {
namespace {

constexpr size_t kMagicAt = 4;
constexpr size_t kRecordCountAt = 5;
constexpr size_t kHeaderBytes = 9;
constexpr uint8_t kMagic = 0;

arrow::Status Malformed(size_t bytes) {
  return Error(ErrorCode::kCorruptRecord, "A value batch of {} bytes is malformed.", bytes);
}

}  // namespace

arrow::Result<StoredValue> ParseStoredValue(ByteView value) {
  if (value.size() < kStoredValuePrefixBytes) {
    return Error(ErrorCode::kCorruptRecord, "A stored value of {} bytes has no schema id.", value.size());
  }
  return StoredValue{SchemaId(LoadLittle<int16_t>(value.data())), value.subspan(kStoredValuePrefixBytes)};
}

void EncodeStoredValue(SchemaId schema_id, ByteView row, std::vector<uint8_t>* out) {
  out->resize(kStoredValuePrefixBytes);
  StoreLittle(out->data(), schema_id.value);
  out->insert(out->end(), row.begin(), row.end());
}

void ValueBatchBuilder::Start() {
  batch_.assign(kHeaderBytes, 0);
  record_count_ = 0;
}

void ValueBatchBuilder::Append(ByteView value) {
  const size_t at = batch_.size();
  batch_.resize(at + sizeof(int32_t));
  StoreLittle(batch_.data() + at, static_cast<int32_t>(value.size()));
  batch_.insert(batch_.end(), value.begin(), value.end());
  ++record_count_;
}

ByteView ValueBatchBuilder::Finish() {
  StoreLittle(batch_.data(), static_cast<int32_t>(batch_.size() - sizeof(int32_t)));
  batch_[kMagicAt] = kMagic;
  StoreLittle(batch_.data() + kRecordCountAt, record_count_);
  return batch_;
}

arrow::Result<std::vector<ByteView>> ParseValueBatch(ByteView bytes) {
  if (bytes.size() < kHeaderBytes || bytes[kMagicAt] != kMagic) return Malformed(bytes.size());
  const auto length = LoadLittle<int32_t>(bytes.data());
  const auto count = LoadLittle<int32_t>(bytes.data() + kRecordCountAt);
  ByteView rest = bytes.subspan(kHeaderBytes);
  if (length < 0 || static_cast<size_t>(length) + sizeof length != bytes.size() || count < 0) {
    return Malformed(bytes.size());
  }
  std::vector<ByteView> values;
  for (int32_t i = 0; i < count; ++i) {
    if (rest.size() < sizeof(int32_t)) return Malformed(bytes.size());
    const auto size = LoadLittle<int32_t>(rest.data());
    rest = rest.subspan(sizeof size);
    if (size < 0 || static_cast<size_t>(size) > rest.size()) return Malformed(bytes.size());
    values.push_back(rest.first(static_cast<size_t>(size)));
    rest = rest.subspan(values.back().size());
  }
  if (!rest.empty()) return Malformed(bytes.size());
  return values;
}

}  // namespace thalweg::format
