#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/catalog/catalog_view.h"
#include "thalweg/catalog/meta_store.h"
#include "thalweg/catalog/producer_offsets.h"
#include "thalweg/catalog/turn_queue.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"
#include "thalweg/schema/database_descriptor.h"
#include "thalweg/schema/partition_spec.h"
#include "thalweg/schema/schema_change.h"
#include "thalweg/schema/table_descriptor.h"
#include "thalweg/schema/table_path.h"
#include "thalweg/schema/table_validation.h"
#include "thalweg/security/acl.h"

namespace thalweg::catalog {

inline constexpr const char* kDefaultDatabase = "fluss";
/// Rights that can be granted in all: each change copies the map of them.
inline constexpr size_t kAclEntriesMax = 10'000;

struct CatalogOptions {
  schema::TableRules rules{};
  int32_t partition_count_max = 1000;  ///< per table (max.partition.num)
};

/// The databases, tables and partitions of a cluster, and the ids that are given out.
///
/// view() answers every read. Changes go one at a time: into the MetaStore first, then into a new view, then the call
/// completes on the `home` that it was given. So what a call reported is durable and visible to every later read.
/// Ids are never given out twice, whatever crashes or is dropped.
///
/// Errors: those of each call; kStorage and kDiskWriteLocked where the store failed (then it is unknown whether the change
/// happened; the catalog reads the store again before the next one); kFencedLeaderEpoch where another server took over.
/// Thread safety: all calls. No call is in flight when it is destroyed.
class Catalog {
 public:
  /// Takes an epoch, reads everything, creates the default database where there is none at all. `store` and `clock` must
  /// outlive the catalog. kUnsupportedVersion where a later server wrote the store; nothing was changed then.
  static runtime::Task<arrow::Result<std::unique_ptr<Catalog>>> Open(MetaStore& store, const runtime::Clock& clock,
                                                                     CatalogOptions options, runtime::Executor& home);

  /// The latest. Does not wait for anything.
  CatalogViewPtr view() const;

  /// kInvalidDatabase, kDatabaseAlreadyExist. With `ignore_if_exists` gives the one that is there.
  runtime::Task<arrow::Result<DatabasePtr>> CreateDatabase(std::string name, schema::DatabaseDescriptor descriptor,
                                                           bool ignore_if_exists, runtime::Executor& home);
  /// The changed database (the same one where nothing changes); nullptr where it is missing and that is ignored. `comment`
  /// replaces the comment. kDatabaseNotExist; kInvalidDatabase for an operation other than set and delete.
  runtime::Task<arrow::Result<DatabasePtr>> AlterDatabase(std::string name,
                                                          std::vector<schema::OptionChange> properties,
                                                          std::optional<std::string> comment, bool ignore_if_not_exists,
                                                          runtime::Executor& home);
  /// The tables that went with it. kDatabaseNotExist, kDatabaseNotEmpty.
  runtime::Task<arrow::Result<std::vector<TablePtr>>> DropDatabase(std::string name, bool ignore_if_not_exists,
                                                                   bool cascade, runtime::Executor& home);

  /// Fills in defaults and checks (schema::PrepareTable, whose errors these are too). kInvalidDatabase, kInvalidTable,
  /// kDatabaseNotExist, kTableAlreadyExist. With `ignore_if_exists` gives the one that is there.
  runtime::Task<arrow::Result<TablePtr>> CreateTable(schema::TablePath path, schema::TableDescriptor descriptor,
                                                     bool ignore_if_exists, runtime::Executor& home);
  /// The table that is gone; nullptr where it was not there and that is ignored. kTableNotExist.
  runtime::Task<arrow::Result<TablePtr>> DropTable(schema::TablePath path, bool ignore_if_not_exists,
                                                   runtime::Executor& home);
  /// The changed table (the same one where nothing changes); nullptr where it is missing and that is ignored. The errors
  /// of schema::ChangeTable. kTableNotExist.
  runtime::Task<arrow::Result<TablePtr>> AlterTable(schema::TablePath path, schema::TableChange change,
                                                    bool ignore_if_not_exists, runtime::Executor& home);

