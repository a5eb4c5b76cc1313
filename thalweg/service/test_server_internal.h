#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/io/directory_store.h"
#include "thalweg/kv/memory_state_store.h"
#include "thalweg/kv/store_pool.h"
#include "thalweg/runtime/metrics.h"
#include "thalweg/runtime/random.h"
#include "thalweg/service/kv_tables.h"
#include "thalweg/service/request_metrics.h"
#include "thalweg/service/server.h"
#include "thalweg/service/services.h"
#include "thalweg/service/slice_cache.h"
#include "thalweg/service/tiering_policy.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/testing/memory_file_system.h"
#include "thalweg/testing/memory_meta_store.h"
#include "thalweg/testing/memory_net.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"
#include "thalweg/upkeep/auto_partition.h"
#include "thalweg/upkeep/dropped_data.h"
#include "thalweg/upkeep/time_zones.h"
#include "thalweg/wire/frame.h"

namespace thalweg::service {

/// One connection to a TestServer, from the client's side. For tests. Sends do not run the simulation, waiting does.
class TestClient {
 public:
  TestClient(testing::SimScheduler& sim, std::unique_ptr<net::Stream> stream) : sim_(sim), state_(new State) {
    state_->stream = std::move(stream);
    runtime::Spawn(ReadAll(state_));
  }
  ~TestClient() { Close(); }

  void Close() { state_->stream->Close(); }
  bool closed() const { return state_->ended; }
  /// Ids of the answers, in the order of their arrival.
  const std::vector<int32_t>& order() const { return state_->order; }

  void SendRaw(Bytes bytes) {
    runtime::Spawn([](std::shared_ptr<State> state, Bytes piece) -> runtime::Task<> {
      std::vector<net::Fragment> fragments;
      fragments.emplace_back(std::move(piece));
      (void)co_await state->stream->Write(std::move(fragments));  // a refused write shows as closed()
    }(state_, std::move(bytes)));
  }
  template <typename Message>
  int32_t Send(wire::ApiKey key, const Message& body, int16_t version = 0) {
    const int32_t id = next_id_++;
    SendRaw(wire::EncodeRequest(key, version, id, body));
    return id;
  }

  /// The answer to `id`, or why there is none.
  template <typename Message>
  arrow::Result<Message> Receive(int32_t id) {
    sim_.RunUntil([&] { return state_->answers.contains(id) || state_->ended; }, std::chrono::minutes(2));
    const auto found = state_->answers.find(id);
    if (found == state_->answers.end()) return Error(ErrorCode::kNetwork, "no answer");
    ARROW_ASSIGN_OR_RAISE(const auto response, wire::DecodeResponse(AsBytes(found->second)));
    ARROW_RETURN_NOT_OK(response.status);
    Message message;
    ARROW_RETURN_NOT_OK(wire::ParseBody(response.body, &message));
    return message;
  }
  bool Has(int32_t id) const { return state_->answers.contains(id); }

  template <typename Message, typename Request>
  arrow::Result<Message> Call(wire::ApiKey key, const Request& body, int16_t version = 0) {
    return Receive<Message>(Send(key, body, version));
  }

  bool WaitClosed(runtime::Nanos limit) {
    return sim_.RunUntil([&] { return state_->ended; }, limit);
  }

 private:
  struct State {
    std::unique_ptr<net::Stream> stream;
    std::string received;
    std::map<int32_t, std::string> answers;
    std::vector<int32_t> order;
    bool ended = false;

    void Cut() {
      while (received.size() >= wire::kLengthBytes) {
        const auto length = LoadBig<int32_t>(AsBytes(received).data());
        if (received.size() < wire::kLengthBytes + length) return;
        const std::string frame = received.substr(wire::kLengthBytes, length);
        received.erase(0, wire::kLengthBytes + length);
        const auto response = wire::DecodeResponse(AsBytes(frame));
        ASSERT_TRUE(response.ok()) << response.status();
        order.push_back(response->id);
        answers[response->id] = frame;
      }
    }
  };

  static runtime::Task<> ReadAll(std::shared_ptr<State> state) {
    std::vector<uint8_t> piece(64 << 10);
    while (true) {
      const auto got = co_await state->stream->Read(piece);
      if (!got.ok() || *got == 0) break;
      state->received.append(AsText(ByteView(piece).first(*got)));
      state->Cut();
    }
    state->ended = true;
  }

  testing::SimScheduler& sim_;
  std::shared_ptr<State> state_;
  int32_t next_id_ = 1;
};

struct TestServerOptions {
  ServiceLimits limits{};
  uint64_t seed = 1;
  size_t shards = 2;
  io::FileSystem* fs = nullptr;  ///< null: a disk in memory, whose files cannot be sent
  std::string directory = "d";
  uint64_t segment_bytes = 1ull << 30;
  /// Remote storage in the folder "remote" of the disk in memory; snapshots each second.
  bool remote = false;
};

/// States that are gone with the server: its rows come from the changelogs.
class MemoryStores final : public kv::StoreFactory {
 public:
  arrow::Result<std::unique_ptr<kv::StateStore>> Open(const TableBucket&) override {
    return std::make_unique<kv::MemoryStateStore>();
  }
  arrow::Status Remove(const TableBucket&) override { return arrow::Status::OK(); }
};

/// Numbers that come again.
class CountingRandom final : public runtime::Random {
 public:
  uint64_t Next() override { return next_ += 0x9E3779B97F4A7C15ull; }

