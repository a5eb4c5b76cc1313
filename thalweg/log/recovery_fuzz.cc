// Any bytes as the files of a log. Either it opens, and then every batch it holds can be read, found by its offset and its
// time, and it goes on and opens again as it was left; or it refuses, and then nothing in the folder has changed.

#include <algorithm>
#include <map>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/log/test_batches_internal.h"
#include "thalweg/testing/fuzz.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::log {
namespace {

using Files = std::map<std::string, std::string>;

constexpr LogOffset kNoLimit{INT64_MAX};

void Write(testing::MemoryFileSystem& disk, const std::string& path, ByteView content) {
  const auto file = disk.Open(path, {.mode = io::OpenOptions::Mode::kCreate}).ValueOrDie();
  TW_CHECK(file->WriteAt(0, {&content, 1}).ok() && file->Sync().ok());
}

Files ContentOf(testing::MemoryFileSystem& disk) {
  Files content;
  for (const io::Entry& entry : disk.List("log").ValueOrDie()) {
    std::string bytes(entry.size, '\0');
    const auto file = disk.Open("log/" + entry.name, {}).ValueOrDie();
    TW_CHECK(file->ReadAt(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}).ValueOrDie() == bytes.size());
    content[entry.name] = bytes;
  }
  return content;
}

/// The fuzzer guesses neither checksums nor the offsets that make batches adjoin.
std::vector<uint8_t> Mended(ByteView segment, LogOffset base, bool dense) {
  std::vector<uint8_t> bytes = testing::ExactCopy(segment);
  for (MutableByteView rest = bytes; !rest.empty();) {
    const auto batch = format::ParseBatch(rest);
    if (!batch.ok()) break;
    const MutableByteView whole = rest.first(batch->bytes.size());
    if (dense) StoreLittle(whole.data() + format::kBaseOffsetAt, base.value);
    format::StoreCrc(whole);
    base = base + batch->header.last_offset_delta + 1;
    rest = rest.subspan(whole.size());
  }
  return bytes;
}

class Folder {
 public:
  Folder() { disk_.CreateDurableDirectories("log"); }

  arrow::Status Open(const RecoveryPoint* known) {
    log_.reset();
    files_ = std::make_unique<OpenFiles>(disk_);
    report_ = {};
    ARROW_ASSIGN_OR_RAISE(log_, BucketLog::Open(disk_, *files_, indexes_, "log", options_, known, &report_));
    return arrow::Status::OK();
  }

  void CheckReadable() {
    LogOffset at = log_->start();
    std::vector<std::pair<LogOffset, int64_t>> times;
    while (at < log_->end()) {
      const auto range = log_->Locate(at, kNoLimit, 1, ReadMode::kMayBlock);
      TW_CHECK(range.ok() && range->has_value() && (*range)->bytes > 0 && (*range)->first == at);
      std::vector<uint8_t> bytes((*range)->bytes);
      TW_CHECK((*range)->file->ReadAt((*range)->position, bytes).ValueOrDie() == bytes.size());
      const auto batch = format::ParseBatch(bytes);
      TW_CHECK(batch.ok() && format::VerifyCrc(*batch).ok() && batch->header.base_offset == at);
      (void)log_->StatisticsOf(at);  // anything but a crash: their file is not told from a wrong one
      times.emplace_back(at, batch->header.commit_timestamp_ms);
      TW_CHECK((*range)->next == batch->header.next_offset());
      at = (*range)->next;
    }
    TW_CHECK(at == log_->end());
    CheckTimes(times);
  }

  /// Times are outside of the CRC. Where they go back, no answer is wrong, but there must be one.
  void CheckTimes(const std::vector<std::pair<LogOffset, int64_t>>& times) {
    const auto time_of = [](const auto& entry) { return entry.second; };
    const bool ascending = std::ranges::is_sorted(times, {}, time_of);
    for (const auto& [at, time] : times) {
      const auto found = log_->OffsetForTimestamp(time, kNoLimit);
      TW_CHECK(found.ok());
      if (!ascending) continue;
      const auto first = std::ranges::lower_bound(times, time, {}, time_of);
      TW_CHECK(found->has_value() && **found == first->first);
    }
  }

  void CheckGoesOn() {
    const LogOffset end = log_->end();
    const LogBatch batch = MakeBatch(end, {.records = 3, .timestamp_ms = INT64_MAX - 1, .statistics = true});
    TW_CHECK(log_->Append({&batch, 1}).ok());
    const RecoveryPoint point = log_->Sync().ValueOrDie();
    CheckReadable();
    TW_CHECK(Open(&point).ok());
    TW_CHECK(log_->end() == end + 3 && report_.findings.empty());
    CheckReadable();
    TW_CHECK(AsText(log_->StatisticsOf(end).ValueOrDie().view()) == AsText(batch.statistics.view()));
  }

