#include "thalweg/log/writer_state.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "thalweg/base/bytes.h"
#include "thalweg/base/crc32c.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::log {

namespace {

// The image, little-endian:
//
//   | magic "TWWS" | version u16 | log time i64 | writers u32 | forgotten u32 |
//   writers times   { writer i64, last timestamp i64, sequence before i32, flags u8, batches u8,
//                     batches times { sequence i32, base offset i64, last offset delta i32, timestamp i64 } }
//   forgotten times { writer i64 }, oldest first
//   | crc u32 | of all before
constexpr uint32_t kMagic = 0x53575754;
constexpr uint16_t kVersion = 1;
constexpr size_t kHeadBytes = 4 + 2 + 8 + 4 + 4;
constexpr size_t kWriterBytes = 8 + 8 + 4 + 1 + 1;
constexpr size_t kBatchBytes = 4 + 8 + 4 + 8;
constexpr size_t kCrcBytes = 4;
constexpr uint8_t kWasForgottenFlag = 1;

// Idle writers are looked for when the log has moved on this far, and at the bound this share of them goes at once.
constexpr int64_t kSweepEveryMs = 3600 * 1000;
constexpr size_t kEvictedShare = 16;

int32_t SequenceAfter(int32_t sequence) { return sequence == std::numeric_limits<int32_t>::max() ? 0 : sequence + 1; }

template <typename T>
void Put(std::string& to, T value) {
  const size_t at = to.size();
  to.resize(at + sizeof value);
  StoreLittle<T>(reinterpret_cast<uint8_t*>(to.data()) + at, value);
}

// Reads values one behind the other; the caller has made sure that they are there.
class Source {
 public:
  explicit Source(std::string_view bytes) : at_(reinterpret_cast<const uint8_t*>(bytes.data())), left_(bytes.size()) {}
  bool Has(size_t bytes) const { return left_ >= bytes; }
  template <typename T>
  T Get() {
    const T value = LoadLittle<T>(at_);
    at_ += sizeof value;
    left_ -= sizeof value;
    return value;
  }

 private:
  const uint8_t* at_;
  size_t left_;
};

arrow::Status Damaged() { return Error(ErrorCode::kLogStorage, "The saved state of the writers is damaged."); }

}  // namespace

arrow::Result<WriterState::Verdict> WriterState::Check(WriterId writer, int32_t sequence) const {
  if (writer.value < 0) return Verdict{};
  auto found = writers_.find(writer);
  if (found == writers_.end()) {
    if (sequence == 0 || forgotten_.contains(writer)) return Verdict{};
    return Error(ErrorCode::kOutOfOrderSequence, "Writer {} starts with batch sequence {} instead of 0.", writer,
                 sequence);
  }
  const Writer& state = found->second;
  for (size_t i = state.count; i-- > 0;) {
    const Batch& batch = state.batches[i];
    if (batch.sequence == sequence) {
      return Verdict{.duplicate = true, .base_offset = batch.base_offset, .last_offset = batch.last_offset};
    }
  }
  const int32_t last = state.count > 0 ? state.batches[state.count - 1].sequence : state.sequence_before;
  if (sequence >= 0 && sequence == SequenceAfter(last)) return Verdict{};
  return Error(ErrorCode::kOutOfOrderSequence, "Writer {} sent batch sequence {} where {} is next.", writer, sequence,
               SequenceAfter(last));
}

void WriterState::Append(WriterId writer, int32_t sequence, LogOffset base_offset, LogOffset last_offset,
                         int64_t commit_timestamp_ms) {
  if (writer.value < 0) return;
  auto [found, is_new] = writers_.try_emplace(writer);
  Writer& state = found->second;
  if (is_new && forgotten_.erase(writer) > 0) {
    state.was_forgotten = true;
    std::erase(forgotten_order_, writer);
  }
  if (state.count == kBatchesKept) {
    state.sequence_before = state.batches[0].sequence;
    std::ranges::move(state.batches.begin() + 1, state.batches.end(), state.batches.begin());
    --state.count;
  }
  state.batches[state.count++] = {sequence, base_offset, last_offset, commit_timestamp_ms};
  state.last_timestamp_ms = commit_timestamp_ms;
  log_time_ms_ = std::max(log_time_ms_, commit_timestamp_ms);
  ForgetIdle();
}

void WriterState::Rollback(LogOffset end) {
  std::vector<WriterId> emptied;
  for (auto& [writer, state] : writers_) {
    while (state.count > 0 && state.batches[state.count - 1].base_offset >= end) --state.count;
    if (state.count == 0 && state.sequence_before == kNothingBefore) emptied.push_back(writer);
  }
  for (WriterId writer : emptied) {
    const bool was_forgotten = writers_.at(writer).was_forgotten;
    writers_.erase(writer);
    if (was_forgotten && forgotten_.insert(writer).second) forgotten_order_.push_back(writer);
  }
}

std::vector<WriterState::Known> WriterState::List() const {
  std::vector<Known> known;
  known.reserve(writers_.size());
  for (const auto& [writer, state] : writers_) {
    Known one{.writer = writer, .last_sequence = state.sequence_before, .last_timestamp_ms = state.last_timestamp_ms};
    if (state.count > 0) {
      one.last_sequence = state.batches[state.count - 1].sequence;
      one.last_offset = state.batches[state.count - 1].last_offset;
    }
    known.push_back(one);
  }
  std::ranges::sort(known, {}, &Known::writer);
  return known;
}

