#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/client/admin.h"
#include "thalweg/client/connection_pool.h"
#include "thalweg/client/key_router.h"
#include "thalweg/format/row_layout.h"

namespace thalweg::client {

/// What stands for a key that the table has no row for.
enum class Missing : uint8_t {
  kLeaveOut,
  kNulls,  ///< a row of nulls, so that there is one row for each key
};

/// Rows of one table with a primary key, by their keys: each key is sent to its bucket, and what comes back is decoded into
/// columns. Rows of older schema versions have nulls in the columns that they lack. Keys that are not where they belong are also
/// looked for where clients on the Rust library put them (format::RustBucketOf); whoever writes the same keys
/// with both kinds of clients has them twice, and gets the one in its right place.
///
/// Errors: those of ConnectionPool::Run. UNKNOWN_TABLE_OR_BUCKET where the table is no longer the one that was opened: open it
/// again. RECORD_TOO_LARGE where one row alone is too large for an answer.
/// Thread safety: all of it; the pool must outlive it.
class KeyReader {
 public:
  /// Keys in one request; more are sent in several.
  static constexpr size_t kKeysMax = 10'000;

  static arrow::Result<std::unique_ptr<KeyReader>> Open(ConnectionPool& pool, const schema::TablePath& path);

  const TableInfo& table() const { return table_; }
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  /// NON_PRIMARY_KEY_TABLE, INVALID_TABLE: as KeyRouter::Make.
  arrow::Result<const KeyRouter*> RouterOf(KeyKind kind) const;

  /// The rows of `keys` (of the router's key_schema()) in their order; `columns` are positions in schema(), all of them
  /// where empty.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> LookUp(const arrow::RecordBatch& keys,
                                                            const std::vector<int32_t>& columns, Missing missing);
  /// The rows that begin with each of `prefixes`, one prefix after the other.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> LookUpPrefixes(const arrow::RecordBatch& prefixes,
                                                                    const std::vector<int32_t>& columns);

 private:
  /// One key on its way.
  struct Wanted {
    PartitionId partition = kNoPartition;
    BucketId bucket{};
    BucketId other_bucket{};
    ByteView key{};
    size_t row = 0;
  };
  /// What came for each key; the values lie in the frames.
  struct Answers {
    std::vector<std::vector<ByteView>> values{};
    std::vector<Bytes> frames{};
  };

  KeyReader(ConnectionPool& pool, TableInfo table) : pool_(pool), table_(std::move(table)) {}

  arrow::Result<Answers> Ask(KeyKind kind, const arrow::RecordBatch& keys);
  arrow::Result<std::vector<Wanted>> Resolve(Connection& connection, const std::vector<RoutedKeys>& routed);
  arrow::Status RefreshPartitions(Connection& connection);
  arrow::Status Fetch(Connection& connection, KeyKind kind, std::span<const Wanted> wanted, Answers* to) const;
  arrow::Status FetchElsewhere(Connection& connection, KeyKind kind, std::span<const Wanted> wanted, Answers* to) const;
  arrow::Status FetchOnce(Connection& connection, KeyKind kind, std::span<const Wanted> wanted, Answers* to) const;
  arrow::Result<std::shared_ptr<const format::RowLayout>> LayoutOf(SchemaId id);
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Decode(const Answers& answers, const std::vector<int32_t>& columns,
                                                            Missing missing);

  ConnectionPool& pool_;
  const TableInfo table_;
  format::RowFormat row_format_ = format::RowFormat::kCompacted;
  std::shared_ptr<arrow::Schema> schema_;
  std::optional<arrow::Result<KeyRouter>> whole_;
  std::optional<arrow::Result<KeyRouter>> prefix_;

  std::mutex mutex_;  ///< of what follows; never held over a request
  std::map<std::vector<std::string>, PartitionId> partitions_;
  std::map<SchemaId, std::shared_ptr<const format::RowLayout>> layouts_;
};

}  // namespace thalweg::client
