#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/app/listener_options.h"
#include "thalweg/app/tls_settings.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/flight/login_policy.h"
#include "thalweg/io/object_store.h"
#include "thalweg/journal/journal.h"
#include "thalweg/net/listener.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/service/services.h"
#include "thalweg/tablet/full_scans.h"

namespace thalweg::app {

/// What `thalweg serve` was asked to do. The defaults are a complete durable server.
struct ServeOptions {
  std::string data_directory = "./thalweg-data";
  std::vector<ListenerOptions> listeners{ListenerOptions{}};             ///< made by FinishOptions
  std::optional<net::Address> flight = net::Address{"127.0.0.1", 9130};  ///< none: off
  flight::LoginPolicy flight_logins{};                                   ///< made by FinishOptions
  TlsSettings tls{};
  std::optional<net::Address> http = net::Address{"127.0.0.1", 9140};
  size_t shards = 0;  ///< 0: one per core
  uint64_t journal_bytes = 1ull << 30;
  journal::Durability durability = journal::Durability::kSynced;
  uint64_t segment_bytes = 1ull << 30;
  std::chrono::milliseconds auto_partition_interval = std::chrono::minutes(10);
  std::chrono::milliseconds log_retention_interval = std::chrono::minutes(5);
  uint64_t disk_reserve_bytes = 256ull << 20;
  uint64_t memory_budget = 0;     ///< 0: DefaultMemoryBudget
  uint64_t sql_memory_bytes = 0;  ///< of one session's statements; 0: SqlSharesOf the budget
  std::chrono::milliseconds sql_time_max = std::chrono::minutes(5);  ///< of one statement; 0: no bound
  std::string remote_data_directory;  ///< where closed segments are copied to; empty: nowhere
  io::S3Login remote_login;
  int64_t remote_task_interval_ms = 60'000;
  int remote_copiers_max = 4;
  int remote_segments_per_turn = 5;
  uint64_t remote_index_cache_bytes = 64 << 20;
  int64_t snapshot_interval_ms = 600'000;  ///< of rows by key; 0: none are made
  int snapshots_retained = 2;              ///< of each bucket
  tablet::FullScanLimits scans{};
  catalog::CatalogOptions catalog{};
  service::ServiceLimits limits{};
  bool authorizer_enabled = false;
  security::AccessPolicy policy{};  ///< in force where the authorizer is enabled

  /// What the configuration set, for clients that ask (DESCRIBE_CLUSTER_CONFIGS); nothing that may be secret.
  std::map<std::string, std::string> configuration;
  /// To be said at the start: what the configuration names without effect.
  std::vector<std::string> warnings;
  /// Of the configuration; FinishOptions makes `listeners` of it.
  ListenerSettings listener_settings;
};

/// Reads `text`, the content of a thalweg.yaml, over `options`: each name once. INVALID_CONFIG, saying which option; for
/// an unknown name it tells the nearest known one. FinishOptions comes after it.
arrow::Status ApplyConfig(const std::string& text, ServeOptions& options);

/// Puts together what several options say. `listen`: --listen, empty where it was not given.
arrow::Status FinishOptions(const std::string& listen, ServeOptions& options);

}  // namespace thalweg::app
