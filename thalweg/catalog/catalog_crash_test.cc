/// DDL over the embedded store on a disk that loses power at every operation.
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/embedded_meta_store.h"
#include "thalweg/testing/crash_points.h"
#include "thalweg/testing/memory_file_system.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::catalog {
namespace {

using thalweg::testing::CrashState;
using thalweg::testing::Fault;
using thalweg::testing::MemoryFileSystem;

schema::TableDescriptor PartitionedTable() {
  schema::TableDescriptor table;
  table.schema =
      schema::Schema::Make({.columns = {{.name = "id", .type = schema::MakeType(schema::TypeKind::kBigInt)},
                                        {.name = "day", .type = schema::MakeType(schema::TypeKind::kString)}}})
          .ValueOrDie();
  table.partition_keys = {"day"};
  return table;
}

/// All that the catalog holds, as lines.
std::vector<std::string> Describe(const CatalogView& view) {
  std::vector<std::string> lines;
  for (const DatabasePtr& database : view.ListDatabases()) {
    lines.push_back("database " + database->name);
    for (const TablePtr& table : *view.ListTables(database->name)) {
      lines.push_back(fmt::format("table {} {} v{} {} columns {}", table->path, table->id, table->schema_id(),
                                  table->schema().column_count(), table->descriptor->custom_properties.size()));
      EXPECT_EQ(table->descriptor->schema, table->schema());
      EXPECT_EQ(view.FindTable(table->id), table);
      for (const PartitionPtr& partition : *view.ListPartitions(table->path, {})) {
        lines.push_back(fmt::format("partition {} {} {}", table->path, partition->name, partition->id));
        EXPECT_EQ(view.FindPartition(partition->id), partition);
      }
    }
  }
  return lines;
}

/// What a client saw: the catalog after each acknowledged change, and the ids that were given out.
struct Ledger {
  std::vector<std::string> acknowledged;  ///< Describe after the last change that was acknowledged
  std::set<int64_t> tables;
  std::set<int64_t> partitions;
  std::set<int64_t> writers;
};

class Process {
 public:
  explicit Process(MemoryFileSystem& disk) {
    auto store = EmbeddedMetaStore::Open(disk, "data/meta", sim_.MakePool("blocking"));
    status_ = store.status();
    if (!store.ok()) return;
    store_ = std::move(*store);
    auto catalog = sim_.Await(Catalog::Open(*store_, clock_, {}, home_));
    status_ = catalog.status();
    if (catalog.ok()) catalog_ = std::move(*catalog);
  }

  const arrow::Status& status() const { return status_; }
  Catalog& catalog() { return *catalog_; }

  /// Change number `step` of the script. Records what was acknowledged and given out.
  arrow::Status Do(int step, Ledger& ledger) {
    const schema::TablePath path{"shop", fmt::format("t{}", step / 6)};
    const schema::PartitionSpec spec{{"day", std::to_string(step)}};
    arrow::Status status;
    switch (step % 6) {
      case 0: {
        status = sim_.Await(catalog_->CreateDatabase("shop", {}, true, home_)).status();
        break;
      }
      case 1: {
        const auto table = sim_.Await(catalog_->CreateTable(path, PartitionedTable(), false, home_));
        status = table.status();
        if (table.ok()) EXPECT_TRUE(ledger.tables.insert((*table)->id.value).second) << "table id given twice";
        break;
      }
      case 2: {
        const auto partition = sim_.Await(catalog_->CreatePartition(path, spec, false, home_));
        status = partition.status();
        if (partition.ok()) {
          EXPECT_TRUE(ledger.partitions.insert((*partition)->id.value).second) << "partition id given twice";
        }
        break;
      }
      case 3: {
        const schema::TableChange change{
            .added_columns = {{.name = "note", .type = schema::MakeType(schema::TypeKind::kString)}}};
        status = sim_.Await(catalog_->AlterTable(path, change, false, home_)).status();
        break;
      }
      case 4: {
        const auto id = sim_.Await(catalog_->NextWriterId(home_));
        status = id.status();
        if (id.ok()) EXPECT_TRUE(ledger.writers.insert(id->value).second) << "writer id given twice";
        break;
      }
      case 5: {
        const schema::TablePath first{"shop", "t0"};
        status = step == 5 ? sim_.Await(catalog_->DropTable(first, false, home_)).status()
                           : sim_.Await(catalog_->DropDatabase("shop", false, true, home_)).status();
        break;
      }
    }
    if (status.ok()) ledger.acknowledged = Describe(*catalog_->view());
    return status;
  }

