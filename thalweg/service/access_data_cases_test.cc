#include "thalweg/service/test_access_internal.h"

namespace thalweg::service {
namespace {

/// Offsets of the plain table, registered by the server itself.
void RegisterOffsets(AccessMatrixTest& test) {
  const TableBucket bucket{TableId(test.plain()), kNoPartition, BucketId(0)};
  const auto registered = test.server().sim.Await(test.server().catalog->RegisterProducerOffsets(
      "job", {.expires_ms = INT64_MAX, .offsets = {{bucket, LogOffset(1)}}}, *test.server().shards[0]));
  ASSERT_TRUE(registered.ok()) << registered.status();
}

/// As OfTable, of a table that keeps no rows by key: who may ask is told so.
template <typename Response, typename Request>
Ask OfUnkeyedTable(ApiKey key, const std::function<void(Request&, int64_t table)>& fill) {
  return [=](AccessMatrixTest& test) {
    Request request;
    fill(request, test.plain());
    const ErrorCode code = CodeOf(test.client().Call<Response>(key, request).status());
    const bool may = code == ErrorCode::kNonPrimaryKeyTable || code == ErrorCode::kKvSnapshotNotExist;
    return may ? ErrorCode::kNone : code;
  };
}

}  // namespace

void AddDataCases(AccessCases& cases) {
  cases[ApiKey::kProduceLog] = {
      [](AccessMatrixTest& test) {
        const auto answer =
            test.client().Call<pb::ProduceLogResponse>(ApiKey::kProduceLog, AccessMatrixTest::ProduceTo(test.plain()));
        return answer.ok() ? static_cast<ErrorCode>(answer->buckets_resp(0).error_code()) : CodeOf(answer.status());
      },
      kWrite, kPlain};
  cases[ApiKey::kFetchLog] = {[](AccessMatrixTest& test) {
                                const auto answer = test.client().Call<pb::FetchLogResponse>(
                                    ApiKey::kFetchLog, AccessMatrixTest::FetchOf(test.plain()));
                                return answer.ok()
                                           ? static_cast<ErrorCode>(answer->tables_resp(0).buckets_resp(0).error_code())
                                           : CodeOf(answer.status());
                              },
                              kRead, kPlain};
  cases[ApiKey::kListOffsets] = {
      OfTable<pb::ListOffsetsResponse>(ApiKey::kListOffsets,
                                       With<pb::ListOffsetsRequest>({},
                                                                    [](auto& request) {
                                                                      request.set_follower_server_id(-1);
                                                                      request.set_offset_type(0);
                                                                      request.add_bucket_id(0);
                                                                    })),
      kDescribe, kPlain};
  cases[ApiKey::kLimitScan] = {
      OfTable<pb::LimitScanResponse>(ApiKey::kLimitScan, With<pb::LimitScanRequest>({},
                                                                                    [](auto& request) {
                                                                                      request.set_bucket_id(0);
                                                                                      request.set_limit(1);
                                                                                    })),
      kRead, kPlain};
  cases[ApiKey::kScanKv] = {[](AccessMatrixTest& test) {
                              pb::ScanKvRequest request;
                              request.mutable_bucket_scan_req()->set_table_id(test.plain());
                              request.mutable_bucket_scan_req()->set_bucket_id(0);
                              request.set_call_seq_id(0);
                              request.set_batch_size_bytes(1);
                              return CodeOf(test.client().Call<pb::ScanKvResponse>(ApiKey::kScanKv, request).status());
                            },
                            kRead, kPlain};
  // Without buckets: what they would say is not the matter here.
  cases[ApiKey::kPutKv] = {
      OfTable<pb::PutKvResponse>(ApiKey::kPutKv, With<pb::PutKvRequest>({},
                                                                        [](auto& request) {
                                                                          request.set_acks(-1);
                                                                          request.set_timeout_ms(9);
                                                                        })),
      kWrite, kPlain};
  cases[ApiKey::kLookup] = {OfTable<pb::LookupResponse>(ApiKey::kLookup, pb::LookupRequest()), kRead, kPlain};
  cases[ApiKey::kPrefixLookup] = {OfTable<pb::PrefixLookupResponse>(ApiKey::kPrefixLookup, pb::PrefixLookupRequest()),
                                  kRead, kPlain};
  cases[ApiKey::kGetTableStats] = {
      OfTable<pb::GetTableStatsResponse>(
          ApiKey::kGetTableStats,
          With<pb::GetTableStatsRequest>({}, [](auto& request) { request.add_buckets_req()->set_bucket_id(0); })),
      kRead, kPlain};
  cases[ApiKey::kInitWriter] = {
      Plainly<pb::InitWriterResponse>(ApiKey::kInitWriter, With<pb::InitWriterRequest>({},
                                                                                       [](auto& request) {
                                                                                         *request.add_table_path() =
                                                                                             PathOf("days");
                                                                                         *request.add_table_path() =
                                                                                             PathOf("plain");
                                                                                       })),
      kWrite, kPlain};
}

void AddProducerCases(AccessCases& cases) {
  cases[ApiKey::kRegisterProducerOffsets] = {
      [](AccessMatrixTest& test) {
        pb::RegisterProducerOffsetsRequest request;
        request.set_producer_id("job");
        request.add_table_offsets()->set_table_id(test.plain());
        return CodeOf(test.client()
                          .Call<pb::RegisterProducerOffsetsResponse>(ApiKey::kRegisterProducerOffsets, request)
                          .status());
      },
      kWrite, kPlain};
  cases[ApiKey::kGetProducerOffsets] = {
      [](AccessMatrixTest& test) {
        RegisterOffsets(test);
        pb::GetProducerOffsetsRequest request;
        request.set_producer_id("job");
        const auto answer = test.client().Call<pb::GetProducerOffsetsResponse>(ApiKey::kGetProducerOffsets, request);
        return answer.ok() ? Shown(answer->table_offsets_size() == 1) : CodeOf(answer.status());
      },
      kRead, kPlain};
  cases[ApiKey::kDeleteProducerOffsets] = {
      [](AccessMatrixTest& test) {
        RegisterOffsets(test);
        pb::DeleteProducerOffsetsRequest request;
        request.set_producer_id("job");
        return CodeOf(
            test.client().Call<pb::DeleteProducerOffsetsResponse>(ApiKey::kDeleteProducerOffsets, request).status());
      },
      kWrite, kPlain};
}

void AddSnapshotCases(AccessCases& cases) {
  cases[ApiKey::kGetLatestKvSnapshots] = {
      OfUnkeyedTable<pb::GetLatestKvSnapshotsResponse, pb::GetLatestKvSnapshotsRequest>(
          ApiKey::kGetLatestKvSnapshots,
          [](auto& request, int64_t) { *request.mutable_table_path() = PathOf("plain"); }),
      kDescribe, kPlain};
  cases[ApiKey::kGetKvSnapshotMetadata] = {
      OfUnkeyedTable<pb::GetKvSnapshotMetadataResponse, pb::GetKvSnapshotMetadataRequest>(
          ApiKey::kGetKvSnapshotMetadata,
          [](auto& request, int64_t table) {
            request.set_table_id(table);
            request.set_bucket_id(0);
            request.set_snapshot_id(0);
          }),
      kDescribe, kPlain};
  cases[ApiKey::kListKvSnapshots] = {
      OfUnkeyedTable<pb::ListKvSnapshotsResponse, pb::ListKvSnapshotsRequest>(
          ApiKey::kListKvSnapshots, [](auto& request, int64_t table) { request.set_table_id(table); }),
      kDescribe, kPlain};
  cases[ApiKey::kAcquireKvSnapshotLease] = {
      OfUnkeyedTable<pb::AcquireKvSnapshotLeaseResponse, pb::AcquireKvSnapshotLeaseRequest>(
          ApiKey::kAcquireKvSnapshotLease,
          [](auto& request, int64_t table) {
            request.set_lease_id("reader");
            request.set_lease_duration_ms(1000);
            request.add_snapshots_to_lease()->set_table_id(table);
          }),
      kRead, kPlain};
  cases[ApiKey::kReleaseKvSnapshotLease] = {
      OfUnkeyedTable<pb::ReleaseKvSnapshotLeaseResponse, pb::ReleaseKvSnapshotLeaseRequest>(
          ApiKey::kReleaseKvSnapshotLease,
          [](auto& request, int64_t table) {
            request.set_lease_id("reader");
            auto* bucket = request.add_buckets_to_release();
            bucket->set_table_id(table);
            bucket->set_bucket_id(0);
          }),
      kRead, kPlain};
  // Of a lease that there is not; of one that there is: kv_snapshot_handlers_test.
  cases[ApiKey::kDropKvSnapshotLease] = {Plainly<pb::DropKvSnapshotLeaseResponse>(
      ApiKey::kDropKvSnapshotLease,
      With<pb::DropKvSnapshotLeaseRequest>({}, [](auto& request) { request.set_lease_id("reader"); }))};
}

}  // namespace thalweg::service
