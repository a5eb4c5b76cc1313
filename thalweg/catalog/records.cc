#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"
#include "thalweg/catalog/records_internal.h"

namespace thalweg::catalog::records {
namespace {

using Json = nlohmann::json;

std::string Print(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

arrow::Result<Json> Parse(std::string_view key, const std::string& value) {
  Json json = Json::parse(value, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Damaged(key, "it is no JSON object");
  return json;
}

arrow::Result<std::string> Text(std::string_view key, const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return Damaged(key, fmt::format("the text '{}' is missing", name));
  return found->get<std::string>();
}

arrow::Result<int64_t> Integer(std::string_view key, const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_integer()) {
    return Damaged(key, fmt::format("the number '{}' is missing", name));
  }
  return found->get<int64_t>();
}

/// The parts of a key between slashes, `count` of them.
arrow::Result<std::vector<std::string>> KeyParts(std::string_view key, size_t count) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= key.size();) {
    const size_t end = std::min(key.find('/', at), key.size());
    parts.emplace_back(key.substr(at, end - at));
    at = end + 1;
  }
  if (parts.size() != count) return Damaged(key, "the key has the wrong number of parts");
  return parts;
}

}  // namespace

std::string DatabaseKey(const std::string& name) { return kDatabases + name; }
std::string TableKey(const schema::TablePath& path) {
  return fmt::format("{}{}/{}", kTables, path.database, path.table);
}
std::string SchemaKey(TableId table, SchemaId schema) { return fmt::format("{}{}/{}", kSchemas, table, schema); }
std::string RowNumberKey(TableId table, int32_t column_id) {
  return fmt::format("counter/rows/{}/{}", table, column_id);
}
std::string PartitionKey(TableId table, const std::string& name) {
  return fmt::format("{}{}/{}", kPartitions, table, name);
}

std::string DroppedKey(const Dropped& dropped) {
  if (dropped.partition == kNoPartition) return fmt::format("{}{}", kDropped, dropped.table);
  return fmt::format("{}{}/{}", kDropped, dropped.table, dropped.partition);
}

arrow::Status Damaged(std::string_view key, std::string_view why) {
  return Error(ErrorCode::kStorage, "The metadata entry '{}' is damaged: {}. Restore data/meta from a backup.", key,
               why);
}

std::string EncodeNumber(int64_t value) { return std::to_string(value); }

std::string EncodeCluster(const Cluster& cluster) {
  Json tags = Json::object();
  for (const auto& [server, tag] : cluster.server_tags) tags[std::to_string(server)] = tag;
  Json configs = Json::object();
  for (const auto& [config, value] : cluster.configs) configs[config] = value;
  return Print({{"configs", std::move(configs)},
                {"server_tags", std::move(tags)},
                {"rebalance_count", cluster.rebalance_count},
                {"rebalance_id", cluster.rebalance_id},
                {"rebalance_status", static_cast<int32_t>(cluster.rebalance_status)}});
}

std::string EncodeDatabase(const Database& database) {
  return Print(
      {{"descriptor", database.json}, {"created_ms", database.created_ms}, {"modified_ms", database.modified_ms}});
}

std::string EncodeTable(const Table& table) {
  return Print({{"id", table.id.value},
                {"schema_id", table.schema_id().value},
                {"descriptor", table.descriptor->ToJson()},
                {"created_ms", table.created_ms},
                {"modified_ms", table.modified_ms}});
}

std::string EncodePartition(const Partition& partition) {
  return Print({{"id", partition.id.value}, {"values", partition.values}, {"created_ms", partition.created_ms}});
}

arrow::Result<int64_t> DecodeNumber(std::string_view key, const std::string& value) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) return Damaged(key, "it is no number");
  return number;
}

arrow::Result<Dropped> DecodeDropped(std::string_view key) {
  const size_t parts_count = std::ranges::count(key, '/') == 2 ? 3 : 2;
  ARROW_ASSIGN_OR_RAISE(const std::vector<std::string> parts, KeyParts(key, parts_count));
  ARROW_ASSIGN_OR_RAISE(const int64_t table, DecodeNumber(key, parts[1]));
  Dropped dropped{.table = TableId(table)};
  if (parts_count == 2) return dropped;
  ARROW_ASSIGN_OR_RAISE(const int64_t partition, DecodeNumber(key, parts[2]));
  dropped.partition = PartitionId(partition);
  return dropped;
}

