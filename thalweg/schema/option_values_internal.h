#pragma once

#include <string_view>

/// The words that enum options take. Each list is in the order of the enum in table_config.h that it stands for.
namespace thalweg::schema {

inline constexpr std::string_view kLogFormats[] = {"ARROW", "INDEXED", "COMPACTED"};
inline constexpr std::string_view kKvFormats[] = {"COMPACTED", "INDEXED"};
inline constexpr std::string_view kCompressionTypes[] = {"NONE", "LZ4_FRAME", "ZSTD"};
inline constexpr std::string_view kTimeUnits[] = {"YEAR", "QUARTER", "MONTH", "DAY", "HOUR"};
inline constexpr std::string_view kMergeEngines[] = {"FIRST_ROW", "VERSIONED", "AGGREGATION"};
inline constexpr std::string_view kDeleteBehaviors[] = {"ALLOW", "IGNORE", "DISABLE"};
inline constexpr std::string_view kChangelogImages[] = {"FULL", "WAL"};
inline constexpr std::string_view kLakeFormats[] = {"paimon", "lance", "iceberg", "hudi"};

}  // namespace thalweg::schema