  /// kTableNotExist, kTableNotPartitioned, kPartitionSpecInvalid, kPartitionAlreadyExists, kPartitionMaxNum,
  /// kBucketMaxNum (over all partitions of the table). With `ignore_if_exists` gives the one that is there.
  runtime::Task<arrow::Result<PartitionPtr>> CreatePartition(schema::TablePath path, schema::PartitionSpec spec,
                                                             bool ignore_if_exists, runtime::Executor& home);
  /// The partition that is gone; nullptr where it was not there and that is ignored. kTableNotExist, kTableNotPartitioned,
  /// kPartitionSpecInvalid, kPartitionNotExists.
  runtime::Task<arrow::Result<PartitionPtr>> DropPartition(schema::TablePath path, schema::PartitionSpec spec,
                                                           bool ignore_if_not_exists, runtime::Executor& home);

  /// Grants rights; those that are there already are no error. kInvalidConfig beyond kAclEntriesMax of them.
  runtime::Task<arrow::Result<bool>> AddAcls(std::vector<security::AclBinding> bindings, runtime::Executor& home);
  /// What was dropped, under the first filter that matches it.
  using DroppedAcls = std::vector<std::vector<security::AclBinding>>;
  using PermitAcls = std::function<arrow::Status(const security::Resource&)>;
  /// Takes back the rights that `filters` match. Before anything happens `permit` is asked, on any executor, about each
  /// resource with rights that a filter names; its first error is that of the call.
  runtime::Task<arrow::Result<DroppedAcls>> DropAcls(std::vector<security::AclFilter> filters, PermitAcls permit,
                                                     runtime::Executor& home);

  /// What was dropped and not forgotten since: a drop is remembered until its data are gone.
  runtime::Task<arrow::Result<std::vector<Dropped>>> ListDropped(runtime::Executor& home);
  runtime::Task<arrow::Status> ForgetDropped(Dropped dropped, runtime::Executor& home);

  /// A copy of what is set for the cluster is given to `change`, and kept where that succeeds; else its error is given.
  using ClusterChange = std::function<arrow::Status(Cluster&)>;
  runtime::Task<arrow::Result<ClusterPtr>> ChangeCluster(ClusterChange change, runtime::Executor& home);

  /// Keeps them, unless the producer has some that have not expired: those stay, and false is given. Removes what has expired.
  /// kRecordTooLarge; kInvalidConfig beyond kProducersMax and kProducersBytesMax.
  runtime::Task<arrow::Result<bool>> RegisterProducerOffsets(std::string producer, ProducerOffsets offsets,
                                                             runtime::Executor& home);
  runtime::Task<arrow::Result<std::optional<ProducerOffsets>>> GetProducerOffsets(std::string producer,
                                                                                  runtime::Executor& home);
  using PermitProducer = std::function<arrow::Status(const ProducerOffsets&)>;
  /// Whether there were any. `permit` is asked first, on any executor, where there are; its error is that of the call.
  runtime::Task<arrow::Result<bool>> DeleteProducerOffsets(std::string producer, PermitProducer permit,
                                                           runtime::Executor& home);

  /// An id that no writer had before. Ids are reserved in blocks, so few calls write; a crash skips the rest of a block.
  runtime::Task<arrow::Result<WriterId>> NextWriterId(runtime::Executor& home);

  /// The first of `count` numbers, dense from 1, that no row of the table got in that column before.
  runtime::Task<arrow::Result<int64_t>> ReserveRowNumbers(TableId table, int32_t column_id, int64_t count,
                                                          runtime::Executor& home);

 private:
  /// A number in the store that ids are taken from, as last read or written.
  struct Counter {
    const char* key;
    int64_t next = 1;
    int64_t revision = MetaStore::kAbsent;
  };
  /// What there is of a producer's offsets.
  struct Producer {
    int64_t expires_ms = 0;
    int64_t revision = MetaStore::kAbsent;
    size_t bytes = 0;
  };
  /// What the catalog would hold after a commit, given its revision.
  using Change = std::function<CatalogView(int64_t revision)>;

  Catalog(MetaStore& store, const runtime::Clock& clock, CatalogOptions options);

  /// Runs `work` when it is its turn and the view is current; completes on `home`.
  template <typename T>
  runtime::Task<arrow::Result<T>> InTurn(runtime::Task<arrow::Result<T>> work, runtime::Executor& home);

