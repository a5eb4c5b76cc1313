#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/io/interfaces.h"
#include "arrow/memory_pool.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "parquet/arrow/writer.h"
#include "parquet/exception.h"
#include "parquet/properties.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/arrow_file.h"
#include "thalweg/cli/row_sink.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::cli {
namespace {

constexpr int64_t kRowGroupRows = 1 << 20;

/// Top-level TIMESTAMP_LTZ columns are written as UTC, so that readers know that they are points in time.
class ParquetSink final : public RowSink {
 public:
  ParquetSink(std::shared_ptr<arrow::Schema> schema, std::unique_ptr<parquet::arrow::FileWriter> writer)
      : schema_(std::move(schema)), writer_(std::move(writer)) {}

  arrow::Status Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    arrow::ArrayVector columns;
    for (int i = 0; i < rows->num_columns(); ++i) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), rows->column(i)->View(schema_->field(i)->type()));
    }
    return Guard(
        [&] { return writer_->WriteRecordBatch(*arrow::RecordBatch::Make(schema_, rows->num_rows(), columns)); });
  }

  arrow::Status Finish() override {
    return Guard([&] { return writer_->Close(); });
  }

 private:
  template <typename Call>
  static arrow::Status Guard(Call call) {
    try {
      const arrow::Status status = call();
      if (status.ok() || CodeOf(status) != ErrorCode::kUnknownServerError) return status;
      return Error(ErrorCode::kStorage, "The Parquet file cannot be written: {}", status.message());
    } catch (const parquet::ParquetException& error) {
      return Error(ErrorCode::kStorage, "The Parquet file cannot be written: {}", error.what());
    }
  }

  const std::shared_ptr<arrow::Schema> schema_;
  const std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

}  // namespace

arrow::Result<std::unique_ptr<RowSink>> OpenParquetSink(std::vector<schema::Column> columns, Output& output) {
  if (output.to_terminal()) {
    return Error(ErrorCode::kInvalidConfig, "Parquet is not for terminals: name a file with --output.");
  }
  arrow::FieldVector fields;
  for (const auto& column : columns) {
    auto field = schema::ToArrowField(column.name, column.type);
    if (column.type.kind == schema::TypeKind::kTimestampLtz) {
      field = field->WithType(arrow::timestamp(static_cast<const arrow::TimestampType&>(*field->type()).unit(), "UTC"));
    }
    fields.push_back(std::move(field));
  }
  auto schema = arrow::schema(std::move(fields));
  const auto properties = parquet::WriterProperties::Builder()
                              .compression(parquet::Compression::ZSTD)
                              ->max_row_group_length(kRowGroupRows)
                              ->build();
  ARROW_ASSIGN_OR_RAISE(
      auto writer,
      parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(),
                                       WriteForArrow([&output](ByteView data) { return output.Write(data); }),
                                       properties, parquet::ArrowWriterProperties::Builder().store_schema()->build()));
  return std::make_unique<ParquetSink>(std::move(schema), std::move(writer));
}

}  // namespace thalweg::cli
