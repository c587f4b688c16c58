// SPDX-License-Identifier: Apache-2.0
#include "cpu/thread_pool.h"

#include <system_error>

namespace pyfate {

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(std::size_t helpers, const SharedWork& work) {
  if (helpers > 0) {
    start(helpers);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      places_ = helpers;
    }
    wake_.notify_all();
  }
  work(true);
  if (helpers == 0) return;
  std::unique_lock<std::mutex> lock(mutex_);
  work_ = nullptr;
  left_.wait(lock, [this] { return inside_ == 0; });
}

void ThreadPool::start(std::size_t helpers) {
  threads_.reserve(helpers);
  try {
    while (threads_.size() < helpers) threads_.emplace_back(&ThreadPool::help, this);
  } catch (const std::system_error&) {
    // The system gives no more threads: fewer do the same work.
  }
}

void ThreadPool::help() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ended_ || (work_ != nullptr && places_ > 0); });
    if (ended_) return;
    const SharedWork& work = *work_;
    --places_;
    ++inside_;
    lock.unlock();
    work(false);
    lock.lock();
    if (--inside_ == 0) left_.notify_one();
  }
}

}  // namespace pyfate
