#include "thalweg/schema/table_descriptor.h"

#include <algorithm>
#include <utility>

#include "fmt/ranges.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/json_internal.h"

namespace thalweg::schema {
namespace {

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

arrow::Status CheckColumns(const Schema& schema, const std::vector<std::string>& key, std::string_view what) {
  for (const std::string& name : key) {
    if (schema.IndexOf(name)) continue;
    return Error(ErrorCode::kInvalidTable, "The {} key names '{}', which is not a column of the table.", what, name);
  }
  return arrow::Status::OK();
}

arrow::Status CheckPartitionKey(const Schema& schema, const std::vector<std::string>& key) {
  ARROW_RETURN_NOT_OK(CheckColumns(schema, key, "partition"));
  for (auto it = key.begin(); it != key.end(); ++it) {
    if (std::find(key.begin(), it, *it) == it) continue;
    return Error(ErrorCode::kInvalidTable, "The partition key names the column '{}' twice.", *it);
  }
  return arrow::Status::OK();
}

std::vector<std::string> DefaultBucketKey(const TableDescriptor& table) {
  std::vector<std::string> key;
  for (const std::string& name : table.schema.primary_key()) {
    if (!Contains(table.partition_keys, name)) key.push_back(name);
  }
  return key;
}

}  // namespace

arrow::Status TableDescriptor::Normalize() {
  const std::vector<std::string>& primary_key = schema.primary_key();
  ARROW_RETURN_NOT_OK(CheckPartitionKey(schema, partition_keys));
  // A column may stand in the bucket key twice: writers then hash it twice, as they do with the real server.
  ARROW_RETURN_NOT_OK(CheckColumns(schema, bucket_keys, "bucket"));
  for (const std::string& name : bucket_keys) {
    if (Contains(partition_keys, name)) {
      return Error(ErrorCode::kInvalidTable,
                   "The column '{}' is in the bucket key [{}] and the partition key [{}]: "
                   "remove it from the bucket key.",
                   name, fmt::join(bucket_keys, ", "), fmt::join(partition_keys, ", "));
    }
  }
  if (primary_key.empty()) return arrow::Status::OK();

  for (const std::string& name : partition_keys) {
    if (Contains(primary_key, name)) continue;
    return Error(ErrorCode::kInvalidTable, "The primary key [{}] must contain the partition key column '{}'.",
                 fmt::join(primary_key, ", "), name);
  }
  if (bucket_keys.empty()) bucket_keys = DefaultBucketKey(*this);
  if (bucket_keys.empty()) {
    return Error(ErrorCode::kInvalidTable,
                 "The primary key [{}] needs a column that is not in the partition key, to spread rows over buckets.",
                 fmt::join(primary_key, ", "));
  }
  for (const std::string& name : bucket_keys) {
    if (Contains(primary_key, name)) continue;
    return Error(ErrorCode::kInvalidTable, "The bucket key column '{}' must be part of the primary key [{}].", name,
                 fmt::join(primary_key, ", "));
  }
  return arrow::Status::OK();
}

bool TableDescriptor::HasDefaultBucketKey() const { return bucket_keys == DefaultBucketKey(*this); }

std::vector<size_t> TableDescriptor::IndexesOf(const std::vector<std::string>& names) const {
  std::vector<size_t> indexes;
  for (const std::string& name : names) {
    const std::optional<size_t> index = schema.IndexOf(name);
    TW_CHECK(index.has_value());
    indexes.push_back(*index);
  }
  return indexes;
}

arrow::Result<TableDescriptor> TableDescriptor::FromJson(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const json::Json document, json::Parse(text, "table descriptor"));
  TableDescriptor table;
  const json::Json* schema = json::Find(document, "schema");
  if (schema == nullptr) return Error(ErrorCode::kInvalidTable, "A table descriptor needs a schema.");
  ARROW_ASSIGN_OR_RAISE(table.schema, json::ToSchema(*schema));
  ARROW_ASSIGN_OR_RAISE(table.comment, json::OptionalText(document, "comment"));
  ARROW_ASSIGN_OR_RAISE(table.partition_keys, json::TextArray(document, "partition_key"));
  ARROW_ASSIGN_OR_RAISE(table.bucket_keys, json::TextArray(document, "bucket_key"));
  ARROW_ASSIGN_OR_RAISE(table.bucket_count, json::OptionalInt(document, "bucket_count"));
  ARROW_ASSIGN_OR_RAISE(table.properties, json::TextMap(document, "properties"));
  ARROW_ASSIGN_OR_RAISE(table.custom_properties, json::TextMap(document, "custom_properties"));
  ARROW_RETURN_NOT_OK(table.Normalize());
  return table;
}

std::string TableDescriptor::ToJson() const {
  // Built as objects and arrays explicitly: empty ones must be written too.
  const auto object = [](const std::map<std::string, std::string>& map) {
    json::Json members = json::Json::object();
    for (const auto& [key, value] : map) members[key] = value;
    return members;
  };
  json::Json json = {{"version", 1}, {"schema", json::FromSchema(schema)}};
  if (comment) json["comment"] = *comment;
  json["partition_key"] = partition_keys;
  json["bucket_key"] = bucket_keys;
  if (bucket_count) json["bucket_count"] = *bucket_count;
  json["properties"] = object(properties);
  json["custom_properties"] = object(custom_properties);
  return json::Print(json);
}

}  // namespace thalweg::schema
