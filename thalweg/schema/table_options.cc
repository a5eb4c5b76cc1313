#include "thalweg/schema/table_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>

#include "fmt/ranges.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/option_values_internal.h"

namespace thalweg::schema {
namespace {

using enum OptionKind;

constexpr TableOption kOptions[] = {
    {kAutoIncrementCacheSize,
     kLong,
     "100000",
     false,
     {},
     "How many numbers of an auto-increment column a bucket reserves at a time. What is left of them when the server "
     "ends is not given out later."},
    {kAutoPartitionEnabled, kBoolean, "false", true, {}, "Whether partitions are made and dropped by the clock."},
    {kAutoPartitionKey, kText, "", false, {}, "Which partition key is the time, where there are several."},
    {kAutoPartitionPrecreate,
     kInt,
     "2",
     true,
     {},
     "So many partitions of the present and the next time units are there ahead of time; 0 where there are several "
     "partition keys."},
    {kAutoPartitionRetention,
     kInt,
     "7",
     true,
     {},
     "Partitions older than so many time units are dropped with their rows; below 0: never."},
    {kAutoPartitionTimeFormat,
     kText,
     "",
     false,
     {},
     "How a time names its partition, such as `yyyy-MM-dd`; without it as the unit has it: `yyyy`, `yyyyQ`, `yyyyMM`, "
     "`yyyyMMdd`, `yyyyMMddHH`."},
    {kAutoPartitionTimeUnit, kEnum, "DAY", false, kTimeUnits, "How much time a partition holds."},
    {kAutoPartitionTimeZone,
     kText,
     "UTC",
     false,
     {},
     "Of the partitions' names: a name of the zone database, or `GMT+8`."},
    {kChangelogImage, kEnum, "FULL", false, kChangelogImages,
     "Of tables with a primary key. `FULL`: an update is logged as −U and +U. `WAL`: as +U alone, and whole rows are "
     "written without a look at what was there: [data_model.md](data_model.md#the-changelog)."},
    {kLakeAutoCompaction, kBoolean, "false", true, {}, "Kept for tools that tier to a lake; this server does not."},
    {kLakeAutoExpire, kBoolean, "false", false, {}, "Kept for tools that tier to a lake; this server does not."},
    {kLakeEnabled, kBoolean, "false", true, {}, "`true` is refused: nothing is tiered to a lake in this version."},
    {kLakeFormat, kEnum, "", false, kLakeFormats,
     "Whose way of encoding keys and choosing buckets clients use. Tables that name none get that of the cluster, if "
     "it has one (`datalake.format`)."},
    {kLakeFreshness, kDuration, "3 min", true, {}, "Kept for tools that tier to a lake; this server does not."},
    {kLakeHistoricalPartition,
     kBoolean,
     "false",
     true,
     {},
     "Kept for tools that tier to a lake; this server does not."},
    {kDeleteBehavior, kEnum, "ALLOW", false, kDeleteBehaviors,
     "What becomes of deletions by key: done, left out in silence, or refused. Tables with a merge engine that say "
     "nothing get `IGNORE`: [data_model.md](data_model.md#deletions)."},
    {kKvFormat, kEnum, "COMPACTED", false, kKvFormats, "How rows are encoded that clients put and look up."},
    {kKvFormatVersion,
     kInt,
     "",
     false,
     {},
     "How primary keys are encoded. 2, which new tables get: as Fluss has it; in tables for a data lake whose bucket "
     "key is the whole primary key, as the lake has it. 1, of older clients: in all tables for a data lake as the lake "
     "has it."},
    {kKvStandbyReplica, kBoolean, "", true, {}, "Without effect: there is one server."},
    {kCompressionType, kEnum, "ZSTD", false, kCompressionTypes,
     "How the batches of a log in `ARROW` are compressed, by the client that writes them, and in changelogs by the "
     "server."},
    {kZstdLevel, kInt, "3", false, {}, "1 to 22."},
    {kLogFormat, kEnum, "ARROW", false, kLogFormats,
     "How records are encoded in the log: by columns, of which readers can have some, or by rows. `INDEXED` not where "
     "`table.kv.format` is `COMPACTED`, in tables with a primary key."},
    {kLogLocalTtl,
     kDuration,
     "",
     true,
     {},
     "How long segments that are in remote storage stay here, too; not longer than `table.log.ttl`."},
    {kTieredLocalSegments,
     kInt,
     "2",
     true,
     {},
     "So many segments of a bucket stay here, at least, when they are in remote storage; 1 or more."},
    {kLogTtl,
     kDuration,
     "7 d",
     true,
     {},
     "Records are removed, by whole segments, when they are so old; 0 or less: never. Rows by key stay. "
     "[configuration.md](configuration.md#options-of-tables)"},
    {kMergeEngine, kEnum, "", false, kMergeEngines,
     "How a row that is put meets the one with the same key; none: it takes its place. "
     "[merge_engines.md](merge_engines.md)"},
    {kMergeEngineVersionColumn,
     kText,
     "",
     false,
     {},
     "Of the engine `VERSIONED`: the column of whose values the largest wins. INT, BIGINT, TIMESTAMP or "
     "TIMESTAMP_LTZ."},
    {kReplicationFactor, kInt, "", false, {}, "Only 1: there is one server. Filled in."},
    {kStatisticsColumns,
     kText,
     "",
     true,
     {},
     "Of log tables: the columns, or `*`, of which writers put the least and greatest value into each batch, so that "
     "filters can leave batches out."},
};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameInAnyCase(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, Lower, Lower); }

struct DurationUnit {
  std::string_view label;
  int64_t nanoseconds;
};

constexpr int64_t kMicro = 1'000, kMilli = 1'000 * kMicro, kSecond = 1'000 * kMilli, kMinute = 60 * kSecond,
                  kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr DurationUnit kUnits[] = {
    {"d", kDay},
    {"day", kDay},
    {"days", kDay},
    {"h", kHour},
    {"hour", kHour},
    {"hours", kHour},
    {"min", kMinute},
    {"m", kMinute},
    {"minute", kMinute},
    {"minutes", kMinute},
    {"s", kSecond},
    {"sec", kSecond},
    {"secs", kSecond},
    {"second", kSecond},
    {"seconds", kSecond},
    {"ms", kMilli},
    {"milli", kMilli},
    {"millis", kMilli},
    {"millisecond", kMilli},
    {"milliseconds", kMilli},
    {"µs", kMicro},
    {"micro", kMicro},
    {"micros", kMicro},
    {"microsecond", kMicro},
    {"microseconds", kMicro},
    {"ns", 1},
    {"nano", 1},
    {"nanos", 1},
    {"nanosecond", 1},
    {"nanoseconds", 1},
};

}  // namespace

