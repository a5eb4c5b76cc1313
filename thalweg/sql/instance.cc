#include <string>
#include <utility>

#include "duckdb/catalog/catalog.hpp"
#include "duckdb/main/config.hpp"
#include "duckdb/parallel/task_scheduler.hpp"
#include "duckdb/parser/parsed_data/drop_info.hpp"
#include "thalweg/sql/catalog_internal.h"
#include "thalweg/sql/instance_internal.h"
#include "thalweg/sql/table_function_internal.h"

namespace thalweg::sql {
namespace {

void Configure(duckdb::DBConfig& config, size_t threads, uint64_t memory_bytes_max) {
  const auto set = [&](const char* name, const duckdb::Value& value) { config.SetOptionByName(name, value); };
  set("threads", duckdb::Value::BIGINT(static_cast<int64_t>(threads)));
  // All threads are ours: DuckDB starts none.
  set("external_threads", duckdb::Value::BIGINT(static_cast<int64_t>(threads)));
  set("memory_limit", std::to_string(memory_bytes_max) + "B");
  config.options.use_temporary_directory = false;
  config.options.temporary_directory.clear();
  set("enable_external_access", duckdb::Value::BOOLEAN(false));
  set("autoinstall_known_extensions", duckdb::Value::BOOLEAN(false));
  set("autoload_known_extensions", duckdb::Value::BOOLEAN(false));
  set("allow_community_extensions", duckdb::Value::BOOLEAN(false));
  // They are files of whoever runs the server, and would be shown to whoever asks it.
  set("allow_persistent_secrets", duckdb::Value::BOOLEAN(false));
  // Tables have no order over their buckets that would be worth one thread.
  set("preserve_insertion_order", duckdb::Value::BOOLEAN(false));
  set("lock_configuration", duckdb::Value::BOOLEAN(true));
  config.storage_extensions[kCatalogName] = MakeStorageExtension();
  config.options.database_type = kCatalogName;
}

// Functions that change DuckDB for whoever comes next, or that read memory where they are told to. (Functions that read files
// find that they may not.)
constexpr const char* kRemovedTableFunctions[] = {
    "add_parquet_key", "arrow_scan",      "arrow_scan_dumb",     "checkpoint",           "force_checkpoint",
    "copy_database",   "disable_logging", "enable_logging",      "import_database",      "json_execute_serialized_sql",
    "seq_scan",        "storage_info",    "pragma_storage_info", "truncate_duckdb_logs", "duckdb_secrets",
    "which_secret"};
// And what needs a table or a transaction of DuckDB's own.
constexpr const char* kRemovedFunctions[] = {"write_log", "txid_current"};

void RemoveFunctions(duckdb::DuckDB& database) {
  duckdb::Connection connection(database);
  connection.context->RunFunctionInTransaction([&] {
    auto& catalog = duckdb::Catalog::GetSystemCatalog(*connection.context);
    const auto remove = [&](duckdb::CatalogType type, const char* name) {
      duckdb::DropInfo info;
      info.type = type;
      info.schema = DEFAULT_SCHEMA;
      info.name = name;
      info.if_not_found = duckdb::OnEntryNotFound::RETURN_NULL;
      info.allow_drop_internal = true;
      catalog.DropEntry(*connection.context, info);
    };
    for (const char* name : kRemovedTableFunctions) remove(duckdb::CatalogType::TABLE_FUNCTION_ENTRY, name);
    for (const char* name : kRemovedFunctions) remove(duckdb::CatalogType::SCALAR_FUNCTION_ENTRY, name);
  });
}

}  // namespace

arrow::Result<std::unique_ptr<Instance>> Instance::Open(QueryThreads& pool, size_t threads, uint64_t memory_bytes_max) {
  return Guarded([&]() -> arrow::Result<std::unique_ptr<Instance>> {
    duckdb::DBConfig config;
    Configure(config, threads, memory_bytes_max);
    std::unique_ptr<Instance> made(new Instance);
    made->database_ = std::make_unique<duckdb::DuckDB>(kCatalogName, &config);
    duckdb::DBConfig::GetConfig(*made->database_->instance).optimizer_extensions.push_back(MakeLimitPushdown());
    RemoveFunctions(*made->database_);
    auto& scheduler = duckdb::TaskScheduler::GetScheduler(*made->database_->instance);
    for (size_t i = 1; i < threads; ++i) {
      auto ended = std::make_shared<std::promise<void>>();
      made->loops_.push_back(ended->get_future());
      pool.Post([&scheduler, &running = made->running_, ended = std::move(ended)] {
        scheduler.ExecuteForever(&running);
        ended->set_value();
      });
    }
    return made;
  });
}

Instance::~Instance() {
  if (database_ == nullptr) return;
  running_ = false;
  duckdb::TaskScheduler::GetScheduler(*database_->instance).Signal(loops_.size());
  for (auto& loop : loops_) loop.wait();
}

}  // namespace thalweg::sql
