// SPDX-License-Identifier: Apache-2.0
// The threads beside the caller in a batched operation.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pyfate {

/// Work that any number of threads may do together. A thread that is done may be called again, and
/// then has nothing left to do. It must not throw.
using SharedWork = std::function<void(bool calling_thread)>;

/// Threads start when they are first wanted, wait between pieces of work and end with the pool. A
/// pool lives for one call of the module, so nothing of it survives into a forked child.
class ThreadPool {
 public:
  ThreadPool() = default;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  /// Calls `work` here, and up to `helpers` times on other threads, if they come before it is done
  /// here: a thread slow to wake up holds nobody back. Returns once all calls have. One thread uses
  /// a pool, and not from within its work.
  void run(std::size_t helpers, const SharedWork& work);

 private:
  void start(std::size_t helpers);
  void help();

  std::mutex mutex_;  // guards what follows but threads_
  std::condition_variable wake_;
  std::condition_variable left_;
  const SharedWork* work_ = nullptr;  // null: nothing to enter
  std::size_t places_ = 0;            // for threads that may still enter
  std::size_t inside_ = 0;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace pyfate
