#include "thalweg/format/row_columns.h"

#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/type.h"
#include "thalweg/format/array_assembly.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::format {

RowColumns::RowColumns(std::vector<schema::DataType> types, RowFormat format)
    : types_(std::move(types)), format_(format) {
  for (const auto& type : types_) arrow_types_.push_back(schema::ToArrowType(type));
  Start();
}

void RowColumns::Start() {
  rows_ = 0;
  columns_ = std::make_shared<std::vector<ColumnBuffers>>();
  columns_->reserve(types_.size());
  for (const auto& type : types_) columns_->emplace_back(type, format_);
}

size_t RowColumns::bytes() const {
  size_t sum = 0;
  for (const auto& column : *columns_) sum += column.bytes();
  return sum;
}

void RowColumns::AppendNulls() {
  for (auto& column : *columns_) column.AppendNull();
  ++rows_;
}

arrow::Result<arrow::ArrayVector> RowColumns::Finish() {
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < columns_->size(); ++i) {
    ColumnBuffers::Parts parts;
    (*columns_)[i].AddParts(&parts);
    std::vector<std::shared_ptr<arrow::Buffer>> buffers;
    buffers.reserve(parts.buffers.size());
    for (const ByteView bytes : parts.buffers) buffers.push_back(ShareBuffer(columns_, bytes));
    ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), AssembleArray(arrow_types_[i], parts.nodes, buffers));
  }
  Start();
  return arrays;
}

}  // namespace thalweg::format