 private:
  uint64_t next_ = 0;
};

/// A whole server in one thread: catalog, engine and sessions over a simulated machine. For tests.
class TestServer {
 public:
  explicit TestServer(TestServerOptions options = {})
      : options(std::move(options)), sim(this->options.seed), store(sim.MakePool("meta")) {
    disk.CreateDurableDirectories(this->options.directory);
    for (size_t i = 0; i < this->options.shards; ++i) shards.push_back(&sim.MakeThread("shard"));
    catalog = sim.Await(catalog::Catalog::Open(store, clock, {}, *shards[0])).ValueOrDie();
    OpenEngine();
    const auto report = [this](std::string what) { reports.push_back(std::move(what)); };
    dropped_data.emplace(*catalog, *engine, report);
    auto_partition.emplace(upkeep::AutoPartition::Environment{.catalog = *catalog,
                                                              .clock = clock,
                                                              .pool = pool,
                                                              .zones = zones,
                                                              .dropped_data = *dropped_data,
                                                              .report = report});
    services.reset(new Services{.catalog = *catalog,
                                .engine = *engine,
                                .auto_partition = *auto_partition,
                                .dropped_data = *dropped_data,
                                .clock = clock,
                                .pool = pool,
                                .metrics = request_metrics,
                                .slices = slices,
                                .kv_tables = kv_tables,
                                .limits = this->options.limits});
    server = std::make_unique<Server>(*services, shards, [this](std::string what) { reports.push_back(what); });
    listener =
        network
            .Listen(shards, {"127.0.0.1", 9123},
                    [this](std::unique_ptr<net::Stream> stream) { server->OnStream(std::move(stream), endpoint); })
            .ValueOrDie();
  }

  ~TestServer() {
    listener->Stop();
    bool drained = false;
    server->Stop(100, [&] { drained = true; });
    TW_CHECK(sim.RunUntil([&] { return drained; }));
    network.CutAll();
    sim.RunFor(std::chrono::minutes(1));  // everything that waits has a limit; then nothing refers to us any more
    sim.Await(dropped_data->Stop(*shards[0]));
    engine->Stop(1000);
  }

  std::unique_ptr<TestClient> Connect() {
    return std::make_unique<TestClient>(sim, sim.Await(network.Connect(client_home, {"", 9123})).ValueOrDie());
  }

  TestServerOptions options;
  testing::SimScheduler sim;
  testing::SimClock clock{sim};
  testing::SimExecutor& client_home = sim.MakeThread("client");
  testing::SimExecutor& journal_thread = sim.MakeThread("journal");
  testing::SimExecutor& pool = sim.MakePool("blocking");
  std::vector<runtime::Executor*> shards;
  testing::MemoryFileSystem disk;
  testing::MemoryMetaStore store;
  testing::MemoryNetwork network{sim, {.window_bytes = 1 << 20}};
  runtime::Metrics metrics;
  RequestMetrics request_metrics{metrics};
  SliceCache slices;
  std::vector<std::string> reports;
  Endpoint endpoint{.name = "FLUSS", .advertised = {"127.0.0.1", 9123}};
  std::unique_ptr<catalog::Catalog> catalog;
  KvTables kv_tables;
  std::unique_ptr<kv::StoreFactory> stores = std::make_unique<MemoryStores>();
  CountingRandom random;
  std::unique_ptr<io::ObjectStore> remote;
  std::unique_ptr<tablet::Engine> engine;
  upkeep::TimeZones zones{disk, "zoneinfo", [this](std::string what) { reports.push_back(what); }};
  std::optional<upkeep::DroppedData> dropped_data;
  std::optional<upkeep::AutoPartition> auto_partition;
  std::unique_ptr<Services> services;
  std::unique_ptr<Server> server;
  std::unique_ptr<net::Listener> listener;

 private:
  void OpenEngine() {
    tablet::EngineOptions engine_options;
    engine_options.directory = options.directory;
    engine_options.journal.ring.bytes_max = 8 << 20;
    engine_options.journal.ring.file_bytes = 2 << 20;
    engine_options.journal.ring.first_file_bytes = 1 << 20;
    engine_options.log.segment_bytes_max = options.segment_bytes;
    engine_options.kv.stores = stores.get();
    engine_options.kv.table_of = [this](const TableBucket& bucket) { return KvTableOf(kv_tables, *catalog, bucket); };
    engine_options.kv.reserve_numbers = [this](TableId table, int32_t column_id, int64_t count,
                                               runtime::Executor& home) {
      return catalog->ReserveRowNumbers(table, column_id, count, home);
    };
    if (options.remote) {
      remote = io::DirectoryStore::Open(disk, "remote", "file:/remote").ValueOrDie();
      engine_options.tiering = {.store = remote.get(), .random = &random, .policy_of = [this](const TableBucket& b) {
                                  return TieringPolicyOf(*catalog, b);
                                }};
      engine_options.snapshots.interval_ns = 1'000'000'000;
    }
    engine_options.report = [this](const std::string& what) { reports.push_back(what); };
    io::FileSystem& fs = options.fs ? *options.fs : disk;
    engine = tablet::Engine::Open(
                 {.fs = fs, .clock = clock, .shards = shards, .journal_thread = journal_thread, .pool = pool},
                 engine_options, [](const TableBucket&) { return true; })
                 .ValueOrDie();
  }
};

}  // namespace thalweg::service
