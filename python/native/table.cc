// `_native.Table`: rows of one table by key.

#include <algorithm>
#include <ranges>

#include "arrow/array/array_base.h"
#include "arrow/array/builder_base.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "fmt/format.h"
#include "python/native/arrow_capsules.h"
#include "python/native/module.h"
#include "python/native/python_values.h"

namespace thalweg::python {
namespace {

using client::KeyKind;
using client::Missing;

PyTypeObject* table_type = nullptr;

void Dealloc(PyObject* self) {
  auto* table = reinterpret_cast<TableObject*>(self);
  delete table->reader;
  Py_XDECREF(table->client);
  Free(self);
}

KeyKind KindOf(int prefix) { return prefix != 0 ? KeyKind::kPrefix : KeyKind::kWhole; }

PyObject* Describe(PyObject* self, PyObject*) {
  const client::TableInfo& table = ReaderOf(self).table();
  const std::string text =
      fmt::format(R"({{"id":{},"schema_id":{},"created_ms":{},"modified_ms":{},"descriptor":{}}})", table.id,
                  table.schema_id, table.created_ms, table.modified_ms, table.descriptor.ToJson());
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

PyObject* Schema(PyObject* self, PyObject*) { return SchemaCapsule(*ReaderOf(self).schema()); }

PyObject* KeySchema(PyObject* self, PyObject* arguments) {
  int prefix = 0;
  if (PyArg_ParseTuple(arguments, "p", &prefix) == 0) return nullptr;
  const auto router = ReaderOf(self).RouterOf(KindOf(prefix));
  return router.ok() ? SchemaCapsule(*(*router)->key_schema()) : RaiseStatus(router.status());
}

/// False with an exception set where `list` is no list of positions.
bool Positions(PyObject* list, std::vector<int32_t>* to) {
  const Py_ssize_t count = PyList_Size(list);
  for (Py_ssize_t i = 0; i < count; ++i) {
    to->push_back(static_cast<int32_t>(PyLong_AsLong(PyList_GetItem(list, i))));
  }
  return PyErr_Occurred() == nullptr;
}

/// look_up(keys_schema, keys_array, columns, nulls) and look_up_prefixes(keys_schema, keys_array, columns)
PyObject* Find(PyObject* self, PyObject* arguments, KeyKind kind) {
  PyObject *schema = nullptr, *array = nullptr, *columns = nullptr;
  int nulls = 0;
  if (PyArg_ParseTuple(arguments, "OOO|p", &schema, &array, &columns, &nulls) == 0) return nullptr;
  std::vector<int32_t> positions;
  if (!Positions(columns, &positions)) return nullptr;
  const auto keys = TakeBatch(schema, array);
  if (!keys.ok()) return RaiseStatus(keys.status());
  const auto rows = [&] {
    client::KeyReader& reader = ReaderOf(self);
    const WithoutGil free;
    if (kind == KeyKind::kPrefix) return reader.LookUpPrefixes(**keys, positions);
    return reader.LookUp(**keys, positions, nulls != 0 ? Missing::kNulls : Missing::kLeaveOut);
  }();
  return rows.ok() ? BatchCapsules(**rows) : RaiseStatus(rows.status());
}

/// The key's values as a batch of one row; null where that takes pyarrow.
std::shared_ptr<arrow::RecordBatch> KeyOf(PyObject* values, const client::KeyReader& reader) {
  const auto router = reader.RouterOf(KeyKind::kWhole);
  if (!router.ok() || !PyTuple_Check(values)) return nullptr;
  const auto& schema = (*router)->key_schema();
  if (PyTuple_Size(values) != schema->num_fields()) return nullptr;
  arrow::ArrayVector arrays;
  for (int i = 0; i < schema->num_fields(); ++i) {
    auto builder = arrow::MakeBuilder(schema->field(i)->type());
    if (!builder.ok() || !AppendPython(PyTuple_GetItem(values, i), **builder)) return nullptr;
    auto array = (*builder)->Finish();
    if (!array.ok()) return nullptr;
    arrays.push_back(std::move(*array));
  }
  return arrow::RecordBatch::Make(schema, 1, std::move(arrays));
}

bool AllCanBePython(const arrow::Schema& schema, const std::vector<int32_t>& positions) {
  const auto can = [&](int32_t i) {
    return i >= 0 && i < schema.num_fields() && CanBePython(*schema.field(i)->type());
  };
  if (!positions.empty()) return std::ranges::all_of(positions, can);
  return std::ranges::all_of(std::views::iota(0, schema.num_fields()), can);
}

PyObject* RowAsDict(const arrow::RecordBatch& rows) {
  PyObject* row = PyDict_New();
  for (int i = 0; row != nullptr && i < rows.num_columns(); ++i) {
    PyObject* value = ToPython(*rows.column(i), 0);
    if (value == nullptr || PyDict_SetItemString(row, rows.column_name(i).c_str(), value) != 0) Py_CLEAR(row);
    Py_XDECREF(value);
  }
  return row;
}

/// look_up_row(values, columns)
PyObject* LookUpRow(PyObject* self, PyObject* arguments) {
  PyObject *values = nullptr, *columns = nullptr;
  if (PyArg_ParseTuple(arguments, "OO", &values, &columns) == 0) return nullptr;
  std::vector<int32_t> positions;
  if (!Positions(columns, &positions)) return nullptr;
  client::KeyReader& reader = ReaderOf(self);
  const auto key = AllCanBePython(*reader.schema(), positions) ? KeyOf(values, reader) : nullptr;
  if (!key) return Py_NewRef(Py_False);
  const auto rows = [&] {
    const WithoutGil free;
    return reader.LookUp(*key, positions, Missing::kLeaveOut);
  }();
  if (!rows.ok()) return RaiseStatus(rows.status());
  return (*rows)->num_rows() == 0 ? Py_NewRef(Py_None) : RowAsDict(**rows);
}

PyObject* LookUp(PyObject* self, PyObject* arguments) { return Find(self, arguments, KeyKind::kWhole); }
PyObject* LookUpPrefixes(PyObject* self, PyObject* arguments) { return Find(self, arguments, KeyKind::kPrefix); }

PyMethodDef methods[] = {
    {"describe", Describe, METH_NOARGS, "Ids, times and descriptor of the table, as JSON."},
    {"schema", Schema, METH_NOARGS, "Its columns, as the capsule of an Arrow schema."},
    {"key_schema", KeySchema, METH_VARARGS, "The columns of its keys (False) or of their prefixes (True), likewise."},
    {"look_up", LookUp, METH_VARARGS, "Rows by key: (schema, array, columns, nulls) to two capsules."},
    {"look_up_row", LookUpRow, METH_VARARGS, "One row by key: (values, columns) to a dict, None, or False."},
    {"look_up_prefixes", LookUpPrefixes, METH_VARARGS,
     "Rows by prefixes of keys: (schema, array, columns) to two capsules."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(Dealloc)},
    {Py_tp_methods, methods},
    {0, nullptr},
};

PyType_Spec spec = {"thalweg._native.Table", sizeof(TableObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

bool AddTableType(PyObject* module) {
  table_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return table_type != nullptr && PyModule_AddObjectRef(module, "Table", reinterpret_cast<PyObject*>(table_type)) == 0;
}

PyObject* MakeTable(PyObject* client, std::unique_ptr<client::KeyReader> reader) {
  PyObject* self = Allocate(table_type);
  if (self == nullptr) return nullptr;
  auto* table = reinterpret_cast<TableObject*>(self);
  table->client = Py_NewRef(client);
  table->reader = new std::unique_ptr<client::KeyReader>(std::move(reader));
  return self;
}

}  // namespace thalweg::python
