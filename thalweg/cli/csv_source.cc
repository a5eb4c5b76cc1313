#include <utility>
#include <vector>

#include "arrow/array/array_binary.h"
#include "arrow/array/builder_base.h"
#include "arrow/builder.h"
#include "arrow/csv/options.h"
#include "arrow/csv/reader.h"
#include "arrow/io/stdio.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/arrow_file.h"
#include "thalweg/cli/row_source.h"
#include "thalweg/cli/value_text.h"
#include "thalweg/io/file_system.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::cli {
namespace {

constexpr int32_t kBlockBytes = 1 << 20;

/// Arrow splits the text into cells; cells become values here, so that every error can name its row. An empty cell is
/// null, unless it is quoted.
class CsvSource final : public RowSource {
 public:
  CsvSource(std::shared_ptr<arrow::csv::StreamingReader> reader, int64_t size, const RowSourceOptions& options,
            const schema::Schema& table, std::vector<int> places)
      : reader_(std::move(reader)),
        size_(size),
        options_(options),
        table_(table),
        places_(std::move(places)),
        arrow_schema_(schema::ToArrowSchema(table)) {}

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    std::shared_ptr<arrow::RecordBatch> cells;
    do {
      const auto read = reader_->ReadNext(&cells);
      if (!read.ok()) {
        return Error(ErrorCode::kInvalidTargetColumn, "{}: {}", NameOfInput(options_.path), read.message());
      }
      if (!cells) return nullptr;
    } while (cells->num_rows() == 0);
    arrow::ArrayVector columns;
    for (size_t i = 0; i < places_.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto column, Convert(*cells, i));
      columns.push_back(std::move(column));
    }
    row_ += cells->num_rows();
    return arrow::RecordBatch::Make(arrow_schema_, cells->num_rows(), std::move(columns));
  }

  double progress() const override {
    return size_ == 0 ? -1 : static_cast<double>(reader_->bytes_read()) / static_cast<double>(size_);
  }

 private:
  arrow::Result<std::shared_ptr<arrow::Array>> Convert(const arrow::RecordBatch& cells, size_t index) const {
    const auto& column = table_.columns()[index];
    ARROW_ASSIGN_OR_RAISE(auto builder, arrow::MakeBuilder(arrow_schema_->field(static_cast<int>(index))->type()));
    const auto texts =
        places_[index] < 0 ? nullptr : std::static_pointer_cast<arrow::StringArray>(cells.column(places_[index]));
    for (int64_t row = 0; row < cells.num_rows(); ++row) {
      const bool empty = texts == nullptr || texts->IsNull(row);
      const auto status =
          empty ? AppendNullValue(column.type, *builder) : AppendText(texts->GetView(row), column.type, *builder);
      if (!status.ok()) {
        return Error(ErrorCode::kInvalidTargetColumn, "{}: row {}: column {}: {}", NameOfInput(options_.path),
                     row_ + row + 1, column.name, status.message());
      }
    }
    return builder->Finish();
  }

  const std::shared_ptr<arrow::csv::StreamingReader> reader_;
  const int64_t size_;
  const RowSourceOptions options_;
  const schema::Schema& table_;
  const std::vector<int> places_;  ///< of each column of the table in the file; -1: the file lacks it
  const std::shared_ptr<arrow::Schema> arrow_schema_;
  int64_t row_ = 0;
};

arrow::Result<std::vector<int>> Places(const arrow::Schema& file, const RowSourceOptions& options,
                                       const schema::Schema& table) {
  std::vector<int> places(table.column_count(), -1);
  for (int i = 0; i < file.num_fields(); ++i) {
    const auto& name = file.field(i)->name();
    const auto place = table.IndexOf(name);
    if (!place && options.ignore_unknown) continue;
    if (!place) {
      return Error(ErrorCode::kInvalidTargetColumn,
                   "{}: the table has no column '{}' (--ignore-unknown leaves such out). The first line must name the "
                   "columns.",
                   NameOfInput(options.path), name);
    }
    if (places[*place] >= 0) {
      return Error(ErrorCode::kInvalidTargetColumn, "{}: the first line names the column '{}' twice.",
                   NameOfInput(options.path), name);
    }
    places[*place] = i;
  }
  return places;
}

}  // namespace

arrow::Result<std::unique_ptr<RowSource>> OpenCsv(io::FileSystem& fs, const RowSourceOptions& options,
                                                  const schema::Schema& table) {
  std::shared_ptr<arrow::io::InputStream> input;
  int64_t size = 0;
  if (options.path == "-") {
    input = std::make_shared<arrow::io::StdinStream>();
  } else {
    ARROW_ASSIGN_OR_RAISE(auto file, OpenForArrow(fs, options.path));
    ARROW_ASSIGN_OR_RAISE(size, file->GetSize());
    input = std::move(file);
  }
  auto read = arrow::csv::ReadOptions::Defaults();
  read.use_threads = false;  // only so do its errors tell rows
  read.block_size = kBlockBytes;
  auto parse = arrow::csv::ParseOptions::Defaults();
  parse.delimiter = options.delimiter;
  parse.newlines_in_values = true;
  auto convert = arrow::csv::ConvertOptions::Defaults();
  for (const auto& column : table.columns()) convert.column_types[column.name] = arrow::utf8();
  convert.null_values = {""};
  convert.strings_can_be_null = true;
  convert.quoted_strings_can_be_null = false;
  auto reader =
      arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), std::move(input), read, parse, convert);
  if (!reader.ok()) {
    return Error(ErrorCode::kInvalidTargetColumn, "{}: {}", NameOfInput(options.path), reader.status().message());
  }
  ARROW_ASSIGN_OR_RAISE(auto places, Places(*(*reader)->schema(), options, table));
  return std::make_unique<CsvSource>(std::move(*reader), size, options, table, std::move(places));
}

}  // namespace thalweg::cli
