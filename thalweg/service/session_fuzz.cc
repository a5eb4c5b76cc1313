// Any bytes on a connection to a whole server, in one thread over a simulated machine: frames split anywhere, any request
// with any body, in any order. Every whole frame is answered once or the connection is closed; and whatever was sent, the
// server then serves the next client, and every batch that it took reads back sound and in order.

#include "thalweg/base/check.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"
#include "thalweg/testing/fuzz.h"
#include "thalweg/wire/produce_log.h"

namespace thalweg::service {
namespace {

enum Step : uint8_t {
  kRaw = 0,        ///< the bytes as they are
  kFrame = 1,      ///< behind their length
  kHalves = 2,     ///< likewise, in two writes
  kReconnect = 3,  ///< first drops the connection
  kStepCount = 4,
};

constexpr int kStepsMax = 20;

/// Nobody guesses a CRC: what is a batch gets one.
void MendRecords(std::vector<uint8_t>& frame) {
  const auto request = wire::DecodeRequest(frame);
  if (!request.ok() || request->key != wire::ApiKey::kProduceLog) return;
  const auto produce = wire::DecodeProduceLogRequest(request->body);
  if (!produce.ok()) return;
  for (const auto& bucket : produce->buckets) {
    MutableByteView rest =
        MutableByteView(frame).subspan(wire::kRequestHeadBytes + bucket.records_offset, bucket.records_bytes);
    while (!rest.empty()) {
      const auto batch = format::ParseBatch(rest);
      if (!batch.ok()) break;
      format::StoreCrc(rest.first(batch->bytes.size()));
      rest = rest.subspan(batch->bytes.size());
    }
  }
}

Bytes WithLength(ByteView frame) {
  std::vector<uint8_t> bytes(wire::kLengthBytes);
  StoreBig(bytes.data(), static_cast<int32_t>(frame.size()));
  bytes.insert(bytes.end(), frame.begin(), frame.end());
  return Bytes::Copy(bytes);
}

class Play {
 public:
  Play() : server_({.limits = {.frame_bytes_max = 1 << 20, .fetch_wait_ms_max = 100}}), client_(server_.Connect()) {
    CreateTable();
  }

  void Take(Step step, ByteView bytes) {
    if (step == kReconnect || client_->closed()) {
      client_ = server_.Connect();
      sent_ = 0;
      only_frames_ = true;
    }
    if (step == kRaw) {
      only_frames_ = false;
      client_->SendRaw(Bytes::Copy(bytes));
    } else {
      std::vector<uint8_t> frame = testing::ExactCopy(bytes);
      MendRecords(frame);
      const Bytes whole = WithLength(frame);
      const size_t half = step == kHalves ? whole.size() / 2 : 0;
      if (half > 0) {
        client_->SendRaw(whole.Slice(0, half));
        server_.sim.RunFor(std::chrono::milliseconds(1));
      }
      client_->SendRaw(whole.Slice(half));
      ++sent_;
    }
    server_.sim.RunFor(std::chrono::milliseconds(200));
  }

  void CheckAfterwards() {
    server_.sim.RunFor(std::chrono::seconds(40));  // every wait has ended, if only by its limit
    if (only_frames_ && !client_->closed()) TW_CHECK(client_->order().size() == sent_);
    const auto next = server_.Connect();
    pb::MetadataRequest everything;
    TW_CHECK(next->Call<pb::MetadataResponse>(wire::ApiKey::kGetMetadata, everything).ok());
    const auto table = server_.catalog->view()->FindTable({"fluss", "t"});
    if (!table) return;  // it was dropped
    const TableBucket bucket{table->id, kNoPartition, BucketId(0)};
    for (LogOffset at(0);;) {
      // Not by a fetch: the files of a disk in memory cannot be sent.
      const tablet::ReadResult read = server_.sim.Await(Read({.bucket = bucket, .from = at, .bytes_max = 1 << 20}));
      TW_CHECK(read.status.ok());
      if (read.bytes == 0) {
        TW_CHECK(at == read.high_watermark);
        return;
      }
      const std::string records = BytesOf(read);
      for (format::BatchIterator it(AsBytes(records)); !it.AtEnd();) {
        const auto batch = it.Next();
        TW_CHECK(batch.ok() && format::VerifyCrc(*batch).ok() && batch->header.base_offset == at);
        at = batch->header.next_offset();
      }
      TW_CHECK(at == read.next);
    }
  }

 private:
  runtime::Task<tablet::ReadResult> Read(tablet::ReadRequest request) {
    runtime::Executor& shard = server_.engine->ShardOf(request.bucket);
    request.at_least_one = true;
    co_await runtime::SwitchTo(shard);
    co_return co_await server_.engine->Read(std::move(request), shard);
  }

