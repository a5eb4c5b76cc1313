#include "thalweg/schema/time_zone.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::schema {
namespace {

constexpr int64_t kHourS = 3600;
constexpr int64_t kDayS = 24 * kHourS;
constexpr size_t kHeaderBytes = 44;

arrow::Status Damaged(std::string_view what) { return Error(ErrorCode::kStorage, "The time zone file {}.", what); }

/// The counts of one of the two blocks of a TZif file, each with the size of the data that follows its header.
struct Block {
  uint32_t utc_flags = 0, standard_flags = 0, leaps = 0, times = 0, types = 0, characters = 0;

  static arrow::Result<Block> Read(ByteView file) {
    if (file.size() < kHeaderBytes || AsText(file.first(4)) != "TZif") return Damaged("does not begin as one");
    const auto count = [&](int i) { return LoadBig<uint32_t>(file.data() + 20 + 4 * i); };
    const Block block{count(0), count(1), count(2), count(3), count(4), count(5)};
    for (int i = 0; i < 6; ++i) {
      if (count(i) > 1 << 20) return Damaged("has impossible counts");
    }
    if (block.types == 0) return Damaged("has no local times");
    return block;
  }
  size_t DataBytes(size_t time_bytes) const {
    return times * (time_bytes + 1) + types * size_t{6} + characters + leaps * (time_bytes + 4) + standard_flags +
           utc_flags;
  }
};

int64_t DaysFromCivil(int64_t year, int month, int day) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(static_cast<int>(year)) / std::chrono::month(static_cast<unsigned>(month)) /
                  std::chrono::day(static_cast<unsigned>(day)))
      .time_since_epoch()
      .count();
}

std::chrono::year_month_day CivilOf(int64_t local_s) {
  const int64_t days = local_s >= 0 ? local_s / kDayS : -((kDayS - 1 - local_s) / kDayS);
  return std::chrono::sys_days(std::chrono::days(static_cast<int>(days)));
}

}  // namespace

/// The footer of a TZif file: "CET-1CEST,M3.5.0,M10.5.0/3".
class TimeZone::RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_(text) {}

  arrow::Status ReadInto(TimeZone* zone) {
    if (!SkipName() || !ReadTime(&zone->standard_s_)) return Damaged("has no rule at its end");
    zone->standard_s_ = -zone->standard_s_;  // west is positive there
    if (text_.empty()) return arrow::Status::OK();
    Summer summer{.offset_s = zone->standard_s_ + kHourS};
    bool fine = SkipName();
    if (fine && !text_.starts_with(',')) {
      fine = ReadTime(&summer.offset_s);
      summer.offset_s = -summer.offset_s;
    }
    if (!fine || !ReadDay(&summer.begins) || !ReadDay(&summer.ends) || !text_.empty()) {
      return Damaged("has a rule at its end that this server cannot read");
    }
    zone->summer_ = summer;
    return arrow::Status::OK();
  }

 private:
  bool Take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool SkipName() {
    const bool quoted = Take('<');
    size_t end = 0;
    while (
        end < text_.size() &&
        (quoted ? text_[end] != '>' : std::string_view("+-,0123456789").find(text_[end]) == std::string_view::npos)) {
      ++end;
    }
    text_.remove_prefix(end);
    return end > 0 && (!quoted || Take('>'));
  }
  bool ReadNumber(int* value) {
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), *value);
    if (error != std::errc() || *value < 0 || *value > 1000) return false;
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return true;
  }
  bool ReadTime(int64_t* seconds) {
    const bool negative = Take('-');
    if (!negative) Take('+');
    int part = 0;
    int64_t sum = 0;
    for (int64_t unit = kHourS; unit > 0; unit /= 60) {
      if (!ReadNumber(&part)) return false;
      sum += part * unit;
      if (!Take(':')) break;
    }
    *seconds = negative ? -sum : sum;
    return true;
  }
  bool ReadDay(YearDay* day) {
    if (!Take(',')) return false;
    if (Take('M')) {
      if (!ReadNumber(&day->month) || !Take('.') || !ReadNumber(&day->week) || !Take('.') ||
          !ReadNumber(&day->weekday)) {
        return false;
      }
      if (day->month < 1 || day->month > 12 || day->week < 1 || day->week > 5 || day->weekday > 6) return false;
    } else {
      day->kind = Take('J') ? 'J' : 'n';
      if (!ReadNumber(&day->day) || day->day > 366) return false;
    }
    return !Take('/') || ReadTime(&day->time_s);
  }

  std::string_view text_;
};

