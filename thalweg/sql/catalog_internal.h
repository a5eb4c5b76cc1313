#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/storage/storage_extension.hpp"
#include "thalweg/sql/duckdb_internal.h"
#include "thalweg/sql/row_source_internal.h"
#include "thalweg/sql/session_state_internal.h"

namespace thalweg::sql {

/// The catalog under which DuckDB finds all databases. No database is likely to be called so; where one is, names of two parts are
/// ambiguous, and DuckDB says how to write them.
inline constexpr const char* kCatalogName = "cluster";
/// The schema of the system tables, which hides a database of that name.
inline constexpr const char* kSystemSchema = "thalweg";

/// A table as DuckDB sees it. Immutable.
class TableEntry final : public duckdb::TableCatalogEntry {
 public:
  /// `info` has the columns of `source`.
  TableEntry(duckdb::Catalog& catalog, duckdb::SchemaCatalogEntry& schema, duckdb::CreateTableInfo& info,
             RowSourcePtr source);

  const RowSourcePtr& source() const { return source_; }
  /// The table, to be written to. Throws where it is not one that can be.
  query::TablePtr TableForWrites() const;

  duckdb::unique_ptr<duckdb::BaseStatistics> GetStatistics(duckdb::ClientContext&, duckdb::column_t) override {
    return nullptr;
  }
  duckdb::TableFunction GetScanFunction(duckdb::ClientContext& context,
                                        duckdb::unique_ptr<duckdb::FunctionData>& data) override;
  duckdb::TableFunction GetScanFunction(duckdb::ClientContext& context, duckdb::unique_ptr<duckdb::FunctionData>& data,
                                        const duckdb::EntryLookupInfo& lookup) override;
  duckdb::TableStorageInfo GetStorageInfo(duckdb::ClientContext& context) override;
  void BindUpdateConstraints(duckdb::Binder& binder, duckdb::LogicalGet& get, duckdb::LogicalProjection& projection,
                             duckdb::LogicalUpdate& update, duckdb::ClientContext& context) override;
  duckdb::virtual_column_map_t GetVirtualColumns() const override;
  duckdb::vector<duckdb::column_t> GetRowIdColumns() const override;

 private:
  const RowSourcePtr source_;
};

/// A database. The entries that it gives out live as long as it does.
class SchemaEntry final : public duckdb::SchemaCatalogEntry {
 public:
  SchemaEntry(duckdb::Catalog& catalog, duckdb::CreateSchemaInfo& info);

  void Scan(duckdb::ClientContext& context, duckdb::CatalogType type,
            const std::function<void(duckdb::CatalogEntry&)>& callback) override;
  void Scan(duckdb::CatalogType, const std::function<void(duckdb::CatalogEntry&)>&) override {}
  duckdb::optional_ptr<duckdb::CatalogEntry> LookupEntry(duckdb::CatalogTransaction transaction,
                                                         const duckdb::EntryLookupInfo& lookup) override;

  // Definitions go another way (definition.h): all of these throw.
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateIndex(duckdb::CatalogTransaction, duckdb::CreateIndexInfo&,
                                                         duckdb::TableCatalogEntry&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateFunction(duckdb::CatalogTransaction,
                                                            duckdb::CreateFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTable(duckdb::CatalogTransaction,
                                                         duckdb::BoundCreateTableInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateView(duckdb::CatalogTransaction, duckdb::CreateViewInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSequence(duckdb::CatalogTransaction,
                                                            duckdb::CreateSequenceInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTableFunction(duckdb::CatalogTransaction,
                                                                 duckdb::CreateTableFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateCopyFunction(duckdb::CatalogTransaction,
                                                                duckdb::CreateCopyFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreatePragmaFunction(duckdb::CatalogTransaction,
                                                                  duckdb::CreatePragmaFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateCollation(duckdb::CatalogTransaction,
                                                             duckdb::CreateCollationInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateType(duckdb::CatalogTransaction, duckdb::CreateTypeInfo&) override;
  void DropEntry(duckdb::ClientContext&, duckdb::DropInfo&) override;
  void Alter(duckdb::CatalogTransaction, duckdb::AlterInfo&) override;

 private:
  bool is_system() const { return name == kSystemSchema; }
  /// Null where there is none, or none that the user may see.
  TableEntry* Find(duckdb::ClientContext& context, const std::string& table);
  TableEntry* EntryFor(duckdb::ClientContext& context, const std::string& table, RowSourcePtr source);

  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<TableEntry>> entries_;  ///< the latest of each name
  /// That plans may still refer to: those of this session's statement, or of one that it has prepared not long ago.
  std::deque<std::unique_ptr<TableEntry>> former_;
};

/// All databases.
class Catalog final : public duckdb::Catalog {
 public:
  explicit Catalog(duckdb::AttachedDatabase& database) : duckdb::Catalog(database) {}

  void Initialize(bool) override {}
  duckdb::string GetCatalogType() override { return "thalweg"; }
  duckdb::string GetDefaultSchema() const override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSchema(duckdb::CatalogTransaction,
                                                          duckdb::CreateSchemaInfo&) override;
  void ScanSchemas(duckdb::ClientContext& context, std::function<void(duckdb::SchemaCatalogEntry&)> callback) override;
  duckdb::optional_ptr<duckdb::SchemaCatalogEntry> LookupSchema(duckdb::CatalogTransaction transaction,
                                                                const duckdb::EntryLookupInfo& lookup,
                                                                duckdb::OnEntryNotFound if_not_found) override;
  duckdb::CatalogLookupBehavior CatalogTypeLookupRule(duckdb::CatalogType type) const override;
  bool SupportsTimeTravel() const override { return true; }

  duckdb::PhysicalOperator& PlanCreateTableAs(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                              duckdb::LogicalCreateTable&, duckdb::PhysicalOperator&) override;
  duckdb::PhysicalOperator& PlanInsert(duckdb::ClientContext& context, duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::LogicalInsert& op,
                                       duckdb::optional_ptr<duckdb::PhysicalOperator> plan) override;
  duckdb::PhysicalOperator& PlanDelete(duckdb::ClientContext& context, duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::LogicalDelete& op, duckdb::PhysicalOperator& plan) override;
  duckdb::PhysicalOperator& PlanUpdate(duckdb::ClientContext& context, duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::LogicalUpdate& op, duckdb::PhysicalOperator& plan) override;
  duckdb::DatabaseSize GetDatabaseSize(duckdb::ClientContext&) override { return {}; }
  bool InMemory() override { return true; }
  duckdb::string GetDBPath() override { return {}; }

 private:
  void DropSchema(duckdb::ClientContext&, duckdb::DropInfo&) override;
  SchemaEntry& EntryFor(const std::string& name);

  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<SchemaEntry>> schemas_;
};

/// What makes DuckDB open the catalog as its main database.
duckdb::unique_ptr<duckdb::StorageExtension> MakeStorageExtension();

}  // namespace thalweg::sql
