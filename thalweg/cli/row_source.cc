#include "thalweg/cli/row_source.h"

#include "thalweg/base/error.h"

namespace thalweg::cli {

arrow::Result<RowFormat> ParseRowFormat(const std::string& name) {
  if (name == "json") return RowFormat::kJsonLines;
  if (name == "csv") return RowFormat::kCsv;
  if (name == "parquet") return RowFormat::kParquet;
  if (name == "table") return RowFormat::kTable;
  return Error(ErrorCode::kInvalidConfig, "'{}' is no format: there are json (lines), csv, parquet and table.", name);
}

arrow::Result<RowFormat> FormatOfFile(const std::string& path) {
  if (path == "-" || path.ends_with(".json") || path.ends_with(".jsonl") || path.ends_with(".ndjson")) {
    return RowFormat::kJsonLines;
  }
  if (path.ends_with(".csv")) return RowFormat::kCsv;
  if (path.ends_with(".parquet")) return RowFormat::kParquet;
  return Error(ErrorCode::kInvalidConfig, "What is {}? Say --format json, csv or parquet.", path);
}

arrow::Result<std::unique_ptr<RowSource>> RowSource::Open(io::FileSystem& fs, const RowSourceOptions& options,
                                                          const schema::Schema& table) {
  switch (options.format) {
    case RowFormat::kJsonLines:
      return OpenJsonLines(fs, options, table);
    case RowFormat::kCsv:
      return OpenCsv(fs, options, table);
    case RowFormat::kParquet:
      return OpenParquet(fs, options, table);
    case RowFormat::kTable:
      break;
  }
  return Error(ErrorCode::kInvalidConfig, "Rows cannot be read from a printed table: give json, csv or parquet.");
}

std::string NameOfInput(const std::string& path) { return path == "-" ? "standard input" : path; }

}  // namespace thalweg::cli
