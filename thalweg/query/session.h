#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/query/environment.h"
#include "thalweg/query/table.h"
#include "thalweg/schema/table_path.h"
#include "thalweg/security/access_policy.h"

namespace thalweg::query {

struct Token;

/// One user at one of our doors: what all reads, writes and definitions are done as. The rule is that of the RPC port, and is
/// asked anew at each call, so that a right that was taken back is gone.
/// Copies are cheap. Thread safety: all calls.
class Session {
 public:
  Session(const Environment& environment, security::Asker asker)
      : environment_(&environment), asker_(std::move(asker)) {}

  const Environment& environment() const { return *environment_; }
  const security::Asker& asker() const { return asker_; }

  /// Whether the user may do that, by the rights of this moment.
  bool MayDo(security::Operation operation, const security::Resource& resource) const;
  /// AUTHORIZATION where not, saying what is missing.
  arrow::Status Require(security::Operation operation, const security::Resource& resource) const;

  /// AUTHORIZATION where the token names a table that the user may not see: who waits for it learns how far its buckets have come.
  arrow::Status RequireToSee(const Token& token) const;

  /// The databases that the user may see, in the order of names.
  std::vector<catalog::DatabasePtr> ListDatabases() const;
  /// These, and those that have a table which the user may see.
  std::vector<catalog::DatabasePtr> ListDatabasesOfTables() const;
  /// The tables that the user may see, in the order of names; without virtual ones. DATABASE_NOT_EXIST.
  arrow::Result<std::vector<catalog::TablePtr>> ListTables(const std::string& database) const;

  /// The table as it is now, which the user needs DESCRIBE for: `path.table` may end in `$changelog` or `$binlog`.
  /// AUTHORIZATION, whether there is such a table or not; TABLE_NOT_EXIST; INVALID_TABLE for the binlog of a log table.
  arrow::Result<TablePtr> FindTable(const schema::TablePath& path) const;

 private:
  const Environment* environment_;
  security::Asker asker_;
};

}  // namespace thalweg::query
