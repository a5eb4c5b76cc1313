#include "thalweg/service/request_metrics.h"

#include "thalweg/service/api_table.h"

namespace thalweg::service {
namespace {

constexpr const char* kRowsName = "thalweg_table_rows_appended_total";
constexpr const char* kLoginsName = "thalweg_logins_total";
constexpr const char* kLoginsHelp =
    "Log-ins by password. held_off: not looked at, after too many wrong ones from the same address.";
constexpr const char* kRowsHelp = "Rows appended to the log of a table, since the server started.";

}  // namespace

RequestMetrics::RequestMetrics(runtime::Metrics& metrics)
    : metrics_(metrics),
      bytes_in_(metrics.AddCounter("thalweg_received_bytes_total", "Bytes of requests received.")),
      bytes_out_(metrics.AddCounter("thalweg_sent_bytes_total", "Bytes of answers, as handed to connections.")),
      logins_{&metrics.AddCounter(kLoginsName, kLoginsHelp, {{"outcome", "accepted"}}),
              &metrics.AddCounter(kLoginsName, kLoginsHelp, {{"outcome", "refused"}}),
              &metrics.AddCounter(kLoginsName, kLoginsHelp, {{"outcome", "held_off"}})},
      other_rows_(metrics.AddCounter(kRowsName, kRowsHelp, {{"table", "(others)"}})) {
  const auto make = [&](const std::string& api) {
    return PerApi{
        &metrics.AddCounter("thalweg_requests_total", "Requests answered.", {{"api", api}, {"outcome", "served"}}),
        &metrics.AddCounter("thalweg_requests_total", "Requests answered.", {{"api", api}, {"outcome", "refused"}}),
        &metrics.AddHistogram("thalweg_request_seconds",
                              "From a request's arrival to its answer, waiting fetches included.",
                              runtime::LatencyBounds(), {{"api", api}})};
  };
  for (const Api& api : ApiTable())
    apis_[static_cast<int>(api.key) - kFirstKey] = make(std::string(wire::ApiName(api.key)));
  unknown_ = make("(unknown)");
}

void RequestMetrics::AddRequest(wire::ApiKey key, int64_t nanos, uint64_t bytes_out, bool ok) {
  const int index = static_cast<int>(key) - kFirstKey;
  const bool listed = index >= 0 && index < static_cast<int>(kKeys) && apis_[index].served;
  const PerApi& api = listed ? apis_[index] : unknown_;
  (ok ? api.served : api.refused)->Add();
  api.seconds->Observe(static_cast<double>(nanos) / 1e9);
  bytes_out_.Add(bytes_out);
}

TableRows& RequestMetrics::RowsOf(TableId table, const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto known = rows_.find(table);
  if (known != rows_.end()) return *known->second;
  if (rows_.size() >= kTablesMax) return other_rows_;
  auto& counter = metrics_.AddCounter(kRowsName, kRowsHelp, {{"table", path}});
  return *rows_.emplace(table, std::make_unique<TableRows>(counter)).first->second;
}

}  // namespace thalweg::service
