#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "fmt/format.h"

namespace thalweg {

/// A number with a meaning: no conversion to or from other numbers unless asked for by `.value` or braces.
template <typename Tag, typename Rep>
struct StrongId {
  using rep = Rep;
  Rep value{};

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  constexpr auto operator<=>(const StrongId&) const = default;
};

/// Unique over the life of a cluster; a table that is dropped and created again gets a new one.
using TableId = StrongId<struct TableIdTag, int64_t>;
/// Unique over all tables; kNoPartition for the buckets of a table without partitions.
using PartitionId = StrongId<struct PartitionIdTag, int64_t>;
/// Position of a bucket in its table or partition, from 0.
using BucketId = StrongId<struct BucketIdTag, int32_t>;
/// Version of a table's schema, from 1.
using SchemaId = StrongId<struct SchemaIdTag, int16_t>;
/// An idempotent writer; kNoWriter in batches of writers that are not.
using WriterId = StrongId<struct WriterIdTag, int64_t>;

inline constexpr PartitionId kNoPartition{-1};
inline constexpr WriterId kNoWriter{-1};

/// Position of a record in the log of one bucket, from 0 and dense.
struct LogOffset : StrongId<struct LogOffsetTag, int64_t> {
  using StrongId::StrongId;
  constexpr LogOffset operator+(int64_t count) const { return LogOffset(value + count); }
  constexpr int64_t operator-(LogOffset other) const { return value - other.value; }
  constexpr auto operator<=>(const LogOffset&) const = default;
};

/// One bucket of a table, or of one partition of a table: the unit of order, ownership and storage.
struct TableBucket {
  TableId table;
  PartitionId partition = kNoPartition;
  BucketId bucket;

  constexpr auto operator<=>(const TableBucket&) const = default;
};

}  // namespace thalweg

template <typename Tag, typename Rep>
struct std::hash<thalweg::StrongId<Tag, Rep>> {
  size_t operator()(thalweg::StrongId<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};

template <>
struct std::hash<thalweg::TableBucket> {
  size_t operator()(const thalweg::TableBucket& b) const noexcept {
    // Multipliers of the splitmix64 finaliser: ids are small and dense, so the bits have to be spread.
    uint64_t h = static_cast<uint64_t>(b.table.value) * 0x9E3779B97F4A7C15ull;
    h ^= static_cast<uint64_t>(b.partition.value) * 0xBF58476D1CE4E5B9ull;
    h ^= static_cast<uint64_t>(b.bucket.value) * 0x94D049BB133111EBull;
    return static_cast<size_t>(h ^ (h >> 31));
  }
};

template <typename Tag, typename Rep>
struct fmt::formatter<thalweg::StrongId<Tag, Rep>> : fmt::formatter<Rep> {
  auto format(thalweg::StrongId<Tag, Rep> id, fmt::format_context& ctx) const {
    return fmt::formatter<Rep>::format(id.value, ctx);
  }
};

template <>
struct fmt::formatter<thalweg::LogOffset> : fmt::formatter<int64_t> {
  auto format(thalweg::LogOffset offset, fmt::format_context& ctx) const {
    return fmt::formatter<int64_t>::format(offset.value, ctx);
  }
};

/// "table 7, bucket 0" or "table 7, partition 3, bucket 0".
template <>
struct fmt::formatter<thalweg::TableBucket> {
  constexpr auto parse(fmt::format_parse_context& ctx) { return ctx.begin(); }
  auto format(const thalweg::TableBucket& b, fmt::format_context& ctx) const {
    if (b.partition == thalweg::kNoPartition) {
      return fmt::format_to(ctx.out(), "table {}, bucket {}", b.table, b.bucket);
    }
    return fmt::format_to(ctx.out(), "table {}, partition {}, bucket {}", b.table, b.partition, b.bucket);
  }
};
