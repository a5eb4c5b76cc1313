#include "thalweg/upkeep/auto_partition.h"

#include <optional>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/partition_time.h"
#include "thalweg/schema/table_options.h"

namespace thalweg::upkeep {
namespace {

constexpr int64_t kMsPerMinute = 60'000;
constexpr uint64_t kSpreadMinutes = 23 * 60;

/// None where partitions are not automatic. What the catalog holds was checked when it got there.
std::optional<schema::TableConfig::AutoPartition> ConfigOf(const catalog::Table& table) {
  const auto& properties = table.descriptor->properties;
  if (!table.IsPartitioned() || !properties.contains(std::string(schema::kAutoPartitionEnabled))) return std::nullopt;
  const auto config = table.layout->Config();
  if (!config.ok() || !(*config)->auto_partition.enabled) return std::nullopt;
  return (*config)->auto_partition;
}

schema::PartitionSpec SpecOf(const catalog::Table& table, const std::vector<std::string>& values) {
  schema::PartitionSpec spec;
  for (size_t i = 0; i < values.size(); ++i) spec.emplace_back(table.descriptor->partition_keys[i], values[i]);
  return spec;
}

}  // namespace

int64_t AutoPartition::DelayMinutes(TableId table) {
  // Of the id, so that a restart does not draw it again: a table's day then begins at the same time always.
  auto x = static_cast<uint64_t>(table.value) * 0x9E3779B97F4A7C15ull;
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93ull;
  x ^= x >> 32;
  return static_cast<int64_t>(x % kSpreadMinutes);
}

runtime::Task<> AutoPartition::Apply(TableId id, runtime::Executor& home) {
  const auto table = environment_.catalog.view()->FindTable(id);
  if (!table || !ConfigOf(*table)) co_return;
  co_await runtime::SwitchTo(environment_.pool);
  co_await ApplyTo(table, false);
  co_await runtime::SwitchTo(home);
}

runtime::Task<> AutoPartition::ApplyToAll() {
  co_await runtime::SwitchTo(environment_.pool);
  for (const auto& table : environment_.catalog.view()->ListAllTables()) {
    if (ConfigOf(*table)) co_await ApplyTo(table, true);
  }
}

runtime::Task<> AutoPartition::ApplyTo(catalog::TablePtr table, bool spread) {
  const auto config = *ConfigOf(*table);
  const auto format = schema::PartitionTimeFormat::Make(config.time_unit, config.time_format);
  if (!format.ok()) {
    environment_.report(
        fmt::format("Table {} gets no automatic partitions: {}", table->path, format.status().message()));
    co_return;
  }
  const schema::TimeZone zone = environment_.zones.Find(config.time_zone);
  int64_t now_ms = environment_.clock.WallMs();
  if (spread && config.time_unit == schema::TimeUnit::kDay) now_ms -= DelayMinutes(table->id) * kMsPerMinute;
  const auto name_of = [&](int64_t offset) {
    return schema::PartitionTime(*format, config.time_unit, zone, now_ms, offset);
  };
  if (config.retention_count >= 0) co_await DropOld(table, config, name_of(-int64_t{config.retention_count}));
  if (table->descriptor->partition_keys.size() > 1) co_return;
  for (int64_t i = 0; i < config.precreate_count; ++i) {
    const std::string name = name_of(i);
    if (table->partitions.Find(name)) continue;
    const auto created =
        co_await environment_.catalog.CreatePartition(table->path, SpecOf(*table, {name}), true, environment_.pool);
    if (created.ok()) continue;
    if (CodeOf(created.status()) == ErrorCode::kTableNotExist) co_return;  // dropped meanwhile
    environment_.report(fmt::format("Table {} did not get its automatic partition {}: {}", table->path, name,
                                    created.status().message()));
    co_return;  // the later ones would fail for the same reason
  }
}

runtime::Task<> AutoPartition::DropOld(catalog::TablePtr table, schema::TableConfig::AutoPartition config,
                                       std::string oldest_kept) {
  const size_t time_index = schema::TimeKeyIndex(table->descriptor->partition_keys, config);
  std::vector<catalog::PartitionPtr> old;
  table->partitions.ForEach([&](const std::string&, const catalog::PartitionPtr& partition) {
    if (partition->values[time_index] < oldest_kept) old.push_back(partition);
  });
  for (const auto& partition : old) {
    const auto dropped = co_await environment_.catalog.DropPartition(table->path, SpecOf(*table, partition->values),
                                                                     true, environment_.pool);
    if (dropped.ok() && *dropped) {
      const PartitionId id = (*dropped)->id;
      co_await environment_.dropped_data.RemoveNow({table->id, id}, BucketsOf(*table, id), environment_.pool);
    }
    if (dropped.ok()) continue;
    if (CodeOf(dropped.status()) == ErrorCode::kTableNotExist) co_return;
    environment_.report(fmt::format("Table {}: its partition {} is older than the table keeps, but: {}", table->path,
                                    partition->name, dropped.status().message()));
  }
}

}  // namespace thalweg::upkeep