void WriterState::ForgetIdle() {
  if (log_time_ms_ - last_sweep_ms_ >= kSweepEveryMs) {
    last_sweep_ms_ = log_time_ms_;
    std::vector<WriterId> idle;
    for (const auto& [writer, state] : writers_) {
      if (log_time_ms_ - state.last_timestamp_ms > options_.expire_after_ms) idle.push_back(writer);
    }
    std::ranges::sort(idle);
    for (WriterId writer : idle) Forget(writer);
  }
  if (writers_.size() <= options_.writers_max) return;
  std::vector<std::pair<LogOffset, WriterId>> by_activity;
  by_activity.reserve(writers_.size());
  for (const auto& [writer, state] : writers_) {
    by_activity.emplace_back(state.count > 0 ? state.batches[state.count - 1].base_offset : LogOffset(-1), writer);
  }
  std::ranges::sort(by_activity);
  const size_t keep = options_.writers_max - options_.writers_max / kEvictedShare;
  for (size_t i = 0; i + keep < by_activity.size(); ++i) Forget(by_activity[i].second);
}

void WriterState::Forget(WriterId writer) {
  writers_.erase(writer);
  if (forgotten_.insert(writer).second) forgotten_order_.push_back(writer);
  while (forgotten_order_.size() > options_.writers_max) {
    forgotten_.erase(forgotten_order_.front());
    forgotten_order_.pop_front();
  }
}

std::string WriterState::Serialize() const {
  std::string image;
  image.reserve(kHeadBytes + writers_.size() * (kWriterBytes + kBatchesKept * kBatchBytes) + forgotten_.size() * 8 +
                kCrcBytes);
  Put<uint32_t>(image, kMagic);
  Put<uint16_t>(image, kVersion);
  Put<int64_t>(image, log_time_ms_);
  Put<uint32_t>(image, static_cast<uint32_t>(writers_.size()));
  Put<uint32_t>(image, static_cast<uint32_t>(forgotten_order_.size()));
  for (const auto& [writer, state] : writers_) {
    Put<int64_t>(image, writer.value);
    Put<int64_t>(image, state.last_timestamp_ms);
    Put<int32_t>(image, state.sequence_before);
    Put<uint8_t>(image, state.was_forgotten ? kWasForgottenFlag : 0);
    Put<uint8_t>(image, static_cast<uint8_t>(state.count));
    for (size_t i = 0; i < state.count; ++i) {
      const Batch& batch = state.batches[i];
      Put<int32_t>(image, batch.sequence);
      Put<int64_t>(image, batch.base_offset.value);
      Put<int32_t>(image, static_cast<int32_t>(batch.last_offset - batch.base_offset));
      Put<int64_t>(image, batch.timestamp_ms);
    }
  }
  for (WriterId writer : forgotten_order_) Put<int64_t>(image, writer.value);
  Put<uint32_t>(image, Crc32c(AsBytes(image)));
  return image;
}

arrow::Result<WriterState> WriterState::Parse(std::string_view image, const WriterStateOptions& options) {
  if (image.size() < kHeadBytes + kCrcBytes) return Damaged();
  const std::string_view covered = image.substr(0, image.size() - kCrcBytes);
  if (Source(image.substr(covered.size())).Get<uint32_t>() != Crc32c(AsBytes(covered))) return Damaged();
  Source source(covered);
  if (source.Get<uint32_t>() != kMagic) return Damaged();
  if (const auto version = source.Get<uint16_t>(); version != kVersion) {
    return Error(ErrorCode::kUnsupportedVersion,
                 "The saved state of the writers has version {}; this release reads {}.", version, kVersion);
  }
  WriterState result(options);
  result.log_time_ms_ = result.last_sweep_ms_ = source.Get<int64_t>();
  const auto writer_count = source.Get<uint32_t>();
  const auto forgotten_count = source.Get<uint32_t>();
  for (uint32_t i = 0; i < writer_count; ++i) {
    if (!source.Has(kWriterBytes)) return Damaged();
    Writer& state = result.writers_[WriterId(source.Get<int64_t>())];
    state.last_timestamp_ms = source.Get<int64_t>();
    state.sequence_before = source.Get<int32_t>();
    state.was_forgotten = source.Get<uint8_t>() == kWasForgottenFlag;
    state.count = source.Get<uint8_t>();
    if (state.count > kBatchesKept || !source.Has(state.count * kBatchBytes)) return Damaged();
    for (size_t j = 0; j < state.count; ++j) {
      Batch& batch = state.batches[j];
      batch.sequence = source.Get<int32_t>();
      batch.base_offset = LogOffset(source.Get<int64_t>());
      batch.last_offset = batch.base_offset + source.Get<int32_t>();
      batch.timestamp_ms = source.Get<int64_t>();
    }
  }
  for (uint32_t i = 0; i < forgotten_count; ++i) {
    if (!source.Has(sizeof(int64_t))) return Damaged();
    const WriterId writer(source.Get<int64_t>());
    if (result.forgotten_.insert(writer).second) result.forgotten_order_.push_back(writer);
  }
  if (source.Has(1)) return Damaged();
  return result;
}

}  // namespace thalweg::log
