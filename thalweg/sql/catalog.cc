#include "thalweg/catalog/catalog.h"

#include <algorithm>
#include <utility>

#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/parser/parsed_data/create_schema_info.hpp"
#include "duckdb/storage/database_size.hpp"
#include "duckdb/transaction/transaction.hpp"
#include "duckdb/transaction/transaction_manager.hpp"
#include "fmt/format.h"
#include "thalweg/sql/catalog_internal.h"

namespace thalweg::sql {
namespace {

bool SameName(const std::string& a, const std::string& b) { return duckdb::StringUtil::CIEquals(a, b); }

[[noreturn]] void NotHere(const char* what) {
  throw duckdb::BinderException(
      "%s cannot be made in a database of the server; CREATE TEMP … makes one for this session", what);
}

/// There are no transactions: each statement sees and changes what is there at its time.
class Transactions final : public duckdb::TransactionManager {
 public:
  explicit Transactions(duckdb::AttachedDatabase& database) : TransactionManager(database) {}

  duckdb::Transaction& StartTransaction(duckdb::ClientContext& context) override {
    auto made = std::make_unique<duckdb::Transaction>(*this, context);
    auto& transaction = *made;
    std::lock_guard lock(mutex_);
    open_.emplace(&transaction, std::move(made));
    return transaction;
  }
  duckdb::ErrorData CommitTransaction(duckdb::ClientContext&, duckdb::Transaction& transaction) override {
    RollbackTransaction(transaction);
    return {};
  }
  void RollbackTransaction(duckdb::Transaction& transaction) override {
    std::lock_guard lock(mutex_);
    open_.erase(&transaction);
  }
  void Checkpoint(duckdb::ClientContext&, bool) override {}

 private:
  std::mutex mutex_;
  std::map<duckdb::Transaction*, std::unique_ptr<duckdb::Transaction>> open_;
};

}  // namespace

duckdb::string Catalog::GetDefaultSchema() const { return catalog::kDefaultDatabase; }

duckdb::optional_ptr<duckdb::CatalogEntry> Catalog::CreateSchema(duckdb::CatalogTransaction,
                                                                 duckdb::CreateSchemaInfo&) {
  NotHere("This schema");
}

void Catalog::DropSchema(duckdb::ClientContext&, duckdb::DropInfo&) { NotHere("This"); }

SchemaEntry& Catalog::EntryFor(const std::string& name) {
  std::lock_guard lock(mutex_);
  auto& entry = schemas_[name];
  if (!entry) {
    duckdb::CreateSchemaInfo info;
    info.catalog = GetName();
    info.schema = name;
    entry = std::make_unique<SchemaEntry>(*this, info);
  }
  return *entry;
}

void Catalog::ScanSchemas(duckdb::ClientContext& context, std::function<void(duckdb::SchemaCatalogEntry&)> callback) {
  for (const auto& database : SessionState::Of(context).session().ListDatabasesOfTables()) {
    if (database->name != kSystemSchema) callback(EntryFor(database->name));
  }
  callback(EntryFor(kSystemSchema));
}

duckdb::optional_ptr<duckdb::SchemaCatalogEntry> Catalog::LookupSchema(duckdb::CatalogTransaction transaction,
                                                                       const duckdb::EntryLookupInfo& lookup,
                                                                       duckdb::OnEntryNotFound if_not_found) {
  const std::string& name = lookup.GetEntryName();
  if (SameName(name, kSystemSchema)) return EntryFor(kSystemSchema);
  if (transaction.HasContext()) {
    const std::string* other_case = nullptr;
    // Also one that the user may not see: rights are those on its tables, and are asked for there.
    const auto& environment = SessionState::Of(transaction.GetContext()).session().environment();
    const auto databases = environment.catalog.view()->ListDatabases();
    for (const auto& database : databases) {
      if (database->name == name) return EntryFor(name);
      if (SameName(database->name, name)) other_case = &database->name;
    }
    if (other_case != nullptr) return EntryFor(*other_case);
  }
  if (if_not_found == duckdb::OnEntryNotFound::RETURN_NULL) return nullptr;
  throw duckdb::CatalogException(lookup.GetErrorContext(), "Database with name \"%s\" does not exist!", name);
}

duckdb::CatalogLookupBehavior Catalog::CatalogTypeLookupRule(duckdb::CatalogType type) const {
  return type == duckdb::CatalogType::TABLE_ENTRY || type == duckdb::CatalogType::SCHEMA_ENTRY
             ? duckdb::CatalogLookupBehavior::STANDARD
             : duckdb::CatalogLookupBehavior::NEVER_LOOKUP;
}

duckdb::PhysicalOperator& Catalog::PlanCreateTableAs(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                                     duckdb::LogicalCreateTable&, duckdb::PhysicalOperator&) {
  NotHere("This table");
}

duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateIndex(duckdb::CatalogTransaction,
                                                                    duckdb::CreateIndexInfo&,
                                                                    duckdb::TableCatalogEntry&) {
  NotHere("Indexes");
}
duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateFunction(duckdb::CatalogTransaction,
                                                                       duckdb::CreateFunctionInfo&) {
  NotHere("Functions");
}
duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateTable(duckdb::CatalogTransaction,
                                                                    duckdb::BoundCreateTableInfo&) {
  NotHere("This table");
}
duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateView(duckdb::CatalogTransaction,
                                                                   duckdb::CreateViewInfo&) {
  NotHere("Views");
}
duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateSequence(duckdb::CatalogTransaction,
                                                                       duckdb::CreateSequenceInfo&) {
  NotHere("Sequences");
}
duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateTableFunction(duckdb::CatalogTransaction,
                                                                            duckdb::CreateTableFunctionInfo&) {
  NotHere("Functions");
}
duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateCopyFunction(duckdb::CatalogTransaction,
                                                                           duckdb::CreateCopyFunctionInfo&) {
  NotHere("Functions");
}
duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreatePragmaFunction(duckdb::CatalogTransaction,
                                                                             duckdb::CreatePragmaFunctionInfo&) {
  NotHere("Pragmas");
}
duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateCollation(duckdb::CatalogTransaction,
                                                                        duckdb::CreateCollationInfo&) {
  NotHere("Collations");
}
duckdb::optional_ptr<duckdb::CatalogEntry> SchemaEntry::CreateType(duckdb::CatalogTransaction,
                                                                   duckdb::CreateTypeInfo&) {
  NotHere("Types");
}
void SchemaEntry::DropEntry(duckdb::ClientContext&, duckdb::DropInfo&) { NotHere("This"); }
void SchemaEntry::Alter(duckdb::CatalogTransaction, duckdb::AlterInfo&) { NotHere("This change"); }

duckdb::unique_ptr<duckdb::StorageExtension> MakeStorageExtension() {
  auto extension = duckdb::make_uniq<duckdb::StorageExtension>();
  extension->attach = [](duckdb::optional_ptr<duckdb::StorageExtensionInfo>, duckdb::ClientContext&,
                         duckdb::AttachedDatabase& database, const duckdb::string&, duckdb::AttachInfo&,
                         duckdb::AttachOptions&) -> duckdb::unique_ptr<duckdb::Catalog> {
    return duckdb::make_uniq<Catalog>(database);
  };
  extension->create_transaction_manager = [](duckdb::optional_ptr<duckdb::StorageExtensionInfo>,
                                             duckdb::AttachedDatabase& database,
                                             duckdb::Catalog&) -> duckdb::unique_ptr<duckdb::TransactionManager> {
    return duckdb::make_uniq<Transactions>(database);
  };
  return extension;
}

}  // namespace thalweg::sql
