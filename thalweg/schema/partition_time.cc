#include "thalweg/schema/partition_time.h"

#include <algorithm>
#include <chrono>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/table_options.h"
#include "thalweg/schema/table_path.h"

namespace thalweg::schema {
namespace {

constexpr int64_t kMsPerHour = 3'600'000;
constexpr int64_t kYearMax = 9999;
// Further away than any year that can be printed.
constexpr int64_t kUnitsMax = 10'000 * 366 * 24;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view DefaultPattern(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kYear:
      return "yyyy";
    case TimeUnit::kQuarter:
      return "yyyyQ";
    case TimeUnit::kMonth:
      return "yyyyMM";
    case TimeUnit::kDay:
      return "yyyyMMdd";
    case TimeUnit::kHour:
      return "yyyyMMddHH";
  }
  return "";
}

LocalTime MonthsLater(LocalTime time, int64_t months) {
  const int64_t all = time.year * 12 + (time.month - 1) + months;
  time.year = all >= 0 ? all / 12 : -((11 - all) / 12);
  time.month = static_cast<int>(all - time.year * 12) + 1;
  time.day = 1;  // not printed by units of a month or more
  return time;
}

LocalTime DaysLater(LocalTime time, int64_t days) {
  using namespace std::chrono;
  const sys_days today = year(static_cast<int>(time.year)) / month(static_cast<unsigned>(time.month)) /
                         day(static_cast<unsigned>(time.day));
  const year_month_day then{today + std::chrono::days(static_cast<int>(days))};
  time.year = static_cast<int>(then.year());
  time.month = static_cast<int>(static_cast<unsigned>(then.month()));
  time.day = static_cast<int>(static_cast<unsigned>(then.day()));
  return time;
}

}  // namespace

std::vector<PartitionTimeFormat::Field> PartitionTimeFormat::FieldsOf(TimeUnit unit) {
  using enum Field;
  switch (unit) {
    case TimeUnit::kYear:
      return {kYear};
    case TimeUnit::kQuarter:
      return {kYear, kQuarter};
    case TimeUnit::kMonth:
      return {kYear, kMonth};
    case TimeUnit::kDay:
      return {kYear, kMonth, kDay};
    case TimeUnit::kHour:
      return {kYear, kMonth, kDay, kHour};
  }
  return {};
}

std::optional<PartitionTimeFormat::Field> PartitionTimeFormat::FieldOf(char letter) {
  switch (letter) {
    case 'y':
    case 'u':
      return Field::kYear;
    case 'Q':
    case 'q':
      return Field::kQuarter;
    case 'M':
    case 'L':
      return Field::kMonth;
    case 'd':
      return Field::kDay;
    case 'H':
      return Field::kHour;
    default:
      return std::nullopt;
  }
}

int PartitionTimeFormat::WidthOf(Field field) {
  if (field == Field::kYear) return 4;
  return field == Field::kQuarter ? 1 : 2;
}

arrow::Result<PartitionTimeFormat> PartitionTimeFormat::Make(TimeUnit unit, const std::optional<std::string>& pattern) {
  PartitionTimeFormat format;
  format.pattern_ = pattern.value_or(std::string(DefaultPattern(unit)));
  ARROW_RETURN_NOT_OK(format.Read(format.pattern_));
  std::vector<Field> fields;
  for (const Piece& piece : format.pieces_) {
    if (piece.field) fields.push_back(*piece.field);
  }
  if (fields != FieldsOf(unit)) {
    return Error(ErrorCode::kInvalidTable,
                 "'{}' is '{}', which does not have exactly the fields of '{}' from the largest to the smallest: write "
                 "for example '{}' with what you want between its fields.",
                 kAutoPartitionTimeFormat, format.pattern_, kAutoPartitionTimeUnit, DefaultPattern(unit));
  }
  const std::string sample = format.Print({.year = 2024, .month = 11, .day = 11, .hour = 11});
  if (const std::string problem = NewNameProblem(sample); !problem.empty()) {
    return Error(ErrorCode::kInvalidTable,
                 "'{}' is '{}', which gives partitions such as '{}', and that is no name: {}.",
                 kAutoPartitionTimeFormat, format.pattern_, sample, problem);
  }
  return format;
}

