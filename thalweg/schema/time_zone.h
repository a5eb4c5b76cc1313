#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"

namespace thalweg::schema {

/// What calendar and clock show at a place; year 1 is 1.
struct LocalTime {
  int64_t year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
};

/// Calendar and clock of a time zone, for all moments. Immutable.
class TimeZone {
 public:
  /// UTC.
  TimeZone() = default;
  /// Always so far ahead of UTC.
  explicit TimeZone(int64_t offset_s) : standard_s_(offset_s) {}
  /// "GMT+8", "GMT-03:30" and "GMT+0530", as Java writes zones that are in no database, up to 23:59; null for others.
  static std::optional<TimeZone> FromGmtOffset(std::string_view id);
  /// What a file of the zone database holds (TZif, RFC 8536): transitions, and behind the last of them the rule of its
  /// footer. An error where it is damaged.
  static arrow::Result<TimeZone> FromTzif(ByteView file);

  /// Ahead of UTC, in seconds, at a moment (seconds since 1970).
  int64_t OffsetAt(int64_t utc_s) const;
  /// At a moment, in milliseconds since 1970.
  LocalTime LocalAt(int64_t utc_ms) const;

 private:
  struct Transition {
    int64_t at_s = 0;  ///< since 1970, UTC
    int64_t offset_s = 0;
  };
  /// A day that comes each year, and the time on it: "M3.5.0/2", "J60" or "59".
  struct YearDay {
    char kind = 'M';
    int month = 1, week = 1, weekday = 0;
    int day = 0;
    int64_t time_s = 7200;
    int64_t AtS(int64_t year) const;  ///< since 1970, as if local time was UTC
  };
  struct Summer {
    int64_t offset_s = 0;
    YearDay begins{};
    YearDay ends{};
  };
  class RuleReader;

  std::vector<Transition> transitions_;
  int64_t first_s_ = 0;           ///< offset before the first transition
  int64_t standard_s_ = 0;        ///< offset behind the last one,
  std::optional<Summer> summer_;  ///< but in summer, where it has one
};

}  // namespace thalweg::schema
