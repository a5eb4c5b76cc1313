#pragma once

#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <cstdint>

#include "arrow/type_fwd.h"

/// Single values between Python and Arrow, for the one row of a get: a batch on its way through pyarrow costs as much as the server's
/// answer. With the GIL.
namespace thalweg::python {

/// Whether ToPython takes values of this type: all but nested ones, times of day, nanoseconds and instants with a time zone.
bool CanBePython(const arrow::DataType& type);
/// As pyarrow's as_py() has it: a new reference. Null with an exception set where that fails.
PyObject* ToPython(const arrow::Array& array, int64_t row);

/// False, and no exception, where the value is not an int or a str that plainly fits the builder's type.
bool AppendPython(PyObject* value, arrow::ArrayBuilder& to);

}  // namespace thalweg::python
