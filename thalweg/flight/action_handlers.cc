#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/flight/types.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/envelope.h"
#include "thalweg/flight/handlers.h"
#include "thalweg/flight/sql_handlers.h"
#include "thalweg/flight/table_definition.h"
#include "thalweg/query/definitions.h"
#include "thalweg/schema/database_descriptor.h"

namespace thalweg::flight {
namespace {

using Results = std::vector<arrow::flight::Result>;

Results One(const google::protobuf::MessageLite& message) {
  Results results;
  results.push_back(arrow::flight::Result{arrow::Buffer::FromString(message.SerializeAsString())});
  return results;
}

arrow::Result<Results> InfoOf(const query::Table& table) {
  v1::TableInfo info;
  ARROW_RETURN_NOT_OK(Describe(table, &info));
  return One(info);
}

std::string DatabaseOf(const std::string& name) { return name.empty() ? "fluss" : name; }

arrow::Result<Results> Do(const Call& call, const v1::GetServerInfo&) {
  v1::ServerInfo info;
  info.set_version(call.services.version);
  for (const auto& listener : call.services.fluss_listeners) {
    auto& told = *info.add_fluss_listeners();
    told.set_name(listener.name);
    told.set_address(listener.address);
    told.set_sasl(listener.sasl);
    told.set_tls(listener.tls);
  }
  info.set_sql(call.services.sql != nullptr);
  info.set_principal(call.session.asker().principal.ToString());
  return One(info);
}

arrow::Result<Results> Do(const Call& call, const v1::ListDatabases&) {
  v1::DatabaseList list;
  for (const auto& database : call.session.ListDatabases()) {
    auto& told = *list.add_databases();
    told.set_name(database->name);
    ARROW_ASSIGN_OR_RAISE(const auto descriptor, schema::DatabaseDescriptor::FromJson(database->json));
    told.set_comment(descriptor.comment.value_or(""));
    told.mutable_custom_properties()->insert(descriptor.custom_properties.begin(), descriptor.custom_properties.end());
  }
  return One(list);
}

arrow::Result<Results> Do(const Call& call, const v1::CreateDatabase& create) {
  schema::DatabaseDescriptor descriptor;
  if (!create.comment().empty()) descriptor.comment = create.comment();
  descriptor.custom_properties.insert(create.custom_properties().begin(), create.custom_properties().end());
  ARROW_RETURN_NOT_OK(call.services.Wait([&](runtime::Executor& home) {
    return query::CreateDatabase(call.session, create.name(), std::move(descriptor), create.ignore_if_exists(), home);
  }));
  return Results();
}

arrow::Result<Results> Do(const Call& call, const v1::DropDatabase& drop) {
  ARROW_RETURN_NOT_OK(call.services.Wait([&](runtime::Executor& home) {
    return query::DropDatabase(call.session, drop.name(), drop.ignore_if_missing(), drop.cascade(), home);
  }));
  return Results();
}

arrow::Result<Results> Do(const Call& call, const v1::ListTables& list) {
  ARROW_ASSIGN_OR_RAISE(const auto tables, call.session.ListTables(DatabaseOf(list.database())));
  v1::TableList told;
  for (const auto& table : tables) told.add_tables(table->path.table);
  return One(told);
}

arrow::Result<Results> Do(const Call& call, const v1::GetTable& get) {
  ARROW_ASSIGN_OR_RAISE(const auto table, call.session.FindTable(PathOf(get.table())));
  return InfoOf(*table);
}

arrow::Result<Results> Do(const Call& call, const v1::CreateTable& create) {
  ARROW_ASSIGN_OR_RAISE(auto descriptor, DescriptorOf(create.definition()));
  ARROW_ASSIGN_OR_RAISE(const auto table, call.services.Wait([&](runtime::Executor& home) {
    return query::CreateTable(call.session, PathOf(create.table()), std::move(descriptor), create.ignore_if_exists(),
                              home);
  }));
  return InfoOf(*table);
}

arrow::Result<Results> Do(const Call& call, const v1::AlterTable& alter) {
  ARROW_ASSIGN_OR_RAISE(auto change, ChangeOf(alter));
  ARROW_ASSIGN_OR_RAISE(const auto table, call.services.Wait([&](runtime::Executor& home) {
    return query::AlterTable(call.session, PathOf(alter.table()), std::move(change), false, home);
  }));
  return InfoOf(*table);
}

arrow::Result<Results> Do(const Call& call, const v1::DropTable& drop) {
  ARROW_RETURN_NOT_OK(call.services
                          .Wait([&](runtime::Executor& home) {
                            return query::DropTable(call.session, PathOf(drop.table()), drop.ignore_if_missing(), home);
                          })
                          .status());
  return Results();
}

schema::PartitionSpec SpecOf(const google::protobuf::Map<std::string, std::string>& values) {
  return {values.begin(), values.end()};
}

arrow::Result<Results> Do(const Call& call, const v1::ListPartitions& list) {
  ARROW_ASSIGN_OR_RAISE(const auto table, call.session.FindTable(PathOf(list.table())));
  if (!table->base()->IsPartitioned()) {
    return Error(ErrorCode::kTableNotPartitioned, "{} has no partitions.", table->path());
  }
  v1::PartitionList told;
  for (const auto& partition : table->partitions()) {
    auto& one = *told.add_partitions();
    one.set_partition_id(partition->id.value);
    one.set_name(partition->name);
  }
  return One(told);
}

arrow::Result<Results> Do(const Call& call, const v1::CreatePartition& create) {
  ARROW_RETURN_NOT_OK(call.services
                          .Wait([&](runtime::Executor& home) {
                            return query::CreatePartition(call.session, PathOf(create.table()), SpecOf(create.values()),
                                                          create.ignore_if_exists(), home);
                          })
                          .status());
  return Results();
}

arrow::Result<Results> Do(const Call& call, const v1::DropPartition& drop) {
  ARROW_RETURN_NOT_OK(call.services
                          .Wait([&](runtime::Executor& home) {
                            return query::DropPartition(call.session, PathOf(drop.table()), SpecOf(drop.values()),
                                                        drop.ignore_if_missing(), home);
                          })
                          .status());
  return Results();
}

arrow::Result<Results> Do(const Call& call, const v1::WaitForToken& wait) {
  ARROW_RETURN_NOT_OK(call.WaitFor(wait.token(), wait.has_wait_ms() ? std::optional(wait.wait_ms()) : std::nullopt));
  return Results();
}

struct KnownAction {
  std::string name;
  std::string does;
  std::function<arrow::Result<Results>(const Call& call, std::string_view body)> run;
};

template <typename Message>
KnownAction Known(std::string does) {
  return {Message().GetTypeName(), std::move(does),
          [](const Call& call, std::string_view body) -> arrow::Result<Results> {
            Message message;
            ARROW_RETURN_NOT_OK(ParseMessage(body, &message));
            return Do(call, message);
          }};
}

const std::vector<KnownAction>& KnownActions() {
  static const std::vector<KnownAction> actions{
      Known<v1::GetServerInfo>("The version, where the Fluss protocol is spoken, and who you are: ServerInfo."),
      Known<v1::ListDatabases>("DatabaseList."),
      Known<v1::CreateDatabase>("Creates a database."),
      Known<v1::DropDatabase>("Drops a database, with its tables if asked to."),
      Known<v1::ListTables>("TableList of one database."),
      Known<v1::GetTable>("TableInfo: columns, keys, options."),
      Known<v1::CreateTable>("Creates a table: TableInfo."),
      Known<v1::AlterTable>("Changes options or adds columns: TableInfo."),
      Known<v1::DropTable>("Drops a table."),
      Known<v1::ListPartitions>("PartitionList."),
      Known<v1::CreatePartition>("Creates a partition."),
      Known<v1::DropPartition>("Drops a partition."),
      Known<v1::WaitForToken>("Waits until all that a token names is visible."),
  };
  return actions;
}

}  // namespace

std::vector<arrow::flight::ActionType> ListActions() {
  std::vector<arrow::flight::ActionType> types;
  for (const auto& action : KnownActions()) types.emplace_back(action.name, action.does);
  const auto sql = ListSqlActions();
  types.insert(types.end(), sql.begin(), sql.end());
  return types;
}

arrow::Result<Results> HandleAction(const Call& call, const arrow::flight::Action& action) {
  for (const auto& known : KnownActions()) {
    if (known.name == action.type) return known.run(call, action.body ? std::string_view(*action.body) : "");
  }
  ARROW_ASSIGN_OR_RAISE(auto done, HandleSqlAction(call, action));
  if (done) return std::move(*done);
  return Error(ErrorCode::kUnsupportedVersion,
               "There is no action {} in this version: ListActions says which there are.", action.type.substr(0, 100));
}

}  // namespace thalweg::flight
