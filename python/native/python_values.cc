#include "python/native/python_values.h"

#include <limits>
#include <string>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_decimal.h"
#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/type.h"

namespace thalweg::python {
namespace {

constexpr int64_t kDayOf1970 = 719'163;  // as date.fromordinal counts
constexpr int64_t kDayS = 86'400;

/// What a module holds, looked up once and kept in `place`. The GIL guards that; the lock of a static would wait while another thread has
/// let go of the GIL to import.
PyObject* Kept(PyObject** place, const char* module, const char* name) {
  if (*place != nullptr) return *place;
  PyObject* from = PyImport_ImportModule(module);
  PyObject* found = from != nullptr ? PyObject_GetAttrString(from, name) : nullptr;
  Py_XDECREF(from);
  if (*place != nullptr) {
    Py_XDECREF(found);
  } else {
    *place = found;
  }
  return *place;
}

PyObject* Decimal(const std::string& text) {
  static PyObject* place = nullptr;
  PyObject* type = Kept(&place, "decimal", "Decimal");
  return type != nullptr ? PyObject_CallFunction(type, "s", text.c_str()) : nullptr;
}

PyObject* Date(int64_t days) {
  static PyObject* place = nullptr;
  PyObject* type = Kept(&place, "datetime", "date");
  return type != nullptr ? PyObject_CallMethod(type, "fromordinal", "L", static_cast<long long>(days + kDayOf1970))
                         : nullptr;
}

/// `per_s`: units in a second.
PyObject* DateTime(int64_t value, int64_t per_s) {
  static PyObject* type_place = nullptr;
  static PyObject* delta_place = nullptr;
  static PyObject* epoch = nullptr;
  PyObject* type = Kept(&type_place, "datetime", "datetime");
  PyObject* delta = type != nullptr ? Kept(&delta_place, "datetime", "timedelta") : nullptr;
  if (delta == nullptr) return nullptr;
  if (epoch == nullptr) epoch = PyObject_CallFunction(type, "iii", 1970, 1, 1);
  if (epoch == nullptr) return nullptr;
  const auto seconds = static_cast<long long>(value / per_s);
  const auto micros = static_cast<long long>(value % per_s * (1'000'000 / per_s));
  PyObject* since = PyObject_CallFunction(delta, "LLL", seconds / kDayS, seconds % kDayS, micros);
  PyObject* at = since != nullptr ? PyNumber_Add(epoch, since) : nullptr;
  Py_XDECREF(since);
  return at;
}

int64_t PerSecond(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1'000;
    case arrow::TimeUnit::MICRO:
      return 1'000'000;
    case arrow::TimeUnit::NANO:
      return 1'000'000'000;
  }
  return 1;
}

template <typename Array>
const Array& As(const arrow::Array& array) {
  return static_cast<const Array&>(array);
}

PyObject* Text(std::string_view text) {
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}
PyObject* Binary(std::string_view bytes) {
  return PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
}

template <typename Builder>
bool AppendInteger(PyObject* value, arrow::ArrayBuilder& to) {
  using Value = typename Builder::value_type;
  if (!PyLong_CheckExact(value)) return false;
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow != 0 || number < std::numeric_limits<Value>::min() || number > std::numeric_limits<Value>::max()) {
    return false;
  }
  return static_cast<Builder&>(to).Append(static_cast<Value>(number)).ok();
}

bool AppendString(PyObject* value, arrow::ArrayBuilder& to) {
  if (!PyUnicode_CheckExact(value)) return false;
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value, &size);
  if (text == nullptr) {
    PyErr_Clear();  // a lone surrogate
    return false;
  }
  return static_cast<arrow::StringBuilder&>(to).Append(text, static_cast<int32_t>(size)).ok();
}

}  // namespace

bool CanBePython(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::FIXED_SIZE_BINARY:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DATE32:
      return true;
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      return timestamp.timezone().empty() && timestamp.unit() != arrow::TimeUnit::NANO;
    }
    default:
      return false;
  }
}

PyObject* ToPython(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return Py_NewRef(Py_None);
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return PyBool_FromLong(As<arrow::BooleanArray>(array).Value(row) ? 1 : 0);
    case arrow::Type::INT8:
      return PyLong_FromLong(As<arrow::Int8Array>(array).Value(row));
    case arrow::Type::INT16:
      return PyLong_FromLong(As<arrow::Int16Array>(array).Value(row));
    case arrow::Type::INT32:
      return PyLong_FromLong(As<arrow::Int32Array>(array).Value(row));
    case arrow::Type::INT64:
      return PyLong_FromLongLong(As<arrow::Int64Array>(array).Value(row));
    case arrow::Type::FLOAT:
      return PyFloat_FromDouble(static_cast<double>(As<arrow::FloatArray>(array).Value(row)));
    case arrow::Type::DOUBLE:
      return PyFloat_FromDouble(As<arrow::DoubleArray>(array).Value(row));
    case arrow::Type::STRING:
      return Text(As<arrow::StringArray>(array).GetView(row));
    case arrow::Type::BINARY:
      return Binary(As<arrow::BinaryArray>(array).GetView(row));
    case arrow::Type::FIXED_SIZE_BINARY:
      return Binary(As<arrow::FixedSizeBinaryArray>(array).GetView(row));
    case arrow::Type::DECIMAL128:
      return Decimal(As<arrow::Decimal128Array>(array).FormatValue(row));
    case arrow::Type::DATE32:
      return Date(As<arrow::Date32Array>(array).Value(row));
    case arrow::Type::TIMESTAMP:
      return DateTime(As<arrow::TimestampArray>(array).Value(row),
                      PerSecond(static_cast<const arrow::TimestampType&>(*array.type()).unit()));
    default:
      PyErr_SetString(PyExc_TypeError, "no Python value is made of this type here");
      return nullptr;
  }
}

bool AppendPython(PyObject* value, arrow::ArrayBuilder& to) {
  switch (to.type()->id()) {
    case arrow::Type::INT8:
      return AppendInteger<arrow::Int8Builder>(value, to);
    case arrow::Type::INT16:
      return AppendInteger<arrow::Int16Builder>(value, to);
    case arrow::Type::INT32:
      return AppendInteger<arrow::Int32Builder>(value, to);
    case arrow::Type::INT64:
      return AppendInteger<arrow::Int64Builder>(value, to);
    case arrow::Type::STRING:
      return AppendString(value, to);
    default:
      return false;
  }
}

}  // namespace thalweg::python
