#include "thalweg/client/key_reader.h"

#include <algorithm>
#include <span>

#include "arrow/array/builder_base.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/format/column_value.h"
#include "thalweg/format/row_view.h"
#include "thalweg/format/value_batch.h"
#include "thalweg/schema/arrow_mapping.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/wire/frame.h"
#include "thalweg/wire/lookup_call.h"

namespace thalweg::client {
namespace {

/// The values of one key, as both kinds of answers have them.
std::vector<ByteView> ValuesOf(const std::optional<ByteView>& value) {
  return value ? std::vector<ByteView>{*value} : std::vector<ByteView>{};
}
std::vector<ByteView> ValuesOf(const std::vector<ByteView>& values) { return values; }

const auto& ListOf(const wire::LookupResult& result) { return result.values; }
const auto& ListOf(const wire::PrefixLookupResult& result) { return result.value_lists; }

}  // namespace

arrow::Result<std::unique_ptr<KeyReader>> KeyReader::Open(ConnectionPool& pool, const schema::TablePath& path) {
  TableInfo table;
  ARROW_RETURN_NOT_OK(pool.Run(Repeat::kYes, [&](Connection& connection) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(table, GetTable(connection, path));
    return arrow::Status::OK();
  }));
  std::unique_ptr<KeyReader> reader(new KeyReader(pool, std::move(table)));
  const auto& descriptor = reader->table_.descriptor;
  ARROW_ASSIGN_OR_RAISE(const auto config, schema::TableConfig::Make(descriptor.properties));
  reader->row_format_ =
      config.kv_format == schema::KvFormat::kIndexed ? format::RowFormat::kIndexed : format::RowFormat::kCompacted;
  reader->schema_ = schema::ToArrowSchema(descriptor.schema);
  reader->whole_ = KeyRouter::Make(reader->table_, KeyKind::kWhole);
  reader->prefix_ = KeyRouter::Make(reader->table_, KeyKind::kPrefix);
  return reader;
}

arrow::Result<const KeyRouter*> KeyReader::RouterOf(KeyKind kind) const {
  const auto& router = kind == KeyKind::kWhole ? *whole_ : *prefix_;
  ARROW_RETURN_NOT_OK(router.status());
  return &*router;
}

arrow::Status KeyReader::RefreshPartitions(Connection& connection) {
  ARROW_ASSIGN_OR_RAISE(const auto partitions, ListPartitions(connection, table_));
  const std::lock_guard lock(mutex_);
  partitions_.clear();
  for (const auto& partition : partitions) partitions_[partition.values] = partition.id;
  return arrow::Status::OK();
}

/// Keys of partitions that do not exist are left out.
arrow::Result<std::vector<KeyReader::Wanted>> KeyReader::Resolve(Connection& connection,
                                                                 const std::vector<RoutedKeys>& routed) {
  const auto unknown = [&] {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(
        routed, [&](const auto& part) { return !part.partition.empty() && !partitions_.contains(part.partition); });
  };
  if (unknown()) ARROW_RETURN_NOT_OK(RefreshPartitions(connection));
  std::vector<Wanted> wanted;
  const std::lock_guard lock(mutex_);
  for (const auto& part : routed) {
    PartitionId partition = kNoPartition;
    if (!part.partition.empty()) {
      const auto found = partitions_.find(part.partition);
      if (found == partitions_.end()) continue;
      partition = found->second;
    }
    for (size_t i = 0; i < part.keys.size(); ++i) {
      wanted.push_back({partition, part.bucket, part.other_bucket, part.keys[i], static_cast<size_t>(part.rows[i])});
    }
  }
  return wanted;
}

