#include "proto/fluss.pb.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/service/api_table.h"
#include "thalweg/service/handlers.h"

namespace thalweg::service {

runtime::Task<arrow::Result<Reply>> HandleApiVersions(Call call) {
  pb::ApiVersionsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  call.connection.client_name = request.client_software_name();
  // No server_type: clients take this one server for both a coordinator and a tablet server.
  pb::ApiVersionsResponse response;
  for (const Api& api : ApiTable()) {
    auto* entry = response.add_api_versions();
    entry->set_api_key(static_cast<int32_t>(api.key));
    entry->set_min_version(api.version_min);
    entry->set_max_version(api.version_max);
  }
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleGetFilesystemSecurityToken(Call call) {
  pb::GetFileSystemSecurityTokenRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  // The Java scanner asks before anything else; files need no token, but the field must be there.
  pb::GetFileSystemSecurityTokenResponse response;
  response.set_schema("file");
  response.set_token("");
  co_return MessageReply(call, response);
}

}  // namespace thalweg::service
