#include "thalweg/flight/sql_info.h"

#include <utility>
#include <variant>
#include <vector>

#include "arrow/array/array_nested.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_nested.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/array/util.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/config.h"

namespace thalweg::flight {
namespace {

using BatchPtr = std::shared_ptr<arrow::RecordBatch>;

struct Bits {
  int32_t value;
};
using Value = std::variant<std::string, bool, int64_t, Bits>;
struct Info {
  uint32_t number;
  Value value;
};

// The numbers are those of Flight SQL's SqlInfo.
std::vector<Info> AllInfo(const std::string& version) {
  constexpr int64_t kCaseInsensitive = 3;
  constexpr int64_t kNullsSortedAtEnd = 3;
  constexpr int64_t kFullOuterJoins = 3;
  return {
      {0, "Thalweg"},
      {1, version},
      {2, ARROW_VERSION_STRING},
      {3, false},         // not read-only
      {4, true},          // SQL
      {5, false},         // Substrait
      {8, int64_t{0}},    // transactions: none
      {9, true},          // CancelQuery
      {10, false},        // ingestion in transactions
      {100, int64_t{0}},  // prepared statements do not time out
      {101, int64_t{0}},
      {500, false},             // catalogs cannot be created
      {501, int64_t{1}},        // schemas can
      {502, int64_t{1}},        // tables can
      {503, kCaseInsensitive},  // names
      {504, "\""},              // quotes of names
      {505, kCaseInsensitive},  // names in quotes
      {506, true},              // all tables are selectable
      {507, kNullsSortedAtEnd},
      {513, "\\"},
      {514, "$"},   // in names
      {515, true},  // column aliases
      {516, true},  // null || text is null
      {518, true},  // table aliases
      {519, false},
      {520, true},  // expressions in ORDER BY
      {521, true},
      {522, Bits{3}},  // GROUP BY
      {523, true},     // LIKE … ESCAPE
      {524, true},     // NOT NULL
      {525, Bits{1}},
      {526, Bits{1}},
      {528, kFullOuterJoins},
      {529, "database"},  // what a schema is called
      {530, ""},
      {531, "catalog"},
      {532, true},  // a catalog stands first
  };
}

/// Field by field as Flight SQL wants it; the position of each is its type code.
arrow::FieldVector ValueFields() {
  return {arrow::field("string_value", arrow::utf8()),
          arrow::field("bool_value", arrow::boolean()),
          arrow::field("bigint_value", arrow::int64()),
          arrow::field("int32_bitmask", arrow::int32()),
          arrow::field("string_list", arrow::list(arrow::field("string_data", arrow::utf8()))),
          arrow::field("int32_to_int32_list_map", arrow::map(arrow::int32(), arrow::list(arrow::int32())))};
}

arrow::Result<std::shared_ptr<arrow::Array>> UnionOf(const std::vector<Info>& infos) {
  arrow::Int8Builder codes;
  arrow::Int32Builder offsets;
  arrow::StringBuilder texts;
  arrow::BooleanBuilder flags;
  arrow::Int64Builder numbers;
  arrow::Int32Builder bits;
  for (const Info& info : infos) {
    ARROW_RETURN_NOT_OK(codes.Append(static_cast<int8_t>(info.value.index())));
    int64_t offset = 0;
    if (const auto* text = std::get_if<std::string>(&info.value)) {
      offset = texts.length();
      ARROW_RETURN_NOT_OK(texts.Append(*text));
    } else if (const auto* flag = std::get_if<bool>(&info.value)) {
      offset = flags.length();
      ARROW_RETURN_NOT_OK(flags.Append(*flag));
    } else if (const auto* number = std::get_if<int64_t>(&info.value)) {
      offset = numbers.length();
      ARROW_RETURN_NOT_OK(numbers.Append(*number));
    } else {
      offset = bits.length();
      ARROW_RETURN_NOT_OK(bits.Append(std::get<Bits>(info.value).value));
    }
    ARROW_RETURN_NOT_OK(offsets.Append(static_cast<int32_t>(offset)));
  }
  const auto fields = ValueFields();
  arrow::ArrayVector children(fields.size());
  ARROW_ASSIGN_OR_RAISE(children[0], texts.Finish());
  ARROW_ASSIGN_OR_RAISE(children[1], flags.Finish());
  ARROW_ASSIGN_OR_RAISE(children[2], numbers.Finish());
  ARROW_ASSIGN_OR_RAISE(children[3], bits.Finish());
  for (const size_t i : {4, 5}) {
    ARROW_ASSIGN_OR_RAISE(children[i], arrow::MakeEmptyArray(fields[i]->type()));
  }
  std::vector<std::string> names;
  std::vector<int8_t> type_codes;
  for (const auto& field : fields) {
    type_codes.push_back(static_cast<int8_t>(names.size()));
    names.push_back(field->name());
  }
  ARROW_ASSIGN_OR_RAISE(const auto code_array, codes.Finish());
  ARROW_ASSIGN_OR_RAISE(const auto offset_array, offsets.Finish());
  return arrow::DenseUnionArray::Make(*code_array, *offset_array, std::move(children), std::move(names),
                                      std::move(type_codes));
}

struct XdbcType {
  const char* name;
  int32_t number;
  int32_t size;  ///< digits or characters; 0: does not apply
  const char* quote;
  int32_t scale_max;  ///< -1: does not apply
  int32_t radix;      ///< 0: does not apply
};

// In the order of numbers, as Flight SQL wants it. Those of JDBC.
constexpr XdbcType kXdbcTypes[] = {
    {"BOOLEAN", -7, 1, nullptr, -1, 0},   {"TINYINT", -6, 3, nullptr, 0, 10}, {"BIGINT", -5, 19, nullptr, 0, 10},
    {"BYTES", -3, 0, "'", -1, 0},         {"BINARY", -2, 0, "'", -1, 0},      {"CHAR", 1, 0, "'", -1, 0},
    {"DECIMAL", 3, 38, nullptr, 38, 10},  {"INT", 4, 10, nullptr, 0, 10},     {"SMALLINT", 5, 5, nullptr, 0, 10},
    {"FLOAT", 7, 24, nullptr, -1, 2},     {"DOUBLE", 8, 53, nullptr, -1, 2},  {"STRING", 12, 0, "'", -1, 0},
    {"DATE", 91, 10, "'", -1, 0},         {"TIME", 92, 18, "'", 9, 0},        {"TIMESTAMP", 93, 29, "'", 9, 0},
    {"TIMESTAMP_LTZ", 93, 29, "'", 9, 0},
};

arrow::FieldVector XdbcFields() {
  const auto text = [](const char* name, bool nullable = true) { return arrow::field(name, arrow::utf8(), nullable); };
  const auto number = [](const char* name, bool nullable = true) {
    return arrow::field(name, arrow::int32(), nullable);
  };
  const auto flag = [](const char* name, bool nullable) { return arrow::field(name, arrow::boolean(), nullable); };
  return {text("type_name", false),
          number("data_type", false),
          number("column_size"),
          text("literal_prefix"),
          text("literal_suffix"),
          arrow::field("create_params", arrow::list(arrow::field("item", arrow::utf8(), false))),
          number("nullable", false),
          flag("case_sensitive", false),
          number("searchable", false),
          flag("unsigned_attribute", true),
          flag("fixed_prec_scale", false),
          flag("auto_increment", true),
          text("local_type_name"),
          number("minimum_scale"),
          number("maximum_scale"),
          number("sql_data_type", false),
          number("datetime_subcode"),
          number("num_prec_radix"),
          number("interval_precision")};
}

/// One array of each column, filled value by value.
class XdbcRows {
 public:
  arrow::Status Add(const XdbcType& type) {
    constexpr int32_t kNullable = 1;
    constexpr int32_t kSearchable = 3;
    const bool is_number = type.radix != 0;
    ARROW_RETURN_NOT_OK(name_.Append(type.name));
    ARROW_RETURN_NOT_OK(number_.Append(type.number));
    ARROW_RETURN_NOT_OK(type.size ? size_.Append(type.size) : size_.AppendNull());
    ARROW_RETURN_NOT_OK(type.quote ? quote_.Append(type.quote) : quote_.AppendNull());
    ARROW_RETURN_NOT_OK(nullable_.Append(kNullable));
    ARROW_RETURN_NOT_OK(case_.Append(!is_number));
    ARROW_RETURN_NOT_OK(searchable_.Append(kSearchable));
    ARROW_RETURN_NOT_OK(is_number ? unsigned_.Append(false) : unsigned_.AppendNull());
    ARROW_RETURN_NOT_OK(fixed_.Append(false));
    ARROW_RETURN_NOT_OK(type.scale_max >= 0 ? scale_min_.Append(0) : scale_min_.AppendNull());
    ARROW_RETURN_NOT_OK(type.scale_max >= 0 ? scale_max_.Append(type.scale_max) : scale_max_.AppendNull());
    return is_number ? radix_.Append(type.radix) : radix_.AppendNull();
  }