arrow::Result<Cluster> DecodeCluster(std::string_view key, const std::string& value) {
  ARROW_ASSIGN_OR_RAISE(const Json json, Parse(key, value));
  Cluster cluster;
  const auto configs = json.find("configs");
  const auto tags = json.find("server_tags");
  if (configs == json.end() || !configs->is_object()) return Damaged(key, "the object 'configs' is missing");
  if (tags == json.end() || !tags->is_object()) return Damaged(key, "the object 'server_tags' is missing");
  for (const auto& [name, text] : configs->items()) {
    if (!text.is_string()) return Damaged(key, "the value of an option is no text");
    cluster.configs[name] = text.get<std::string>();
  }
  for (const auto& [server, tag] : tags->items()) {
    if (!tag.is_number_integer()) return Damaged(key, "a tag is no number");
    ARROW_ASSIGN_OR_RAISE(const int64_t id, DecodeNumber(key, server));
    cluster.server_tags[static_cast<int32_t>(id)] = tag.get<int32_t>();
  }
  ARROW_ASSIGN_OR_RAISE(cluster.rebalance_count, Integer(key, json, "rebalance_count"));
  ARROW_ASSIGN_OR_RAISE(cluster.rebalance_id, Text(key, json, "rebalance_id"));
  ARROW_ASSIGN_OR_RAISE(const int64_t status, Integer(key, json, "rebalance_status"));
  cluster.rebalance_status = static_cast<RebalanceStatus>(status);
  return cluster;
}

arrow::Result<Database> DecodeDatabase(std::string_view key, const std::string& value) {
  ARROW_ASSIGN_OR_RAISE(const std::vector<std::string> parts, KeyParts(key, 2));
  ARROW_ASSIGN_OR_RAISE(const Json json, Parse(key, value));
  Database database;
  database.name = parts[1];
  ARROW_ASSIGN_OR_RAISE(database.json, Text(key, json, "descriptor"));
  ARROW_ASSIGN_OR_RAISE(database.created_ms, Integer(key, json, "created_ms"));
  ARROW_ASSIGN_OR_RAISE(database.modified_ms, Integer(key, json, "modified_ms"));
  return database;
}

arrow::Result<Table> DecodeTable(std::string_view key, const std::string& value, int16_t& schema_count) {
  ARROW_ASSIGN_OR_RAISE(const std::vector<std::string> parts, KeyParts(key, 3));
  ARROW_ASSIGN_OR_RAISE(const Json json, Parse(key, value));
  Table table;
  table.path = {parts[1], parts[2]};
  ARROW_ASSIGN_OR_RAISE(const int64_t id, Integer(key, json, "id"));
  table.id = TableId(id);
  ARROW_ASSIGN_OR_RAISE(const int64_t schema_id, Integer(key, json, "schema_id"));
  schema_count = static_cast<int16_t>(schema_id);
  ARROW_ASSIGN_OR_RAISE(const std::string descriptor, Text(key, json, "descriptor"));
  auto parsed = schema::TableDescriptor::FromJson(descriptor);
  if (!parsed.ok()) return Damaged(key, parsed.status().message());
  table.descriptor = std::make_shared<const schema::TableDescriptor>(std::move(*parsed));
  ARROW_ASSIGN_OR_RAISE(table.created_ms, Integer(key, json, "created_ms"));
  ARROW_ASSIGN_OR_RAISE(table.modified_ms, Integer(key, json, "modified_ms"));
  return table;
}

arrow::Result<Partition> DecodePartition(std::string_view key, const std::string& value) {
  ARROW_ASSIGN_OR_RAISE(const std::vector<std::string> parts, KeyParts(key, 3));
  ARROW_ASSIGN_OR_RAISE(const Json json, Parse(key, value));
  Partition partition;
  ARROW_ASSIGN_OR_RAISE(const int64_t table, DecodeNumber(key, parts[1]));
  partition.table = TableId(table);
  partition.name = parts[2];
  ARROW_ASSIGN_OR_RAISE(const int64_t id, Integer(key, json, "id"));
  partition.id = PartitionId(id);
  ARROW_ASSIGN_OR_RAISE(partition.created_ms, Integer(key, json, "created_ms"));
  const auto values = json.find("values");
  if (values == json.end() || !values->is_array()) return Damaged(key, "the list 'values' is missing");
  for (const Json& item : *values) {
    if (!item.is_string()) return Damaged(key, "a partition value is no text");
    partition.values.push_back(item.get<std::string>());
  }
  return partition;
}

}  // namespace thalweg::catalog::records
