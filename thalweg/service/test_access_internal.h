#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/service/api_table.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

/// What the access matrix is made of: how to ask each API, and the right that it needs. For tests.
namespace thalweg::service {

using security::Operation;
using security::Resource;
using wire::ApiKey;
using enum security::Operation;

inline const Resource kCluster = Resource::Cluster();
inline const Resource kDatabase = Resource::Database("fluss");
inline const Resource kPlain = Resource::Table("fluss", "plain");
inline const Resource kDays = Resource::Table("fluss", "days");

class AccessMatrixTest : public ServiceTest {
 public:
  /// A server with tables, where from now on only `granted` on `resource` is allowed to the one client.
  void Restart(std::optional<Operation> granted, const Resource& resource) {
    Start();
    plain_ = CreateTable("plain");
    CreateTable("days", LogTable(1, {"name"}));
    AddPartition("monday");
    server_->services->policy = &policy_;
    if (!granted) return;
    const auto added = server_->sim.Await(server_->catalog->AddAcls(
        {{resource, {.principal = security::kAnonymous, .host = "10.0.0.1", .operation = *granted}}},
        *server_->shards[0]));
    ASSERT_TRUE(added.ok()) << added.status();
  }

  void AddPartition(const std::string& day) {
    const auto answer = client_->Call<pb::CreatePartitionResponse>(ApiKey::kCreatePartition,
                                                                   DayRequest<pb::CreatePartitionRequest>(day));
    ASSERT_TRUE(answer.ok()) << answer.status();
  }

  template <typename Request>
  static Request DayRequest(const std::string& day) {
    Request request;
    *request.mutable_table_path() = PathOf("days");
    auto* pair = request.mutable_partition_spec()->add_partition_key_values();
    pair->set_key("name");
    pair->set_value(day);
    request.set_ignore_if_not_exists(false);
    return request;
  }

  TestClient& client() { return *client_; }
  TestServer& server() { return *server_; }
  int64_t plain() const { return plain_; }
  static pb::FetchLogRequest FetchOf(int64_t table) { return Fetch(table); }
  static pb::ProduceLogRequest ProduceTo(int64_t table) { return Produce(table, EncodeTestBatch({.count = 2})); }

  security::AccessPolicy policy_;

 private:
  int64_t plain_ = 0;
};

/// NONE where the client got what it asked for, AUTHORIZATION where it was refused or not shown, else what went wrong.
using Ask = std::function<ErrorCode(AccessMatrixTest&)>;

template <typename Response, typename Request>
Ask Plainly(ApiKey key, Request request) {
  return [=](AccessMatrixTest& test) { return CodeOf(test.client().Call<Response>(key, request).status()); };
}

/// As Plainly, with a request that is about the plain table's id.
template <typename Response, typename Request>
Ask OfTable(ApiKey key, Request request) {
  return [=](AccessMatrixTest& test) mutable {
    request.set_table_id(test.plain());
    return CodeOf(test.client().Call<Response>(key, request).status());
  };
}

inline ErrorCode Shown(bool shown) { return shown ? ErrorCode::kNone : ErrorCode::kAuthorization; }

struct Case {
  Ask ask;
  /// The right that is needed; none: nobody is refused.
  std::optional<Operation> operation{};
  Resource resource{};
};

template <typename Request>
Request AboutTable(const std::string& name) {
  Request request;
  *request.mutable_table_path() = PathOf(name);
  return request;
}
template <typename Request>
Request AboutDatabase(const std::string& name) {
  Request request;
  request.set_database_name(name);
  return request;
}
template <typename Request>
Request With(Request request, const std::function<void(Request&)>& change) {
  change(request);
  return request;
}

using AccessCases = std::map<ApiKey, Case>;

// access_cluster_cases_test.cc
void AddConnectionCases(AccessCases& cases);
void AddAclCases(AccessCases& cases);
void AddClusterCases(AccessCases& cases);
// access_table_cases_test.cc
void AddDatabaseCases(AccessCases& cases);
void AddTableCases(AccessCases& cases);
// access_data_cases_test.cc
void AddDataCases(AccessCases& cases);
void AddProducerCases(AccessCases& cases);
void AddSnapshotCases(AccessCases& cases);

}  // namespace thalweg::service
