#pragma once

#include <memory>
#include <optional>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/flight/call.h"
#include "thalweg/flight/envelope.h"

namespace thalweg::flight {

/// The catalog that all databases are in, as SQL has it.
inline constexpr const char* kSqlCatalog = "cluster";

/// The answer to one of Flight SQL's questions about what there is; none where the command is none of them. Databases are its schemas;
/// only what the user may see is in it.
arrow::Result<std::optional<std::shared_ptr<arrow::RecordBatch>>> SqlMetadata(const Call& call,
                                                                              const Envelope& command);

/// Whether `text` is what a pattern with "%" and "_" describes.
bool MatchesPattern(std::string_view text, std::string_view pattern);

}  // namespace thalweg::flight
