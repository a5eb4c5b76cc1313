#include "thalweg/format/partition_text.h"

#include <chrono>
#include <cstdint>

#include "fmt/format.h"
#include "thalweg/base/error.h"

namespace thalweg::format {
namespace {

using schema::TypeKind;

std::string DayText(int64_t days) {
  const std::chrono::year_month_day day{std::chrono::sys_days(std::chrono::days(days))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

std::string TimeText(int64_t millis) {
  return fmt::format("{:02}-{:02}-{:02}_{:03}", millis / 3'600'000, millis / 60'000 % 60, millis / 1'000 % 60,
                     millis % 1'000);
}

/// The fraction of the second has as many digits as it needs, none at all for a whole one.
std::string TimestampText(TimestampValue time) {
  constexpr int64_t kDayMs = 86'400'000;
  const int64_t day = time.millis >= 0 ? time.millis / kDayMs : (time.millis + 1) / kDayMs - 1;
  const int64_t of_day = time.millis - day * kDayMs;
  std::string fraction = fmt::format("{:03}{:06}", of_day % 1'000, time.nanos);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return fmt::format("{}-{:02}-{:02}-{:02}_{}", DayText(day), of_day / 3'600'000, of_day / 60'000 % 60,
                     of_day / 1'000 % 60, fraction);
}

std::string HexText(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return text;
}

}  // namespace

arrow::Result<std::string> PartitionText(const Datum& value, const schema::DataType& type) {
  if (value.is_null()) return Error(ErrorCode::kPartitionSpecInvalid, "A partition key must have a value.");
  if (const auto* truth = value.get_if<bool>()) return *truth ? "true" : "false";
  if (const auto* number = value.get_if<int64_t>()) {
    if (type.kind == TypeKind::kDate) return DayText(*number);
    return type.kind == TypeKind::kTime ? TimeText(*number) : fmt::format("{}", *number);
  }
  if (const auto* text = value.get_if<std::string>()) {
    return type.kind == TypeKind::kBinary || type.kind == TypeKind::kBytes ? HexText(*text) : *text;
  }
  if (const auto* time = value.get_if<TimestampValue>()) return TimestampText(*time);
  return Error(ErrorCode::kPartitionSpecInvalid, "This client cannot name a partition by a value of type {}.", type);
}

}  // namespace thalweg::format
