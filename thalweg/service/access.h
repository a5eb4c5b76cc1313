#pragma once

#include "arrow/status.h"
#include "thalweg/base/ids.h"
#include "thalweg/catalog/table.h"
#include "thalweg/schema/table_path.h"
#include "thalweg/security/acl.h"
#include "thalweg/service/call.h"

namespace thalweg::service {

/// Whether the one who sent `call` may do `operation` on `resource`, by the rights of this moment.
bool MayDo(const Call& call, security::Operation operation, const security::Resource& resource);
/// AUTHORIZATION where not, saying what is missing.
arrow::Status Require(const Call& call, security::Operation operation, const security::Resource& resource);
/// As Require, on the table with that id. UNKNOWN_TABLE_OR_BUCKET where there is none.
arrow::Status RequireOnTable(const Call& call, security::Operation operation, TableId id);

inline security::Resource ResourceOf(const schema::TablePath& path) {
  return security::Resource::Table(path.database, path.table);
}
inline security::Resource ResourceOf(const catalog::Table& table) { return ResourceOf(table.path); }

}  // namespace thalweg::service
