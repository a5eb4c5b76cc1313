#include "thalweg/format/key_codec.h"

#include <algorithm>
#include <string>
#include <utility>

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/aligned_row.h"
#include "thalweg/format/decimal_bytes.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::LakeFormat;
using schema::TypeKind;

constexpr int32_t kOldestVersion = 1;
constexpr int32_t kLatestVersion = 2;
constexpr int64_t kMicrosInMilli = 1000;
constexpr int64_t kNanosInMicro = 1000;

arrow::Status MalformedKey(size_t bytes) {
  return Error(ErrorCode::kCorruptRecord, "A key of {} bytes does not hold the key columns of its table.", bytes);
}

KeyFormat LakesOwn(std::optional<LakeFormat> lake) {
  if (lake == LakeFormat::kPaimon) return KeyFormat::kPaimon;
  if (lake == LakeFormat::kIceberg) return KeyFormat::kIceberg;
  return KeyFormat::kCompacted;
}

bool IsPadded(const DataType& type) { return type.kind == TypeKind::kChar || type.kind == TypeKind::kBinary; }

arrow::Status NoHudi() {
  return Error(ErrorCode::kUnsupportedVersion,
               "Buckets of a table for HUDI are chosen as Hudi does, which this server cannot.");
}

}  // namespace

arrow::Result<KeyFormat> PrimaryKeyFormat(const schema::TableConfig& config, bool has_default_bucket_key) {
  const int32_t version = config.kv_format_version.value_or(kOldestVersion);
  if (version < kOldestVersion || version > kLatestVersion) {
    return Error(ErrorCode::kInvalidConfig, "'table.kv.format-version' is {}, known are {} and {}.", version,
                 kOldestVersion, kLatestVersion);
  }
  if (version == kLatestVersion && !has_default_bucket_key) return KeyFormat::kCompacted;
  return LakesOwn(config.lake_format);
}

arrow::Result<KeyFormat> BucketKeyFormat(std::optional<LakeFormat> lake) {
  if (lake == LakeFormat::kHudi) return NoHudi();
  return LakesOwn(lake);
}

arrow::Result<BucketFunction> BucketFunctionOf(std::optional<LakeFormat> lake) {
  if (lake == LakeFormat::kHudi) return NoHudi();
  if (lake == LakeFormat::kPaimon) return BucketFunction::kPaimon;
  if (lake == LakeFormat::kIceberg) return BucketFunction::kIceberg;
  return BucketFunction::kFluss;
}

KeyCodec::KeyCodec(KeyFormat format, const schema::TableDescriptor& table, const schema::TableConfig& config,
                   std::vector<size_t> columns)
    : format_(format), columns_(std::move(columns)) {
  for (const size_t column : columns_) types_.push_back(table.schema.columns()[column].type);
  drops_zeros_ = config.kv_format == schema::KvFormat::kIndexed && std::ranges::any_of(types_, IsPadded);
}

arrow::Result<KeyCodec> KeyCodec::ForPrimaryKey(const schema::TableDescriptor& table,
                                                const schema::TableConfig& config) {
  ARROW_ASSIGN_OR_RAISE(const KeyFormat format, PrimaryKeyFormat(config, table.HasDefaultBucketKey()));
  std::vector<std::string> names = table.schema.primary_key();
  std::erase_if(names, [&](const std::string& name) {
    return std::ranges::find(table.partition_keys, name) != table.partition_keys.end();
  });
  return KeyCodec(format, table, config, table.IndexesOf(names));
}

arrow::Result<KeyCodec> KeyCodec::ForBucketKey(const schema::TableDescriptor& table,
                                               const schema::TableConfig& config) {
  ARROW_ASSIGN_OR_RAISE(const KeyFormat format, BucketKeyFormat(config.lake_format));
  return KeyCodec(format, table, config, table.IndexesOf(table.bucket_keys));
}

arrow::Result<KeyCodec> KeyCodec::ForPrefix(const schema::TableDescriptor& table, const schema::TableConfig& config) {
  ARROW_ASSIGN_OR_RAISE(const KeyFormat format, PrimaryKeyFormat(config, table.HasDefaultBucketKey()));
  return KeyCodec(format, table, config, table.IndexesOf(table.bucket_keys));
}