 private:
  thalweg::testing::SimScheduler sim_;
  thalweg::testing::SimClock clock_{sim_};
  runtime::Executor& home_ = sim_.MakeThread("shard");
  arrow::Status status_;
  std::unique_ptr<EmbeddedMetaStore> store_;
  std::unique_ptr<Catalog> catalog_;
};

constexpr int kSteps = 12;

/// Runs the script in two processes, one after the other, as far as the disk lets it. The changes done are returned.
int RunScript(MemoryFileSystem& disk, Ledger& ledger) {
  disk.CreateDurableDirectories("data");
  int step = 0;
  for (const int stop : {kSteps / 2, kSteps}) {
    Process process(disk);
    if (!process.status().ok()) return step;
    if (step == 0) ledger.acknowledged = Describe(*process.catalog().view());
    for (; step < stop; ++step) {
      if (!process.Do(step, ledger).ok()) return step;
    }
  }
  return step;
}

/// Describe after each step of a run that nothing disturbs; the first is before step 0.
std::vector<std::vector<std::string>> UndisturbedRun() {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  Process process(disk);
  Ledger ledger;
  std::vector<std::vector<std::string>> states = {Describe(*process.catalog().view())};
  for (int step = 0; step < kSteps; ++step) {
    EXPECT_TRUE(process.Do(step, ledger).ok());
    states.push_back(ledger.acknowledged);
  }
  return states;
}

TEST(CatalogCrashTest, EveryAcknowledgedChangeIsThereAfterEveryCrash) {
  const std::vector<std::vector<std::string>> expected = UndisturbedRun();
  Ledger ledger;
  int done = 0;
  const uint64_t states = thalweg::testing::ForEachCrashState(
      {.seeds = 1},
      [&](MemoryFileSystem& disk) {
        ledger = {};
        done = RunScript(disk, ledger);
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        SCOPED_TRACE(state.ToString());
        Process process(disk);
        ASSERT_TRUE(process.status().ok()) << process.status();
        // The change that was cut off happened wholly or not at all.
        const std::vector<std::string> found = Describe(*process.catalog().view());
        const size_t next = std::min<size_t>(static_cast<size_t>(done) + 1, kSteps);
        EXPECT_TRUE(found == expected[static_cast<size_t>(done)] || found == expected[next])
            << "after " << done << " changes:\n  " << fmt::format("{}", fmt::join(found, "\n  "));
        // Ids given out from here on are new ones; Do checks that.
        Ledger after = ledger;
        for (const int step : {0, 60 + 1, 60 + 2, 4}) {
          const arrow::Status status = process.Do(step, after);
          ASSERT_TRUE(status.ok()) << status;
        }
      });
  RecordProperty("states", static_cast<int>(states));
  EXPECT_GT(states, 300u);
}

TEST(CatalogCrashTest, EveryFailedOperationIsReportedAndHeals) {
  const std::vector<std::vector<std::string>> expected = UndisturbedRun();
  MemoryFileSystem undisturbed;
  Ledger unused;
  ASSERT_EQ(RunScript(undisturbed, unused), kSteps);
  for (uint64_t index = 1; index <= undisturbed.operations(); ++index) {
    for (const Fault fault : {Fault::kIoError, Fault::kShortWrite, Fault::kLoseUnsynced}) {
      SCOPED_TRACE(fmt::format("operation {}, fault {}", index, static_cast<int>(fault)));
      MemoryFileSystem disk;
      disk.FailOperation(index, fault);
      Ledger ledger;
      const size_t done = static_cast<size_t>(RunScript(disk, ledger));
      const auto after = disk.PowerCut(thalweg::testing::PowerLoss::kDropUnsynced);
      Process process(*after);
      ASSERT_TRUE(process.status().ok()) << process.status();
      const std::vector<std::string> found = Describe(*process.catalog().view());
      EXPECT_TRUE(found == expected[done] || found == expected[std::min<size_t>(done + 1, kSteps)])
          << "after " << done << " changes:\n  " << fmt::format("{}", fmt::join(found, "\n  "));
    }
  }
}

}  // namespace
}  // namespace thalweg::catalog
