#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace thalweg::format {

__extension__ typedef __int128 Int128;

/// A point in time, or a local date and time, as rows hold it: milliseconds from 1970, and nanoseconds behind them.
struct TimestampValue {
  int64_t millis = 0;
  int32_t nanos = 0;  ///< 0 to 999,999
  auto operator<=>(const TimestampValue&) const = default;
};

struct Datum;

/// Keys and values of a MAP, as many of the one as of the other, in the order in which they are stored.
struct MapValue {
  std::vector<Datum> keys;
  std::vector<Datum> values;
  bool operator==(const MapValue&) const;
};

/// One value of any type, with memory of its own. What stands for what:
///   BOOLEAN bool · TINYINT to BIGINT, DATE (days from 1970), TIME (milliseconds of the day) int64 · FLOAT, DOUBLE double ·
///   CHAR, STRING, BINARY, BYTES string · DECIMAL Int128, unscaled · both TIMESTAMPs TimestampValue · ARRAY, ROW vector ·
///   MAP MapValue · null monostate
struct Datum {
  using List = std::vector<Datum>;
  std::variant<std::monostate, bool, int64_t, double, std::string, Int128, TimestampValue, List, MapValue> value;

  bool is_null() const { return std::holds_alternative<std::monostate>(value); }
  template <typename T>
  const T* get_if() const {
    return std::get_if<T>(&value);
  }
  bool operator==(const Datum&) const = default;
};

inline bool MapValue::operator==(const MapValue& other) const { return keys == other.keys && values == other.values; }

}  // namespace thalweg::format
