#pragma once

#include <functional>
#include <string>

#include "thalweg/catalog/catalog.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::upkeep {

/// One pass over all buckets: removes segments whose youngest record is older than its table's `table.log.ttl`. Whole
/// segments only, never the latest of a bucket; so records live up to one segment longer. `report` gets one line for a person
/// where something could not be removed; the next pass tries again. Runs on `pool`, which may block, and ends there.
runtime::Task<> DropExpiredRecords(const catalog::Catalog& catalog, tablet::Engine& engine, const runtime::Clock& clock,
                                   runtime::Executor& pool, const std::function<void(std::string)>& report);

}  // namespace thalweg::upkeep
