// SPDX-License-Identifier: Apache-2.0
// Loops over rows: everything is done once, threads do work at the same time, failures come back.
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <vector>

#include "cpu/parallel.h"
#include "cpu/thread_pool.h"
#include "simd_scaffold.h"

namespace {

using pyfate::Checkpoint;
using pyfate::parallel_blocks;
using pyfate::parallel_chunks;
using pyfate::Run;
using simd_test::require;

constexpr int kThreads = 3;

void every_row_is_done_once(const Run& run) {
  for (std::size_t count : {0, 1, 7, 64, 1000}) {
    for (std::size_t chunk : {0, 1, 8, 2000}) {
      std::vector<std::atomic<int>> done(count);
      parallel_chunks(count, chunk, run, [&](std::size_t begin, std::size_t end, Checkpoint&) {
        for (std::size_t i = begin; i < end; ++i) ++done[i];
      });
      parallel_blocks(count, chunk, run, [&](std::size_t begin, std::size_t end, Checkpoint&) {
        require(end - begin <= 256, "a block is small");
        for (std::size_t i = begin; i < end; ++i) ++done[i];
      });
      for (const std::atomic<int>& times : done) require(times == 2, "a row is done once by each");
    }
  }
}

/// Each chunk waits for the others, which a single thread could not.
void threads_work_at_the_same_time(const Run& run) {
  std::atomic<int> inside{0};
  parallel_chunks(kThreads, 1, run, [&](std::size_t, std::size_t, Checkpoint&) {
    ++inside;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (inside < kThreads && std::chrono::steady_clock::now() < limit) {
      std::this_thread::yield();
    }
    require(inside == kThreads, "as many threads as asked for");
  });
}

void the_first_failure_comes_back(const Run& run) {
  for (std::size_t bad : {0, 50, 99}) {
    try {
      parallel_chunks(100, 1, run, [&](std::size_t begin, std::size_t, Checkpoint&) {
        if (begin == bad) throw std::range_error(std::to_string(begin));
      });
      require(false, "a failure is not lost");
    } catch (const std::range_error& failure) {
      require(failure.what() == std::to_string(bad), "the failure is the one that happened");
    }
  }
}

void an_interrupt_ends_the_loop(Run run) {
  run.interrupted = [](void*) { return true; };
  std::atomic<std::size_t> done{0};
  try {
    parallel_chunks(100'000, 1, run, [&](std::size_t, std::size_t, Checkpoint&) {
      ++done;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    require(false, "an interrupt is not lost");
  } catch (const pyfate::Interrupted&) {
    require(done < 100'000, "an interrupt ends the loop early");
  }
}

}  // namespace

int main() {
  pyfate::ThreadPool pool;
  for (pyfate::ThreadPool* shared : {static_cast<pyfate::ThreadPool*>(nullptr), &pool}) {
    const Run run{kThreads, nullptr, nullptr, shared};
    for (int round = 0; round < 20; ++round) {  // a pool goes on after each of these
      every_row_is_done_once(run);
      threads_work_at_the_same_time(run);
      the_first_failure_comes_back(run);
    }
    an_interrupt_ends_the_loop(run);
    every_row_is_done_once(run);
  }
  std::puts("ok");
}
