# `cmake --install build/release --prefix DIR [--strip]`: a tree that runs wherever its glibc or a newer one does, without Python,
# compilers or packages: bin/ the program, lib/ every library it needs but glibc's own, share/ the notices of all that is in it.

# DT_RPATH, not RUNPATH: it also leads the libraries to one another.
set_target_properties(thalweg PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
target_link_options(thalweg PRIVATE -Wl,--disable-new-dtags)

install(TARGETS thalweg
  RUNTIME_DEPENDENCIES
    DIRECTORIES ${ARROW_HOME} ${DUCKDB_HOME}/lib
    PRE_EXCLUDE_REGEXES "^lib(c|m|dl|pthread|rt|resolv)\\.so" "^ld-linux"
  RUNTIME DESTINATION bin
  LIBRARY DESTINATION lib)

# Loaded when a remote.data.dir asks for it, so nothing tells that the program needs it.
install(FILES ${ARROW_HOME}/libarrow_s3.so.2600 DESTINATION lib)

install(FILES packaging/thalweg.yaml DESTINATION etc)
install(FILES packaging/thalweg.service DESTINATION lib/systemd/system)
install(FILES packaging/README.md docs/configuration.md docs/options.md docs/table_options.md docs/data_model.md docs/merge_engines.md
              docs/security.md docs/flight.md docs/cli.md docs/sql.md
  DESTINATION share/doc/thalweg)
install(FILES docs/internals/limits.md DESTINATION share/doc/thalweg/internals)
install(FILES proto/thalweg/flight/v1/flight.proto DESTINATION share/thalweg/proto/thalweg/flight/v1)
install(FILES LICENSE DESTINATION share/licenses)

find_package(Python3 REQUIRED COMPONENTS Interpreter)
install(CODE "
  execute_process(COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/notices.py --arrow ${ARROW_HOME} --duckdb ${DUCKDB_HOME}
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\" COMMAND_ERROR_IS_FATAL ANY)")
