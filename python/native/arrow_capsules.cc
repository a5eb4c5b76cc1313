#include "python/native/arrow_capsules.h"

#include <utility>

#include "arrow/c/abi.h"
#include "arrow/c/bridge.h"
#include "arrow/record_batch.h"
#include "thalweg/base/error.h"

namespace thalweg::python {
namespace {

constexpr const char* kSchemaName = "arrow_schema";
constexpr const char* kArrayName = "arrow_array";

/// Frees what nobody has taken over; a moved structure has no release callback any more.
template <typename T>
void DeleteStructure(T* structure) {
  if (structure->release != nullptr) structure->release(structure);
  delete structure;
}

void DestroySchema(PyObject* capsule) {
  DeleteStructure(static_cast<ArrowSchema*>(PyCapsule_GetPointer(capsule, kSchemaName)));
}
void DestroyArray(PyObject* capsule) {
  DeleteStructure(static_cast<ArrowArray*>(PyCapsule_GetPointer(capsule, kArrayName)));
}

PyObject* Raise(const arrow::Status& status) {
  PyErr_SetString(PyExc_RuntimeError, status.message().c_str());
  return nullptr;
}

PyObject* Wrap(ArrowSchema* schema) {
  PyObject* capsule = PyCapsule_New(schema, kSchemaName, DestroySchema);
  if (capsule == nullptr) DeleteStructure(schema);
  return capsule;
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatch>> TakeBatch(PyObject* schema, PyObject* array) {
  if (PyCapsule_IsValid(schema, kSchemaName) == 0 || PyCapsule_IsValid(array, kArrayName) == 0) {
    return Error(ErrorCode::kInvalidTable, "Keys have to come as the capsules of an Arrow record batch.");
  }
  auto* from_schema = static_cast<ArrowSchema*>(PyCapsule_GetPointer(schema, kSchemaName));
  auto* from_array = static_cast<ArrowArray*>(PyCapsule_GetPointer(array, kArrayName));
  if (from_schema->release == nullptr || from_array->release == nullptr) {
    return Error(ErrorCode::kInvalidTable, "These keys have been taken over before.");
  }
  return arrow::ImportRecordBatch(from_array, from_schema);
}

PyObject* BatchCapsules(const arrow::RecordBatch& batch) {
  auto* schema = new ArrowSchema{};
  auto* array = new ArrowArray{};
  if (const auto status = arrow::ExportRecordBatch(batch, array, schema); !status.ok()) {
    DeleteStructure(schema);
    DeleteStructure(array);
    return Raise(status);
  }
  PyObject* schema_capsule = Wrap(schema);
  PyObject* array_capsule = PyCapsule_New(array, kArrayName, DestroyArray);
  if (array_capsule == nullptr) DeleteStructure(array);
  PyObject* both = nullptr;
  if (schema_capsule != nullptr && array_capsule != nullptr) both = PyTuple_Pack(2, schema_capsule, array_capsule);
  Py_XDECREF(schema_capsule);
  Py_XDECREF(array_capsule);
  return both;
}

PyObject* SchemaCapsule(const arrow::Schema& schema) {
  auto* to = new ArrowSchema{};
  if (const auto status = arrow::ExportSchema(schema, to); !status.ok()) {
    DeleteStructure(to);
    return Raise(status);
  }
  return Wrap(to);
}

}  // namespace thalweg::python
