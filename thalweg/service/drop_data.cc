#include "thalweg/service/drop_data.h"

#include <utility>

#include "thalweg/runtime/log.h"
#include "thalweg/service/services.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::service {
namespace {

runtime::Task<> Drop(Services& services, runtime::Executor& home, std::vector<TableBucket> buckets) {
  const arrow::Status status = co_await services.engine.Drop(std::move(buckets), home);
  if (!status.ok()) {
    runtime::LogWarn("Files of a dropped table remain and can be removed by hand: {}", status.message());
  }
}

}  // namespace

void DropData(Services& services, runtime::Executor& home, std::vector<TableBucket> buckets) {
  runtime::Spawn(Drop(services, home, std::move(buckets)));
}

}  // namespace thalweg::service
