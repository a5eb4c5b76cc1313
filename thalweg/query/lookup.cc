#include "thalweg/query/lookup.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/query/key_batch_internal.h"
#include "thalweg/query/scan_core_internal.h"
#include "thalweg/query/value_decoder_internal.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::query {
namespace {

/// One bucket's share of a lookup.
struct Part {
  KeysOfBucket keys;
  std::vector<ByteView> views;
  tablet::FoundRows rows;                    ///< of whole keys
  std::vector<tablet::ScannedRows> scanned;  ///< of prefixes
  LogOffset reflects;
};

/// The columns of the answer: of the table, in the order asked for.
struct AnswerColumns {
  std::vector<int> read;    ///< ascending
  std::vector<int> output;  ///< positions among these
  arrow::FieldVector fields;
};

arrow::Result<AnswerColumns> ColumnsOf(const LookupRequest& request, bool nullable) {
  ARROW_ASSIGN_OR_RAISE(auto shape, ScanShape::Make({.table = request.table, .columns = request.columns}));
  AnswerColumns columns{.read = std::move(shape.columns.read), .output = std::move(shape.output)};
  for (const auto& field : shape.output_schema->fields()) {
    columns.fields.push_back(nullable ? field->WithNullable(true) : field);
  }
  return columns;
}

arrow::Status TooLarge(const LookupRequest& request) {
  return Error(ErrorCode::kRecordTooLarge, "The rows take more than {} bytes: ask for fewer keys at once.",
               request.bytes_max);
}

runtime::Task<arrow::Status> Find(const Environment& environment, Part& part, runtime::Executor& home) {
  runtime::Executor& shard = environment.engine.ShardOf(part.keys.bucket);
  // Asked before the rows, so that these reflect it.
  const auto bounds = co_await environment.engine.BoundsOf(part.keys.bucket, shard);
  arrow::Status status = bounds.status();
  if (status.ok()) {
    part.reflects = bounds->high_watermark;
    status = co_await environment.engine.Lookup(part.keys.bucket, part.views, part.rows, home);
  }
  co_await runtime::EnsureOn(home);
  co_return status;
}

runtime::Task<arrow::Status> FindPrefixes(const Environment& environment, Part& part, uint64_t bytes_max,
                                          runtime::Executor& home) {
  runtime::Executor& shard = environment.engine.ShardOf(part.keys.bucket);
  const auto bounds = co_await environment.engine.BoundsOf(part.keys.bucket, shard);
  arrow::Status status = bounds.status();
  if (status.ok()) {
    part.reflects = bounds->high_watermark;
    std::vector<tablet::RowScan> scans;
    for (const ByteView prefix : part.views) scans.push_back({.prefix = prefix, .bytes_max = bytes_max});
    auto scanned = co_await environment.engine.ScanAll(part.keys.bucket, scans, home);
    status = scanned.status();
    if (status.ok()) part.scanned = std::move(*scanned);
  }
  co_await runtime::EnsureOn(home);
  co_return status;
}

/// What comes before anything is asked: rights, the token, the keys.
runtime::Task<arrow::Result<std::vector<Part>>> Prepare(const Session& session, const LookupRequest& request,
                                                        bool prefixes, runtime::Executor& home) {
  const auto& path = request.table->base()->path;
  TW_CO_RETURN_NOT_OK(
      session.Require(security::Operation::kRead, security::Resource::Table(path.database, path.table)));
  if (!request.at_least.empty()) {
    TW_CO_RETURN_NOT_OK(co_await WaitFor(session.environment(), request.at_least, request.at_least_wait_ms, home));
  }
  TW_CO_ASSIGN_OR_RETURN(auto keys, EncodeKeys(session, request, prefixes));
  std::vector<Part> parts;
  for (auto& of_bucket : keys) {
    parts.push_back({.keys = std::move(of_bucket)});
    parts.back().rows.set_bytes_max(request.bytes_max);
  }
  for (Part& part : parts) part.views = part.keys.Views();
  co_return parts;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> RowsOf(const AnswerColumns& columns, ValueDecoder& decoder) {
  const int64_t count = decoder.rows();
  ARROW_ASSIGN_OR_RAISE(const auto read, decoder.Finish());
  arrow::ArrayVector output;
  for (const int place : columns.output) output.push_back(read[static_cast<size_t>(place)]);
  return arrow::RecordBatch::Make(arrow::schema(columns.fields), count, std::move(output));
}

arrow::Result<LookupAnswer> AnswerOf(const Environment& environment, const LookupRequest& request,
                                     const AnswerColumns& columns, const std::vector<Part>& parts) {
  ARROW_ASSIGN_OR_RAISE(auto decoder, ValueDecoder::Make(environment, request.table->base(), columns.read));
  std::vector<std::optional<ByteView>> values(static_cast<size_t>(request.keys->num_rows()));
  LookupAnswer answer;
  uint64_t bytes = 0;
  for (const Part& part : parts) {
    bytes += part.rows.bytes();
    if (part.rows.cut() || bytes > request.bytes_max) return TooLarge(request);
    for (size_t i = 0; i < part.views.size(); ++i) {
      values[static_cast<size_t>(part.keys.index[i])] = part.rows.At(i);
    }
    answer.token.Add(part.keys.bucket, part.reflects);
  }
  arrow::BooleanBuilder found;
  for (const auto& value : values) {
    ARROW_RETURN_NOT_OK(found.Append(value.has_value()));
    if (value) {
      ARROW_RETURN_NOT_OK(decoder->Append(*value));
    } else {
      decoder->AppendNulls();
    }
  }
  ARROW_ASSIGN_OR_RAISE(answer.rows, RowsOf(columns, *decoder));
  ARROW_RETURN_NOT_OK(found.Finish(&answer.found));
  return answer;
}

arrow::Result<PrefixAnswer> PrefixAnswerOf(const Environment& environment, const LookupRequest& request,
                                           const AnswerColumns& columns, const std::vector<Part>& parts) {
  ARROW_ASSIGN_OR_RAISE(auto decoder, ValueDecoder::Make(environment, request.table->base(), columns.read));
  // All rows of a prefix are in one bucket.
  std::vector<const tablet::ScannedRows*> of_key(static_cast<size_t>(request.keys->num_rows()));
  PrefixAnswer answer;
  uint64_t bytes = 0;
  for (const Part& part : parts) {
    for (size_t i = 0; i < part.scanned.size(); ++i) {
      bytes += part.scanned[i].bytes.size();
      if (part.scanned[i].cut || bytes > request.bytes_max) return TooLarge(request);
      of_key[static_cast<size_t>(part.keys.index[i])] = &part.scanned[i];
    }
    answer.token.Add(part.keys.bucket, part.reflects);
  }
  arrow::Int32Builder index;
  for (size_t key = 0; key < of_key.size(); ++key) {
    if (!of_key[key]) continue;
    for (const ByteView value : of_key[key]->Values()) {
      ARROW_RETURN_NOT_OK(decoder->Append(value));
      ARROW_RETURN_NOT_OK(index.Append(static_cast<int32_t>(key)));
    }
  }
  ARROW_ASSIGN_OR_RAISE(answer.rows, RowsOf(columns, *decoder));
  ARROW_RETURN_NOT_OK(index.Finish(&answer.key_index));
  return answer;
}

}  // namespace

runtime::Task<arrow::Result<LookupAnswer>> Lookup(Session session, LookupRequest request, runtime::Executor& home) {
  const Environment& environment = session.environment();
  TW_CO_ASSIGN_OR_RETURN(const auto columns, ColumnsOf(request, true));
  TW_CO_ASSIGN_OR_RETURN(auto parts, co_await Prepare(session, request, false, home));
  std::vector<runtime::Task<arrow::Status>> finds;
  finds.reserve(parts.size());
  for (Part& part : parts) finds.push_back(Find(environment, part, home));
  const arrow::Status found = co_await runtime::WhenAll(home, std::move(finds));
  co_await runtime::EnsureOn(home);
  TW_CO_RETURN_NOT_OK(found);
  co_return AnswerOf(environment, request, columns, parts);
}

runtime::Task<arrow::Result<PrefixAnswer>> PrefixLookup(Session session, LookupRequest request,
                                                        runtime::Executor& home) {
  const Environment& environment = session.environment();
  TW_CO_ASSIGN_OR_RETURN(const auto columns, ColumnsOf(request, false));
  TW_CO_ASSIGN_OR_RETURN(auto parts, co_await Prepare(session, request, true, home));
  std::vector<runtime::Task<arrow::Status>> finds;
  finds.reserve(parts.size());
  for (Part& part : parts) finds.push_back(FindPrefixes(environment, part, request.bytes_max, home));
  const arrow::Status found = co_await runtime::WhenAll(home, std::move(finds));
  co_await runtime::EnsureOn(home);
  TW_CO_RETURN_NOT_OK(found);
  co_return PrefixAnswerOf(environment, request, columns, parts);
}

}  // namespace thalweg::query
