#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/builder_base.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_decimal.h"
#include "arrow/array/builder_nested.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "thalweg/base/check.h"

namespace thalweg::format {

/// Fills arrays with random values of any type of the Fluss mapping; the same seed gives the same rows. For tests.
class RandomRows {
 public:
  RandomRows(uint32_t seed, double null_share) : random_(seed), null_share_(null_share) {}

  std::shared_ptr<arrow::RecordBatch> Make(const std::shared_ptr<arrow::Schema>& schema, int64_t row_count) {
    std::vector<std::shared_ptr<arrow::Array>> columns;
    for (const auto& field : schema->fields()) {
      auto builder = arrow::MakeBuilder(field->type()).ValueOrDie();
      for (int64_t i = 0; i < row_count; ++i) Append(*field->type(), *builder, field->nullable());
      columns.push_back(builder->Finish().ValueOrDie());
    }
    return arrow::RecordBatch::Make(schema, row_count, std::move(columns));
  }

  int64_t Below(int64_t bound) { return std::uniform_int_distribution<int64_t>(0, bound - 1)(random_); }
  std::mt19937& engine() { return random_; }

 private:
  void Append(const arrow::DataType& type, arrow::ArrayBuilder& builder, bool nullable) {
    if (nullable && std::bernoulli_distribution(null_share_)(random_)) {
      TW_CHECK(builder.AppendNull().ok());
      return;
    }
    TW_CHECK(AppendValue(type, builder).ok());
  }

  std::string Text(int64_t bytes) {
    std::string text(static_cast<size_t>(bytes), ' ');
    for (char& c : text) c = static_cast<char>('a' + Below(26));
    return text;
  }

  template <typename Builder>
  arrow::Status AppendNumber(arrow::ArrayBuilder& builder) {
    using Value = typename Builder::value_type;
    return static_cast<Builder&>(builder).Append(static_cast<Value>(Below(1 << 20) - (1 << 19)));
  }

  arrow::Status AppendValue(const arrow::DataType& type, arrow::ArrayBuilder& builder) {
    switch (type.id()) {
      case arrow::Type::BOOL:
        return static_cast<arrow::BooleanBuilder&>(builder).Append(Below(2) == 1);
      case arrow::Type::INT8:
        return AppendNumber<arrow::Int8Builder>(builder);
      case arrow::Type::INT16:
        return AppendNumber<arrow::Int16Builder>(builder);
      case arrow::Type::INT32:
        return AppendNumber<arrow::Int32Builder>(builder);
      case arrow::Type::INT64:
        return AppendNumber<arrow::Int64Builder>(builder);
      case arrow::Type::FLOAT:
        return AppendNumber<arrow::FloatBuilder>(builder);
      case arrow::Type::DOUBLE:
        return AppendNumber<arrow::DoubleBuilder>(builder);
      case arrow::Type::DATE32:
        return AppendNumber<arrow::Date32Builder>(builder);
      case arrow::Type::TIME32:
        return static_cast<arrow::Time32Builder&>(builder).Append(static_cast<int32_t>(Below(86'400)));
      case arrow::Type::TIME64:
        return static_cast<arrow::Time64Builder&>(builder).Append(Below(86'400'000));
      case arrow::Type::TIMESTAMP:
        return AppendNumber<arrow::TimestampBuilder>(builder);
      case arrow::Type::STRING:
        return static_cast<arrow::StringBuilder&>(builder).Append(Text(Below(12)));
      case arrow::Type::BINARY:
        return static_cast<arrow::BinaryBuilder&>(builder).Append(Text(Below(12)));
      case arrow::Type::FIXED_SIZE_BINARY:
        return static_cast<arrow::FixedSizeBinaryBuilder&>(builder).Append(
            Text(static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width()));
      case arrow::Type::DECIMAL128:
        return static_cast<arrow::Decimal128Builder&>(builder).Append(arrow::Decimal128(Below(20'000) - 10'000));
      default:
        return AppendNested(type, builder);
    }
  }

  arrow::Status AppendNested(const arrow::DataType& type, arrow::ArrayBuilder& builder) {
    if (type.id() == arrow::Type::STRUCT) {
      auto& rows = static_cast<arrow::StructBuilder&>(builder);
      ARROW_RETURN_NOT_OK(rows.Append());
      for (int i = 0; i < type.num_fields(); ++i) {
        Append(*type.field(i)->type(), *rows.field_builder(i), type.field(i)->nullable());
      }
      return arrow::Status::OK();
    }
    const int64_t count = Below(4);
    if (type.id() == arrow::Type::LIST) {
      auto& list = static_cast<arrow::ListBuilder&>(builder);
      ARROW_RETURN_NOT_OK(list.Append());
      const auto& element = *type.field(0);
      for (int64_t i = 0; i < count; ++i) Append(*element.type(), *list.value_builder(), element.nullable());
      return arrow::Status::OK();
    }
    TW_CHECK(type.id() == arrow::Type::MAP);
    auto& map = static_cast<arrow::MapBuilder&>(builder);
    const auto& map_type = static_cast<const arrow::MapType&>(type);
    ARROW_RETURN_NOT_OK(map.Append());
    for (int64_t i = 0; i < count; ++i) {
      Append(*map_type.key_type(), *map.key_builder(), false);
      Append(*map_type.item_type(), *map.item_builder(), true);
    }
    return arrow::Status::OK();
  }

  std::mt19937 random_;
  double null_share_;
};

/// A column of every Arrow type of the mapping, nested ones too.
inline std::shared_ptr<arrow::Schema> EveryType() {
  const auto row = arrow::struct_({arrow::field("a", arrow::int32()), arrow::field("b", arrow::utf8())});
  const std::vector<std::shared_ptr<arrow::DataType>> types{
      arrow::boolean(),
      arrow::int8(),
      arrow::int16(),
      arrow::int32(),
      arrow::int64(),
      arrow::float32(),
      arrow::float64(),
      arrow::utf8(),
      arrow::binary(),
      arrow::fixed_size_binary(5),
      arrow::decimal128(30, 4),
      arrow::date32(),
      arrow::time32(arrow::TimeUnit::MILLI),
      arrow::time64(arrow::TimeUnit::NANO),
      arrow::timestamp(arrow::TimeUnit::MICRO),
      row,
      arrow::list(arrow::field("element", arrow::int64())),
      arrow::list(arrow::field("element", row)),
      arrow::list(arrow::field("element", arrow::list(arrow::field("element", arrow::utf8())))),
      arrow::map(arrow::utf8(), arrow::float64()),
      arrow::map(arrow::int32(), arrow::list(arrow::field("element", row))),
      arrow::struct_({arrow::field("m", arrow::map(arrow::utf8(), row)), arrow::field("flag", arrow::boolean())})};
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (size_t i = 0; i < types.size(); ++i) fields.push_back(arrow::field("c" + std::to_string(i), types[i]));
  return arrow::schema(std::move(fields));
}

}  // namespace thalweg::format
