// `_native.Client`: one server, reached over a few connections that all threads share.

#include <chrono>

#include "python/native/module.h"
#include "thalweg/base/error.h"
#include "thalweg/client/admin.h"

namespace thalweg::python {
namespace {

using client::Connection;
using client::Repeat;

runtime::Nanos Seconds(double seconds) {
  return std::chrono::duration_cast<runtime::Nanos>(std::chrono::duration<double>(seconds));
}

/// None, or the exception.
PyObject* Outcome(const arrow::Status& status) { return status.ok() ? Py_NewRef(Py_None) : RaiseStatus(status); }

arrow::Status Run(PyObject* self, Repeat repeat, const client::ConnectionPool::Work& work) {
  client::ConnectionPool& pool = PoolOf(self);
  const WithoutGil free;
  return pool.Run(repeat, work);
}

/// Client(host, port, user, password, version, connect_s, answer_s, connections, tries, authorities)
PyObject* New(PyTypeObject* type, PyObject* arguments, PyObject*) {
  const char *host = nullptr, *user = nullptr, *password = nullptr, *version = nullptr, *authorities = nullptr;
  unsigned short port = 0;
  double connect_s = 0, answer_s = 0;
  int connections = 0, tries = 0;
  if (PyArg_ParseTuple(arguments, "sHsssddiiz", &host, &port, &user, &password, &version, &connect_s, &answer_s,
                       &connections, &tries, &authorities) == 0) {
    return nullptr;
  }
  if (connections < 1 || tries < 1) {
    PyErr_SetString(PyExc_ValueError, "connections and tries are at least 1");
    return nullptr;
  }
  client::ConnectionOptions options{.server = {host, port},
                                    .user = user,
                                    .password = password,
                                    .client_name = "thalweg-python",
                                    .client_version = version,
                                    .connect_limit = Seconds(connect_s),
                                    .answer_limit = Seconds(answer_s)};
  if (authorities != nullptr) options.tls.emplace().authorities = authorities;
  const client::PoolLimits limits{.connections_max = static_cast<size_t>(connections), .tries_max = tries};
  PyObject* self = Allocate(type);
  if (self == nullptr) return nullptr;
  reinterpret_cast<ClientObject*>(self)->pool =
      new std::unique_ptr<client::ConnectionPool>(std::make_unique<client::ConnectionPool>(std::move(options), limits));
  return self;
}

void Dealloc(PyObject* self) {
  if (auto* pool = reinterpret_cast<ClientObject*>(self)->pool; pool != nullptr) {
    const WithoutGil free;  // it joins threads
    delete pool;
  }
  Free(self);
}

PyObject* Open(PyObject* self, PyObject* arguments) {
  const char *database = nullptr, *table = nullptr;
  if (PyArg_ParseTuple(arguments, "ss", &database, &table) == 0) return nullptr;
  auto reader = [&] {
    client::ConnectionPool& pool = PoolOf(self);
    const WithoutGil free;
    return client::KeyReader::Open(pool, {database, table});
  }();
  return reader.ok() ? MakeTable(self, std::move(*reader)) : RaiseStatus(reader.status());
}

PyObject* Databases(PyObject* self, PyObject*) {
  std::vector<std::string> names;
  const auto status = Run(self, Repeat::kYes, [&](Connection& connection) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(names, client::ListDatabases(connection));
    return arrow::Status::OK();
  });
  return status.ok() ? TextList(names) : RaiseStatus(status);
}

PyObject* Tables(PyObject* self, PyObject* arguments) {
  const char* database = nullptr;
  if (PyArg_ParseTuple(arguments, "s", &database) == 0) return nullptr;
  std::vector<std::string> names;
  const auto status = Run(self, Repeat::kYes, [&](Connection& connection) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(names, client::ListTables(connection, database));
    return arrow::Status::OK();
  });
  return status.ok() ? TextList(names) : RaiseStatus(status);
}

PyObject* CreateDatabase(PyObject* self, PyObject* arguments) {
  const char* name = nullptr;
  int ignore_existing = 0;
  if (PyArg_ParseTuple(arguments, "sp", &name, &ignore_existing) == 0) return nullptr;
  return Outcome(Run(self, Repeat::kNo, [&](Connection& connection) {
    return client::CreateDatabase(connection, name, ignore_existing != 0);
  }));
}

PyObject* CreateTable(PyObject* self, PyObject* arguments) {
  const char *database = nullptr, *table = nullptr, *json = nullptr;
  int ignore_existing = 0;
  if (PyArg_ParseTuple(arguments, "sssp", &database, &table, &json, &ignore_existing) == 0) return nullptr;
  const auto descriptor = schema::TableDescriptor::FromJson(json);
  if (!descriptor.ok()) return RaiseStatus(descriptor.status());
  return Outcome(Run(self, Repeat::kNo, [&](Connection& connection) {
    return client::CreateTable(connection, {database, table}, *descriptor, ignore_existing != 0);
  }));
}

PyObject* DropTable(PyObject* self, PyObject* arguments) {
  const char *database = nullptr, *table = nullptr;
  int ignore_missing = 0;
  if (PyArg_ParseTuple(arguments, "ssp", &database, &table, &ignore_missing) == 0) return nullptr;
  return Outcome(Run(self, Repeat::kNo, [&](Connection& connection) {
    return client::DropTable(connection, {database, table}, ignore_missing != 0);
  }));
}

PyMethodDef methods[] = {
    {"open", Open, METH_VARARGS, "The table of a database: (database, name)."},
    {"databases", Databases, METH_NOARGS, "Names of all databases."},
    {"tables", Tables, METH_VARARGS, "Names of the tables of a database."},
    {"create_database", CreateDatabase, METH_VARARGS, "(name, ignore_existing)"},
    {"create_table", CreateTable, METH_VARARGS, "(database, name, descriptor_json, ignore_existing)"},
    {"drop_table", DropTable, METH_VARARGS, "(database, name, ignore_missing)"},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(New)},
    {Py_tp_dealloc, reinterpret_cast<void*>(Dealloc)},
    {Py_tp_methods, methods},
    {0, nullptr},
};

PyType_Spec spec = {"thalweg._native.Client", sizeof(ClientObject), 0, Py_TPFLAGS_DEFAULT, slots};

}  // namespace

bool AddClientType(PyObject* module) {
  PyObject* type = PyType_FromSpec(&spec);
  const bool added = type != nullptr && PyModule_AddObjectRef(module, "Client", type) == 0;
  Py_XDECREF(type);
  return added;
}

}  // namespace thalweg::python
