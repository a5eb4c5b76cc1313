#include "thalweg/cli/row_sink.h"

#include <string>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/record_batch.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/cell_text.h"

namespace thalweg::cli {
namespace {

constexpr size_t kFlushBytes = 1 << 20;

class JsonLinesSink final : public RowSink {
 public:
  JsonLinesSink(std::vector<schema::Column> columns, Output& output) : columns_(std::move(columns)), output_(output) {
    for (const auto& column : columns_) {
      std::string name;
      AppendJsonText(column.name, &name);
      names_.push_back(name + ':');
    }
  }

  arrow::Status Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    std::string text;
    for (int64_t row = 0; row < rows->num_rows(); ++row) {
      for (size_t i = 0; i < columns_.size(); ++i) {
        text += i == 0 ? '{' : ',';
        text += names_[i];
        AppendJson(*rows->column(static_cast<int>(i)), row, columns_[i].type, &text);
      }
      text += "}\n";
      if (text.size() >= kFlushBytes) {
        ARROW_RETURN_NOT_OK(output_.Write(AsBytes(text)));
        text.clear();
      }
    }
    return output_.Write(AsBytes(text));
  }

 private:
  const std::vector<schema::Column> columns_;
  std::vector<std::string> names_;
  Output& output_;
};

/// As RFC 4180 has it, with plain line ends. Null is nothing, empty text is "".
class CsvSink final : public RowSink {
 public:
  CsvSink(std::vector<schema::Column> columns, Output& output) : columns_(std::move(columns)), output_(output) {}

  arrow::Status Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    std::string text = std::exchange(began_, true) ? "" : Head();
    for (int64_t row = 0; row < rows->num_rows(); ++row) {
      for (size_t i = 0; i < columns_.size(); ++i) {
        if (i > 0) text += ',';
        const auto& column = *rows->column(static_cast<int>(i));
        if (!column.IsNull(row)) AddCell(CellText(column, row, columns_[i].type), &text);
      }
      text += '\n';
      if (text.size() >= kFlushBytes) {
        ARROW_RETURN_NOT_OK(output_.Write(AsBytes(text)));
        text.clear();
      }
    }
    return output_.Write(AsBytes(text));
  }

  arrow::Status Finish() override {
    return began_ ? arrow::Status::OK()
                  : output_.Write(AsBytes(Head()));  // no rows: the columns are known all the same
  }

 private:
  static void AddCell(const std::string& cell, std::string* to) {
    if (!cell.empty() && cell.find_first_of(",\"\r\n") == std::string::npos) {
      *to += cell;
      return;
    }
    *to += '"';
    for (const char c : cell) {
      if (c == '"') *to += '"';
      *to += c;
    }
    *to += '"';
  }
  std::string Head() const {
    std::string head;
    for (const auto& column : columns_) {
      if (!head.empty()) head += ',';
      AddCell(column.name, &head);
    }
    return head + '\n';
  }

  const std::vector<schema::Column> columns_;
  Output& output_;
  bool began_ = false;
};

}  // namespace

arrow::Result<std::unique_ptr<RowSink>> RowSink::Open(RowFormat format, std::vector<schema::Column> columns,
                                                      Output& output) {
  switch (format) {
    case RowFormat::kJsonLines:
      return std::make_unique<JsonLinesSink>(std::move(columns), output);
    case RowFormat::kCsv:
      return std::make_unique<CsvSink>(std::move(columns), output);
    case RowFormat::kParquet:
      return OpenParquetSink(std::move(columns), output);
    case RowFormat::kTable:
      return OpenTableSink(std::move(columns), output);
  }
  return Error(ErrorCode::kInvalidConfig, "There is no such format.");
}

}  // namespace thalweg::cli
