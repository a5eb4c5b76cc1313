#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "thalweg/format/datum.h"
#include "thalweg/query/scan_core_internal.h"

namespace thalweg::query {

/// A scan of current rows whose filter leaves only a few keys: these are looked up.
class KeyedScan final : public ScanCore {
 public:
  /// `keys`: values of the primary key's columns, in their order.
  KeyedScan(Session session, ScanRequest request, ScanShape shape, std::vector<std::vector<format::Datum>> keys)
      : ScanCore(std::move(session), std::move(request), std::move(shape)), keys_(std::move(keys)) {}

  size_t streams_max() const override { return 1; }
  std::vector<std::unique_ptr<ScanStream>> Split(size_t count) override;

  const Session& session() const { return session_; }
  const std::vector<std::vector<format::Datum>>& keys() const { return keys_; }

 private:
  const std::vector<std::vector<format::Datum>> keys_;
};

}  // namespace thalweg::query
