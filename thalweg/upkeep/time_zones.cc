#include "thalweg/upkeep/time_zones.h"

#include "fmt/format.h"
#include "thalweg/base/error.h"

namespace thalweg::upkeep {
namespace {

// Names come from tables, so from anybody who may create one.
constexpr size_t kNamesMax = 1000;
constexpr size_t kNameBytesMax = 64;

bool IsName(const std::string& id) {
  const bool plain =
      id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == std::string::npos;
  return plain && !id.empty() && id.size() <= kNameBytesMax && id.front() != '/';
}

}  // namespace

arrow::Result<schema::TimeZone> TimeZones::Load(const std::string& id) const {
  if (id == "UTC" || id == "Z") return schema::TimeZone();
  if (const auto fixed = schema::TimeZone::FromGmtOffset(id)) return *fixed;
  if (!IsName(id)) return Error(ErrorCode::kInvalidConfig, "it is no name of a time zone");
  const std::string path = directory_ + "/" + id;
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(path));
  if (!exists) return Error(ErrorCode::kInvalidConfig, "{} does not exist", path);
  ARROW_ASSIGN_OR_RAISE(const std::string file, io::ReadFile(fs_, path));
  return schema::TimeZone::FromTzif(AsBytes(file));
}

schema::TimeZone TimeZones::Find(const std::string& id) {
  {
    std::lock_guard lock(mutex_);
    if (const auto found = zones_.find(id); found != zones_.end()) return found->second;
  }
  const auto loaded = Load(id);
  if (!loaded.ok()) {
    report_(fmt::format("The time zone \"{}\" is taken for UTC: {}.", id.substr(0, kNameBytesMax),
                        loaded.status().message()));
  }
  const schema::TimeZone zone = loaded.ValueOr(schema::TimeZone());
  std::lock_guard lock(mutex_);
  if (zones_.size() < kNamesMax) zones_.emplace(id, zone);
  return zone;
}

}  // namespace thalweg::upkeep