int64_t TimeZone::YearDay::AtS(int64_t year) const {
  if (kind == 'n') return (DaysFromCivil(year, 1, 1) + day) * kDayS + time_s;
  if (kind == 'J') {  // the 29th of February is not counted
    const bool leap = std::chrono::year(static_cast<int>(year)).is_leap();
    return (DaysFromCivil(year, 1, 1) + day - 1 + (leap && day >= 60 ? 1 : 0)) * kDayS + time_s;
  }
  const int64_t first = DaysFromCivil(year, month, 1);
  const int64_t next = month == 12 ? DaysFromCivil(year + 1, 1, 1) : DaysFromCivil(year, month + 1, 1);
  const int64_t weekday_of_first = ((first + 4) % 7 + 7) % 7;  // the first day of 1970 was a Thursday
  int64_t then = first + (weekday - weekday_of_first + 7) % 7 + 7 * (week - 1);
  while (then >= next) then -= 7;  // the fifth is the last
  return then * kDayS + time_s;
}

std::optional<TimeZone> TimeZone::FromGmtOffset(std::string_view id) {
  if (!id.starts_with("GMT") || id.size() < 5 || (id[3] != '+' && id[3] != '-')) return std::nullopt;
  std::string digits(id.substr(4));
  const size_t colon = digits.find(':');
  if (colon != std::string::npos) {
    if (digits.size() - colon != 3 || colon == 0) return std::nullopt;
    digits.erase(colon, 1);
  }
  if (digits.size() > 4 || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  const int number = std::stoi(digits);
  const int hours = digits.size() > 2 ? number / 100 : number;
  const int minutes = digits.size() > 2 ? number % 100 : 0;
  if (hours > 23 || minutes > 59) return std::nullopt;
  const int64_t offset_s = hours * kHourS + minutes * 60;
  return TimeZone(id[3] == '-' ? -offset_s : offset_s);
}

arrow::Result<TimeZone> TimeZone::FromTzif(ByteView file) {
  ARROW_ASSIGN_OR_RAISE(const Block old, Block::Read(file));
  if (file[4] < '2') return Damaged("is of version 1, which has no rule for the future");
  if (file.size() < kHeaderBytes + old.DataBytes(4)) return Damaged("ends too early");
  file = file.subspan(kHeaderBytes + old.DataBytes(4));
  ARROW_ASSIGN_OR_RAISE(const Block block, Block::Read(file));
  if (file.size() < kHeaderBytes + block.DataBytes(8)) return Damaged("ends too early");

  const uint8_t* const times = file.data() + kHeaderBytes;
  const uint8_t* const indexes = times + block.times * size_t{8};
  const uint8_t* const types = indexes + block.times;
  const auto offset_of = [&](size_t type) { return int64_t{LoadBig<int32_t>(types + 6 * type)}; };
  TimeZone zone;
  zone.first_s_ = offset_of(0);
  for (size_t i = 0; i < block.times; ++i) {
    if (indexes[i] >= block.types) return Damaged("names a local time that it does not have");
    zone.transitions_.push_back({LoadBig<int64_t>(times + 8 * i), offset_of(indexes[i])});
  }
  std::string_view footer = AsText(file.subspan(kHeaderBytes + block.DataBytes(8)));
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return Damaged("has no rule at its end");
  footer = footer.substr(1, footer.size() - 2);
  if (footer.empty()) {
    zone.standard_s_ = zone.transitions_.empty() ? zone.first_s_ : zone.transitions_.back().offset_s;
    return zone;
  }
  ARROW_RETURN_NOT_OK(RuleReader(footer).ReadInto(&zone));
  return zone;
}

int64_t TimeZone::OffsetAt(int64_t utc_s) const {
  if (!transitions_.empty() && utc_s < transitions_.back().at_s) {
    const auto next = std::ranges::upper_bound(transitions_, utc_s, {}, &Transition::at_s);
    return next == transitions_.begin() ? first_s_ : std::prev(next)->offset_s;
  }
  if (!summer_) return standard_s_;
  const int64_t year = static_cast<int>(CivilOf(utc_s + standard_s_).year());
  const int64_t begins = summer_->begins.AtS(year) - standard_s_;
  const int64_t ends = summer_->ends.AtS(year) - summer_->offset_s;
  const bool is_summer = begins < ends ? utc_s >= begins && utc_s < ends : utc_s >= begins || utc_s < ends;
  return is_summer ? summer_->offset_s : standard_s_;
}

LocalTime TimeZone::LocalAt(int64_t utc_ms) const {
  const int64_t utc_s = utc_ms >= 0 ? utc_ms / 1000 : -((999 - utc_ms) / 1000);
  const int64_t local_s = utc_s + OffsetAt(utc_s);
  const auto civil = CivilOf(local_s);
  return {.year = static_cast<int>(civil.year()),
          .month = static_cast<int>(static_cast<unsigned>(civil.month())),
          .day = static_cast<int>(static_cast<unsigned>(civil.day())),
          .hour = static_cast<int>(((local_s % kDayS + kDayS) % kDayS) / kHourS)};
}

}  // namespace thalweg::schema
