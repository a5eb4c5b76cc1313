#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/table.h"
#include "thalweg/tablet/kv_table.h"

namespace thalweg::service {

/// What buckets need to know of the tables with a primary key, made once for each version of a table.
/// Thread safety: all calls. Nobody waits for long: a table is made with the mutex held only where two want it at once.
class KvTables {
 public:
  /// INVALID_CONFIG, INVALID_TABLE: this version of the server cannot keep such a table.
  arrow::Result<std::shared_ptr<const tablet::KvTable>> Get(const catalog::Table& table);

 private:
  /// So many are kept; beyond, all are forgotten and made again.
  static constexpr size_t kKept = 20'000;

  struct Known {
    std::shared_ptr<const catalog::TableLayout> of;
    std::shared_ptr<const tablet::KvTable> table;
  };
  std::mutex mutex_;
  std::unordered_map<TableId, Known> known_;
};

/// What the table of `bucket` is, if it has a primary key; null where it has none, or is gone. The errors of KvTables::Get, with the
/// table's name.
arrow::Result<std::shared_ptr<const tablet::KvTable>> KvTableOf(KvTables& tables, const catalog::Catalog& catalog,
                                                                const TableBucket& bucket);

}  // namespace thalweg::service
