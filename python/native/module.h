#pragma once

#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/status.h"
#include "thalweg/client/connection_pool.h"
#include "thalweg/client/key_reader.h"

/// `thalweg._native`: CPython's stable ABI of 3.11, so that one wheel serves every later Python and needs no binding library.
/// _native.pyi tells what it offers to Python.
namespace thalweg::python {

/// The GIL is free while it lives. Nothing of Python may be touched then.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() { PyEval_RestoreThread(state_); }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* const state_;
};

/// `_native.NativeError`, whose arguments are the code of Fluss, its name and the message. Returns null.
PyObject* RaiseStatus(const arrow::Status& status);
/// A list of str. Null with an exception set where that fails.
PyObject* TextList(const std::vector<std::string>& texts);

struct ClientObject {
  PyObject_HEAD std::unique_ptr<client::ConnectionPool>*
      pool;  ///< by pointer: Python makes objects of zeros, without constructors
};

struct TableObject {
  PyObject_HEAD PyObject* client;  ///< keeps the pool
  std::unique_ptr<client::KeyReader>* reader;
};

inline client::ConnectionPool& PoolOf(PyObject* self) { return **reinterpret_cast<ClientObject*>(self)->pool; }
inline client::KeyReader& ReaderOf(PyObject* self) { return **reinterpret_cast<TableObject*>(self)->reader; }

/// Adds the type to `module`. False with an exception set where that fails.
bool AddClientType(PyObject* module);
bool AddTableType(PyObject* module);
/// A `_native.Table`; takes a reference to `client`.
PyObject* MakeTable(PyObject* client, std::unique_ptr<client::KeyReader> reader);

/// A new object of `type` with all members zero.
inline PyObject* Allocate(PyTypeObject* type) {
  return reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc))(type, 0);
}
/// What a type's dealloc ends with.
inline void Free(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

}  // namespace thalweg::python
