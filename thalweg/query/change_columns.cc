#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_nested.h"
#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/array/util.h"
#include "arrow/buffer.h"
#include "arrow/compute/api_vector.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/query/change_columns_internal.h"

namespace thalweg::query {
namespace {

using format::ChangeType;

// Positions in both virtual tables, and behind them in the binlog.
enum Position : int { kChangeType = 0, kLogOffset = 1, kCommitTimestamp = 2, kBefore = 3, kAfter = 4 };

/// As $changelog has it.
std::string_view NameOf(ChangeType type) {
  switch (type) {
    case ChangeType::kAppend:
    case ChangeType::kInsert:
      return "insert";
    case ChangeType::kUpdateBefore:
      return "update_before";
    case ChangeType::kUpdateAfter:
      return "update_after";
    case ChangeType::kDelete:
      return "delete";
  }
  return "insert";
}

arrow::Result<std::shared_ptr<arrow::Array>> Texts(int64_t count, const auto& text_at) {
  arrow::StringBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Reserve(count));
  for (int64_t i = 0; i < count; ++i) ARROW_RETURN_NOT_OK(builder.Append(text_at(i)));
  return builder.Finish();
}

arrow::Result<std::shared_ptr<arrow::Array>> Offsets(int64_t count, const auto& offset_at) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(count * 8));
  auto* offsets = reinterpret_cast<int64_t*>(buffer->mutable_data());
  for (int64_t i = 0; i < count; ++i) offsets[i] = offset_at(i);
  return std::make_shared<arrow::Int64Array>(count, std::move(buffer));
}

arrow::Result<std::shared_ptr<arrow::Array>> Times(const Table& table, int64_t count, int64_t time_ms) {
  const auto& type = table.arrow_schema()->field(kCommitTimestamp)->type();
  return arrow::MakeArrayFromScalar(arrow::TimestampScalar(time_ms, type), count);
}

arrow::Result<OffsetRows> ChangelogRows(const Table& table, const ScanColumns& columns,
                                        const format::BatchHeader& header, DecodedBatch decoded) {
  OffsetRows rows{.rows = decoded.rows, .first = header.base_offset};
  size_t next = 0;
  for (const int column : columns.scanned) {
    auto& array = rows.columns.emplace_back();
    if (column == kChangeType) {
      const auto& types = decoded.change_types;
      ARROW_ASSIGN_OR_RAISE(array, Texts(rows.rows, [&](int64_t i) {
                              return NameOf(types.empty() ? ChangeType::kAppend : types[static_cast<size_t>(i)]);
                            }));
    } else if (column == kLogOffset) {
      ARROW_ASSIGN_OR_RAISE(array, Offsets(rows.rows, [&](int64_t i) { return header.base_offset.value + i; }));
    } else if (column == kCommitTimestamp) {
      ARROW_ASSIGN_OR_RAISE(array, Times(table, rows.rows, header.commit_timestamp_ms));
    } else {
      array = std::move(decoded.columns[next++]);
    }
  }
  return rows;
}

/// One change: which records of the batch are the row before and after it.
struct Change {
  std::string_view kind;
  int32_t at = 0;  ///< the record whose offset it has
  std::optional<int32_t> before;
  std::optional<int32_t> after;
};

/// A -U stands right before its +U, in one batch. Without it (the table's changelog has no images of the rows before) there is
/// no row before.
std::vector<Change> ChangesOf(const std::vector<ChangeType>& types) {
  std::vector<Change> changes;
  const auto count = static_cast<int32_t>(types.size());
  for (int32_t i = 0; i < count; ++i) {
    switch (types[static_cast<size_t>(i)]) {
      case ChangeType::kAppend:
      case ChangeType::kInsert:
        changes.push_back({"insert", i, std::nullopt, i});
        break;
      case ChangeType::kUpdateBefore:
        changes.push_back({"update", i, i, std::nullopt});
        if (i + 1 < count && types[static_cast<size_t>(i) + 1] == ChangeType::kUpdateAfter) changes.back().after = ++i;
        break;
      case ChangeType::kUpdateAfter:
        changes.push_back({"update", i, std::nullopt, i});
        break;
      case ChangeType::kDelete:
        changes.push_back({"delete", i, i, std::nullopt});
        break;
    }
  }
  return changes;
}