arrow::Result<KeyReader::Answers> KeyReader::Ask(KeyKind kind, const arrow::RecordBatch& keys) {
  ARROW_ASSIGN_OR_RAISE(const KeyRouter* router, RouterOf(kind));
  ARROW_ASSIGN_OR_RAISE(const auto routed, router->Route(keys));
  Answers answers;
  const auto ask = [&](Connection& connection) -> arrow::Status {
    answers = {};
    answers.values.resize(static_cast<size_t>(keys.num_rows()));
    ARROW_ASSIGN_OR_RAISE(const auto wanted, Resolve(connection, routed));
    for (size_t at = 0; at < wanted.size(); at += kKeysMax) {
      const auto part = std::span(wanted).subspan(at, std::min(kKeysMax, wanted.size() - at));
      ARROW_RETURN_NOT_OK(Fetch(connection, kind, part, &answers));
      ARROW_RETURN_NOT_OK(FetchElsewhere(connection, kind, part, &answers));
    }
    return arrow::Status::OK();
  };
  arrow::Status status = pool_.Run(Repeat::kYes, ask);
  const ErrorCode code = CodeOf(status);
  if (table_.descriptor.IsPartitioned() &&
      (code == ErrorCode::kUnknownTableOrBucket || code == ErrorCode::kPartitionNotExists)) {
    // A partition may have gone, and come again under another id.
    {
      const std::lock_guard lock(mutex_);
      partitions_.clear();
    }
    status = pool_.Run(Repeat::kYes, ask);
  }
  ARROW_RETURN_NOT_OK(status);
  return answers;
}

arrow::Status KeyReader::Fetch(Connection& connection, KeyKind kind, std::span<const Wanted> wanted,
                               Answers* to) const {
  arrow::Status status = FetchOnce(connection, kind, wanted, to);
  if (CodeOf(status) != ErrorCode::kRecordTooLarge || wanted.size() == 1) return status;
  // Servers bound their answers: half as many keys have half as many rows.
  const size_t half = wanted.size() / 2;
  ARROW_RETURN_NOT_OK(Fetch(connection, kind, wanted.first(half), to));
  return Fetch(connection, kind, wanted.subspan(half), to);
}

/// A key has one row, so it is enough to look further for those not found; rows of a prefix may be in both places.
arrow::Status KeyReader::FetchElsewhere(Connection& connection, KeyKind kind, std::span<const Wanted> wanted,
                                        Answers* to) const {
  std::vector<Wanted> elsewhere;
  for (const Wanted& one : wanted) {
    if (one.other_bucket == one.bucket || (kind == KeyKind::kWhole && !to->values[one.row].empty())) continue;
    elsewhere.push_back(one);
    elsewhere.back().bucket = one.other_bucket;
  }
  return elsewhere.empty() ? arrow::Status::OK() : Fetch(connection, kind, elsewhere, to);
}

