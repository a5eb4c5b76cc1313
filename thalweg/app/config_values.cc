#include "thalweg/app/config_values.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>

#include "fmt/chrono.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/table_options.h"

namespace thalweg::app {

arrow::Result<uint64_t> ParseBytes(const std::string& text) {
  static constexpr std::array<std::pair<std::string_view, uint64_t>, 10> kUnits = {{{"", 1},
                                                                                    {"b", 1},
                                                                                    {"k", 1ull << 10},
                                                                                    {"kb", 1ull << 10},
                                                                                    {"m", 1ull << 20},
                                                                                    {"mb", 1ull << 20},
                                                                                    {"g", 1ull << 30},
                                                                                    {"gb", 1ull << 30},
                                                                                    {"t", 1ull << 40},
                                                                                    {"tb", 1ull << 40}}};
  std::string compact;
  for (const char c : text) {
    if (!std::isspace(static_cast<unsigned char>(c)))
      compact.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(compact.data(), compact.data() + compact.size(), number);
  const std::string_view unit(end, compact.data() + compact.size() - end);
  const auto known = std::ranges::find(kUnits, unit, &std::pair<std::string_view, uint64_t>::first);
  if (error != std::errc() || known == kUnits.end() || number > UINT64_MAX / known->second) {
    return Error(ErrorCode::kInvalidConfig, "\"{}\" is not a size such as 64mb or 1gb.", text);
  }
  return number * known->second;
}

arrow::Result<uint64_t> ParseBytesWithin(const std::string& text, uint64_t mib_min, uint64_t mib_max) {
  ARROW_ASSIGN_OR_RAISE(const uint64_t bytes, ParseBytes(text));
  if (bytes < mib_min << 20 || bytes > mib_max << 20) {
    return Error(ErrorCode::kInvalidConfig, "\"{}\" is not a size from {}mb to {}mb.", text, mib_min, mib_max);
  }
  return bytes;
}

arrow::Result<std::chrono::milliseconds> ParseDuration(const std::string& text) {
  const auto parsed = schema::ParseDuration(text);
  if (!parsed.ok()) {
    return Error(ErrorCode::kInvalidConfig, "\"{}\" is not a time such as 500ms, 30s, 10min, 2h or 7d.", text);
  }
  return *parsed;
}

arrow::Result<std::chrono::milliseconds> ParseDurationWithin(const std::string& text, std::chrono::milliseconds min,
                                                             std::chrono::milliseconds max) {
  ARROW_ASSIGN_OR_RAISE(const auto parsed, ParseDuration(text));
  if (parsed < min || parsed > max) {
    return Error(ErrorCode::kInvalidConfig, "\"{}\" is not a time from {} to {}.", text, min, max);
  }
  return parsed;
}

arrow::Result<int64_t> ParseNumber(const std::string& text, int64_t min, int64_t max) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return Error(ErrorCode::kInvalidConfig, "\"{}\" is not a number from {} to {}.", text, min, max);
  }
  return value;
}

std::vector<std::string> SplitList(const std::string& text, char separator) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::vector<std::string> parts;
  for (size_t from = 0; from <= text.size();) {
    const size_t to = std::min(text.find(separator, from), text.size());
    const size_t first = text.find_first_not_of(kSpace, from);
    if (first != std::string::npos && first < to) {
      const size_t last = text.find_last_not_of(kSpace, to - 1);
      parts.push_back(text.substr(first, last - first + 1));
    }
    from = to + 1;
  }
  return parts;
}

}  // namespace thalweg::app