  arrow::Result<BatchPtr> Finish() {
    const auto fields = XdbcFields();
    const int64_t rows = name_.length();
    arrow::ArrayVector columns(fields.size());
    const std::pair<size_t, arrow::ArrayBuilder*> filled[] = {
        {0, &name_},       {1, &number_},   {2, &size_},   {3, &quote_},      {6, &nullable_},   {7, &case_},
        {8, &searchable_}, {9, &unsigned_}, {10, &fixed_}, {13, &scale_min_}, {14, &scale_max_}, {17, &radix_}};
    for (const auto& [i, builder] : filled) {
      ARROW_ASSIGN_OR_RAISE(columns[i], builder->Finish());
    }
    columns[4] = columns[3];   // literals end as they begin
    columns[15] = columns[1];  // sql_data_type
    for (size_t i = 0; i < fields.size(); ++i) {
      if (columns[i]) continue;
      ARROW_ASSIGN_OR_RAISE(columns[i], arrow::MakeArrayOfNull(fields[i]->type(), rows));
    }
    return arrow::RecordBatch::Make(arrow::schema(fields), rows, std::move(columns));
  }

 private:
  arrow::StringBuilder name_, quote_;
  arrow::Int32Builder number_, size_, nullable_, searchable_, scale_min_, scale_max_, radix_;
  arrow::BooleanBuilder case_, unsigned_, fixed_;
};

}  // namespace

arrow::Result<BatchPtr> SqlInfo(const std::set<uint32_t>& wanted, const std::string& version) {
  std::vector<Info> infos;
  arrow::UInt32Builder numbers;
  for (auto& info : AllInfo(version)) {
    if (!wanted.empty() && !wanted.contains(info.number)) continue;
    ARROW_RETURN_NOT_OK(numbers.Append(info.number));
    infos.push_back(std::move(info));
  }
  ARROW_ASSIGN_OR_RAISE(const auto number_array, numbers.Finish());
  ARROW_ASSIGN_OR_RAISE(const auto values, UnionOf(infos));
  const auto schema = arrow::schema({arrow::field("info_name", arrow::uint32(), /*nullable=*/false),
                                     arrow::field("value", arrow::dense_union(ValueFields()), /*nullable=*/false)});
  return arrow::RecordBatch::Make(schema, number_array->length(), {number_array, values});
}

arrow::Result<BatchPtr> XdbcTypes(std::optional<int32_t> wanted) {
  XdbcRows rows;
  for (const auto& type : kXdbcTypes) {
    if (!wanted || *wanted == type.number) ARROW_RETURN_NOT_OK(rows.Add(type));
  }
  return rows.Finish();
}

}  // namespace thalweg::flight
