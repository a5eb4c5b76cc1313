#pragma once

#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

/// Arrow data across the border to Python, by Arrow's PyCapsule protocol: pointers move, values are not copied, and neither
/// side needs to know the other's Arrow. With the GIL.
namespace thalweg::python {

/// Takes over what two capsules of `__arrow_c_array__` hold. INVALID_TABLE where they are no such capsules.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> TakeBatch(PyObject* schema, PyObject* array);

/// A tuple of two capsules, as `__arrow_c_array__` returns it. Null with a Python exception set where that fails.
PyObject* BatchCapsules(const arrow::RecordBatch& batch);
/// One capsule, as `__arrow_c_schema__` returns it.
PyObject* SchemaCapsule(const arrow::Schema& schema);

}  // namespace thalweg::python