arrow::Status PartitionTimeFormat::Read(std::string_view pattern) {
  bool quoted = false;
  for (size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    if (c == '\'') {
      if (pattern.substr(i + 1).starts_with('\'')) {
        AddLiteral(c);
        ++i;
      } else {
        quoted = !quoted;
      }
      ++i;
    } else if (quoted || (!IsLetter(c) && c != '[' && c != ']')) {
      AddLiteral(c);
      ++i;
    } else {
      const size_t end = std::min(pattern.find_first_not_of(c, i), pattern.size());
      ARROW_RETURN_NOT_OK(AddField(pattern.substr(i, end - i)));
      i = end;
    }
  }
  if (!quoted) return arrow::Status::OK();
  return Error(ErrorCode::kInvalidTable, "'{}' is '{}', in which a ' is not closed.", kAutoPartitionTimeFormat,
               pattern);
}

arrow::Status PartitionTimeFormat::AddField(std::string_view run) {
  const auto field = FieldOf(run.front());
  if (!field) {
    return Error(ErrorCode::kInvalidTable,
                 "'{}' is '{}', and '{}' is none of the fields yyyy, Q, MM, dd and HH: put what is no field between '.",
                 kAutoPartitionTimeFormat, pattern_, run.front());
  }
  if (static_cast<int>(run.size()) != WidthOf(*field)) {
    return Error(ErrorCode::kInvalidTable, "'{}' is '{}', where '{}' must be {} wide, so that names order as times do.",
                 kAutoPartitionTimeFormat, pattern_, run, WidthOf(*field));
  }
  pieces_.push_back({.field = field});
  return arrow::Status::OK();
}

void PartitionTimeFormat::AddLiteral(char c) {
  if (pieces_.empty() || pieces_.back().field) pieces_.emplace_back();
  pieces_.back().literal.push_back(c);
}

std::string PartitionTimeFormat::Print(const LocalTime& time) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    if (!piece.field) {
      text += piece.literal;
      continue;
    }
    switch (*piece.field) {
      case Field::kYear:
        text += fmt::format("{:04}", std::clamp<int64_t>(time.year, 0, kYearMax));
        break;
      case Field::kQuarter:
        text += fmt::format("{}", (time.month + 2) / 3);
        break;
      case Field::kMonth:
        text += fmt::format("{:02}", time.month);
        break;
      case Field::kDay:
        text += fmt::format("{:02}", time.day);
        break;
      case Field::kHour:
        text += fmt::format("{:02}", time.hour);
        break;
    }
  }
  return text;
}

bool PartitionTimeFormat::Matches(std::string_view text) const {
  LocalTime time;
  for (const Piece& piece : pieces_) {
    const size_t width = piece.field ? static_cast<size_t>(WidthOf(*piece.field)) : piece.literal.size();
    const std::string_view here = text.substr(0, width);
    text.remove_prefix(here.size());
    if (!piece.field) {
      if (here != piece.literal) return false;
      continue;
    }
    if (here.size() < width || here.find_first_not_of("0123456789") != std::string_view::npos) return false;
    int value = 0;
    for (const char digit : here) value = value * 10 + (digit - '0');
    if (*piece.field == Field::kYear) time.year = value;
    if (*piece.field == Field::kQuarter && (value < 1 || value > 4)) return false;
    if (*piece.field == Field::kMonth) time.month = value;
    if (*piece.field == Field::kDay) time.day = value;
    if (*piece.field == Field::kHour && value > 23) return false;
  }
  using namespace std::chrono;
  return text.empty() && (year(static_cast<int>(time.year)) / month(static_cast<unsigned>(time.month)) /
                          day(static_cast<unsigned>(time.day)))
                             .ok();
}

size_t TimeKeyIndex(const std::vector<std::string>& partition_keys, const TableConfig::AutoPartition& config) {
  const auto found = std::ranges::find(partition_keys, config.key.value_or(""));
  return found == partition_keys.end() ? 0 : static_cast<size_t>(found - partition_keys.begin());
}

std::string PartitionTime(const PartitionTimeFormat& format, TimeUnit unit, const TimeZone& zone, int64_t now_ms,
                          int64_t offset) {
  const int64_t units = std::clamp(offset, -kUnitsMax, kUnitsMax);
  switch (unit) {
    case TimeUnit::kYear:
      return format.Print(MonthsLater(zone.LocalAt(now_ms), 12 * units));
    case TimeUnit::kQuarter:
      return format.Print(MonthsLater(zone.LocalAt(now_ms), 3 * units));
    case TimeUnit::kMonth:
      return format.Print(MonthsLater(zone.LocalAt(now_ms), units));
    case TimeUnit::kDay:
      return format.Print(DaysLater(zone.LocalAt(now_ms), std::clamp<int64_t>(units, -700'000, 2'900'000)));
    case TimeUnit::kHour:
      return format.Print(zone.LocalAt(now_ms + std::clamp<int64_t>(units, -17'000'000, 69'000'000) * kMsPerHour));
  }
  return "";
}

}  // namespace thalweg::schema
