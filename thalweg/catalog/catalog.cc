#include "thalweg/catalog/catalog.h"

#include <map>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog_turn_internal.h"
#include "thalweg/catalog/records_internal.h"

namespace thalweg::catalog {
namespace {

/// Writer ids that one commit reserves.
constexpr int64_t kWriterIdBlock = 1000;

}  // namespace

Catalog::Catalog(MetaStore& store, const runtime::Clock& clock, CatalogOptions options)
    : store_(store),
      clock_(clock),
      options_(std::move(options)),
      table_counter_{.key = records::kTableCounter},
      partition_counter_{.key = records::kPartitionCounter},
      writer_counter_{.key = records::kWriterCounter},
      view_(std::make_shared<const CatalogView>()) {}

runtime::Task<arrow::Result<std::unique_ptr<Catalog>>> Catalog::Open(MetaStore& store, const runtime::Clock& clock,
                                                                     CatalogOptions options, runtime::Executor& home) {
  auto format = co_await store.Get(records::kFormatKey);
  if (!format.ok()) {
    co_await runtime::SwitchTo(home);
    co_return format.status();
  }
  if (*format) {
    const auto version = records::DecodeNumber(records::kFormatKey, (*format)->value);
    if (!version.ok() || *version != records::kFormatVersion) {
      co_await runtime::SwitchTo(home);
      co_return Error(
          ErrorCode::kUnsupportedVersion,
          "The metadata has format {}, this server knows {}. Start the server that wrote it, or a later one.",
          (*format)->value, records::kFormatVersion);
    }
  }
  std::unique_ptr<Catalog> catalog(new Catalog(store, clock, std::move(options)));
  auto epoch = co_await store.TakeEpoch();
  arrow::Status status = epoch.status();
  if (status.ok()) {
    catalog->epoch_ = *epoch;
    status = co_await catalog->Load();
  }
  if (status.ok() && !*format) {
    MetaStore::Transaction first{.epoch = catalog->epoch_};
    first.compares.push_back({records::kFormatKey, MetaStore::kAbsent});
    first.puts.emplace_back(records::kFormatKey, records::EncodeNumber(records::kFormatVersion));
    status = co_await catalog->Apply(std::move(first), [&](int64_t) { return *catalog->view(); });
  }
  if (status.ok() && catalog->view()->database_count() == 0) {
    status = (co_await catalog->CreateDatabaseNow(kDefaultDatabase, {}, true)).status();
  }
  co_await runtime::SwitchTo(home);
  if (!status.ok()) co_return status;
  co_return catalog;
}

CatalogViewPtr Catalog::view() const {
  std::lock_guard lock(mutex_);
  return view_;
}

void Catalog::Publish(CatalogView view) {
  auto next = std::make_shared<const CatalogView>(std::move(view));
  std::lock_guard lock(mutex_);
  view_.swap(next);
}

runtime::Task<arrow::Status> Catalog::LoadCounter(Counter& counter) {
  TW_CO_ASSIGN_OR_RETURN(const std::optional<MetaStore::Versioned> found, co_await store_.Get(counter.key));
  counter.next = 1;
  counter.revision = MetaStore::kAbsent;
  if (found) {
    TW_CO_ASSIGN_OR_RETURN(counter.next, records::DecodeNumber(counter.key, found->value));
    counter.revision = found->revision;
  }
  co_return arrow::Status::OK();
}

runtime::Task<arrow::Status> Catalog::Load() {
  for (Counter* const counter : {&table_counter_, &partition_counter_, &writer_counter_}) {
    TW_CO_RETURN_NOT_OK(co_await LoadCounter(*counter));
  }
  CatalogView view;
  TW_CO_ASSIGN_OR_RETURN(const std::vector<MetaStore::Entry> databases, co_await store_.List(records::kDatabases));
  for (const MetaStore::Entry& entry : databases) {
    TW_CO_ASSIGN_OR_RETURN(Database database, records::DecodeDatabase(entry.key, entry.value));
    database.revision = entry.revision;
    view = view.WithDatabase(std::make_shared<const Database>(std::move(database)));
  }
  TW_CO_RETURN_NOT_OK(co_await LoadTables(view));
  TW_CO_RETURN_NOT_OK(co_await LoadAcls(view));
  TW_CO_RETURN_NOT_OK(co_await LoadProducers());
  TW_CO_ASSIGN_OR_RETURN(const std::optional<MetaStore::Versioned> found, co_await store_.Get(records::kCluster));
  if (found) {
    TW_CO_ASSIGN_OR_RETURN(Cluster cluster, records::DecodeCluster(records::kCluster, found->value));
    cluster.revision = found->revision;
    view = view.WithCluster(std::make_shared<const Cluster>(std::move(cluster)));
  }
  Publish(std::move(view));
  is_stale_ = false;
  co_return arrow::Status::OK();
}

runtime::Task<arrow::Status> Catalog::LoadTables(CatalogView& view) {
  TW_CO_ASSIGN_OR_RETURN(const std::vector<MetaStore::Entry> schema_entries, co_await store_.List(records::kSchemas));
  std::map<std::string, std::string> schemas;
  for (const MetaStore::Entry& entry : schema_entries) schemas[entry.key] = entry.value;

  TW_CO_ASSIGN_OR_RETURN(const std::vector<MetaStore::Entry> partitions, co_await store_.List(records::kPartitions));
  std::map<TableId, PersistentMap<std::string, PartitionPtr>> partitions_of;
  for (const MetaStore::Entry& entry : partitions) {
    TW_CO_ASSIGN_OR_RETURN(Partition partition, records::DecodePartition(entry.key, entry.value));
    auto& of_table = partitions_of[partition.table];
    const std::string name = partition.name;
    of_table = of_table.With(name, std::make_shared<const Partition>(std::move(partition)));
  }

  TW_CO_ASSIGN_OR_RETURN(const std::vector<MetaStore::Entry> tables, co_await store_.List(records::kTables));
  for (const MetaStore::Entry& entry : tables) {
    int16_t schema_count = 0;
    TW_CO_ASSIGN_OR_RETURN(Table table, records::DecodeTable(entry.key, entry.value, schema_count));
    for (int16_t id = 1; id <= schema_count; ++id) {
      const std::string key = records::SchemaKey(table.id, SchemaId(id));
      auto parsed = schema::Schema::FromJson(schemas[key]);
      if (!parsed.ok()) co_return records::Damaged(key, parsed.status().message());
      table.schemas.push_back(std::make_shared<const schema::Schema>(std::move(*parsed)));
    }
    if (table.schemas.empty()) co_return records::Damaged(entry.key, "it has no schema");
    if (!view.FindDatabase(table.path.database)) co_return records::Damaged(entry.key, "its database is missing");
    table.layout = std::make_shared<const TableLayout>(table.descriptor, table.schemas);
    table.partitions = partitions_of[table.id];
    table.revision = entry.revision;
    view = view.WithTable(std::make_shared<const Table>(std::move(table)));
  }
  co_return arrow::Status::OK();
}

runtime::Task<arrow::Status> Catalog::Apply(MetaStore::Transaction transaction, Change change) {
  transaction.epoch = epoch_;
  const auto committed = co_await store_.Commit(std::move(transaction));
  if (committed.ok() && *committed) {
    const int64_t revision = **committed;
    for (Counter* const counter : {&table_counter_, &partition_counter_, &writer_counter_}) {
      if (counter->revision == kRevisionPending) counter->revision = revision;
    }
    Publish(change(revision));
    co_return arrow::Status::OK();
  }
  is_stale_ = true;
  if (!committed.ok()) co_return committed.status();
  co_return Error(ErrorCode::kStorage, "The metadata was changed by somebody else at the same time. Try again.");
}

int64_t Catalog::Reserve(Counter& counter, int64_t count, MetaStore::Transaction& transaction) {
  const int64_t first = counter.next;
  counter.next += count;
  transaction.compares.push_back({counter.key, counter.revision});
  transaction.puts.emplace_back(counter.key, records::EncodeNumber(counter.next));
  counter.revision = kRevisionPending;
  return first;
}

std::optional<WriterId> Catalog::TakeReservedWriterId() {
  std::lock_guard lock(mutex_);
  if (writer_id_next_ == writer_id_end_) return std::nullopt;
  return WriterId(writer_id_next_++);
}

runtime::Task<arrow::Result<WriterId>> Catalog::NextWriterId(runtime::Executor& home) {
  if (const std::optional<WriterId> id = TakeReservedWriterId()) co_return *id;
  co_return co_await InTurn(ReserveWriterIds(), home);
}

runtime::Task<arrow::Result<WriterId>> Catalog::ReserveWriterIds() {
  // Somebody who came earlier may have reserved a block meanwhile.
  if (const std::optional<WriterId> id = TakeReservedWriterId()) co_return *id;
  MetaStore::Transaction transaction;
  const int64_t first = Reserve(writer_counter_, kWriterIdBlock, transaction);
  const CatalogViewPtr current = view();
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t) { return *current; }));
  std::lock_guard lock(mutex_);
  writer_id_next_ = first + 1;
  writer_id_end_ = first + kWriterIdBlock;
  co_return WriterId(first);
}

runtime::Task<arrow::Result<int64_t>> Catalog::ReserveRowNumbers(TableId table, int32_t column_id, int64_t count,
                                                                 runtime::Executor& home) {
  co_return co_await InTurn(ReserveRowNumbersNow(table, column_id, count), home);
}

runtime::Task<arrow::Result<int64_t>> Catalog::ReserveRowNumbersNow(TableId table, int32_t column_id, int64_t count) {
  const CatalogViewPtr current = view();
  if (!current->FindTable(table)) {
    co_return Error(ErrorCode::kUnknownTableOrBucket, "There is no table with id {} (any more).", table);
  }
  const std::string key = records::RowNumberKey(table, column_id);
  Counter counter{.key = key.c_str()};
  TW_CO_RETURN_NOT_OK(co_await LoadCounter(counter));
  MetaStore::Transaction transaction;
  const int64_t first = Reserve(counter, count, transaction);
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t) { return *current; }));
  co_return first;
}

}  // namespace thalweg::catalog