std::span<const TableOption> TableOptions() { return kOptions; }

const TableOption* FindTableOption(std::string_view key) {
  const auto* it = std::ranges::find(kOptions, key, &TableOption::key);
  return it == std::end(kOptions) ? nullptr : it;
}

bool IsTableKey(std::string_view key) { return key.starts_with("table."); }

arrow::Result<bool> ParseBoolean(std::string_view text) {
  if (SameInAnyCase(text, "true")) return true;
  if (SameInAnyCase(text, "false")) return false;
  return Error(ErrorCode::kInvalidConfig, "'{}' is neither true nor false", text);
}

arrow::Result<int64_t> ParseInteger(std::string_view text, int64_t min, int64_t max) {
  int64_t value = 0;
  // Like the reference server: one leading plus sign is a number's too.
  const std::string_view digits = text.starts_with('+') && !text.starts_with("+-") ? text.substr(1) : text;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc() || end != digits.data() + digits.size() || value < min || value > max) {
    return Error(ErrorCode::kInvalidConfig, "'{}' is not a whole number from {} to {}", text, min, max);
  }
  return value;
}

arrow::Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  const size_t digits = std::min(trimmed.find_first_not_of("0123456789"), trimmed.size());
  const std::string_view label = Trim(trimmed.substr(digits));
  if (digits == 0 || label.empty()) {
    return Error(ErrorCode::kInvalidConfig, "'{}' is not a duration: write a number and a unit, such as 7 d or 100 ms",
                 text);
  }
  const auto* unit = std::ranges::find_if(kUnits, [&](const DurationUnit& u) { return SameInAnyCase(u.label, label); });
  if (unit == std::end(kUnits)) {
    return Error(ErrorCode::kInvalidConfig, "'{}' is not a unit of time: use d, h, min, s, ms, µs or ns", label);
  }
  constexpr int64_t kMillisMax = std::numeric_limits<int64_t>::max();
  ARROW_ASSIGN_OR_RAISE(const int64_t count, ParseInteger(trimmed.substr(0, digits), 0, kMillisMax));
  if (unit->nanoseconds < kMilli) return std::chrono::milliseconds(count / (kMilli / unit->nanoseconds));
  const int64_t millis = unit->nanoseconds / kMilli;
  if (count > kMillisMax / millis) return Error(ErrorCode::kInvalidConfig, "the duration '{}' is too long", text);
  return std::chrono::milliseconds(count * millis);
}

arrow::Result<size_t> ParseEnum(std::string_view text, std::span<const std::string_view> values) {
  const auto it = std::ranges::find_if(values, [&](std::string_view value) { return SameInAnyCase(value, text); });
  if (it == values.end()) {
    return Error(ErrorCode::kInvalidConfig, "'{}' is not one of {}", text, fmt::join(values, ", "));
  }
  return static_cast<size_t>(it - values.begin());
}

arrow::Status CheckOptionValue(const TableOption& option, std::string_view text) {
  arrow::Status status;
  switch (option.kind) {
    case kBoolean:
      status = ParseBoolean(text).status();
      break;
    case kInt:
      status = ParseInteger(text, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()).status();
      break;
    case kLong:
      status = ParseInteger(text, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()).status();
      break;
    case kDuration:
      status = ParseDuration(text).status();
      break;
    case kEnum:
      status = ParseEnum(text, option.values).status();
      break;
    case kText:
      break;
  }
  if (status.ok()) return status;
  return Error(ErrorCode::kInvalidConfig, "The value of the table option '{}' is invalid: {}.", option.key,
               status.message());
}

}  // namespace thalweg::schema
