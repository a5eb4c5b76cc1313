#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/schema/time_zone.h"

namespace thalweg::schema {

/// How a moment is written in the name of an automatic partition: yyyy, yyyyQ, yyyyMM, yyyyMMdd or yyyyMMddHH by the time
/// unit, or a pattern of the table's own. Such names order as the times do, which is how old partitions are found.
class PartitionTimeFormat {
 public:
  /// A pattern has the fields of its time unit, largest first and each with all its digits (yyyy or uuuu, Q or q, MM or LL,
  /// dd, HH), between them what a partition's name may have; letters stand in '…'. INVALID_TABLE for others.
  static arrow::Result<PartitionTimeFormat> Make(TimeUnit unit, const std::optional<std::string>& pattern);

  std::string Print(const LocalTime& time) const;
  /// Whether `text` is a time in this format.
  bool Matches(std::string_view text) const;
  const std::string& pattern() const { return pattern_; }

 private:
  enum class Field : uint8_t { kYear, kQuarter, kMonth, kDay, kHour };
  struct Piece {
    std::optional<Field> field{};
    std::string literal{};
  };

  static std::vector<Field> FieldsOf(TimeUnit unit);
  static std::optional<Field> FieldOf(char letter);
  static int WidthOf(Field field);
  arrow::Status Read(std::string_view pattern);
  arrow::Status AddField(std::string_view run);
  void AddLiteral(char c);

  std::string pattern_;
  std::vector<Piece> pieces_;
};

/// Which of the partition keys is the time.
size_t TimeKeyIndex(const std::vector<std::string>& partition_keys, const TableConfig::AutoPartition& config);

/// The name for the time unit that lies `offset` units after the one in which `now_ms` (since 1970) falls in `zone`.
std::string PartitionTime(const PartitionTimeFormat& format, TimeUnit unit, const TimeZone& zone, int64_t now_ms,
                          int64_t offset);

}  // namespace thalweg::schema
