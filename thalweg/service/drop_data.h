#pragma once

#include <vector>

#include "thalweg/base/ids.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/service/table_access.h"

namespace thalweg::service {

/// Frees what buckets of a table hold that the catalog has dropped, in the background. Should that not come to its end, the
/// next start reports their files and leaves them.
void DropData(Services& services, runtime::Executor& home, std::vector<TableBucket> buckets);

}  // namespace thalweg::service
