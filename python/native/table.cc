// `_native.Table`: rows of one table by key.

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "fmt/format.h"
#include "python/native/arrow_capsules.h"
#include "python/native/module.h"

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

PyObject* LookUp(PyObject* self, PyObject* arguments) { return Find(self, arguments, KeyKind::kWhole); }
PyObject* LookUpPrefixes(PyObject* self, PyObject* arguments) { return Find(self, arguments, KeyKind::kPrefix); }

PyMethodDef methods[] = {
    {"describe", Describe, METH_NOARGS, "Ids, times and descriptor of the table, as JSON."},
    {"schema", Schema, METH_NOARGS, "Its columns, as the capsule of an Arrow schema."},
    {"key_schema", KeySchema, METH_VARARGS, "The columns of its keys (False) or of their prefixes (True), likewise."},
    {"look_up", LookUp, METH_VARARGS, "Rows by key: (schema, array, columns, nulls) to two capsules."},
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
