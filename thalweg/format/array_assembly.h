#pragma once

#include <memory>
#include <span>

#include "arrow/result.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/arrow_metadata.h"

namespace thalweg::format {

/// The bytes of `view` as a buffer that keeps `owner` alive; a copy where they do not lie at a multiple of 8.
std::shared_ptr<arrow::Buffer> ShareBuffer(std::shared_ptr<const void> owner, ByteView view);

/// An array out of the nodes and buffers of one column, both in pre-order, as many as the type has (column_shape.h). Buffers that
/// are not there, or have no bytes, may be null. CORRUPT_RECORD where they are not the array that they should be; the values are
/// not looked at (CheckValues does).
arrow::Result<std::shared_ptr<arrow::Array>> AssembleArray(const std::shared_ptr<arrow::DataType>& type,
                                                           std::span<const FieldNode> nodes,
                                                           std::span<const std::shared_ptr<arrow::Buffer>> buffers);

/// As array.ValidateFull(), for an array of AssembleArray: text takes a fraction of the time.
arrow::Status CheckValues(const arrow::Array& array);

}  // namespace thalweg::format
