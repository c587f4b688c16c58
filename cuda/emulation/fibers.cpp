// SPDX-License-Identifier: Apache-2.0
#include <ucontext.h>

#include <memory>
#include <vector>

#include "emulation/device.h"

namespace pyfate_cuda::emulation {

Index3 thread, block, grid;
uint4* shared = nullptr;

namespace {

constexpr unsigned kThreads = 32;
constexpr size_t kStackBytes = 256 << 10;

enum class State { kReady, kAtBarrier, kDone };

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack = std::make_unique_for_overwrite<char[]>(kStackBytes);
  State state = State::kReady;
};

ucontext_t scheduler;
Fiber* current = nullptr;
const std::function<void()>* current_body = nullptr;

void run_fiber() {
  (*current_body)();
  current->state = State::kDone;
  swapcontext(&current->context, &scheduler);
}

// Runs every fiber to its next barrier or its end; counts those that ended.
unsigned run_round(std::vector<Fiber>& fibers) {
  unsigned done = 0;
  for (unsigned t = 0; t < kThreads; ++t) {
    Fiber& fiber = fibers[t];
    if (fiber.state != State::kDone) {
      current = &fiber;
      thread = {t, 0, 0};
      fiber.state = State::kReady;
      swapcontext(&scheduler, &fiber.context);
    }
    done += fiber.state == State::kDone;
  }
  return done;
}

Status run_block(std::vector<Fiber>& fibers) {
  for (Fiber& fiber : fibers) {
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    fiber.state = State::kReady;
    makecontext(&fiber.context, run_fiber, 0);
  }
  for (;;) {
    const unsigned done = run_round(fibers);
    if (done == kThreads) return kSuccess;
    if (done != 0) return kDiverged;
  }
}

}  // namespace

void synchronize() {
  current->state = State::kAtBarrier;
  swapcontext(&current->context, &scheduler);
}

Status run(const LaunchShape& shape, const std::function<void()>& body) {
  static std::vector<Fiber> fibers(kThreads);  // stacks are kept from launch to launch
  std::vector<uint4> memory(shape.shared_bytes / sizeof(uint4) + 1);
  shared = memory.data();
  current_body = &body;
  grid = {shape.blocks, shape.parts, 1};
  for (unsigned y = 0; y < shape.parts; ++y) {
    for (unsigned x = 0; x < shape.blocks; ++x) {
      block = {x, y, 0};
      const Status status = run_block(fibers);
      if (status != kSuccess) return status;
    }
  }
  return kSuccess;
}

}  // namespace pyfate_cuda::emulation
