#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/record_batch.h"
#include "thalweg/cli/cell_text.h"
#include "thalweg/cli/row_sink.h"
#include "thalweg/cli/text_table.h"
#include "thalweg/io/terminal.h"

namespace thalweg::cli {
namespace {

constexpr int64_t kMeasuredRows = 1000;
constexpr size_t kCellCharactersMin = 8;
constexpr size_t kCellCharactersMax = 60;
constexpr const char* kNull = "∅";

/// Later rows keep the widths of the first ones, so that rows can be shown as they come.
class TableSink final : public RowSink {
 public:
  TableSink(std::vector<schema::Column> columns, Output& output) : columns_(std::move(columns)), output_(output) {}

  arrow::Status Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    std::string text;
    if (widths_.empty()) {
      Measure(*rows);
      text = Head();
    }
    for (int64_t row = 0; row < rows->num_rows(); ++row) {
      for (size_t i = 0; i < columns_.size(); ++i) AddCell(Cell(*rows, i, row), i, &text);
      text += '\n';
    }
    return output_.Write(AsBytes(text));
  }

  arrow::Status Finish() override {
    return widths_.empty() ? output_.Write(AsBytes("no rows\n")) : arrow::Status::OK();
  }

 private:
  std::string Cell(const arrow::RecordBatch& rows, size_t column, int64_t row) const {
    const auto& values = *rows.column(static_cast<int>(column));
    if (values.IsNull(row)) return kNull;
    return FitTo(CellText(values, row, columns_[column].type), kCellCharactersMax);
  }

  /// Numbers stand to the right.
  bool IsNumber(size_t column) const {
    const auto kind = columns_[column].type.kind;
    return (kind >= schema::TypeKind::kTinyInt && kind <= schema::TypeKind::kDouble) ||
           kind == schema::TypeKind::kDecimal;
  }

  void Measure(const arrow::RecordBatch& rows) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      size_t width = std::max(kCellCharactersMin / 2, DisplayWidth(columns_[i].name));
      for (int64_t row = 0; row < std::min(rows.num_rows(), kMeasuredRows); ++row) {
        width = std::max(width, DisplayWidth(Cell(rows, i, row)));
      }
      widths_.push_back(std::min(width, kCellCharactersMax));
    }
    // What does not fit a line is taken from the widest columns.
    const size_t line = output_.to_terminal() ? io::TerminalColumns(io::StandardStream::kOutput) : 0;
    const auto total = [&] { return std::accumulate(widths_.begin(), widths_.end(), 2 * (widths_.size() - 1)); };
    while (line > 0 && total() > line) {
      auto& widest = *std::ranges::max_element(widths_);
      if (widest <= kCellCharactersMin) break;
      --widest;
    }
  }

  void AddCell(const std::string& cell, size_t column, std::string* to) const {
    const std::string fitted = FitTo(cell, widths_[column]);
    const size_t padding = widths_[column] - DisplayWidth(fitted);
    if (column > 0) *to += "  ";
    if (IsNumber(column)) to->append(padding, ' ');
    *to += fitted;
    if (!IsNumber(column) && column + 1 < columns_.size()) to->append(padding, ' ');
  }

  std::string Head() const {
    std::string head, rule;
    for (size_t i = 0; i < columns_.size(); ++i) {
      AddCell(columns_[i].name, i, &head);
      if (i > 0) rule += "  ";
      for (size_t character = 0; character < widths_[i]; ++character) rule += "─";
    }
    return head + '\n' + rule + '\n';
  }

  const std::vector<schema::Column> columns_;
  Output& output_;
  std::vector<size_t> widths_;
};

}  // namespace

std::unique_ptr<RowSink> OpenTableSink(std::vector<schema::Column> columns, Output& output) {
  return std::make_unique<TableSink>(std::move(columns), output);
}

}  // namespace thalweg::cli
