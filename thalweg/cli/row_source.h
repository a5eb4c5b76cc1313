#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/schema/schema.h"

namespace thalweg::io {
class FileSystem;
}

namespace thalweg::cli {

enum class RowFormat { kJsonLines, kCsv, kParquet, kTable };

/// "json", "csv", "parquet" or "table"; INVALID_CONFIG for anything else.
arrow::Result<RowFormat> ParseRowFormat(const std::string& name);
/// By the ending of a file's name; INVALID_CONFIG, asking for --format, where that tells nothing.
arrow::Result<RowFormat> FormatOfFile(const std::string& path);

struct RowSourceOptions {
  RowFormat format = RowFormat::kJsonLines;
  std::string path;  ///< "-" is standard input
  char delimiter = ',';
  bool ignore_unknown = false;  ///< leave out columns that the table does not have; else they are an error
};

/// Rows of a file as rows of a table. Columns are found by name; one that the file lacks is null, if it may be.
/// Errors: INVALID_TARGET_COLUMN for what does not fit the table; the message names file, row (from 1, a CSV's head not
/// counted) and column.
class RowSource {
 public:
  /// `table` must outlive the source.
  static arrow::Result<std::unique_ptr<RowSource>> Open(io::FileSystem& fs, const RowSourceOptions& options,
                                                        const schema::Schema& table);
  virtual ~RowSource() = default;

  /// The next rows, of ToArrowSchema(table), at least one; null at the end.
  virtual arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
  /// How far the reading is, from 0 to 1; negative where nobody knows.
  virtual double progress() const = 0;
};

arrow::Result<std::unique_ptr<RowSource>> OpenJsonLines(io::FileSystem& fs, const RowSourceOptions& options,
                                                        const schema::Schema& table);
arrow::Result<std::unique_ptr<RowSource>> OpenCsv(io::FileSystem& fs, const RowSourceOptions& options,
                                                  const schema::Schema& table);
arrow::Result<std::unique_ptr<RowSource>> OpenParquet(io::FileSystem& fs, const RowSourceOptions& options,
                                                      const schema::Schema& table);

/// What an error message calls the input.
std::string NameOfInput(const std::string& path);

}  // namespace thalweg::cli