arrow::Status KeyReader::FetchOnce(Connection& connection, KeyKind kind, std::span<const Wanted> wanted,
                                   Answers* to) const {
  wire::LookupRequest request{.table = table_.id};
  std::map<std::pair<PartitionId, BucketId>, std::vector<size_t>> rows;
  std::map<std::pair<PartitionId, BucketId>, std::vector<ByteView>> keys;
  for (const Wanted& one : wanted) {
    keys[{one.partition, one.bucket}].push_back(one.key);
    rows[{one.partition, one.bucket}].push_back(one.row);
  }
  for (auto& [place, of_bucket] : keys) {
    request.buckets.push_back({.partition = place.first, .bucket = place.second, .keys = std::move(of_bucket)});
  }
  const auto key = kind == KeyKind::kWhole ? wire::ApiKey::kLookup : wire::ApiKey::kPrefixLookup;
  ARROW_ASSIGN_OR_RAISE(
      Bytes frame, connection.Exchange(key, [&](int32_t id) { return wire::EncodeLookupRequest(key, id, request); }));
  ARROW_ASSIGN_OR_RAISE(const auto response, wire::DecodeResponse(frame.view()));
  ARROW_RETURN_NOT_OK(response.status);
  const auto take = [&](const auto& results) -> arrow::Status {
    // Before anything is kept: what failed as a whole is asked for again in parts.
    for (const auto& result : results) {
      if (result.error != ErrorCode::kNone) return MakeError(result.error, result.error_message);
    }
    for (const auto& result : results) {
      const auto found = rows.find({result.partition, result.bucket});
      if (found == rows.end() || found->second.size() != ListOf(result).size()) {
        return Error(ErrorCode::kCorruptMessage, "The server's answer to a lookup is not one for the keys asked for.");
      }
      for (size_t i = 0; i < found->second.size(); ++i) {
        auto& values = to->values[found->second[i]];
        std::ranges::copy(ValuesOf(ListOf(result)[i]), std::back_inserter(values));
      }
      rows.erase(found);
    }
    if (rows.empty()) return arrow::Status::OK();
    return Error(ErrorCode::kCorruptMessage, "The server's answer to a lookup lacks {} buckets.", rows.size());
  };
  if (kind == KeyKind::kWhole) {
    ARROW_ASSIGN_OR_RAISE(const auto results, wire::DecodeLookupResponse(response.body));
    ARROW_RETURN_NOT_OK(take(results));
  } else {
    ARROW_ASSIGN_OR_RAISE(const auto results, wire::DecodePrefixLookupResponse(response.body));
    ARROW_RETURN_NOT_OK(take(results));
  }
  to->frames.push_back(std::move(frame));
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<const format::RowLayout>> KeyReader::LayoutOf(SchemaId id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = layouts_.find(id);
    if (found != layouts_.end()) return found->second;
  }
  std::shared_ptr<const format::RowLayout> layout;
  if (id == table_.schema_id) {
    layout = std::make_shared<const format::RowLayout>(row_format_, table_.descriptor.schema);
  } else {
    ARROW_RETURN_NOT_OK(pool_.Run(Repeat::kYes, [&](Connection& connection) -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(const auto stored, GetSchema(connection, table_.path, id));
      layout = std::make_shared<const format::RowLayout>(row_format_, stored, table_.descriptor.schema);
      return arrow::Status::OK();
    }));
  }
  const std::lock_guard lock(mutex_);
  return layouts_.try_emplace(id, std::move(layout)).first->second;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> KeyReader::Decode(const Answers& answers,
                                                                     const std::vector<int32_t>& columns,
                                                                     Missing missing) {
  std::vector<int32_t> chosen = columns;
  if (chosen.empty()) {
    for (int32_t i = 0; i < schema_->num_fields(); ++i) chosen.push_back(i);
  }
  arrow::FieldVector fields;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders;
  for (const int32_t column : chosen) {
    if (column < 0 || column >= schema_->num_fields()) {
      return Error(ErrorCode::kInvalidColumnProjection, "{} has no column {}.", table_.path, column);
    }
    auto field = schema_->field(column);
    fields.push_back(missing == Missing::kNulls ? field->WithNullable(true) : field);
    ARROW_ASSIGN_OR_RAISE(builders.emplace_back(), arrow::MakeBuilder(field->type()));
  }
  format::RowView row;
  int64_t count = 0;
  std::shared_ptr<const format::RowLayout> layout;
  std::optional<SchemaId> layout_id;
  for (const auto& values : answers.values) {
    if (values.empty() && missing == Missing::kNulls) {
      for (auto& builder : builders) ARROW_RETURN_NOT_OK(builder->AppendNull());
      ++count;
    }
    for (const ByteView value : values) {
      ARROW_ASSIGN_OR_RAISE(const auto stored, format::ParseStoredValue(value));
      if (stored.schema_id != layout_id) {
        ARROW_ASSIGN_OR_RAISE(layout, LayoutOf(stored.schema_id));
        layout_id = stored.schema_id;
      }
      ARROW_RETURN_NOT_OK(row.Reset(*layout, stored.row));
      for (size_t i = 0; i < chosen.size(); ++i) {
        ARROW_RETURN_NOT_OK(format::AppendColumn(row, static_cast<size_t>(chosen[i]), *builders[i]));
      }
      ++count;
    }
  }
  arrow::ArrayVector arrays;
  for (auto& builder : builders) {
    ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), builder->Finish());
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), count, std::move(arrays));
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> KeyReader::LookUp(const arrow::RecordBatch& keys,
                                                                     const std::vector<int32_t>& columns,
                                                                     Missing missing) {
  ARROW_ASSIGN_OR_RAISE(const auto answers, Ask(KeyKind::kWhole, keys));
  return Decode(answers, columns, missing);
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> KeyReader::LookUpPrefixes(const arrow::RecordBatch& prefixes,
                                                                             const std::vector<int32_t>& columns) {
  ARROW_ASSIGN_OR_RAISE(const auto answers, Ask(KeyKind::kPrefix, prefixes));
  return Decode(answers, columns, Missing::kLeaveOut);
}

}  // namespace thalweg::client
