#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/array/util.h"
#include "arrow/compute/cast.h"
#include "arrow/memory_pool.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "parquet/arrow/reader.h"
#include "parquet/exception.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/arrow_file.h"
#include "thalweg/cli/row_source.h"
#include "thalweg/io/file_system.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::cli {
namespace {

constexpr int64_t kRowsMax = 64 << 10;

class ParquetSource final : public RowSource {
 public:
  ParquetSource(std::unique_ptr<parquet::arrow::FileReader> reader, std::shared_ptr<arrow::RecordBatchReader> batches,
                int64_t rows_total, const RowSourceOptions& options, const schema::Schema& table,
                std::vector<int> places)
      : reader_(std::move(reader)),
        batches_(std::move(batches)),
        rows_total_(rows_total),
        options_(options),
        table_(table),
        places_(std::move(places)),
        arrow_schema_(schema::ToArrowSchema(table)) {}

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    std::shared_ptr<arrow::RecordBatch> rows;
    do {
      const auto read = batches_->ReadNext(&rows);
      if (!read.ok()) return Error(ErrorCode::kInvalidTargetColumn, "{}: {}", options_.path, read.message());
      if (!rows) return nullptr;
    } while (rows->num_rows() == 0);
    arrow::ArrayVector columns;
    for (size_t i = 0; i < places_.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto column, Convert(*rows, i));
      columns.push_back(std::move(column));
    }
    row_ += rows->num_rows();
    return arrow::RecordBatch::Make(arrow_schema_, rows->num_rows(), std::move(columns));
  }

  double progress() const override {
    return rows_total_ == 0 ? 1 : static_cast<double>(row_) / static_cast<double>(rows_total_);
  }

 private:
  arrow::Status Wrong(int64_t row, const schema::Column& column, const std::string& what) const {
    return Error(ErrorCode::kInvalidTargetColumn, "{}: row {}: column {}: {}", options_.path, row_ + row + 1,
                 column.name, what);
  }

  arrow::Result<std::shared_ptr<arrow::Array>> Convert(const arrow::RecordBatch& rows, size_t index) const {
    const auto& column = table_.columns()[index];
    const auto& type = arrow_schema_->field(static_cast<int>(index))->type();
    std::shared_ptr<arrow::Array> values;
    if (places_[index] < 0) {
      ARROW_ASSIGN_OR_RAISE(values, arrow::MakeArrayOfNull(type, rows.num_rows()));
    } else {
      values = rows.column(places_[index]);
      if (!values->type()->Equals(type)) {
        ARROW_ASSIGN_OR_RAISE(values, Cast(values, type, column));
      }
    }
    if (!column.type.nullable && values->null_count() > 0) {
      int64_t row = 0;
      while (!values->IsNull(row)) ++row;
      return Wrong(row, column, "there is no value, but the column is NOT NULL.");
    }
    return values;
  }

  arrow::Result<std::shared_ptr<arrow::Array>> Cast(const std::shared_ptr<arrow::Array>& values,
                                                    const std::shared_ptr<arrow::DataType>& type,
                                                    const schema::Column& column) const {
    auto cast = arrow::compute::Cast(*values, type, arrow::compute::CastOptions::Safe());
    if (cast.ok()) return cast;
    // The first row that does not go, by halves: all before `from` do.
    int64_t from = 0, count = values->length();
    while (count > 1) {
      const bool first_half_fits = arrow::compute::Cast(*values->Slice(from, count / 2), type).ok();
      from += first_half_fits ? count / 2 : 0;
      count = first_half_fits ? count - count / 2 : count / 2;
    }
    return Wrong(from, column,
                 fmt::format("{} is not a {}: {}", values->type()->ToString(), column.type, cast.status().message()));
  }

  const std::unique_ptr<parquet::arrow::FileReader> reader_;
  const std::shared_ptr<arrow::RecordBatchReader> batches_;
  const int64_t rows_total_;
  const RowSourceOptions options_;
  const schema::Schema& table_;
  const std::vector<int> places_;  ///< of each column of the table in the file; -1: the file lacks it
  const std::shared_ptr<arrow::Schema> arrow_schema_;
  int64_t row_ = 0;
};

arrow::Result<std::unique_ptr<RowSource>> Open(std::shared_ptr<arrow::io::RandomAccessFile> file,
                                               const RowSourceOptions& options, const schema::Schema& table) {
  parquet::arrow::FileReaderBuilder builder;
  ARROW_RETURN_NOT_OK(builder.Open(std::move(file)));
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_batch_size(kRowsMax);
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        builder.memory_pool(arrow::default_memory_pool())->properties(properties)->Build());
  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
  std::vector<int> places(table.column_count(), -1);
  for (int i = 0; i < schema->num_fields(); ++i) {
    const auto& name = schema->field(i)->name();
    const auto place = table.IndexOf(name);
    if (!place && !options.ignore_unknown) {
      return Error(ErrorCode::kInvalidTargetColumn,
                   "{}: the table has no column '{}' (--ignore-unknown leaves such out).", options.path, name);
    }
    if (place && places[*place] >= 0) {
      return Error(ErrorCode::kInvalidTargetColumn, "{} has two columns '{}'.", options.path, name);
    }
    if (place) places[*place] = i;
  }
  ARROW_ASSIGN_OR_RAISE(auto batches, reader->GetRecordBatchReader());
  const int64_t rows = reader->parquet_reader()->metadata()->num_rows();
  return std::make_unique<ParquetSource>(std::move(reader), std::move(batches), rows, options, table,
                                         std::move(places));
}

}  // namespace

arrow::Result<std::unique_ptr<RowSource>> OpenParquet(io::FileSystem& fs, const RowSourceOptions& options,
                                                      const schema::Schema& table) {
  if (options.path == "-") {
    return Error(ErrorCode::kInvalidConfig, "Parquet is read from its end: give a file, not standard input.");
  }
  ARROW_ASSIGN_OR_RAISE(auto file, OpenForArrow(fs, options.path));
  try {
    auto source = Open(std::move(file), options, table);
    if (source.ok() || CodeOf(source.status()) != ErrorCode::kUnknownServerError) return source;
    return Error(ErrorCode::kInvalidTargetColumn, "{}: {}", options.path, source.status().message());
  } catch (const parquet::ParquetException& error) {
    return Error(ErrorCode::kInvalidTargetColumn, "{}: {}", options.path, error.what());
  }
}

}  // namespace thalweg::cli
