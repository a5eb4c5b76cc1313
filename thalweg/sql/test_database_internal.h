#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/array/array_binary.h"
#include "arrow/record_batch.h"
#include "arrow/scalar.h"
#include "arrow/table.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/kv/memory_state_store.h"
#include "thalweg/kv/store_pool.h"
#include "thalweg/query/environment.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/byte_budget.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/shards.h"
#include "thalweg/runtime/threads.h"
#include "thalweg/sql/engine.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/testing/memory_file_system.h"
#include "thalweg/testing/memory_meta_store.h"

namespace thalweg::sql {

/// States that are gone with the server.
class MemoryStores final : public kv::StoreFactory {
 public:
  arrow::Result<std::unique_ptr<kv::StateStore>> Open(const TableBucket&) override {
    return std::make_unique<kv::MemoryStateStore>();
  }
  arrow::Status Remove(const TableBucket&) override { return arrow::Status::OK(); }
};

/// A server in memory, on real threads, with SQL as its only door.
class TestDatabase {
 public:
  explicit TestDatabase(EngineOptions options = {.threads = 2, .nice = 0}) {
    shards_ = runtime::Shards::Start(2);
    catalog::CatalogOptions catalog_options;
    catalog_ = runtime::BlockOn(pool_, catalog::Catalog::Open(store_, runtime::SystemClock(), catalog_options, pool_))
                   .ValueOrDie();
    tablet::EngineOptions tablet_options;
    tablet_options.directory = "data";
    tablet_options.kv.stores = &stores_;
    tablet_options.kv.table_of = [this](const TableBucket& bucket) -> std::shared_ptr<const tablet::KvTable> {
      const auto table = catalog_->view()->FindTable(bucket.table);
      if (!table || !table->descriptor->HasPrimaryKey()) return nullptr;
      return tablet::KvTable::Make(*table->descriptor, table->schemas).ValueOrDie();
    };
    tablet_options.kv.reserve_numbers = [this](TableId table, int32_t column, int64_t count, runtime::Executor& home) {
      return catalog_->ReserveRowNumbers(table, column, count, home);
    };
    tablets_ = tablet::Engine::Open({.fs = disk_,
                                     .clock = runtime::SystemClock(),
                                     .shards = {&shards_->at(0), &shards_->at(1)},
                                     .journal_thread = journal_thread_,
                                     .pool = pool_},
                                    tablet_options, [](const TableBucket&) { return true; })
                   .ValueOrDie();
    query_.reset(new query::Environment{.catalog = *catalog_,
                                        .engine = *tablets_,
                                        .clock = runtime::SystemClock(),
                                        .workers = workers_,
                                        .memory = memory_,
                                        .kv_table_of = [](const catalog::Table& table) {
                                          return tablet::KvTable::Make(*table.descriptor, table.schemas);
                                        }});
    engine_ = Engine::Make(
        {.query = *query_,
         .metrics = [] { return std::string("# HELP t_rows Rows.\n# TYPE t_rows counter\nt_rows{kind=\"log\"} 7\n"); },
         .settings = [] { return std::vector<Setting>{{"a.setting", "1", "What it does."}}; }},
        options);
    session_ = Open();
  }
  ~TestDatabase() {
    session_.reset();
    engine_.reset();
    workers_.Stop();
    tablets_->Stop(10'000);
    shards_->Stop();
    pool_.Stop();
    journal_thread_.Stop();
  }

  Engine& engine() { return *engine_; }
  Session& session() { return *session_; }
  catalog::Catalog& catalog() { return *catalog_; }
  query::Environment& query() { return *query_; }
  std::unique_ptr<Session> Open(SessionOptions options = {}) {
    return engine_->OpenSession(std::move(options)).ValueOrDie();
  }

  /// Rows as "1|a|NULL", a statement without rows as their number or "ok"; an error as "error: …".
  std::vector<std::string> Run(std::string_view sql) { return Run(*session_, sql); }
  static std::vector<std::string> Run(Session& session, std::string_view sql) {
    auto answer = session.Execute(sql);
    if (!answer.ok()) return {"error: " + answer.status().message()};
    if (!answer->rows) {
      return {answer->kind == StatementKind::kChange ? std::to_string(answer->changed_rows) : std::string("ok")};
    }
    const auto rows = Text(*answer->rows);
    return rows.ok() ? *rows : std::vector<std::string>{"error: " + rows.status().message()};
  }
  static arrow::Result<std::vector<std::string>> Text(arrow::RecordBatchReader& reader) {
    std::vector<std::string> rows;
    std::shared_ptr<arrow::RecordBatch> batch;
    while (true) {
      ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
      if (!batch) return rows;
      ARROW_RETURN_NOT_OK(batch->ValidateFull());
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        std::string& text = rows.emplace_back();
        for (int column = 0; column < batch->num_columns(); ++column) {
          ARROW_ASSIGN_OR_RAISE(const auto value, batch->column(column)->GetScalar(row));
          if (column > 0) text += "|";
          text += value->is_valid ? value->ToString() : "NULL";
        }
      }
    }
  }
  std::string One(std::string_view sql) {
    const auto rows = Run(sql);
    return rows.size() == 1 ? rows[0] : std::to_string(rows.size()) + " rows";
  }

 private:
  runtime::BlockingPool pool_{8};
  runtime::BlockingPool workers_{2, "query"};
  runtime::ThreadExecutor journal_thread_{"journal"};
  runtime::ByteBudget memory_{256 << 20};
  testing::MemoryFileSystem disk_;
  testing::MemoryMetaStore store_{pool_};
  MemoryStores stores_;
  std::unique_ptr<runtime::Shards> shards_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<tablet::Engine> tablets_;
  std::unique_ptr<query::Environment> query_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Session> session_;
};

}  // namespace thalweg::sql
