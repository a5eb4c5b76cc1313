#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "nlohmann/json_fwd.hpp"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/schema.h"

/// What the documents of this folder have in common. Everything that a document can get wrong is INVALID_TABLE unless
/// said otherwise; unknown members are ignored, as the protocol wants it.
namespace thalweg::schema::json {

using Json = nlohmann::ordered_json;

/// A document this small cannot blow up in memory; the widest table allowed needs a quarter of it.
inline constexpr size_t kDocumentBytesMax = 8 << 20;

/// Parses a whole document that must be an object. `what` names it in the message.
arrow::Result<Json> Parse(std::string_view text, std::string_view what);
/// Text that is not UTF-8 is replaced, never thrown about.
std::string Print(const Json& json);

/// The member `name` of `object`; null where it is absent or null.
const Json* Find(const Json& object, std::string_view name);
arrow::Result<std::string> RequiredText(const Json& object, std::string_view name);
arrow::Result<std::optional<std::string>> OptionalText(const Json& object, std::string_view name);
arrow::Result<std::optional<int32_t>> OptionalInt(const Json& object, std::string_view name);
arrow::Result<int32_t> RequiredInt(const Json& object, std::string_view name);
/// Absent counts as empty.
arrow::Result<std::vector<std::string>> TextArray(const Json& object, std::string_view name);
/// Values that are numbers or booleans become text. Absent counts as empty.
arrow::Result<std::map<std::string, std::string>> TextMap(const Json& object, std::string_view name);

arrow::Result<DataType> ToDataType(const Json& json);
Json FromDataType(const DataType& type);
arrow::Result<Schema> ToSchema(const Json& json);
Json FromSchema(const Schema& schema);

}  // namespace thalweg::schema::json