  // All below run in turn, on whatever executor.
  runtime::Task<arrow::Status> Load();
  runtime::Task<arrow::Status> LoadTables(CatalogView& view);
  runtime::Task<arrow::Status> LoadCounter(Counter& counter);
  /// Commits and, where that worked, publishes.
  runtime::Task<arrow::Status> Apply(MetaStore::Transaction transaction, Change change);
  /// Adds to `transaction` that `count` ids are taken, and gives the first.
  int64_t Reserve(Counter& counter, int64_t count, MetaStore::Transaction& transaction);
  void Publish(CatalogView view);

  runtime::Task<arrow::Result<DatabasePtr>> CreateDatabaseNow(std::string name, schema::DatabaseDescriptor descriptor,
                                                              bool ignore_if_exists);
  runtime::Task<arrow::Result<DatabasePtr>> AlterDatabaseNow(std::string name,
                                                             std::vector<schema::OptionChange> properties,
                                                             std::optional<std::string> comment,
                                                             bool ignore_if_not_exists);
  runtime::Task<arrow::Result<bool>> ForgetDroppedNow(Dropped dropped);
  runtime::Task<arrow::Result<ClusterPtr>> ChangeClusterNow(ClusterChange change);
  /// What the cluster adds to tables, with what was set at run time.
  schema::TableRules RulesOf(const CatalogView& view) const;
  runtime::Task<arrow::Result<std::vector<TablePtr>>> DropDatabaseNow(std::string name, bool ignore_if_not_exists,
                                                                      bool cascade);
  runtime::Task<arrow::Result<TablePtr>> CreateTableNow(schema::TablePath path, schema::TableDescriptor descriptor,
                                                        bool ignore_if_exists);
  runtime::Task<arrow::Result<TablePtr>> DropTableNow(schema::TablePath path, bool ignore_if_not_exists);
  runtime::Task<arrow::Result<TablePtr>> AlterTableNow(schema::TablePath path, schema::TableChange change,
                                                       bool ignore_if_not_exists);
  runtime::Task<arrow::Result<PartitionPtr>> CreatePartitionNow(schema::TablePath path, schema::PartitionSpec spec,
                                                                bool ignore_if_exists);
  runtime::Task<arrow::Result<PartitionPtr>> DropPartitionNow(schema::TablePath path, schema::PartitionSpec spec,
                                                              bool ignore_if_not_exists);
  runtime::Task<arrow::Result<bool>> AddAclsNow(std::vector<security::AclBinding> bindings);
  runtime::Task<arrow::Result<DroppedAcls>> DropAclsNow(std::vector<security::AclFilter> filters, PermitAcls permit);
  runtime::Task<arrow::Status> LoadAcls(CatalogView& view);
  /// Makes `acls` what is granted; `changed` are the resources in which that differs from the view.
  runtime::Task<arrow::Status> ApplyAcls(security::AclMap acls, std::set<security::Resource> changed);
  runtime::Task<arrow::Status> LoadProducers();
  runtime::Task<arrow::Result<bool>> RegisterProducerOffsetsNow(std::string producer, ProducerOffsets offsets);
  runtime::Task<arrow::Result<bool>> DeleteProducerOffsetsNow(std::string producer, PermitProducer permit);
  runtime::Task<arrow::Result<WriterId>> ReserveWriterIds();
  runtime::Task<arrow::Result<int64_t>> ReserveRowNumbersNow(TableId table, int32_t column_id, int64_t count);
  std::optional<WriterId> TakeReservedWriterId();

  MetaStore& store_;
  const runtime::Clock& clock_;
  const CatalogOptions options_;

  TurnQueue turns_;
  // Changed in turn only.
  int64_t epoch_ = 0;
  bool is_stale_ = true;
  Counter table_counter_;
  Counter partition_counter_;
  Counter writer_counter_;
  std::map<security::Resource, int64_t> acl_revisions_;
  std::map<std::string, Producer> producers_;  ///< by key in the store

  mutable std::mutex mutex_;
  CatalogViewPtr view_;
  int64_t writer_id_next_ = 0;
  int64_t writer_id_end_ = 0;
};

}  // namespace thalweg::catalog
