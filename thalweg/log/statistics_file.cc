#include "thalweg/log/statistics_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "thalweg/base/crc32c.h"
#include "thalweg/base/endian.h"

namespace thalweg::log {

namespace {

constexpr size_t kLengthAt = 8;
constexpr size_t kCrcAt = 12;

using RecordHeader = std::array<uint8_t, StatisticsFile::kRecordHeaderBytes>;

uint32_t CrcOf(const uint8_t* header, ByteView block) { return Crc32c(Crc32c(ByteView(header, kCrcAt)), block); }

}  // namespace

std::vector<StatisticsFile::Record> DecodeStatistics(ByteView content, LogOffset segment_base, LogOffset end) {
  std::vector<StatisticsFile::Record> records;
  LogOffset next = segment_base;
  while (content.size() >= StatisticsFile::kRecordHeaderBytes) {
    const uint8_t* header = content.data();
    const LogOffset base(LoadLittle<int64_t>(header));
    const auto length = LoadLittle<uint32_t>(header + kLengthAt);
    if (base < next || base >= end || length > content.size() - StatisticsFile::kRecordHeaderBytes) break;
    const ByteView block = content.subspan(StatisticsFile::kRecordHeaderBytes, length);
    if (CrcOf(header, block) != LoadLittle<uint32_t>(header + kCrcAt)) break;
    records.push_back({base, block});
    next = base + 1;
    content = content.subspan(StatisticsFile::kRecordHeaderBytes + length);
  }
  return records;
}

arrow::Status StatisticsFile::Load(LogOffset end) {
  if (loaded_) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto file, files_.Get(path_));
  ARROW_ASSIGN_OR_RAISE(const uint64_t size, file->Size());
  std::vector<uint8_t> content(size);
  ARROW_ASSIGN_OR_RAISE(const size_t read, file->ReadAt(0, content));
  uint64_t at = 0;
  for (const Record& record : DecodeStatistics(ByteView(content).first(read), segment_base_, end)) {
    entries_.push_back({static_cast<uint32_t>(record.base_offset - segment_base_), static_cast<uint32_t>(at)});
    at += kRecordHeaderBytes + record.block.size();
  }
  bytes_ = at;
  surplus_ = at < size;
  loaded_ = true;
  return arrow::Status::OK();
}

arrow::Status StatisticsFile::Append(std::span<const Record> records, LogOffset end, bool* created) {
  std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(Load(end));
  if (surplus_) {
    ARROW_ASSIGN_OR_RAISE(auto file, files_.Get(path_));
    ARROW_RETURN_NOT_OK(file->Truncate(bytes_));
    ARROW_RETURN_NOT_OK(file->Sync());
    surplus_ = false;
  }
  if (records.empty()) return arrow::Status::OK();
  if (!dirty_) {
    ARROW_ASSIGN_OR_RAISE(dirty_, exists_ ? files_.Get(path_) : files_.Create(path_));
    *created = !std::exchange(exists_, true);
  }
  std::vector<RecordHeader> headers(records.size());
  std::vector<ByteView> pieces;
  pieces.reserve(2 * records.size());
  uint64_t bytes = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    const auto& [base_offset, block] = records[i];
    StoreLittle<int64_t>(headers[i].data(), base_offset.value);
    StoreLittle<uint32_t>(headers[i].data() + kLengthAt, static_cast<uint32_t>(block.size()));
    StoreLittle<uint32_t>(headers[i].data() + kCrcAt, CrcOf(headers[i].data(), block));
    pieces.push_back(headers[i]);
    pieces.push_back(block);
    entries_.push_back({static_cast<uint32_t>(base_offset - segment_base_), static_cast<uint32_t>(bytes_ + bytes)});
    bytes += kRecordHeaderBytes + block.size();
  }
  ARROW_RETURN_NOT_OK(dirty_->WriteAt(bytes_, pieces));
  bytes_ += bytes;
  return arrow::Status::OK();
}

arrow::Status StatisticsFile::ExpectUnsynced() {
  std::lock_guard lock(mutex_);
  if (!exists_ || dirty_) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(dirty_, files_.Get(path_));
  return arrow::Status::OK();
}

arrow::Status StatisticsFile::Sync() {
  std::lock_guard lock(mutex_);
  if (!dirty_) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(dirty_->Sync());
  dirty_.reset();
  return arrow::Status::OK();
}

arrow::Result<Bytes> StatisticsFile::Read(LogOffset base_offset, LogOffset end) {
  std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(Load(end));
  const auto delta = static_cast<uint32_t>(base_offset - segment_base_);
  auto entry = std::ranges::lower_bound(entries_, delta, {}, &Entry::offset_delta);
  if (entry == entries_.end() || entry->offset_delta != delta) return Bytes();
  ARROW_ASSIGN_OR_RAISE(auto file, files_.Get(path_));
  const uint64_t record_end = entry + 1 == entries_.end() ? bytes_ : (entry + 1)->position;
  auto record = std::make_shared<Buffer>(record_end - entry->position);
  ARROW_ASSIGN_OR_RAISE(const size_t read, file->ReadAt(entry->position, record->view()));
  const uint8_t* header = record->data();
  const Bytes whole(std::move(record));
  if (read < whole.size() || LoadLittle<int64_t>(header) != base_offset.value ||
      CrcOf(header, whole.view().subspan(kRecordHeaderBytes)) != LoadLittle<uint32_t>(header + kCrcAt)) {
    return Bytes();  // damaged since: the batch counts as one without statistics
  }
  return whole.Slice(kRecordHeaderBytes);
}

arrow::Result<Bytes> StatisticsFile::ReadAll(LogOffset end) {
  std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(Load(end));
  if (bytes_ == 0) return Bytes();
  ARROW_ASSIGN_OR_RAISE(auto file, files_.Get(path_));
  auto content = std::make_shared<Buffer>(bytes_);
  ARROW_ASSIGN_OR_RAISE(const size_t read, file->ReadAt(0, content->view()));
  return Bytes(std::shared_ptr<const Buffer>(std::move(content))).Slice(0, read);
}

void StatisticsFile::Close() {
  std::lock_guard lock(mutex_);
  dirty_.reset();
  files_.Forget(path_);
}

}  // namespace thalweg::log
