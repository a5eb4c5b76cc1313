#include "thalweg/journal/record.h"

#include "thalweg/base/crc32c.h"
#include "thalweg/base/endian.h"

namespace thalweg::journal {
namespace {

constexpr uint8_t kFirst = 1;
constexpr uint8_t kLast = 2;

}  // namespace

void SealRecord(const RecordHeader& header, uint8_t* at) {
  StoreLittle<uint32_t>(at + 4, header.length);
  StoreLittle<uint64_t>(at + 8, header.epoch);
  StoreLittle<uint64_t>(at + 16, header.sequence);
  StoreLittle<int64_t>(at + 24, header.bucket.table.value);
  StoreLittle<int64_t>(at + 32, header.bucket.partition.value);
  StoreLittle<int32_t>(at + 40, header.bucket.bucket.value);
  at[44] = static_cast<uint8_t>(header.kind);
  at[45] = static_cast<uint8_t>((header.first_of_group ? kFirst : 0) | (header.last_of_group ? kLast : 0));
  StoreLittle<uint16_t>(at + 46, 0);
  StoreLittle<int64_t>(at + 48, header.first.value);
  StoreLittle<uint32_t>(at + 56, header.count);
  StoreLittle<uint32_t>(at + 60, header.statistics_bytes);
  StoreLittle<uint32_t>(at, Crc32c(ByteView(at + 4, kRecordHeaderBytes - 4 + header.length)));
}

RecordHeader ParseHeaderUnchecked(const uint8_t* at) {
  RecordHeader header;
  header.length = LoadLittle<uint32_t>(at + 4);
  header.epoch = LoadLittle<uint64_t>(at + 8);
  header.sequence = LoadLittle<uint64_t>(at + 16);
  header.bucket.table = TableId(LoadLittle<int64_t>(at + 24));
  header.bucket.partition = PartitionId(LoadLittle<int64_t>(at + 32));
  header.bucket.bucket = BucketId(LoadLittle<int32_t>(at + 40));
  header.kind = static_cast<RecordKind>(at[44]);
  header.first_of_group = at[45] & kFirst;
  header.last_of_group = at[45] & kLast;
  header.first = LogOffset(LoadLittle<int64_t>(at + 48));
  header.count = LoadLittle<uint32_t>(at + 56);
  header.statistics_bytes = LoadLittle<uint32_t>(at + 60);
  return header;
}

std::optional<RecordHeader> ParseRecord(ByteView bytes) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  const RecordHeader header = ParseHeaderUnchecked(bytes.data());
  if (header.length > bytes.size() - kRecordHeaderBytes || header.statistics_bytes > header.length) return std::nullopt;
  if (header.kind != RecordKind::kBatches && header.kind != RecordKind::kDescriptor) return std::nullopt;
  const uint32_t crc = Crc32c(bytes.subspan(4, kRecordHeaderBytes - 4 + header.length));
  if (crc != LoadLittle<uint32_t>(bytes.data())) return std::nullopt;
  return header;
}

}  // namespace thalweg::journal
