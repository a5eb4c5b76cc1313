#pragma once

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/catalog/table.h"
#include "thalweg/query/table.h"
#include "thalweg/schema/schema_change.h"
#include "thalweg/schema/table_descriptor.h"
#include "thalweg/schema/table_path.h"

namespace thalweg::flight {

namespace v1 {
class AlterTable;
class TableDefinition;
class TableInfo;
class TableName;
}  // namespace v1

/// Of a name without database: in the database that is there at first.
schema::TablePath PathOf(const v1::TableName& name);

/// The descriptor, which is not normal yet. INVALID_TABLE.
arrow::Result<schema::TableDescriptor> DescriptorOf(const v1::TableDefinition& definition);
/// INVALID_TABLE for the type of a column.
arrow::Result<schema::TableChange> ChangeOf(const v1::AlterTable& alter);

/// What clients are told of a table.
arrow::Status Describe(const query::Table& table, v1::TableInfo* info);

}  // namespace thalweg::flight
