#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/status.h"
#include "thalweg/schema/schema_change.h"

namespace thalweg::catalog {

/// Numbers of the protocol.
enum class RebalanceStatus : int32_t {
  kNotStarted = 0,
  kRebalancing = 1,
  kFailed = 2,
  kCompleted = 3,
  kCanceled = 4,
  kTimeout = 5,
};
inline constexpr int32_t kTagPermanentOffline = 0;
inline constexpr int32_t kTagTemporaryOffline = 1;

/// The only server that there is, by the number that clients know.
inline constexpr int32_t kOnlyServer = 0;

inline constexpr const char* kLakeFormatConfig = "datalake.format";

/// What is set for the cluster as a whole while it runs. A snapshot of it is immutable; a change makes a copy.
struct Cluster {
  std::map<std::string, std::string>
      configs{};                             ///< options set at run time, over those of the server's own configuration
  std::map<int32_t, int32_t> server_tags{};  ///< of the servers that have one
  int64_t rebalance_count = 0;               ///< ever asked for
  std::string rebalance_id{};                ///< of the last; empty where there was none
  RebalanceStatus rebalance_status = RebalanceStatus::kNotStarted;

  int64_t revision = 0;  ///< of its entry in the MetaStore; kAbsent where nothing was ever set

  bool SameSettings(const Cluster& other) const;

  /// Sets and deletes options. `own_format` is the datalake.format that the server was started with. CONFIG, nothing changed:
  /// an option that cannot be changed at run time, one of another lake format than the one that holds, a value that it does
  /// not take, an operation other than set and delete.
  arrow::Status ChangeConfigs(const std::vector<schema::OptionChange>& changes,
                              const std::optional<std::string>& own_format);
  /// SERVER_NOT_EXIST, SERVER_TAG_ALREADY_EXIST where a server has another tag; then nothing is changed.
  arrow::Status AddTag(const std::vector<int32_t>& servers, int32_t tag);
  /// SERVER_TAG_NOT_EXIST where a server has another tag; then nothing is changed. One without any is fine.
  arrow::Status RemoveTag(const std::vector<int32_t>& servers, int32_t tag);
  /// Balances, which with one server is done at once: there is nothing to move. Sets a new rebalance_id. REBALANCE_FAILURE
  /// where the server is tagged as offline: then nothing can be moved, should `goals` ask for something.
  arrow::Status Rebalance(const std::vector<int32_t>& goals);
  /// NO_REBALANCE_IN_PROGRESS where the last one has another id.
  arrow::Status CheckRebalance(const std::optional<std::string>& id) const;
  /// What is over stays as it is.
  arrow::Status CancelRebalance(const std::optional<std::string>& id);
};
using ClusterPtr = std::shared_ptr<const Cluster>;

/// Whether an option of the server's own configuration may be changed while it runs.
bool IsDynamicConfig(std::string_view key);

}  // namespace thalweg::catalog
