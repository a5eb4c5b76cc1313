#include "thalweg/format/column_shape.h"

#include "arrow/type.h"
#include "thalweg/base/error.h"

namespace thalweg::format {
namespace {

arrow::Result<ShapeNode> NodeOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return ShapeNode{NodeLayout::kBits};
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::DATE32:
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DECIMAL128:
    case arrow::Type::FIXED_SIZE_BINARY:
      return ShapeNode{NodeLayout::kFixed, static_cast<const arrow::FixedWidthType&>(type).bit_width() / 8};
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return ShapeNode{NodeLayout::kVariable};
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return ShapeNode{NodeLayout::kList, 0, 1};
    case arrow::Type::STRUCT:
      return ShapeNode{NodeLayout::kStruct, 0, type.num_fields()};
    default:
      return Error(ErrorCode::kInvalidTable, "The Arrow type {} has no place in a log batch.", type.ToString());
  }
}

arrow::Status AppendNodes(const arrow::DataType& type, ColumnShape* shape) {
  ARROW_ASSIGN_OR_RAISE(const ShapeNode node, NodeOf(type));
  shape->nodes.push_back(node);
  shape->buffer_count += BufferCountOf(node.layout);
  for (const auto& child : type.fields()) ARROW_RETURN_NOT_OK(AppendNodes(*child->type(), shape));
  return arrow::Status::OK();
}

}  // namespace

size_t BufferCountOf(NodeLayout layout) {
  switch (layout) {
    case NodeLayout::kVariable:
      return 3;
    case NodeLayout::kStruct:
      return 1;
    default:
      return 2;
  }
}

arrow::Result<ColumnShape> ColumnShape::Of(const arrow::DataType& type) {
  ColumnShape shape;
  ARROW_RETURN_NOT_OK(AppendNodes(type, &shape));
  return shape;
}

arrow::Result<std::vector<ColumnShape>> ColumnShape::Of(const arrow::Schema& schema) {
  std::vector<ColumnShape> shapes;
  shapes.reserve(schema.num_fields());
  for (const auto& field : schema.fields()) {
    ARROW_ASSIGN_OR_RAISE(shapes.emplace_back(), Of(*field->type()));
  }
  return shapes;
}

}  // namespace thalweg::format
