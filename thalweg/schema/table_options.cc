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
    {kAutoIncrementCacheSize, kLong, "100000", false, {}},
    {kAutoPartitionEnabled, kBoolean, "false", true, {}},
    {kAutoPartitionKey, kText, "", false, {}},
    {kAutoPartitionPrecreate, kInt, "2", true, {}},
    {kAutoPartitionRetention, kInt, "7", true, {}},
    {kAutoPartitionTimeFormat, kText, "", false, {}},
    {kAutoPartitionTimeUnit, kEnum, "DAY", false, kTimeUnits},
    {kAutoPartitionTimeZone, kText, "UTC", false, {}},
    {kChangelogImage, kEnum, "FULL", false, kChangelogImages},
    {kLakeAutoCompaction, kBoolean, "false", true, {}},
    {kLakeAutoExpire, kBoolean, "false", false, {}},
    {kLakeEnabled, kBoolean, "false", true, {}},
    {kLakeFormat, kEnum, "", false, kLakeFormats},
    {kLakeFreshness, kDuration, "3 min", true, {}},
    {kLakeHistoricalPartition, kBoolean, "false", true, {}},
    {kDeleteBehavior, kEnum, "ALLOW", false, kDeleteBehaviors},
    {kKvFormat, kEnum, "COMPACTED", false, kKvFormats},
    {kKvFormatVersion, kInt, "", false, {}},
    {kKvStandbyReplica, kBoolean, "", true, {}},
    {kCompressionType, kEnum, "ZSTD", false, kCompressionTypes},
    {kZstdLevel, kInt, "3", false, {}},
    {kLogFormat, kEnum, "ARROW", false, kLogFormats},
    {kLogLocalTtl, kDuration, "", true, {}},
    {kTieredLocalSegments, kInt, "2", true, {}},
    {kLogTtl, kDuration, "7 d", true, {}},
    {kMergeEngine, kEnum, "", false, kMergeEngines},
    {kMergeEngineVersionColumn, kText, "", false, {}},
    {kReplicationFactor, kInt, "", false, {}},
    {kStatisticsColumns, kText, "", true, {}},
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
