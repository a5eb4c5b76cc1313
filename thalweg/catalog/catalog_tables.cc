#include <limits>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/catalog_turn_internal.h"
#include "thalweg/catalog/records_internal.h"

namespace thalweg::catalog {

void RemoveTable(const Table& table, MetaStore::Transaction& transaction) {
  transaction.compares.push_back({records::TableKey(table.path), table.revision});
  transaction.removals.push_back(records::TableKey(table.path));
  for (size_t i = 1; i <= table.schemas.size(); ++i) {
    transaction.removals.push_back(records::SchemaKey(table.id, SchemaId(static_cast<int16_t>(i))));
  }
  for (const std::string& name : table.schema().auto_increment_columns()) {
    if (const auto column = table.schema().IndexOf(name)) {
      transaction.removals.push_back(records::RowNumberKey(table.id, table.schema().columns()[*column].id));
    }
  }
  transaction.puts.emplace_back(records::DroppedKey({.table = table.id}), "{}");
  table.partitions.ForEach([&](const std::string& name, const PartitionPtr&) {
    transaction.removals.push_back(records::PartitionKey(table.id, name));
  });
}

runtime::Task<arrow::Result<TablePtr>> Catalog::CreateTable(schema::TablePath path, schema::TableDescriptor descriptor,
                                                            bool ignore_if_exists, runtime::Executor& home) {
  co_return co_await InTurn(CreateTableNow(std::move(path), std::move(descriptor), ignore_if_exists), home);
}

runtime::Task<arrow::Result<TablePtr>> Catalog::CreateTableNow(schema::TablePath path,
                                                               schema::TableDescriptor descriptor,
                                                               bool ignore_if_exists) {
  TW_CO_RETURN_NOT_OK(path.Check());
  const CatalogViewPtr current = view();
  TW_CO_ASSIGN_OR_RETURN(schema::TableDescriptor prepared,
                         schema::PrepareTable(std::move(descriptor), RulesOf(*current)));
  TW_CO_RETURN_NOT_OK(current->GetDatabase(path.database).status());
  if (TablePtr found = current->FindTable(path)) {
    if (ignore_if_exists) co_return found;
    co_return Error(ErrorCode::kTableAlreadyExist, "Table {} already exists.", path);
  }
  auto table = std::make_shared<Table>();
  MetaStore::Transaction transaction;
  table->id = TableId(Reserve(table_counter_, 1, transaction));
  table->path = path;
  table->schemas.push_back(std::make_shared<const schema::Schema>(prepared.schema));
  table->descriptor = std::make_shared<const schema::TableDescriptor>(std::move(prepared));
  table->layout = std::make_shared<const TableLayout>(table->descriptor, table->schemas);
  table->created_ms = table->modified_ms = clock_.WallMs();
  transaction.compares.push_back({records::TableKey(path), MetaStore::kAbsent});
  transaction.puts.emplace_back(records::TableKey(path), records::EncodeTable(*table));
  transaction.puts.emplace_back(records::SchemaKey(table->id, table->schema_id()), table->schema().ToJson());
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t revision) {
    table->revision = revision;
    return current->WithTable(table);
  }));
  co_return TablePtr(table);
}

runtime::Task<arrow::Result<TablePtr>> Catalog::DropTable(schema::TablePath path, bool ignore_if_not_exists,
                                                          runtime::Executor& home) {
  co_return co_await InTurn(DropTableNow(std::move(path), ignore_if_not_exists), home);
}

runtime::Task<arrow::Result<TablePtr>> Catalog::DropTableNow(schema::TablePath path, bool ignore_if_not_exists) {
  const CatalogViewPtr current = view();
  TablePtr table = current->FindTable(path);
  if (!table && ignore_if_not_exists) co_return TablePtr();
  TW_CO_RETURN_NOT_OK(current->GetTable(path).status());
  MetaStore::Transaction transaction;
  RemoveTable(*table, transaction);
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t) { return current->WithoutTable(path); }));
  co_return table;
}

runtime::Task<arrow::Result<std::vector<Dropped>>> Catalog::ListDropped(runtime::Executor& home) {
  const auto found = co_await store_.List(records::kDropped);
  co_await runtime::SwitchTo(home);
  TW_CO_RETURN_NOT_OK(found.status());
  std::vector<Dropped> all;
  for (const MetaStore::Entry& entry : *found) {
    TW_CO_ASSIGN_OR_RETURN(const Dropped dropped, records::DecodeDropped(entry.key));
    all.push_back(dropped);
  }
  co_return all;
}

runtime::Task<arrow::Status> Catalog::ForgetDropped(Dropped dropped, runtime::Executor& home) {
  const auto forgotten = co_await InTurn(ForgetDroppedNow(dropped), home);
  co_return forgotten.status();
}

runtime::Task<arrow::Result<bool>> Catalog::ForgetDroppedNow(Dropped dropped) {
  const CatalogViewPtr current = view();
  MetaStore::Transaction transaction;
  transaction.removals.push_back(records::DroppedKey(dropped));
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t) { return *current; }));
  co_return true;
}

runtime::Task<arrow::Result<TablePtr>> Catalog::AlterTable(schema::TablePath path, schema::TableChange change,
                                                           bool ignore_if_not_exists, runtime::Executor& home) {
  co_return co_await InTurn(AlterTableNow(std::move(path), std::move(change), ignore_if_not_exists), home);
}

runtime::Task<arrow::Result<TablePtr>> Catalog::AlterTableNow(schema::TablePath path, schema::TableChange change,
                                                              bool ignore_if_not_exists) {
  const CatalogViewPtr current = view();
  const TablePtr table = current->FindTable(path);
  if (!table && ignore_if_not_exists) co_return TablePtr();
  TW_CO_RETURN_NOT_OK(current->GetTable(path).status());
  TW_CO_ASSIGN_OR_RETURN(schema::TableDescriptor changed,
                         schema::ChangeTable(*table->descriptor, change, RulesOf(*current)));
  if (changed == *table->descriptor) co_return table;

  auto next = std::make_shared<Table>(*table);
  MetaStore::Transaction transaction;
  if (!(changed.schema == table->schema())) {
    if (table->schema_id().value == std::numeric_limits<int16_t>::max()) {
      co_return Error(ErrorCode::kInvalidAlterTable, "Table {} has had {} schemas, and there can be no more.", path,
                      table->schema_id());
    }
    next->schemas.push_back(std::make_shared<const schema::Schema>(changed.schema));
    transaction.puts.emplace_back(records::SchemaKey(next->id, next->schema_id()), changed.schema.ToJson());
  }
  next->descriptor = std::make_shared<const schema::TableDescriptor>(std::move(changed));
  next->layout = std::make_shared<const TableLayout>(next->descriptor, next->schemas);
  next->modified_ms = clock_.WallMs();
  transaction.compares.push_back({records::TableKey(path), table->revision});
  transaction.puts.emplace_back(records::TableKey(path), records::EncodeTable(*next));
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t revision) {
    next->revision = revision;
    return current->WithTable(next);
  }));
  co_return TablePtr(next);
}

}  // namespace thalweg::catalog