arrow::Result<std::shared_ptr<arrow::Array>> RowsAt(const std::shared_ptr<arrow::Array>& all,
                                                    const std::vector<Change>& changes,
                                                    std::optional<int32_t> Change::* which) {
  arrow::Int32Builder indexes;
  ARROW_RETURN_NOT_OK(indexes.Reserve(static_cast<int64_t>(changes.size())));
  for (const Change& change : changes) {
    if (change.*which) {
      indexes.UnsafeAppend(*(change.*which));
    } else {
      indexes.UnsafeAppendNull();
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto taken, indexes.Finish());
  return arrow::compute::Take(*all, *taken, arrow::compute::TakeOptions::NoBoundsCheck());
}

arrow::Result<OffsetRows> BinlogRows(const Table& table, const ScanColumns& columns, const format::BatchHeader& header,
                                     DecodedBatch decoded) {
  if (decoded.change_types.empty() && decoded.rows > 0) {
    decoded.change_types.assign(static_cast<size_t>(decoded.rows), ChangeType::kInsert);
  }
  const auto changes = ChangesOf(decoded.change_types);
  const auto count = static_cast<int64_t>(changes.size());
  OffsetRows rows{.rows = count, .first = header.base_offset};
  for (const Change& change : changes) rows.offsets.push_back(header.base_offset.value + change.at);
  std::shared_ptr<arrow::Array> all;
  if (!columns.read.empty()) {
    all = std::make_shared<arrow::StructArray>(table.arrow_schema()->field(kAfter)->type(), decoded.rows,
                                               decoded.columns);
  }
  for (const int column : columns.scanned) {
    auto& array = rows.columns.emplace_back();
    if (column == kChangeType) {
      ARROW_ASSIGN_OR_RAISE(array, Texts(count, [&](int64_t i) { return changes[static_cast<size_t>(i)].kind; }));
    } else if (column == kLogOffset) {
      ARROW_ASSIGN_OR_RAISE(array, Offsets(count, [&](int64_t i) { return rows.offsets[static_cast<size_t>(i)]; }));
    } else if (column == kCommitTimestamp) {
      ARROW_ASSIGN_OR_RAISE(array, Times(table, count, header.commit_timestamp_ms));
    } else {
      ARROW_ASSIGN_OR_RAISE(array, RowsAt(all, changes, column == kBefore ? &Change::before : &Change::after));
    }
  }
  return rows;
}

}  // namespace

ScanColumns ScanColumns::Of(const Table& table, std::vector<int> scanned) {
  ScanColumns columns{.scanned = std::move(scanned)};
  const bool binlog = table.kind() == TableKind::kBinlog;
  const auto added = static_cast<int>(table.added_columns());
  bool whole_rows = false;
  for (const int column : columns.scanned) {
    if (binlog) {
      whole_rows = whole_rows || column >= kBefore;
    } else if (column >= added) {
      columns.read.push_back(column - added);
    }
    columns.change_types = columns.change_types || (table.is_virtual() && column == kChangeType);
  }
  if (!binlog) return columns;
  // What the changes are, decides how many rows there are.
  columns.change_types = true;
  if (whole_rows) {
    for (size_t i = 0; i < table.base()->schema().column_count(); ++i) columns.read.push_back(static_cast<int>(i));
  }
  return columns;
}

arrow::Result<OffsetRows> MakeOffsetRows(const Table& table, const ScanColumns& columns,
                                         const format::BatchHeader& header, DecodedBatch decoded) {
  if (table.kind() == TableKind::kChangelog) return ChangelogRows(table, columns, header, std::move(decoded));
  if (table.kind() == TableKind::kBinlog) return BinlogRows(table, columns, header, std::move(decoded));
  return OffsetRows{.columns = std::move(decoded.columns), .rows = decoded.rows, .first = header.base_offset};
}

}  // namespace thalweg::query