  void Run() {
    const Files before = ContentOf(disk_);
    if (const arrow::Status opened = Open(nullptr); !opened.ok()) {
      TW_CHECK(CodeOf(opened) == ErrorCode::kLogStorage);
      TW_CHECK(ContentOf(disk_) == before);
      return;
    }
    if (log_->end().value > INT64_MAX - 10) return;
    CheckReadable();
    CheckGoesOn();
  }

  testing::MemoryFileSystem& disk() { return disk_; }

 private:
  testing::MemoryFileSystem disk_;
  std::unique_ptr<OpenFiles> files_;
  IndexCache indexes_;
  LogOptions options_{.segment_bytes_max = 700, .index_interval_bytes = 100};
  RecoveryReport report_;
  std::unique_ptr<BucketLog> log_;
};

/// What the next segment's batches begin with.
enum Mending : uint8_t { kAsTheyAre = 0, kCrcs = 1, kDense = 2 };

struct SegmentSeed {
  uint8_t base = 0;
  std::string log, index, times, statistics;
};

std::string Encode(uint8_t mending, const std::vector<SegmentSeed>& segments) {
  testing::FuzzSeed seed;
  seed.Number(mending);
  for (const SegmentSeed& segment : segments) {
    seed.Number(segment.base).Piece(segment.log).Piece(segment.index).Piece(segment.times).Piece(segment.statistics);
  }
  return seed;
}

/// What the log itself writes, after `count` batches.
std::vector<SegmentSeed> Written(int count) {
  testing::MemoryFileSystem disk;
  disk.CreateDurableDirectories("log");
  OpenFiles files(disk);
  IndexCache indexes;
  const auto log = BucketLog::Open(disk, files, indexes, "log", {.segment_bytes_max = 700, .index_interval_bytes = 100},
                                   nullptr, nullptr)
                       .ValueOrDie();
  for (int i = 0; i < count; ++i) {
    const LogBatch batch =
        MakeBatch(log->end(), {.records = i % 3, .body_bytes = 60, .timestamp_ms = 1000 + i, .statistics = i % 2 == 0});
    TW_CHECK(log->Append({&batch, 1}).ok());
  }
  TW_CHECK(log->Sync().ok());
  std::map<std::string, SegmentSeed> segments;
  for (const auto& [name, content] : ContentOf(disk)) {
    SegmentSeed& segment = segments[name.substr(0, 20)];
    segment.base = static_cast<uint8_t>(std::stoi(name.substr(0, 20)));
    const std::string ending = name.substr(20);
    (ending == ".log"         ? segment.log
     : ending == ".index"     ? segment.index
     : ending == ".timeindex" ? segment.times
                              : segment.statistics) = content;
  }
  std::vector<SegmentSeed> all;
  for (auto& [name, segment] : segments) all.push_back(segment);
  return all;
}

}  // namespace
}  // namespace thalweg::log

std::vector<std::string> FuzzSeeds() {
  using namespace thalweg::log;
  std::vector<std::string> seeds;
  for (const int count : {1, 4, 14}) seeds.push_back(Encode(kCrcs, Written(count)));
  auto gap = Written(14);
  gap.erase(gap.begin() + 1);
  seeds.push_back(Encode(kCrcs | kDense, gap));
  auto torn = Written(4);
  torn.front().log.resize(torn.front().log.size() - 30);
  seeds.push_back(Encode(kAsTheyAre, torn));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thalweg;
  thalweg::testing::FuzzInput input({data, size});
  log::Folder folder;
  const auto mending = input.Number<uint8_t>();
  for (int i = 0; i < 4 && !input.AtEnd(); ++i) {
    const LogOffset base(input.Number<uint8_t>());
    const std::string stem = fmt::format("log/{:020}", base.value);
    ByteView bytes = input.Piece();
    std::vector<uint8_t> mended;
    if ((mending & (log::kCrcs | log::kDense)) != 0) {
      mended = log::Mended(bytes, base, (mending & log::kDense) != 0);
      bytes = mended;
    }
    log::Write(folder.disk(), stem + ".log", bytes);
    for (const char* ending : {".index", ".timeindex", ".stats"}) {
      if (const ByteView side = input.Piece(); !side.empty()) log::Write(folder.disk(), stem + ending, side);
    }
  }
  folder.Run();
  return 0;
}
