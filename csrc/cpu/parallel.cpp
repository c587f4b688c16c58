// SPDX-License-Identifier: Apache-2.0
#include "cpu/parallel.h"

#include <algorithm>
#include <mutex>

namespace pyfate {

void Checkpoint::check() {
  if (stop_.load(std::memory_order_relaxed)) throw Interrupted();
  if (!calling_thread_ || run_.interrupted == nullptr) return;
  const Clock::time_point now = Clock::now();
  if (now - asked_ < std::chrono::milliseconds(40)) return;
  asked_ = now;
  if (run_.interrupted(run_.context)) throw Interrupted();
}

void parallel_chunks(std::size_t count, std::size_t chunk, const Run& run, const Chunk& body) {
  if (count == 0) return;
  chunk = std::max<std::size_t>(chunk, 1);
  const std::size_t chunks = (count + chunk - 1) / chunk;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex failure_mutex;

  auto work = [&](bool calling_thread) {
    try {
      Checkpoint checkpoint(run, stop, calling_thread);
      for (std::size_t i = next++; i < chunks; i = next++) {
        body(i * chunk, std::min(count, (i + 1) * chunk), checkpoint);
        checkpoint.check();
      }
    } catch (...) {
      // Others end because `stop` is set: only the first failure is the reason.
      const std::lock_guard<std::mutex> lock(failure_mutex);
      if (!stop.exchange(true)) failure = std::current_exception();
    }
  };

  const std::size_t wanted = std::min<std::size_t>(std::max(run.threads, 1), chunks);
  if (run.pool != nullptr) {
    run.pool->run(wanted - 1, work);
  } else {
    ThreadPool().run(wanted - 1, work);
  }
  if (failure) std::rethrow_exception(failure);
}

void parallel_blocks(std::size_t count, std::size_t chunk, const Run& run, const Chunk& body) {
  constexpr std::size_t kRows = 256;
  parallel_chunks(count, chunk, run,
                  [&](std::size_t begin, std::size_t end, Checkpoint& checkpoint) {
                    for (std::size_t i = begin; i < end; i += kRows) {
                      body(i, std::min(end, i + kRows), checkpoint);
                    }
                  });
}

}  // namespace pyfate
