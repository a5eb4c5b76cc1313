#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <utility>

#include "arrow/result.h"
#include "thalweg/format/changelog_builder.h"
#include "thalweg/tablet/kv_table.h"

namespace thalweg::tablet {

/// The builders of changelog batches that one shard needed last. A builder takes a MiB and more, most of it for its compressor,
/// and serves all buckets of a table; so few tables have one at a time.
/// Thread safety: none.
class BuilderCache {
 public:
  BuilderCache() = default;
  BuilderCache(BuilderCache&&) = default;
  BuilderCache(const BuilderCache&) = delete;

  /// Valid until the next call.
  arrow::Result<format::ChangelogBuilder*> For(const std::shared_ptr<const KvTable>& table);
  /// A builder that a large batch has blown up goes.
  void Return(const format::ChangelogBuilder* builder);

 private:
  static constexpr size_t kKept = 8;
  static constexpr size_t kBytesMax = 4 << 20;

  using Entry = std::pair<std::shared_ptr<const KvTable>, std::unique_ptr<format::ChangelogBuilder>>;
  std::list<Entry> entries_;  ///< the latest first
};

}  // namespace thalweg::tablet
