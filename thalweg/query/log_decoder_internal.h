#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/catalog/table.h"
#include "thalweg/format/arrow_columns.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/query/environment.h"
#include "thalweg/schema/table_config.h"

namespace thalweg::query {

/// The records of one log batch.
struct DecodedBatch {
  arrow::ArrayVector columns;                    ///< those that were asked for
  std::vector<format::ChangeType> change_types;  ///< of each; empty: appends
  int64_t rows = 0;
};

/// Reads log batches of a table, of all formats and schema versions, as columns of the version in which it was found: those that
/// came later than a batch are null in it.
/// Thread safety: none: it keeps what it needs for each schema version.
class LogDecoder {
 public:
  /// `columns`: positions in the table's latest schema.
  static arrow::Result<std::unique_ptr<LogDecoder>> Make(const Environment& environment, catalog::TablePtr table,
                                                         std::vector<int> columns);
  ~LogDecoder();

  /// What can be left as it is refers to the bytes of `batch`, which `owner` keeps alive. `load`: as ArrowColumns::Decode; only
  /// where ReadsInPart. CORRUPT_RECORD, SCHEMA_NOT_EXIST.
  arrow::Result<DecodedBatch> Decode(const format::LogBatchView& batch, const std::shared_ptr<const void>& owner,
                                     bool with_change_types, const format::ArrowColumns::Load& load = nullptr);
  /// Whether batches may be read in part, because not all of their columns are wanted and the CRC of the whole is not relied on.
  bool ReadsInPart() const;
  /// How many columns batches of the latest schema have for each one that is wanted.
  size_t ColumnsForOne() const;
  /// The schema that batches name; null where there is none.
  std::shared_ptr<const schema::Schema> FindSchema(SchemaId id);

 private:
  struct Version;

  LogDecoder(const Environment& environment, catalog::TablePtr table, std::vector<int> columns);
  arrow::Result<Version*> VersionOf(SchemaId id);
  arrow::Status DecodeRows(const format::LogBatchView& batch, Version& version, bool with_change_types,
                           DecodedBatch* to) const;

  const Environment& environment_;
  catalog::TablePtr table_;
  const std::vector<int> columns_;
  schema::LogFormat format_ = schema::LogFormat::kArrow;
  std::map<SchemaId, std::unique_ptr<Version>> versions_;
};

}  // namespace thalweg::query
