#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace thalweg::format {

/// How a node of a column lies in an Arrow message; the number of its buffers follows from it.
enum class NodeLayout : uint8_t {
  kBits,      ///< validity, bit per value
  kFixed,     ///< validity, `width` bytes per value
  kVariable,  ///< validity, i32 offsets, data
  kList,      ///< validity, i32 offsets; one child (LIST and MAP)
  kStruct,    ///< validity; children
};

struct ShapeNode {
  NodeLayout layout = NodeLayout::kFixed;
  int32_t width = 0;
  int32_t child_count = 0;
};

/// One top-level column as Arrow's IPC sees it: its nodes in pre-order.
struct ColumnShape {
  std::vector<ShapeNode> nodes;
  size_t buffer_count = 0;

  /// INVALID_TABLE for Arrow types that no Fluss type maps to.
  static arrow::Result<ColumnShape> Of(const arrow::DataType& type);
  /// One shape for each field.
  static arrow::Result<std::vector<ColumnShape>> Of(const arrow::Schema& schema);
};

size_t BufferCountOf(NodeLayout layout);

}  // namespace thalweg::format
