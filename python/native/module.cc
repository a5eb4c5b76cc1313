#include "python/native/module.h"

#include "thalweg/base/error.h"
#include "thalweg/schema/schema.h"
#include "thalweg/schema/type_text.h"

namespace thalweg::python {
namespace {

PyObject* native_error = nullptr;

/// schema_json(columns: str) -> str
PyObject* SchemaJson(PyObject*, PyObject* arguments) {
  const char* columns = nullptr;
  if (PyArg_ParseTuple(arguments, "s", &columns) == 0) return nullptr;
  const auto schema = schema::SchemaFromText(columns);
  if (!schema.ok()) return RaiseStatus(schema.status());
  return PyUnicode_FromString(schema->ToJson().c_str());
}

PyMethodDef methods[] = {
    {"schema_json", SchemaJson, METH_VARARGS, "The columns of a CREATE TABLE as the document that Fluss has for them."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "_native",
    "Rows by key over the Fluss protocol.",
    -1,
    methods,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

}  // namespace

PyObject* RaiseStatus(const arrow::Status& status) {
  const ErrorCode code = CodeOf(status);
  PyObject* arguments =
      Py_BuildValue("(iss)", static_cast<int>(code), std::string(ErrorName(code)).c_str(), status.message().c_str());
  if (arguments == nullptr) return nullptr;
  PyErr_SetObject(native_error, arguments);
  Py_DECREF(arguments);
  return nullptr;
}

PyObject* TextList(const std::vector<std::string>& texts) {
  PyObject* list = PyList_New(0);
  for (const auto& text : texts) {
    PyObject* item =
        list == nullptr ? nullptr : PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
    if (item == nullptr || PyList_Append(list, item) != 0) Py_CLEAR(list);
    Py_XDECREF(item);
  }
  return list;
}

}  // namespace thalweg::python

PyMODINIT_FUNC PyInit__native() {
  using namespace thalweg::python;
  PyObject* module = PyModule_Create(&definition);
  if (module == nullptr) return nullptr;
  native_error = PyErr_NewException("thalweg._native.NativeError", nullptr, nullptr);
  if (native_error == nullptr || PyModule_AddObjectRef(module, "NativeError", native_error) != 0 ||
      !AddClientType(module) || !AddTableType(module)) {
    Py_DECREF(module);
    return nullptr;
  }
  return module;
}