  static std::string BytesOf(const tablet::ReadResult& read) {
    std::string bytes;
    if (const auto* memory = std::get_if<tablet::MemoryRange>(&read.data)) {
      for (const auto& run : memory->runs) bytes += AsText(run.batches.view());
    } else if (const auto* range = std::get_if<log::LogRange>(&read.data)) {
      bytes.resize(range->bytes);
      const auto got = range->file->ReadAt(range->position, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
      TW_CHECK(got.ok() && *got == bytes.size());
    }
    return bytes;
  }

  void CreateTable() {
    pb::CreateTableRequest request;
    *request.mutable_table_path() = PathOf("t");
    request.set_table_json(LogTable().ToJson());
    request.set_ignore_if_exists(false);
    TW_CHECK(client_->Call<pb::CreateTableResponse>(wire::ApiKey::kCreateTable, request).ok());
    client_ = server_.Connect();
  }

  TestServer server_;
  std::unique_ptr<TestClient> client_;
  size_t sent_ = 0;
  bool only_frames_ = true;
};

template <typename Message>
std::string FrameOf(wire::ApiKey key, const Message& body) {
  static int32_t id = 100;
  return std::string(AsText(wire::EncodeRequest(key, 0, ++id, body).view().subspan(wire::kLengthBytes)));
}

/// Ids count from this in a new catalog.
constexpr int64_t kTableId = 1;

std::string ProduceFrame(const std::string& records) {
  pb::ProduceLogRequest request;
  request.set_acks(-1);
  request.set_table_id(kTableId);
  request.set_timeout_ms(1000);
  auto* bucket = request.add_buckets_req();
  bucket->set_bucket_id(0);
  bucket->set_records(records);
  return FrameOf(wire::ApiKey::kProduceLog, request);
}

std::string FetchFrame(bool projected) {
  pb::FetchLogRequest request;
  request.set_follower_server_id(-1);
  request.set_max_bytes(1 << 20);
  auto* table = request.add_tables_req();
  table->set_table_id(kTableId);
  table->set_projection_pushdown_enabled(projected);
  if (projected) table->add_projected_fields(1);
  auto* bucket = table->add_buckets_req();
  bucket->set_bucket_id(0);
  bucket->set_fetch_offset(-2);
  bucket->set_max_fetch_bytes(1 << 20);
  return FrameOf(wire::ApiKey::kFetchLog, request);
}

std::string LimitScanFrame() {
  pb::LimitScanRequest request;
  request.set_table_id(kTableId);
  request.set_bucket_id(0);
  request.set_limit(3);
  return FrameOf(wire::ApiKey::kLimitScan, request);
}

std::string ListOffsetsFrame() {
  pb::ListOffsetsRequest request;
  request.set_follower_server_id(-1);
  request.set_offset_type(1);
  request.set_table_id(kTableId);
  request.add_bucket_id(0);
  return FrameOf(wire::ApiKey::kListOffsets, request);
}

std::string CreateTableFrame(const schema::TableDescriptor& table) {
  pb::CreateTableRequest request;
  *request.mutable_table_path() = PathOf("made");
  request.set_table_json(table.ToJson());
  request.set_ignore_if_exists(false);
  return FrameOf(wire::ApiKey::kCreateTable, request);
}

std::string Of(const std::vector<std::pair<Step, std::string>>& steps) {
  testing::FuzzSeed seed;
  for (const auto& [step, bytes] : steps) seed.Number(static_cast<uint8_t>(step)).Piece(bytes);
  return seed;
}

}  // namespace
}  // namespace thalweg::service

std::vector<std::string> FuzzSeeds() {
  using namespace thalweg::service;
  namespace pb = thalweg::pb;
  using thalweg::wire::ApiKey;
  pb::ApiVersionsRequest versions;
  versions.set_client_software_name("fluss");
  versions.set_client_software_version("0.1.0");
  pb::DropTableRequest drop;
  *drop.mutable_table_path() = PathOf("t");
  drop.set_ignore_if_not_exists(false);
  const std::string one = EncodeTestBatch({.count = 4});
  const std::string two = EncodeTestBatch({.first = 4, .count = 2, .writer = thalweg::WriterId(1), .sequence = 0});
  const std::string three = EncodeTestBatch({.first = 6, .count = 5, .statistics = true});
  const std::string hello = FrameOf(ApiKey::kApiVersions, versions);
  const auto whole = WithLength(thalweg::AsBytes(hello));
  return {Of({{kFrame, hello}, {kFrame, FrameOf(ApiKey::kGetMetadata, pb::MetadataRequest())}}),
          Of({{kRaw, std::string(thalweg::AsText(whole.view()))}, {kRaw, "\x7F"}}),
          Of({{kFrame, ProduceFrame(one)}, {kHalves, FetchFrame(true)}, {kFrame, LimitScanFrame()}}),
          Of({{kFrame, ProduceFrame(two)}, {kFrame, ProduceFrame(two)}, {kFrame, FetchFrame(false)}}),
          Of({{kFrame, ProduceFrame(three + one)}, {kReconnect, ListOffsetsFrame()}, {kFrame, FetchFrame(true)}}),
          Of({{kFrame, CreateTableFrame(LogTable(2, {"name"}))}, {kFrame, CreateTableFrame(KeyTable())}}),
          Of({{kFrame, FrameOf(ApiKey::kDropTable, drop)}, {kFrame, ProduceFrame(one)}})};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thalweg::service;
  thalweg::testing::FuzzInput input({data, size});
  Play play;
  for (int i = 0; i < kStepsMax && !input.AtEnd(); ++i) {
    const auto step = static_cast<Step>(input.Number<uint8_t>() % kStepCount);
    play.Take(step, input.Piece());
  }
  play.CheckAfterwards();
  return 0;
}