arrow::Status KeyCodec::Encode(const RowView& row, std::vector<uint8_t>* key) const {
  key->clear();
  for (const size_t column : columns_) {
    if (row.IsNull(column)) return Error(ErrorCode::kInvalidTable, "A row has no value in a column of its key.");
  }
  // A compacted key is made of the bytes that a compacted row is made of.
  if (format_ == KeyFormat::kCompacted && row.layout().format() == RowFormat::kCompacted) {
    for (const size_t column : columns_) {
      const ByteView value = row.Encoded(column);
      key->insert(key->end(), value.begin(), value.end());
    }
    return arrow::Status::OK();
  }
  std::vector<Datum> values(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(values[i], row.ToDatum(columns_[i]));
  }
  ARROW_ASSIGN_OR_RAISE(*key, EncodeKey(format_, values, types_));
  return arrow::Status::OK();
}

arrow::Result<std::vector<Datum>> KeyCodec::Decode(ByteView key) const {
  if (format_ == KeyFormat::kCompacted) return DecodeCompacted(key);
  std::vector<Datum> values(columns_.size());
  if (format_ == KeyFormat::kIceberg) {
    if (values.size() != 1) return MalformedKey(key.size());
    ARROW_ASSIGN_OR_RAISE(values[0], DecodeIceberg(key));
    return values;
  }
  ARROW_ASSIGN_OR_RAISE(const AlignedRowView row, AlignedRowView::Make(key, columns_.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(values[i], row.Get(i, types_[i]));
    if (values[i].is_null()) return MalformedKey(key.size());
  }
  return values;
}

void KeyCodec::DropZeros(ByteView key, std::vector<uint8_t>* stored) const {
  stored->assign(key.begin(), key.end());
  if (!drops_zeros_) return;
  auto values = Decode(key);
  if (!values.ok()) return;
  for (size_t i = 0; i < types_.size(); ++i) {
    if (!IsPadded(types_[i])) continue;
    const std::string& text = *(*values)[i].get_if<std::string>();
    (*values)[i] = Datum{text.substr(0, text.find_last_not_of('\0') + 1)};
  }
  auto made = EncodeKey(format_, *values, types_);
  if (made.ok()) *stored = std::move(*made);
}

arrow::Result<std::vector<Datum>> KeyCodec::DecodeCompacted(ByteView key) const {
  // A row is null bits, none of them set here, and a key.
  const RowLayout layout(RowFormat::kCompacted, types_);
  std::vector<uint8_t> bytes(layout.header_bytes());
  bytes.insert(bytes.end(), key.begin(), key.end());
  RowView row;
  ARROW_RETURN_NOT_OK(row.Reset(layout, bytes));
  size_t used = layout.header_bytes();
  std::vector<Datum> values(columns_.size());
  for (size_t i = 0; i < values.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(values[i], row.ToDatum(i));
    used += row.Encoded(i).size();
  }
  if (used != bytes.size()) return MalformedKey(key.size());
  return values;
}

arrow::Result<Datum> KeyCodec::DecodeIceberg(ByteView key) const {
  const DataType& type = types_[0];
  int64_t number = 0;
  switch (type.kind) {
    case TypeKind::kInt:
    case TypeKind::kBigInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
      if (key.size() != sizeof number) return MalformedKey(key.size());
      number = LoadLittle<int64_t>(key.data());
      break;
    case TypeKind::kDecimal: {
      Int128 unscaled = 0;
      if (!DecimalFromBytes(key, &unscaled)) return MalformedKey(key.size());
      return Datum{unscaled};
    }
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes:
      return Datum{std::string(AsText(key))};
    default:
      return MalformedKey(key.size());
  }
  if (type.kind == TypeKind::kTime) return Datum{number / kMicrosInMilli};
  if (type.kind != TypeKind::kTimestamp) return Datum{number};
  // Rounded down, so that the rest is never negative.
  const int64_t micros = (number % kMicrosInMilli + kMicrosInMilli) % kMicrosInMilli;
  return Datum{TimestampValue{(number - micros) / kMicrosInMilli, static_cast<int32_t>(micros * kNanosInMicro)}};
}

}  // namespace thalweg::format
