#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/column_shape.h"
#include "thalweg/schema/schema.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/schema/table_descriptor.h"

namespace thalweg::catalog {

/// What requests for data derive from the options and schemas of one version of a table. Each part is made when it is first
/// asked for and then kept as long as the layout: a table shares it with its later selves until its options or schemas
/// change, so that there is at most one of each part per version.
///
/// Thread safety: all calls. Nobody waits: of several that make the same part at once, the first to end is kept. What is
/// given lives as long as the layout.
class TableLayout {
 public:
  /// `schemas`: all versions, oldest first.
  TableLayout(std::shared_ptr<const schema::TableDescriptor> descriptor,
              std::vector<std::shared_ptr<const schema::Schema>> schemas)
      : descriptor_(std::move(descriptor)), schemas_(std::move(schemas)), columns_(schemas_.size()) {}

  /// The table's options. INVALID_CONFIG for those that this version of the server cannot read.
  arrow::Result<const schema::TableConfig*> Config() const;
  /// The columns that batches of a schema version have in Arrow format. SCHEMA_NOT_EXIST.
  arrow::Result<const std::vector<format::ColumnShape>*> ColumnsOf(SchemaId id) const;

  /// Whether it was made of just these.
  bool IsOf(const std::shared_ptr<const schema::TableDescriptor>& descriptor,
            const std::vector<std::shared_ptr<const schema::Schema>>& schemas) const {
    return descriptor_ == descriptor && schemas_ == schemas;
  }

 private:
  /// A value that is made at most once, unless it cannot be made.
  template <typename T>
  class Part {
   public:
    Part() = default;
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;
    ~Part() { delete value_.load(std::memory_order_acquire); }

    template <typename Make>
    arrow::Result<const T*> Get(Make make) const {
      const T* found = value_.load(std::memory_order_acquire);
      if (found) return found;
      ARROW_ASSIGN_OR_RAISE(T made, make());
      auto fresh = std::make_unique<const T>(std::move(made));
      if (!value_.compare_exchange_strong(found, fresh.get(), std::memory_order_acq_rel)) return found;
      return fresh.release();
    }

   private:
    mutable std::atomic<const T*> value_{nullptr};
  };

  const std::shared_ptr<const schema::TableDescriptor> descriptor_;
  const std::vector<std::shared_ptr<const schema::Schema>> schemas_;
  Part<schema::TableConfig> config_;
  std::vector<Part<std::vector<format::ColumnShape>>> columns_;  ///< of each schema
};

}  // namespace thalweg::catalog
