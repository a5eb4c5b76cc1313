# What the tree stands on; `./dev setup` installs all of it.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(GTest REQUIRED)
find_package(Protobuf REQUIRED)
find_package(benchmark REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(OpenSSL 3 REQUIRED)

# Arrow C++ comes with the pinned pyarrow wheel: .venv of this checkout, or the one that THALWEG_VENV names.
file(GLOB ARROW_HOME_CANDIDATES $ENV{THALWEG_VENV}/lib/python3*/site-packages/pyarrow
  ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/pyarrow)
find_path(ARROW_INCLUDE_DIR arrow/status.h HINTS ${ARROW_HOME_CANDIDATES} PATH_SUFFIXES include NO_DEFAULT_PATH)
if(NOT ARROW_INCLUDE_DIR)
  message(FATAL_ERROR "Arrow's headers are missing: run ./dev setup")
endif()
get_filename_component(ARROW_HOME ${ARROW_INCLUDE_DIR} DIRECTORY)

add_library(thalweg_arrow INTERFACE)
target_include_directories(thalweg_arrow SYSTEM INTERFACE ${ARROW_INCLUDE_DIR})
# Only of the build tree: what is installed finds its libraries beside itself (cmake/Install.cmake).
set(CMAKE_BUILD_RPATH ${ARROW_HOME})
target_link_options(thalweg_arrow INTERFACE -L${ARROW_HOME})
target_link_libraries(thalweg_arrow INTERFACE -l:libarrow.so.2600)

add_library(thalweg_arrow_flight INTERFACE)
target_link_libraries(thalweg_arrow_flight INTERFACE thalweg_arrow -l:libarrow_flight.so.2600)

find_path(ASIO_INCLUDE_DIR asio.hpp REQUIRED)
add_library(thalweg_asio INTERFACE)
target_include_directories(thalweg_asio SYSTEM INTERFACE ${ASIO_INCLUDE_DIR})
target_compile_definitions(thalweg_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED ASIO_HAS_CO_AWAIT ASIO_HAS_STD_COROUTINE)
target_link_libraries(thalweg_asio INTERFACE Threads::Threads)

find_library(ROCKSDB_LIBRARY rocksdb REQUIRED)
add_library(thalweg_rocksdb INTERFACE)
target_link_libraries(thalweg_rocksdb INTERFACE ${ROCKSDB_LIBRARY})

# The other opinion in tests of bitmaps.
find_library(ROARING_LIBRARY roaring REQUIRED)
find_path(ROARING_INCLUDE_DIR roaring/roaring.h REQUIRED)
add_library(thalweg_roaring INTERFACE)
target_include_directories(thalweg_roaring SYSTEM INTERFACE ${ROARING_INCLUDE_DIR})
target_link_libraries(thalweg_roaring INTERFACE ${ROARING_LIBRARY})

# Of xxhash the header is enough (XXH_INLINE_ALL).
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
add_library(thalweg_xxhash INTERFACE)
target_include_directories(thalweg_xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE_DIR})

# DuckDB's library and headers, put there by tools/setup/duckdb.sh. Only thalweg/sql may see its headers.
set(DUCKDB_VERSION 1.4.4)
find_path(DUCKDB_INCLUDE_DIR duckdb.hpp NO_DEFAULT_PATH
  HINTS $ENV{THALWEG_CACHE}/duckdb-${DUCKDB_VERSION}/include ${CMAKE_SOURCE_DIR}/.cache/duckdb-${DUCKDB_VERSION}/include)
if(NOT DUCKDB_INCLUDE_DIR)
  message(FATAL_ERROR "DuckDB's headers are missing: run ./dev setup")
endif()
get_filename_component(DUCKDB_HOME ${DUCKDB_INCLUDE_DIR} DIRECTORY)
add_library(thalweg_duckdb INTERFACE)
target_include_directories(thalweg_duckdb SYSTEM INTERFACE ${DUCKDB_INCLUDE_DIR})
target_link_libraries(thalweg_duckdb INTERFACE ${DUCKDB_HOME}/lib/libduckdb.so)
