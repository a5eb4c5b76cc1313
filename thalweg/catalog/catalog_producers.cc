#include <algorithm>
#include <utility>

#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/catalog_turn_internal.h"
#include "thalweg/catalog/records_internal.h"

// Offsets that producers left here. Readers ask the store; what is kept of them in memory is how much there is.

namespace thalweg::catalog {

namespace records {
namespace {

using Json = nlohmann::json;

// table, partition (-1: none), bucket, offset
constexpr size_t kNumbersPerBucket = 4;

}  // namespace

std::string ProducerKey(const std::string& producer) { return kProducers + producer; }

std::string EncodeProducerOffsets(const ProducerOffsets& producer) {
  Json offsets = Json::array();
  for (const auto& [bucket, offset] : producer.offsets) {
    offsets.push_back({bucket.table.value, bucket.partition.value, bucket.bucket.value, offset.value});
  }
  return Json{{"expires_ms", producer.expires_ms}, {"offsets", std::move(offsets)}}.dump();
}

arrow::Result<ProducerOffsets> DecodeProducerOffsets(std::string_view key, const std::string& value) {
  const Json json = Json::parse(value, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("expires_ms") || !json["expires_ms"].is_number_integer() ||
      !json.contains("offsets") || !json["offsets"].is_array()) {
    return Damaged(key, "'expires_ms' or the list 'offsets' is missing");
  }
  ProducerOffsets producer{.expires_ms = json["expires_ms"]};
  for (const Json& entry : json["offsets"]) {
    const auto is_number = [](const Json& number) { return number.is_number_integer(); };
    if (!entry.is_array() || entry.size() != kNumbersPerBucket || !std::ranges::all_of(entry, is_number)) {
      return Damaged(key, "an entry of 'offsets' is not four numbers");
    }
    const TableBucket bucket{TableId(entry[0].get<int64_t>()), PartitionId(entry[1].get<int64_t>()),
                             BucketId(entry[2].get<int32_t>())};
    producer.offsets.emplace_back(bucket, LogOffset(entry[3].get<int64_t>()));
  }
  return producer;
}

}  // namespace records

runtime::Task<arrow::Status> Catalog::LoadProducers() {
  TW_CO_ASSIGN_OR_RETURN(const std::vector<MetaStore::Entry> found, co_await store_.List(records::kProducers));
  producers_.clear();
  for (const MetaStore::Entry& entry : found) {
    TW_CO_ASSIGN_OR_RETURN(const auto decoded, records::DecodeProducerOffsets(entry.key, entry.value));
    producers_[entry.key] = {decoded.expires_ms, entry.revision, entry.value.size()};
  }
  co_return arrow::Status::OK();
}

runtime::Task<arrow::Result<bool>> Catalog::RegisterProducerOffsets(std::string producer, ProducerOffsets offsets,
                                                                    runtime::Executor& home) {
  co_return co_await InTurn(RegisterProducerOffsetsNow(std::move(producer), std::move(offsets)), home);
}

runtime::Task<arrow::Result<bool>> Catalog::RegisterProducerOffsetsNow(std::string producer, ProducerOffsets offsets) {
  const std::string key = records::ProducerKey(producer);
  const int64_t now_ms = clock_.WallMs();
  const auto found = producers_.find(key);
  if (found != producers_.end() && found->second.expires_ms > now_ms) co_return false;
  std::string value = records::EncodeProducerOffsets(offsets);
  if (value.size() > kProducerBytesMax) {
    co_return Error(ErrorCode::kRecordTooLarge, "The offsets of producer '{}' take {} bytes; {} are allowed.", producer,
                    value.size(), kProducerBytesMax);
  }
  MetaStore::Transaction transaction;
  size_t count = 1;
  size_t bytes = value.size();
  for (const auto& [other, kept] : producers_) {
    if (other == key) continue;
    if (kept.expires_ms <= now_ms) {
      transaction.removals.push_back(other);
    } else {
      ++count;
      bytes += kept.bytes;
    }
  }
  if (count > kProducersMax || bytes > kProducersBytesMax) {
    co_return Error(
        ErrorCode::kInvalidConfig,
        "{} producers would have offsets of {} bytes here; {} and {} are allowed. Delete those of producers "
        "that are gone, or register with a shorter ttl.",
        count, bytes, kProducersMax, kProducersBytesMax);
  }
  const std::vector<std::string> expired = transaction.removals;
  const Producer kept{offsets.expires_ms, 0, value.size()};
  transaction.compares.push_back({key, found == producers_.end() ? MetaStore::kAbsent : found->second.revision});
  transaction.puts.emplace_back(key, std::move(value));
  const CatalogViewPtr current = view();
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t revision) {
    for (const std::string& gone : expired) producers_.erase(gone);
    producers_[key] = kept;
    producers_[key].revision = revision;
    return *current;
  }));
  co_return true;
}

runtime::Task<arrow::Result<std::optional<ProducerOffsets>>> Catalog::GetProducerOffsets(std::string producer,
                                                                                         runtime::Executor& home) {
  const std::string key = records::ProducerKey(producer);
  const auto found = co_await store_.Get(key);
  co_await runtime::SwitchTo(home);
  TW_CO_RETURN_NOT_OK(found.status());
  if (!*found) co_return std::nullopt;
  TW_CO_ASSIGN_OR_RETURN(auto offsets, records::DecodeProducerOffsets(key, (*found)->value));
  if (offsets.expires_ms <= clock_.WallMs()) co_return std::nullopt;
  co_return std::optional(std::move(offsets));
}

runtime::Task<arrow::Result<bool>> Catalog::DeleteProducerOffsets(std::string producer, PermitProducer permit,
                                                                  runtime::Executor& home) {
  co_return co_await InTurn(DeleteProducerOffsetsNow(std::move(producer), std::move(permit)), home);
}

runtime::Task<arrow::Result<bool>> Catalog::DeleteProducerOffsetsNow(std::string producer, PermitProducer permit) {
  const std::string key = records::ProducerKey(producer);
  TW_CO_ASSIGN_OR_RETURN(const auto found, co_await store_.Get(key));
  if (!found) co_return false;
  TW_CO_ASSIGN_OR_RETURN(const auto offsets, records::DecodeProducerOffsets(key, found->value));
  const bool there = offsets.expires_ms > clock_.WallMs();
  // Of what has expired nobody is told that it was there.
  if (there) TW_CO_RETURN_NOT_OK(permit(offsets));
  MetaStore::Transaction transaction;
  transaction.compares.push_back({key, found->revision});
  transaction.removals.push_back(key);
  const CatalogViewPtr current = view();
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t) {
    producers_.erase(key);
    return *current;
  }));
  co_return there;
}

}  // namespace thalweg::catalog
