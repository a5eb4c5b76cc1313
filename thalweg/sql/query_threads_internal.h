#pragma once

#include <atomic>
#include <cstddef>
#include <future>
#include <memory>
#include <type_traits>
#include <utility>

#include "thalweg/runtime/threads.h"

namespace thalweg::sql {

/// The threads in which DuckDB works. Callers hand their work over and wait, so that all of a query stands back behind what serves
/// writes, whoever asked for it.
/// Thread safety: all of it, but for the destructor.
class QueryThreads {
 public:
  QueryThreads(size_t threads_max, int nice) : pool_(threads_max, "sql", nice), clock_("sql-clock") {}

  /// Does `work` in one of the threads and gives what it gives. It must not throw.
  template <typename Work>
  auto Run(Work&& work) {
    using Result = std::invoke_result_t<Work>;
    if (pool_.RunsHere()) return work();  // a part of other work
    std::promise<Result> promise;
    auto future = promise.get_future();
    pool_.Post([&promise, &work] {
      if constexpr (std::is_void_v<Result>) {
        work();
        promise.set_value();
      } else {
        promise.set_value(work());
      }
    });
    return future.get();
  }
  void Post(runtime::Work work) { pool_.Post(std::move(work)); }
  /// Where time-outs are counted: what is posted there is brief.
  runtime::Executor& clock() { return clock_; }

 private:
  runtime::BlockingPool pool_;
  runtime::ThreadExecutor clock_;
};

}  // namespace thalweg::sql
