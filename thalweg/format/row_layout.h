#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "thalweg/format/row_format.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/schema.h"

namespace thalweg::format {

/// How a value lies in a row of either format; what each type takes is told in compacted_row.h and indexed_row.h.
enum class FieldEncoding : uint8_t {
  kFixed1,        ///< BOOLEAN, TINYINT
  kFixed2,        ///< SMALLINT
  kFixed4,        ///< INT, DATE, TIME of INDEXED; FLOAT
  kFixed8,        ///< BIGINT, short DECIMAL, short TIMESTAMP of INDEXED; DOUBLE
  kVarint32,      ///< INT, DATE, TIME of COMPACTED
  kVarint64,      ///< BIGINT, short DECIMAL, short TIMESTAMP of COMPACTED
  kVarintPair,    ///< long TIMESTAMP of COMPACTED
  kFixedPair,     ///< long TIMESTAMP of INDEXED
  kPadded,        ///< CHAR(n), BINARY(n) of INDEXED
  kSized,         ///< COMPACTED: a varint size in front
  kSizedInFront,  ///< INDEXED: its size stands in front of the values
};

/// How the rows of one schema version lie, and as which columns they are read: those of the same version, or those of a
/// later one. Made once for each version, shared by all views of its rows; immutable.
class RowLayout {
 public:
  /// Where no stored column stands: it is read as null.
  static constexpr int32_t kMissing = -1;

  /// One stored column.
  struct Stored {
    FieldEncoding encoding = FieldEncoding::kFixed1;
    bool is_decimal = false;    ///< a long DECIMAL: 1 to 16 bytes
    int32_t padded_bytes = 0;   ///< of kPadded
    int32_t column = kMissing;  ///< as which column it is read; kMissing where it is skipped
  };

  /// Rows of `types`, read as they are.
  RowLayout(RowFormat format, std::vector<schema::DataType> types);
  RowLayout(RowFormat format, const schema::Schema& schema);
  /// Rows written with `stored`, read as rows of `wanted`: columns are matched by id, those that `stored` lacks are null,
  /// those that `wanted` lacks are skipped.
  RowLayout(RowFormat format, const schema::Schema& stored, const schema::Schema& wanted);

  RowFormat format() const { return format_; }
  /// The columns as they are read.
  size_t column_count() const { return types_.size(); }
  const schema::DataType& type(size_t column) const { return types_[column]; }
  const std::vector<schema::DataType>& types() const { return types_; }
  /// The columns as they are stored.
  const std::vector<Stored>& stored() const { return stored_; }
  /// How many of the stored columns there are up to the last one that is read: what lies behind them is not looked at.
  size_t looked_at() const { return looked_at_; }
  /// Every stored column is read as the column of the same position, and there are no others: bytes of a row can be
  /// passed on as they are.
  bool identity() const { return identity_; }
  size_t null_bytes() const { return (stored_.size() + 7) / 8; }
  /// Null bits and, for INDEXED, the sizes in front of the values.
  size_t header_bytes() const { return header_bytes_; }

 private:
  void AddStored(const schema::DataType& type, int32_t column);

  RowFormat format_;
  std::vector<schema::DataType> types_;
  std::vector<Stored> stored_;
  size_t looked_at_ = 0;
  bool identity_ = true;
  size_t header_bytes_ = 0;
};

/// As what `type` lies in rows of `format`.
FieldEncoding EncodingOf(RowFormat format, const schema::DataType& type);

/// DECIMAL whose unscaled value is kept as bytes, TIMESTAMP with nanoseconds behind its milliseconds.
bool IsLongDecimal(const schema::DataType& type);
bool IsLongTimestamp(const schema::DataType& type);

}  // namespace thalweg::format
