#include "thalweg/format/changelog_reader.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/changelog_builder.h"
#include "thalweg/format/random_datum_internal.h"
#include "thalweg/format/row_writer.h"

namespace thalweg::format {
namespace {

using schema::KvFormat;
using schema::LogFormat;

struct Case {
  LogFormat log;
  KvFormat kv;
};

std::vector<schema::DataType> Types() {
  using schema::TypeKind;
  std::vector<schema::DataType> types = Scalars();
  const auto text = schema::MakeType(TypeKind::kString);
  types.push_back(schema::MakeArray(schema::MakeType(TypeKind::kInt)));
  types.push_back(schema::MakeArray(schema::MakeArray(text)));
  types.push_back(schema::MakeMap(schema::NotNull(text), schema::MakeType(TypeKind::kBigInt)));
  types.push_back(schema::MakeRow({{.name = "a", .type = text}, {.name = "b", .type = schema::MakeDecimal(30, 4)}}));
  return types;
}

/// A value that fits its type to the last digit: times are whole seconds of a day.
Datum Sane(RandomDatum& random, const schema::DataType& type) {
  const auto seconds_ms = static_cast<int64_t>(random.Below(86'400)) * 1'000;
  if (type.kind == schema::TypeKind::kTime) return Datum{seconds_ms};
  if (type.kind == schema::TypeKind::kTimestamp || type.kind == schema::TypeKind::kTimestampLtz) {
    return Datum{TimestampValue{seconds_ms - 40'000'000, 0}};
  }
  return random.Make(type);
}

/// A table of (id BIGINT primary key, a column of each of Types).
schema::TableDescriptor Table(const Case& a_case) {
  schema::Schema::Parts parts{.columns = {{.name = "id", .type = schema::MakeType(schema::TypeKind::kBigInt)}},
                              .primary_key = {"id"}};
  for (const auto& type : Types()) {
    parts.columns.push_back({.name = "f" + std::to_string(parts.columns.size()), .type = type});
  }
  schema::TableDescriptor table{.schema = schema::Schema::Make(std::move(parts)).ValueOrDie()};
  const char* const log_names[] = {"arrow", "indexed", "compacted"};
  table.properties["table.log.format"] = log_names[static_cast<size_t>(a_case.log)];
  table.properties["table.kv.format"] = a_case.kv == KvFormat::kIndexed ? "indexed" : "compacted";
  EXPECT_TRUE(table.Normalize().ok());
  return table;
}

struct Written {
  ChangeType type;
  std::vector<uint8_t> key;
  std::vector<uint8_t> row;
};

class ChangelogReaderTest : public ::testing::TestWithParam<Case> {
 protected:
  ChangelogReaderTest()
      : table_(Table(GetParam())),
        config_(schema::TableConfig::Make(table_.properties).ValueOrDie()),
        options_(ChangelogBuilder::OptionsOf(config_, SchemaId(1))),
        layout_(options_.row_format, table_.schema),
        keys_(KeyCodec::ForPrimaryKey(table_, config_).ValueOrDie()) {}

  ChangelogReader Reader() const {
    return {{.log_format = options_.log_format, .row_format = options_.row_format}, keys_};
  }

  /// A batch of `count` random changes, and what of them a reader is to find.
  std::pair<Bytes, std::vector<Written>> Batch(RandomDatum& random, int count) {
    auto builder = ChangelogBuilder::Make(table_.schema, options_).ValueOrDie();
    builder->Start();
    RowWriter writer(&layout_);
    std::vector<Written> written;
    for (int i = 0; i < count; ++i) {
      writer.Start();
      writer.Integer(i - 3);
      for (size_t column = 1; column < layout_.column_count(); ++column) {
        EXPECT_TRUE(writer.Value(Sane(random, layout_.type(column))).ok());
      }
      const ByteView row = writer.Finish();
      RowView view;
      EXPECT_TRUE(view.Reset(layout_, row).ok());
      const auto type = static_cast<ChangeType>(1 + i % 4);
      EXPECT_TRUE(builder->Append(type, view).ok());
      if (type == ChangeType::kUpdateBefore) continue;
      auto& change = written.emplace_back(Written{type, {}, {row.begin(), row.end()}});
      EXPECT_TRUE(keys_.Encode(view, &change.key).ok());
    }
    return {builder->Finish(WriterId(1), 0).ValueOrDie(), std::move(written)};
  }

  const schema::TableDescriptor table_;
  const schema::TableConfig config_;
  const ChangelogBuilder::Options options_;
  const RowLayout layout_;
  const KeyCodec keys_;
};

TEST_P(ChangelogReaderTest, FindsTheRowsThatWereLogged) {
  RandomDatum random(7);
  ChangelogReader reader = Reader();
  for (const int count : {1, 4, 0, 50}) {
    const auto [bytes, written] = Batch(random, count);
    const auto batch = ParseBatch(bytes.view()).ValueOrDie();
    ASSERT_TRUE(reader.Start(batch, table_.schema).ok());
    for (const Written& change : written) {
      ASSERT_TRUE(reader.Next()) << reader.status();
      EXPECT_EQ(reader.change_type(), change.type);
      EXPECT_EQ(std::vector<uint8_t>(reader.key().begin(), reader.key().end()), change.key);
      EXPECT_EQ(std::vector<uint8_t>(reader.row().begin(), reader.row().end()), change.row);
    }
    EXPECT_FALSE(reader.Next());
    EXPECT_TRUE(reader.status().ok()) << reader.status();
  }
}

TEST_P(ChangelogReaderTest, ADamagedBatchIsAnError) {
  RandomDatum random(8);
  const auto [bytes, written] = Batch(random, 8);
  std::vector<uint8_t> damaged(bytes.view().begin(), bytes.view().end());
  // The first record's length, or the head of the Arrow message.
  std::fill_n(damaged.begin() + kHeaderBytesV0 + (options_.log_format == LogFormat::kArrow ? 8 : 0), 8, 0xFF);
  ChangelogReader reader = Reader();
  arrow::Status status = reader.Start(ParseBatch(damaged).ValueOrDie(), table_.schema);
  while (status.ok() && reader.Next()) {
  }
  EXPECT_EQ(CodeOf(status.ok() ? reader.status() : status), ErrorCode::kCorruptRecord);
}

TEST(ChangelogReaderOfOddValuesTest, WhatWasAcceptedIsReadBack) {
  using schema::TypeKind;
  schema::TableDescriptor table{
      .schema = schema::Schema::Make({.columns = {{.name = "id", .type = schema::MakeType(TypeKind::kBigInt)},
                                                  {.name = "text", .type = schema::MakeType(TypeKind::kString)},
                                                  {.name = "at", .type = schema::MakeTime(TypeKind::kTime, 3)}},
                                      .primary_key = {"id"}})
                    .ValueOrDie()};
  ASSERT_TRUE(table.Normalize().ok());
  const KeyCodec keys = KeyCodec::ForPrimaryKey(table, {}).ValueOrDie();
  const auto builder = ChangelogBuilder::Make(table.schema, {.schema_id = SchemaId(1)}).ValueOrDie();
  const RowLayout layout(RowFormat::kCompacted, table.schema);
  RowWriter writer(&layout);
  writer.Start();
  writer.Integer(7);
  ASSERT_TRUE(writer.Bytes(AsBytes("no UTF-8: \xFF\xFE")).ok());
  writer.Integer(-1);
  const ByteView row = writer.Finish();
  RowView view;
  ASSERT_TRUE(view.Reset(layout, row).ok());
  builder->Start();
  ASSERT_TRUE(builder->Append(ChangeType::kInsert, view).ok());
  const Bytes bytes = builder->Finish(WriterId(1), 0).ValueOrDie();

  ChangelogReader reader({}, keys);
  ASSERT_TRUE(reader.Start(ParseBatch(bytes.view()).ValueOrDie(), table.schema).ok());
  ASSERT_TRUE(reader.Next()) << reader.status();
  EXPECT_EQ(AsText(reader.row()), AsText(row));
}

INSTANTIATE_TEST_SUITE_P(Formats, ChangelogReaderTest,
                         ::testing::Values(Case{LogFormat::kArrow, KvFormat::kCompacted},
                                           Case{LogFormat::kArrow, KvFormat::kIndexed},
                                           Case{LogFormat::kCompacted, KvFormat::kCompacted},
                                           Case{LogFormat::kIndexed, KvFormat::kIndexed}),
                         [](const auto& info) { return std::to_string(info.index); });

}  // namespace
}  // namespace thalweg::format
