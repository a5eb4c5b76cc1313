#include <algorithm>
#include <utility>

#include "duckdb/parser/constraints/not_null_constraint.hpp"
#include "duckdb/parser/constraints/unique_constraint.hpp"
#include "duckdb/parser/parsed_data/create_schema_info.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/planner/operator/logical_update.hpp"
#include "duckdb/planner/tableref/bound_at_clause.hpp"
#include "duckdb/storage/statistics/base_statistics.hpp"
#include "duckdb/storage/table_storage_info.hpp"
#include "thalweg/base/error.h"
#include "thalweg/sql/catalog_internal.h"
#include "thalweg/sql/system_tables_internal.h"
#include "thalweg/sql/table_function_internal.h"

namespace thalweg::sql {
namespace {

// Versions of tables in one database that were looked at and are not the latest.
constexpr size_t kFormerMax = 1'000;

/// Whether DuckDB may have a view of that name, which it looks for in the current database first; SHOW TABLES is such a view.
bool MayBeDuckDbs(const std::string& table) {
  const std::string lower = duckdb::StringUtil::Lower(table);
  return lower.starts_with("duckdb_") || lower.starts_with("pragma_") || lower.starts_with("sqlite_");
}

bool SameVersion(const RowSource& a, const RowSource& b) {
  const auto x = a.table();
  const auto y = b.table();
  if (!x || !y) return !x && !y;
  // Every change, of its partitions too, makes another one.
  return x->base() == y->base();
}

}  // namespace

TableEntry::TableEntry(duckdb::Catalog& catalog, duckdb::SchemaCatalogEntry& schema, duckdb::CreateTableInfo& info,
                       RowSourcePtr source)
    : TableCatalogEntry(catalog, schema, info), source_(std::move(source)) {}

query::TablePtr TableEntry::TableForWrites() const {
  const auto table = source_->table();
  if (!table) ThrowStatus(Error(ErrorCode::kInvalidTable, "{}.{} cannot be written to.", kSystemSchema, name));
  if (table->is_virtual()) {
    ThrowStatus(Error(ErrorCode::kInvalidTable, "{} is a view of the changes of a table: write to {}.", table->path(),
                      table->base()->path));
  }
  return table;
}

duckdb::TableFunction TableEntry::GetScanFunction(duckdb::ClientContext& context,
                                                  duckdb::unique_ptr<duckdb::FunctionData>& data) {
  data = duckdb::make_uniq<ScanPlan>(source_, duckdb::DBConfig::GetConfig(context));
  return MakeScanFunction();
}

duckdb::TableFunction TableEntry::GetScanFunction(duckdb::ClientContext& context,
                                                  duckdb::unique_ptr<duckdb::FunctionData>& data,
                                                  const duckdb::EntryLookupInfo& lookup) {
  if (lookup.GetAtClause()) {
    throw duckdb::BinderException(
        "%s cannot be read as of a past moment yet: history is not kept. Leave out FOR SYSTEM_TIME AS OF", name);
  }
  return GetScanFunction(context, data);
}

duckdb::TableStorageInfo TableEntry::GetStorageInfo(duckdb::ClientContext& context) {
  duckdb::TableStorageInfo info;
  if (const auto rows = source_->EstimateRows()) info.cardinality = static_cast<duckdb::idx_t>(*rows);
  return info;
}

void TableEntry::BindUpdateConstraints(duckdb::Binder&, duckdb::LogicalGet& get, duckdb::LogicalProjection& projection,
                                       duckdb::LogicalUpdate& update, duckdb::ClientContext&) {
  update.update_is_del_and_insert = false;
  // The columns that are set and the key are all that a write needs, unless a column outside the key is NOT NULL: such tables take
  // whole rows only.
  const auto& schema = source_->columns();
  const auto keys = schema.PrimaryKeyIndexes();
  duckdb::physical_index_set_t outside_key;
  bool whole_rows = false;
  for (size_t i = 0; i < schema.column_count(); ++i) {
    if (std::ranges::find(keys, i) != keys.end()) continue;
    outside_key.insert(duckdb::PhysicalIndex(i));
    whole_rows |= !schema.columns()[i].type.nullable;
  }
  if (whole_rows) duckdb::LogicalUpdate::BindExtraColumns(*this, get, projection, update, outside_key);
}

duckdb::virtual_column_map_t TableEntry::GetVirtualColumns() const {
  duckdb::virtual_column_map_t columns;
  columns.insert({duckdb::COLUMN_IDENTIFIER_EMPTY, duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN)});
  const auto& schema = source_->columns();
  for (size_t i = 0; const size_t position : schema.PrimaryKeyIndexes()) {
    const auto& column = GetColumn(duckdb::LogicalIndex(position));
    columns.insert({KeyColumnStart() + i++, duckdb::TableColumn("key of " + column.Name(), column.Type())});
  }
  return columns;
}

