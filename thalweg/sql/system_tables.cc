#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/query/session.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/schema/arrow_mapping.h"
#include "thalweg/security/acl.h"
#include "thalweg/sql/engine.h"
#include "thalweg/sql/session_state_internal.h"
#include "thalweg/sql/system_tables_internal.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::sql {
namespace {

using schema::TypeKind;

/// One value of a system table: text, a number, a moment in milliseconds, or nothing.
struct Cell {
  std::optional<std::string> text{};
  std::optional<int64_t> number{};
  std::optional<double> real{};

  static Cell Text(std::string text) { return {.text = std::move(text)}; }
  static Cell Number(int64_t number) { return {.number = number}; }
  static Cell Real(double real) { return {.real = real}; }
};
using Rows = std::vector<std::vector<Cell>>;

struct SystemTable {
  const char* name;
  std::vector<std::pair<const char*, TypeKind>> columns;
  arrow::Result<Rows> (*make)(const SessionState& session);
};

schema::DataType TypeOf(TypeKind kind) {
  return kind == TypeKind::kTimestampLtz ? schema::MakeTime(kind, 3) : schema::MakeType(kind);
}

/// Calls `use` with each table that the user may see.
template <typename Use>
arrow::Status ForEachTable(const SessionState& session, Use use) {
  for (const auto& database : session.session().ListDatabasesOfTables()) {
    const auto tables = session.session().ListTables(database->name);
    if (!tables.ok()) continue;  // dropped meanwhile
    for (const auto& table : *tables) ARROW_RETURN_NOT_OK(use(*table));
  }
  return arrow::Status::OK();
}

std::string Joined(const std::vector<std::string>& names) {
  std::string joined;
  for (const auto& name : names) joined += (joined.empty() ? "" : ",") + name;
  return joined;
}

arrow::Result<Rows> Databases(const SessionState& session) {
  Rows rows;
  for (const auto& database : session.session().ListDatabases()) {
    rows.push_back({Cell::Text(database->name), Cell::Number(static_cast<int64_t>(database->tables.size())),
                    Cell::Number(database->created_ms)});
  }
  return rows;
}

arrow::Result<Rows> Tables(const SessionState& session) {
  Rows rows;
  ARROW_RETURN_NOT_OK(ForEachTable(session, [&](const catalog::Table& table) {
    const auto& descriptor = *table.descriptor;
    std::string options;
    for (const auto* properties : {&descriptor.properties, &descriptor.custom_properties}) {
      for (const auto& [key, value] : *properties) options += (options.empty() ? "" : ", ") + key + "=" + value;
    }
    rows.push_back({Cell::Text(table.path.database), Cell::Text(table.path.table), Cell::Number(table.id.value),
                    Cell::Text(descriptor.HasPrimaryKey() ? "primary key" : "log"),
                    Cell::Text(Joined(descriptor.schema.primary_key())), Cell::Text(Joined(descriptor.partition_keys)),
                    Cell::Text(Joined(descriptor.bucket_keys)), Cell::Number(table.bucket_count()),
                    Cell::Number(static_cast<int64_t>(table.partitions.size())),
                    Cell::Number(static_cast<int64_t>(table.schemas.size())),
                    descriptor.comment ? Cell::Text(*descriptor.comment) : Cell{}, Cell::Text(options),
                    Cell::Number(table.created_ms), Cell::Number(table.modified_ms)});
    return arrow::Status::OK();
  }));
  return rows;
}

arrow::Result<Rows> Partitions(const SessionState& session) {
  Rows rows;
  ARROW_RETURN_NOT_OK(ForEachTable(session, [&](const catalog::Table& table) -> arrow::Status {
    if (!table.descriptor->IsPartitioned()) return arrow::Status::OK();
    const auto partitions = session.session().environment().catalog.view()->ListPartitions(table.path, {});
    if (!partitions.ok()) return arrow::Status::OK();  // dropped meanwhile
    for (const auto& partition : *partitions) {
      rows.push_back({Cell::Text(table.path.database), Cell::Text(table.path.table), Cell::Text(partition->name),
                      Cell::Number(partition->id.value), Cell::Number(partition->created_ms)});
    }
    return arrow::Status::OK();
  }));
  return rows;
}

/// Calls `use` with each bucket of the tables that the user may see, and the first cells of its row.
template <typename Use>
arrow::Status ForEachBucket(const SessionState& session, Use use) {
  return ForEachTable(session, [&](const catalog::Table& table) -> arrow::Status {
    const auto resolved = session.session().FindTable(table.path);
    if (!resolved.ok()) return arrow::Status::OK();  // dropped meanwhile
    std::map<PartitionId, std::string> names;
    for (const auto& partition : (*resolved)->partitions()) names[partition->id] = partition->name;
    for (const auto& bucket : (*resolved)->buckets()) {
      // A bucket that nobody has asked for since the start may take a while.
      ARROW_RETURN_NOT_OK(session.cancelled());
      use(table, bucket,
          std::vector<Cell>{Cell::Text(table.path.database), Cell::Text(table.path.table),
                            bucket.partition == kNoPartition ? Cell{} : Cell::Text(names[bucket.partition]),
                            Cell::Number(bucket.bucket.value)});
    }
    return arrow::Status::OK();
  });
}

arrow::Result<Rows> Buckets(const SessionState& session) {
  Rows rows;
  const auto& environment = session.session().environment();
  ARROW_RETURN_NOT_OK(ForEachBucket(session, [&](const catalog::Table& table, const TableBucket& bucket,
                                                 std::vector<Cell> row) {
    const auto bounds = runtime::BlockOn(environment.workers, environment.engine.BoundsOf(bucket, environment.workers));
    if (!bounds.ok()) {
      row.insert(row.end(), {Cell{}, Cell{}, Cell{}, Cell::Text(bounds.status().message())});
    } else {
      Cell count;
      if (table.descriptor->HasPrimaryKey()) {
        const auto counted =
            runtime::BlockOn(environment.workers, environment.engine.CountRows(bucket, environment.workers));
        if (counted.ok()) count = Cell::Number(*counted);
      } else {
        count = Cell::Number(bounds->high_watermark - bounds->start);
      }
      row.insert(row.end(),
                 {Cell::Number(bounds->start.value), Cell::Number(bounds->high_watermark.value), count, Cell{}});
    }
    rows.push_back(std::move(row));
  }));
  return rows;
}

arrow::Result<Rows> Writers(const SessionState& session) {
  Rows rows;
  const auto& environment = session.session().environment();
  ARROW_RETURN_NOT_OK(
      ForEachBucket(session, [&](const catalog::Table&, const TableBucket& bucket, const std::vector<Cell>& place) {
        const auto writers =
            runtime::BlockOn(environment.workers, environment.engine.WritersOf(bucket, environment.workers));
        if (!writers.ok()) return;  // `buckets` says why
        for (const auto& writer : *writers) {
          auto& row = rows.emplace_back(place);
          row.insert(row.end(), {Cell::Number(writer.writer.value), Cell::Number(writer.last_sequence),
                                 writer.last_offset ? Cell::Number(writer.last_offset->value) : Cell{},
                                 Cell::Number(writer.last_timestamp_ms)});
        }
      }));
  return rows;
}

/// What is about the server, not about one table, is for those who may see the cluster.
arrow::Status RequireCluster(const SessionState& session) {
  return session.session().Require(security::Operation::kDescribe, security::Resource::Cluster());
}

arrow::Result<Rows> Metrics(const SessionState& session) {
  ARROW_RETURN_NOT_OK(RequireCluster(session));
  Rows rows;
  if (!session.environment().metrics) return rows;
  const std::string exposed = session.environment().metrics();
  std::map<std::string, std::string, std::less<>> kinds;
  // name{label="value"} number
  for (size_t at = 0; at < exposed.size();) {
    const size_t end = std::min(exposed.find('\n', at), exposed.size());
    const std::string_view line(exposed.data() + at, end - at);
    at = end + 1;
    if (line.starts_with("# TYPE ")) {
      const size_t space = line.find(' ', 7);
      if (space != std::string_view::npos) kinds[std::string(line.substr(7, space - 7))] = line.substr(space + 1);
    }
    if (line.empty() || line.starts_with('#')) continue;
    const size_t brace = line.find('{');
    const size_t close = brace == std::string_view::npos ? brace : line.rfind('}');
    const size_t space = line.find(' ', close == std::string_view::npos ? 0 : close);
    if (space == std::string_view::npos) continue;
    const std::string name(line.substr(0, std::min(brace, space)));
    const std::string number(line.substr(space + 1));
    const auto kind = kinds.find(name);
    rows.push_back(
        {Cell::Text(name),
         brace == std::string_view::npos ? Cell{} : Cell::Text(std::string(line.substr(brace + 1, close - brace - 1))),
         kind == kinds.end() ? Cell{} : Cell::Text(kind->second), Cell::Real(std::strtod(number.c_str(), nullptr))});
  }
  return rows;
}

arrow::Result<Rows> Settings(const SessionState& session) {
  ARROW_RETURN_NOT_OK(RequireCluster(session));
  Rows rows;
  if (!session.environment().settings) return rows;
  for (auto& setting : session.environment().settings()) {
    rows.push_back({Cell::Text(std::move(setting.name)), Cell::Text(std::move(setting.value)),
                    Cell::Text(std::move(setting.description))});
  }
  return rows;
}

const std::vector<SystemTable>& All() {
  constexpr auto kText = TypeKind::kString;
  constexpr auto kNumber = TypeKind::kBigInt;
  constexpr auto kTime = TypeKind::kTimestampLtz;
  static const std::vector<SystemTable> kTables = {
      {"buckets",
       {{"database_name", kText},
        {"table_name", kText},
        {"partition_name", kText},
        {"bucket", kNumber},
        {"start_offset", kNumber},
        {"end_offset", kNumber},
        {"row_count", kNumber},
        {"error", kText}},
       Buckets},
      {"databases", {{"database_name", kText}, {"table_count", kNumber}, {"created_at", kTime}}, Databases},
      {"metrics", {{"name", kText}, {"labels", kText}, {"kind", kText}, {"value", TypeKind::kDouble}}, Metrics},
      {"partitions",
       {{"database_name", kText},
        {"table_name", kText},
        {"partition_name", kText},
        {"partition_id", kNumber},
        {"created_at", kTime}},
       Partitions},
      {"settings", {{"name", kText}, {"value", kText}, {"description", kText}}, Settings},
      {"tables",
       {{"database_name", kText},
        {"table_name", kText},
        {"table_id", kNumber},
        {"kind", kText},
        {"primary_key", kText},
        {"partition_keys", kText},
        {"bucket_keys", kText},
        {"bucket_count", kNumber},
        {"partition_count", kNumber},
        {"schema_version", kNumber},
        {"comment", kText},
        {"options", kText},
        {"created_at", kTime},
        {"modified_at", kTime}},
       Tables},
      {"writers",
       {{"database_name", kText},
        {"table_name", kText},
        {"partition_name", kText},
        {"bucket", kNumber},
        {"writer_id", kNumber},
        {"last_sequence", kNumber},
        {"last_offset", kNumber},
        {"last_written_at", kTime}},
       Writers},
  };
  return kTables;
}

arrow::Result<std::shared_ptr<arrow::Array>> ToColumn(const Rows& rows, size_t column, TypeKind kind) {
  const auto append = [&](auto& builder, auto value) -> arrow::Result<std::shared_ptr<arrow::Array>> {
    for (const auto& row : rows) {
      if (const auto& cell = value(row[column])) {
        ARROW_RETURN_NOT_OK(builder.Append(*cell));
      } else {
        ARROW_RETURN_NOT_OK(builder.AppendNull());
      }
    }
    return builder.Finish();
  };
  if (kind == TypeKind::kString) {
    arrow::StringBuilder builder;
    return append(builder, [](const Cell& cell) -> const auto& { return cell.text; });
  }
  if (kind == TypeKind::kDouble) {
    arrow::DoubleBuilder builder;
    return append(builder, [](const Cell& cell) -> const auto& { return cell.real; });
  }
  if (kind == TypeKind::kTimestampLtz) {
    arrow::TimestampBuilder builder(schema::ToArrowType(TypeOf(kind)), arrow::default_memory_pool());
    return append(builder, [](const Cell& cell) -> const auto& { return cell.number; });
  }
  arrow::Int64Builder builder;
  return append(builder, [](const Cell& cell) -> const auto& { return cell.number; });
}

class SystemSource final : public RowSource {
 public:
  explicit SystemSource(const SystemTable& table) : table_(table) {
    std::vector<schema::Column> columns;
    columns.reserve(table.columns.size());
    for (const auto& [name, kind] : table.columns) columns.push_back({.name = name, .type = TypeOf(kind)});
    columns_ = schema::Schema::Make({.columns = std::move(columns)}).ValueOrDie();
  }

