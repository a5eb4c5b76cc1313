#include "thalweg/journal/ring.h"

#include <algorithm>
#include <cstring>

#include "fmt/format.h"
#include "thalweg/base/crc32c.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/journal/aligned_memory.h"
#include "thalweg/journal/record.h"

namespace thalweg::journal {
namespace {

// File header: magic, version, CRC-32C of the first 12 bytes; zeros to the end of the block.
constexpr char kMagic[] = "TWJRNL01";
constexpr uint32_t kVersion = 1;
constexpr size_t kZeroChunkBytes = 1 << 20;

}  // namespace

std::string FilePath(const std::string& directory, uint64_t number) {
  return fmt::format("{}/{:08}.wal", directory, number);
}

Bytes MakeFileHeader() {
  auto block = std::make_shared<Buffer>(kFileHeaderBytes);
  std::memset(block->data(), 0, kFileHeaderBytes);
  std::memcpy(block->data(), kMagic, 8);
  StoreLittle<uint32_t>(block->data() + 8, kVersion);
  StoreLittle<uint32_t>(block->data() + 12, Crc32c(ByteView(block->data(), 12)));
  return Bytes(std::shared_ptr<const Buffer>(std::move(block)));
}

arrow::Result<bool> CheckFileHeader(ByteView block, const std::string& path) {
  if (block.size() < 16 || std::memcmp(block.data(), kMagic, 8) != 0 ||
      LoadLittle<uint32_t>(block.data() + 12) != Crc32c(block.first(12))) {
    return false;
  }
  if (const auto version = LoadLittle<uint32_t>(block.data() + 8); version > kVersion) {
    return Error(ErrorCode::kStorage,
                 "{} was written by a newer Thalweg (journal version {}, this one knows {}): start that one.", path,
                 version, kVersion);
  }
  return true;
}

void Ring::Adopt(std::deque<RingFile> full, std::deque<RingFile> free, uint64_t next_number, uint64_t epoch) {
  full_ = std::move(full);
  free_ = std::move(free);
  next_number_ = next_number;
  epoch_ = epoch;
  for (const auto* files : {&full_, &free_}) {
    for (const auto& file : *files) {
      total_bytes_ += file.bytes;
      large_files_ += file.bytes >= options_.file_bytes ? 1 : 0;
    }
  }
}

arrow::Result<RingFile> Ring::Prepare(uint64_t number, uint64_t bytes) const {
  RingFile made{.path = FilePath(options_.directory, number), .number = number, .bytes = bytes};
  const std::string temporary = made.path + ".tmp";
  ARROW_ASSIGN_OR_RAISE(made.file,
                        fs_.Open(temporary, {.mode = io::OpenOptions::Mode::kTruncate, .direct = options_.direct}));
  // Piece by piece past the page cache: one sync of 64 MiB would hold up every append for as long as it takes.
  AlignedMemory chunk(kZeroChunkBytes);
  std::memset(chunk.data(), 0, kZeroChunkBytes);
  std::memcpy(chunk.data(), MakeFileHeader().data(), kFileHeaderBytes);
  for (uint64_t at = 0; at < bytes; at += kZeroChunkBytes) {
    ARROW_RETURN_NOT_OK(made.file->WriteDurable(at, {chunk.data(), std::min<uint64_t>(kZeroChunkBytes, bytes - at)}));
    if (at == 0) std::memset(chunk.data(), 0, kFileHeaderBytes);
  }
  ARROW_RETURN_NOT_OK(made.file->Sync());
  ARROW_RETURN_NOT_OK(fs_.Rename(temporary, made.path));
  ARROW_RETURN_NOT_OK(fs_.SyncDirectory(options_.directory));
  made.start = made.position = kFileHeaderBytes;
  return made;
}

std::optional<std::pair<uint64_t, uint64_t>> Ring::ReserveNext() {
  // One large file there must be, however many small ones restarts have left: only it takes the largest groups.
  const bool must = total_bytes_ > 0 && large_files_ == 0;
  uint64_t bytes = total_bytes_ == 0 ? options_.first_file_bytes : std::min(2 * total_bytes_, options_.file_bytes);
  if (must && total_bytes_ + bytes + options_.file_bytes > bytes_max()) bytes = options_.file_bytes;
  if (total_bytes_ + bytes > bytes_max() && !must) return std::nullopt;
  total_bytes_ += bytes;
  large_files_ += bytes == options_.file_bytes ? 1 : 0;
  return std::pair(next_number_++, bytes);
}

uint64_t Ring::ReserveFirst() {
  total_bytes_ += options_.first_file_bytes;
  large_files_ += options_.first_file_bytes >= options_.file_bytes ? 1 : 0;
  return next_number_++;
}

void Ring::CancelReservation(uint64_t bytes) {
  total_bytes_ -= bytes;
  large_files_ -= bytes == options_.file_bytes ? 1 : 0;
}

std::optional<RingFile> Ring::TakeSurplus() {
  if (total_bytes_ <= bytes_max()) return std::nullopt;
  // The smallest, since those are what came beyond the limit. One is kept: else the next start would make it anew.
  const auto smallest = std::ranges::min_element(free_, {}, &RingFile::bytes);
  if (free_.size() < 2 || smallest->bytes >= options_.file_bytes) return std::nullopt;
  RingFile surplus = std::move(*smallest);
  free_.erase(smallest);
  total_bytes_ -= surplus.bytes;
  return surplus;
}

bool Ring::Rotate(uint64_t next_sequence, uint64_t bytes_min) {
  if (active_ && active_->next_sequence <= std::max(released_, active_->first_sequence)) {
    free_.push_front(std::move(*active_));
    active_.reset();
  }
  const auto fitting =
      std::ranges::find_if(free_, [&](const RingFile& f) { return f.bytes >= kFileHeaderBytes + bytes_min; });
  if (fitting == free_.end()) return false;
  if (active_) full_.push_back(std::move(*active_));
  active_ = std::make_unique<RingFile>(std::move(*fitting));
  free_.erase(fitting);
  active_->start = active_->position = kFileHeaderBytes;
  active_->first_sequence = active_->next_sequence = next_sequence;
  active_->epoch = epoch_;
  return true;
}

void Ring::Release(uint64_t sequence) {
  released_ = std::max(released_, sequence);
  while (!full_.empty() && full_.front().next_sequence <= released_) {
    free_.push_back(std::move(full_.front()));
    full_.pop_front();
  }
}

uint64_t Ring::group_bytes_max() const {
  uint64_t bytes = active_ ? active_->bytes : 0;
  for (const auto* files : {&full_, &free_}) {
    for (const auto& file : *files) bytes = std::max(bytes, file.bytes);
  }
  return bytes > kFileHeaderBytes ? bytes - kFileHeaderBytes : 0;
}

uint64_t Ring::live_bytes() const {
  uint64_t bytes = 0;
  if (active_ && active_->next_sequence > released_) bytes = active_->position - kFileHeaderBytes;
  for (const auto& file : full_) bytes += file.bytes;
  return bytes;
}

uint64_t Ring::bytes_max() const {
  return std::max(options_.bytes_max, options_.first_file_bytes + options_.file_bytes);
}

}  // namespace thalweg::journal
