#include "thalweg/service/api_table.h"

#include <algorithm>
#include <array>

#include "thalweg/service/handlers.h"

namespace thalweg::service {
namespace {

using wire::ApiKey;

constexpr std::array kApis = {
    Api{ApiKey::kApiVersions, 0, 0, HandleApiVersions},
    Api{ApiKey::kCreateDatabase, 0, 0, HandleCreateDatabase},
    Api{ApiKey::kDropDatabase, 0, 0, HandleDropDatabase},
    Api{ApiKey::kListDatabases, 0, 0, HandleListDatabases},
    Api{ApiKey::kDatabaseExists, 0, 0, HandleDatabaseExists},
    Api{ApiKey::kCreateTable, 0, 0, HandleCreateTable},
    Api{ApiKey::kDropTable, 0, 0, HandleDropTable},
    Api{ApiKey::kGetTableInfo, 0, 0, HandleGetTableInfo},
    Api{ApiKey::kListTables, 0, 0, HandleListTables},
    Api{ApiKey::kListPartitionInfos, 0, 0, HandleListPartitionInfos},
    Api{ApiKey::kTableExists, 0, 0, HandleTableExists},
    Api{ApiKey::kGetTableSchema, 0, 0, HandleGetTableSchema},
    Api{ApiKey::kGetMetadata, 0, 0, HandleGetMetadata},
    Api{ApiKey::kProduceLog, 0, 0, HandleProduceLog},
    Api{ApiKey::kFetchLog, 0, 0, HandleFetchLog},
    Api{ApiKey::kListOffsets, 0, 0, HandleListOffsets},
    Api{ApiKey::kGetFilesystemSecurityToken, 0, 0, HandleGetFilesystemSecurityToken},
    Api{ApiKey::kInitWriter, 0, 0, HandleInitWriter},
    Api{ApiKey::kLimitScan, 0, 0, HandleLimitScan},
    Api{ApiKey::kGetDatabaseInfo, 0, 0, HandleGetDatabaseInfo},
    Api{ApiKey::kCreatePartition, 0, 0, HandleCreatePartition},
    Api{ApiKey::kDropPartition, 0, 0, HandleDropPartition},
    Api{ApiKey::kAuthenticate, 0, 0, HandleAuthenticate},
    Api{ApiKey::kAlterTable, 0, 0, HandleAlterTable},
    Api{ApiKey::kGetTableStats, 0, 0, HandleGetTableStats},
};
static_assert(std::ranges::is_sorted(kApis, {}, &Api::key));

}  // namespace

std::span<const Api> ApiTable() { return kApis; }

const Api* FindApi(wire::ApiKey key) {
  const auto api = std::ranges::lower_bound(kApis, key, {}, &Api::key);
  return api != kApis.end() && api->key == key ? &*api : nullptr;
}

}  // namespace thalweg::service