  const schema::Schema& columns() const override { return columns_; }
  bool filters() const override { return false; }

  arrow::Result<std::vector<std::shared_ptr<arrow::RecordBatchReader>>> Open(const SourceRequest& request,
                                                                             SessionState& session) const override {
    ARROW_ASSIGN_OR_RAISE(const auto rows, table_.make(session));
    arrow::ArrayVector arrays;
    arrow::FieldVector fields;
    for (const int position : request.columns) {
      const auto kind = table_.columns[static_cast<size_t>(position)].second;
      ARROW_ASSIGN_OR_RAISE(auto array, ToColumn(rows, static_cast<size_t>(position), kind));
      fields.push_back(arrow::field(table_.columns[static_cast<size_t>(position)].first, array->type()));
      arrays.push_back(std::move(array));
    }
    auto schema = arrow::schema(std::move(fields));
    const auto batch = arrow::RecordBatch::Make(schema, static_cast<int64_t>(rows.size()), std::move(arrays));
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::RecordBatchReader::Make({batch}, schema));
    return std::vector{std::move(reader)};
  }

 private:
  const SystemTable& table_;
  schema::Schema columns_;
};

}  // namespace

std::vector<std::string> SystemTableNames() {
  std::vector<std::string> names;
  for (const auto& table : All()) names.emplace_back(table.name);
  return names;
}

RowSourcePtr MakeSystemTable(const SessionState&, const std::string& name) {
  const auto found =
      std::ranges::find(All(), name, [](const SystemTable& table) { return std::string_view(table.name); });
  return found == All().end() ? nullptr : std::make_shared<SystemSource>(*found);
}

}  // namespace thalweg::sql
