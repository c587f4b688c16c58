// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "emulation/device.h"

namespace pyfate_cuda::emulation {

Index3 thread, block, grid;
uint4* shared = nullptr;
Limb brought[kLanes];

namespace {

constexpr size_t kStackBytes = 256 << 10;

struct Fiber {
  ucontext_t context;  // where it begins
  jmp_buf jump;        // where it goes on: many times faster than swapping contexts
  std::unique_ptr<char[]> stack = std::make_unique_for_overwrite<char[]>(kStackBytes);
  Place place = Place::kNowhere;
  bool begun = false, done = false;
};

jmp_buf scheduler;
Fiber* current = nullptr;
const std::function<void()>* current_body = nullptr;

void run_fiber() {
  (*current_body)();
  current->done = true;
  _longjmp(scheduler, 1);
}

// Runs a fiber to the next place where it meets others, or to its end.
[[gnu::noinline]] void resume(Fiber& fiber) {
  current = &fiber;
  if (_setjmp(scheduler) != 0) return;
  if (fiber.begun) _longjmp(fiber.jump, 1);
  fiber.begun = true;
  setcontext(&fiber.context);
}

Status run_block(std::vector<Fiber>& fibers) {
  for (Fiber& fiber : fibers) {
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    fiber.begun = fiber.done = false;
    fiber.place = Place::kNowhere;
    makecontext(&fiber.context, run_fiber, 0);
  }
  while (!fibers[0].done) {
    for (unsigned t = 0; t < kLanes; ++t) {
      thread = {t, 0, 0};
      resume(fibers[t]);
    }
    const bool together = std::all_of(fibers.begin(), fibers.end(), [&](const Fiber& fiber) {
      return fiber.done == fibers[0].done && fiber.place == fibers[0].place;
    });
    if (!together) return kDiverged;
  }
  return kSuccess;
}

}  // namespace

void meet(Place place) {
  current->place = place;
  if (_setjmp(current->jump) == 0) _longjmp(scheduler, 1);
}

Status run(const LaunchShape& shape, const std::function<void()>& body) {
  static std::vector<Fiber> fibers(kLanes);  // stacks are kept from launch to launch
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