duckdb::vector<duckdb::column_t> TableEntry::GetRowIdColumns() const {
  const auto table = TableForWrites();
  if (!table->schema().HasPrimaryKey()) {
    ThrowStatus(Error(ErrorCode::kNonPrimaryKeyTable,
                      "{} has no primary key: its rows can be added, not changed or deleted.", table->path()));
  }
  duckdb::vector<duckdb::column_t> columns;
  for (size_t i = 0; i < table->schema().primary_key().size(); ++i) columns.push_back(KeyColumnStart() + i);
  return columns;
}

SchemaEntry::SchemaEntry(duckdb::Catalog& catalog, duckdb::CreateSchemaInfo& info)
    : SchemaCatalogEntry(catalog, info) {}

void SchemaEntry::Scan(duckdb::ClientContext& context, duckdb::CatalogType type,
                       const std::function<void(duckdb::CatalogEntry&)>& callback) {
  if (type != duckdb::CatalogType::TABLE_ENTRY) return;
  if (is_system()) {
    for (const auto& table : SystemTableNames()) callback(*Find(context, table));
    return;
  }
  const auto tables = SessionState::Of(context).session().ListTables(name);
  if (!tables.ok()) return;  // dropped meanwhile
  for (const auto& table : *tables) {
    if (TableEntry* entry = Find(context, table->path.table)) callback(*entry);
  }
}

duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::LookupEntry(duckdb::CatalogTransaction transaction,
                                                                    const duckdb::EntryLookupInfo& lookup) {
  if (lookup.GetCatalogType() != duckdb::CatalogType::TABLE_ENTRY || !transaction.HasContext()) return nullptr;
  return Find(transaction.GetContext(), lookup.GetEntryName());
}

TableEntry* SchemaEntry::Find(duckdb::ClientContext& context, const std::string& table) {
  const auto& state = SessionState::Of(context);
  const auto& session = state.session();
  if (is_system()) {
    auto source = MakeSystemTable(state, duckdb::StringUtil::Lower(table));
    return source ? EntryFor(context, duckdb::StringUtil::Lower(table), std::move(source)) : nullptr;
  }
  auto found = session.FindTable({name, table});
  if (CodeOf(found.status()) == ErrorCode::kAuthorization && MayBeDuckDbs(table)) return nullptr;
  if (CodeOf(found.status()) == ErrorCode::kTableNotExist) {
    // SQL does not tell the case of names, the server does: take the one that may be meant.
    const auto tables = session.ListTables(name);
    if (!tables.ok()) return nullptr;
    const std::string base = table.substr(0, table.find('$'));
    const auto other = std::ranges::find_if(
        *tables, [&](const auto& one) { return duckdb::StringUtil::CIEquals(one->path.table, base); });
    if (other == tables->end()) return nullptr;
    found = session.FindTable({name, (*other)->path.table + duckdb::StringUtil::Lower(table.substr(base.size()))});
    if (CodeOf(found.status()) == ErrorCode::kTableNotExist) return nullptr;
  }
  auto resolved = ValueOrThrow(std::move(found));
  const std::string exact = resolved->path().table;
  return EntryFor(context, exact, MakeTableSource(session.environment(), std::move(resolved)));
}

TableEntry* SchemaEntry::EntryFor(duckdb::ClientContext& context, const std::string& table, RowSourcePtr source) {
  std::lock_guard lock(mutex_);
  auto& entry = entries_[table];
  if (entry && SameVersion(*entry->source(), *source)) return entry.get();
  duckdb::CreateTableInfo info(*this, table);
  auto types = ToDuckSchema(duckdb::DBConfig::GetConfig(context), *ToSqlArrowSchema(source->columns()));
  const auto& columns = source->columns().columns();
  for (size_t i = 0; i < columns.size(); ++i) {
    duckdb::ColumnDefinition column(columns[i].name, types.GetTypes()[i]);
    if (columns[i].comment) column.SetComment(duckdb::Value(*columns[i].comment));
    info.columns.AddColumn(std::move(column));
    if (!columns[i].type.nullable) {
      info.constraints.push_back(duckdb::make_uniq<duckdb::NotNullConstraint>(duckdb::LogicalIndex(i)));
    }
  }
  if (source->columns().HasPrimaryKey()) {
    const auto& key = source->columns().primary_key();
    info.constraints.push_back(
        duckdb::make_uniq<duckdb::UniqueConstraint>(duckdb::vector<std::string>(key.begin(), key.end()), true));
  }
  if (const auto resolved = source->table(); resolved && resolved->base()->descriptor->comment) {
    info.comment = duckdb::Value(*resolved->base()->descriptor->comment);
  }
  if (entry) former_.push_back(std::move(entry));
  if (former_.size() > kFormerMax) former_.pop_front();
  entry = std::make_unique<TableEntry>(catalog, *this, info, std::move(source));
  return entry.get();
}

}  // namespace thalweg::sql
