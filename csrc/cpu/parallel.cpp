// SPDX-License-Identifier: Apache-2.0
#include "cpu/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>

#include "cpu/thread_pool.h"

namespace pyfate {

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

/// What one thread of a call looks at.
struct Checkpoint::Watch {
  const Run& run;
  std::atomic<bool>& stop;
  bool calling_thread;
  Clock::time_point asked = Clock::now();
};

void Checkpoint::check() {
  if (watch_.stop.load(std::memory_order_relaxed)) throw Interrupted();
  if (!watch_.calling_thread || watch_.run.interrupted == nullptr) return;
  const Clock::time_point now = Clock::now();
  if (now - watch_.asked < std::chrono::milliseconds(40)) return;
  watch_.asked = now;
  if (watch_.run.interrupted(watch_.run.context)) throw Interrupted();
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
      Checkpoint::Watch watch{run, stop, calling_thread};
      Checkpoint checkpoint(watch);
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
