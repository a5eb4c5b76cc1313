#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "thalweg/io/file_system.h"
#include "thalweg/schema/time_zone.h"

namespace thalweg::upkeep {

/// The time zones of the machine's database, by the names that tables give them.
/// Thread safety: all of it. Find reads a file the first time.
class TimeZones {
 public:
  /// `report` gets one line for each name that is not known.
  TimeZones(io::FileSystem& fs, std::string directory, std::function<void(std::string)> report)
      : fs_(fs), directory_(std::move(directory)), report_(std::move(report)) {}

  static constexpr const char* kSystemDirectory = "/usr/share/zoneinfo";

  /// As Java's TimeZone.getTimeZone: "Asia/Shanghai", "GMT+8"; what is not known is UTC.
  schema::TimeZone Find(const std::string& id);

 private:
  arrow::Result<schema::TimeZone> Load(const std::string& id) const;

  io::FileSystem& fs_;
  const std::string directory_;
  const std::function<void(std::string)> report_;
  std::mutex mutex_;
  std::map<std::string, schema::TimeZone> zones_;
};

}  // namespace thalweg::upkeep
