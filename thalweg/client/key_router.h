#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/ids.h"
#include "thalweg/client/admin.h"
#include "thalweg/format/bucket_hash.h"
#include "thalweg/format/key_encoder.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::client {

/// Which rows a lookup names by their keys.
enum class KeyKind : uint8_t {
  kWhole,   ///< all columns of the primary key
  kPrefix,  ///< the columns of the partition and of the bucket key, which the primary key must begin with
};

/// Keys that one bucket is asked for.
struct RoutedKeys {
  /// Of the partition, in the order of the table's partition keys; empty where it has none.
  std::vector<std::string> partition{};
  BucketId bucket{};
  /// Where clients on the Rust library put the same keys; most often the same.
  BucketId other_bucket{};
  std::vector<std::vector<uint8_t>> keys{};
  /// Of each key, which row of those given it is.
  std::vector<int64_t> rows{};
};

/// Tells in which bucket the rows of some keys are, and writes the keys as the server wants them. Immutable.
class KeyRouter {
 public:
  /// NON_PRIMARY_KEY_TABLE for a table without keys; INVALID_TABLE where kPrefix is impossible because the primary key does
  /// not begin with the bucket key, or is no longer than it.
  static arrow::Result<KeyRouter> Make(const TableInfo& table, KeyKind kind);

  /// Positions, in the table's schema, of the columns that a key consists of, in their order.
  const std::vector<size_t>& columns() const { return columns_; }
  const std::shared_ptr<arrow::Schema>& key_schema() const { return key_schema_; }

  /// `keys` are of key_schema(). INVALID_TABLE where a column has another type or a value is null.
  arrow::Result<std::vector<RoutedKeys>> Route(const arrow::RecordBatch& keys) const;

 private:
  KeyRouter() = default;
  arrow::Status CheckKeys(const arrow::RecordBatch& keys) const;

  std::vector<size_t> columns_;
  std::vector<schema::DataType> types_;  ///< of columns_
  std::shared_ptr<arrow::Schema> key_schema_;
  std::vector<size_t> partition_;  ///< where in columns_ the partition keys stand, in their order
  std::vector<size_t> key_;        ///< likewise the columns of the key, less the partition's
  std::vector<size_t> bucket_;     ///< likewise the columns that choose the bucket
  format::KeyFormat key_format_ = format::KeyFormat::kCompacted;
  format::KeyFormat bucket_format_ = format::KeyFormat::kCompacted;
  format::BucketFunction function_ = format::BucketFunction::kFluss;
  int32_t bucket_count_ = 1;
};

}  // namespace thalweg::client
