#include "thalweg/app/serve_options.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>
#include <utility>

#include "thalweg/app/nearest_name.h"
#include "thalweg/base/error.h"

namespace thalweg::app {
namespace {

using Apply = std::function<arrow::Status(const std::string& value, ServeOptions& options)>;

arrow::Result<int64_t> ParseNumber(const std::string& text, int64_t min, int64_t max) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return Error(ErrorCode::kInvalidConfig, "\"{}\" is not a number from {} to {}.", text, min, max);
  }
  return value;
}

arrow::Result<uint64_t> ParseBytesWithin(const std::string& text, uint64_t mib_min, uint64_t mib_max) {
  ARROW_ASSIGN_OR_RAISE(const uint64_t bytes, ParseBytes(text));
  if (bytes < mib_min << 20 || bytes > mib_max << 20) {
    return Error(ErrorCode::kInvalidConfig, "\"{}\" is not a size from {}mb to {}mb.", text, mib_min, mib_max);
  }
  return bytes;
}

// No file of the ring is smaller than this: each takes the largest group of appends.
constexpr uint64_t kJournalMibMin = 16;
constexpr uint64_t kJournalMibMax = 1 << 20;
// Positions in a segment are 31 bits wide.
constexpr uint64_t kSegmentMibMin = 1;
constexpr uint64_t kSegmentMibMax = 2047;

struct Setting {
  std::string name;
  Apply apply;
};

const std::vector<Setting>& Settings() {
  static const std::vector<Setting> settings = {
      {"default.bucket.number",
       [](const std::string& value, ServeOptions& options) -> arrow::Status {
         ARROW_ASSIGN_OR_RAISE(const int64_t n, ParseNumber(value, 1, 4096));
         options.default_bucket_count = static_cast<int32_t>(n);
         return arrow::Status::OK();
       }},
      {"log.segment.file-size",
       [](const std::string& value, ServeOptions& options) -> arrow::Status {
         ARROW_ASSIGN_OR_RAISE(options.segment_bytes, ParseBytesWithin(value, kSegmentMibMin, kSegmentMibMax));
         return arrow::Status::OK();
       }},
      {"thalweg.durability",
       [](const std::string& value, ServeOptions& options) -> arrow::Status {
         if (value != "synced" && value != "page-cache") {
           return Error(
               ErrorCode::kInvalidConfig,
               "\"{}\" is neither \"synced\" (acknowledged means on disk) nor \"page-cache\" (acknowledged data can "
               "be lost when the machine loses power).",
               value);
         }
         options.durability = value == "synced" ? journal::Durability::kSynced : journal::Durability::kPageCache;
         return arrow::Status::OK();
       }},
      {"thalweg.journal.size",
       [](const std::string& value, ServeOptions& options) -> arrow::Status {
         ARROW_ASSIGN_OR_RAISE(options.journal_bytes, ParseBytesWithin(value, kJournalMibMin, kJournalMibMax));
         return arrow::Status::OK();
       }},
      {"thalweg.shards",
       [](const std::string& value, ServeOptions& options) -> arrow::Status {
         ARROW_ASSIGN_OR_RAISE(const int64_t n, ParseNumber(value, 0, 1024));
         options.shards = static_cast<size_t>(n);
         return arrow::Status::OK();
       }},
  };
  return settings;
}

arrow::Status ApplyOne(const std::string& name, const std::string& value, ServeOptions& options) {
  const auto setting = std::ranges::find(Settings(), name, &Setting::name);
  if (setting == Settings().end()) {
    std::vector<std::string> names;
    for (const auto& known : Settings()) names.push_back(known.name);
    const auto nearest = NearestName(name, names);
    return Error(ErrorCode::kInvalidConfig, "\"{}\" is not an option of this version{}", name,
                 nearest.empty() ? "." : fmt::format("; did you mean \"{}\"?", nearest));
  }
  arrow::Status applied = setting->apply(value, options);
  if (applied.ok()) return applied;
  return Error(CodeOf(applied), "{}: {}", name, applied.message());
}

}  // namespace

arrow::Result<uint64_t> ParseBytes(const std::string& text) {
  static constexpr std::array<std::pair<std::string_view, uint64_t>, 9> kUnits = {{{"", 1},
                                                                                   {"b", 1},
                                                                                   {"k", 1ull << 10},
                                                                                   {"kb", 1ull << 10},
                                                                                   {"m", 1ull << 20},
                                                                                   {"mb", 1ull << 20},
                                                                                   {"g", 1ull << 30},
                                                                                   {"gb", 1ull << 30},
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

arrow::Status ApplyConfig(const std::string& text, ServeOptions& options) {
  try {
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return arrow::Status::OK();
    if (!root.IsMap()) return Error(ErrorCode::kInvalidConfig, "A configuration is lines of \"name: value\".");
    for (const auto& entry : root) {
      const auto name = entry.first.as<std::string>();
      if (!entry.second.IsScalar()) return Error(ErrorCode::kInvalidConfig, "{} needs one value.", name);
      ARROW_RETURN_NOT_OK(ApplyOne(name, entry.second.as<std::string>(), options));
    }
  } catch (const YAML::Exception& e) {
    return Error(ErrorCode::kInvalidConfig, "The configuration cannot be read: {}", e.what());
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::app
