#include "thalweg/format/statistics.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"

namespace thalweg::format {
namespace {

constexpr uint8_t kStatisticsVersion = 1;

arrow::Status Malformed() { return Error(ErrorCode::kCorruptRecord, "The statistics of the batch are malformed."); }

/// Takes `count` bytes off the front of `in`; null where they are not there.
const uint8_t* Take(ByteView* in, size_t count) {
  if (in->size() < count) return nullptr;
  const uint8_t* at = in->data();
  *in = in->subspan(count);
  return at;
}

bool TakeRow(ByteView* in, ByteView* row) {
  const uint8_t* size_at = Take(in, sizeof(int32_t));
  if (size_at == nullptr) return false;
  const auto size = LoadLittle<int32_t>(size_at);
  if (size < 0 || static_cast<size_t>(size) > in->size()) return false;
  *row = in->first(static_cast<size_t>(size));
  *in = in->subspan(static_cast<size_t>(size));
  return true;
}

/// One batch in place: its bytes as magic 0, a tail of `batch`.
MutableByteView DowngradeOne(MutableByteView batch, const BatchHeader& header) {
  if (header.magic == 0) return batch;
  const MutableByteView result = batch.subspan(header.header_bytes() + header.statistics_bytes - kHeaderBytesV0);
  WriteHeaderV0(header, result);
  StoreCrc(result);
  return result;
}

}  // namespace

arrow::Result<StatisticsView> StatisticsView::Parse(ByteView block) {
  StatisticsView view;
  const uint8_t* version = Take(&block, 1);
  const uint8_t* count = Take(&block, sizeof(int16_t));
  if (version == nullptr || count == nullptr || *version != kStatisticsVersion) return Malformed();
  const auto column_count = LoadLittle<int16_t>(count);
  if (column_count <= 0) return Malformed();
  view.count_ = static_cast<size_t>(column_count);
  view.columns_ = Take(&block, view.count_ * sizeof(int16_t));
  view.null_counts_ = Take(&block, view.count_ * sizeof(int32_t));
  if (view.columns_ == nullptr || view.null_counts_ == nullptr) return Malformed();
  if (!TakeRow(&block, &view.min_row_) || !TakeRow(&block, &view.max_row_)) return Malformed();

  std::vector<int16_t> positions(view.count_);
  for (size_t i = 0; i < view.count_; ++i) positions[i] = view.column(i);
  std::ranges::sort(positions);
  if (positions.front() < 0 || std::ranges::adjacent_find(positions) != positions.end()) return Malformed();
  return view;
}

int StatisticsView::IndexOf(int position) const {
  for (size_t i = 0; i < count_; ++i) {
    if (column(i) == position) return static_cast<int>(i);
  }
  return -1;
}

DowngradedBatches DowngradeToV0(MutableByteView records) {
  DowngradedBatches result;
  std::vector<std::pair<MutableByteView, BatchHeader>> found;
  for (MutableByteView rest = records; !rest.empty();) {
    const auto batch = ParseBatch(rest);
    TW_CHECK(batch.ok());
    found.emplace_back(rest.first(batch->bytes.size()), batch->header);
    if (batch->header.statistics_bytes > 0 && StatisticsView::Parse(batch->statistics()).ok()) {
      result.statistics.push_back({static_cast<int32_t>(found.size()) - 1,
                                   {batch->header.base_offset, batch->header.schema_id, batch->header.record_count,
                                    Bytes::Copy(batch->statistics())}});
    }
    rest = rest.subspan(batch->bytes.size());
  }
  // From the back, so that each batch moves up against the one behind it.
  uint8_t* end = records.data() + records.size();
  for (auto it = found.rbegin(); it != found.rend(); ++it) {
    const MutableByteView batch = DowngradeOne(it->first, it->second);
    end -= batch.size();
    if (end != batch.data()) std::memmove(end, batch.data(), batch.size());
  }
  result.batches = {end, static_cast<size_t>(records.data() + records.size() - end)};
  return result;
}

}  // namespace thalweg::format
