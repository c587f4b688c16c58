// SPDX-License-Identifier: Apache-2.0
// The device, emulated on the host: compiles the kernel sources unchanged with a C++ compiler.
//
// Threads of a block are fibers that change places where all must come together: at barriers and
// where teams exchange values. Some that come to another place than the rest, or end, are a fault
// that is reported (kDiverged). Limbs may be narrower than 32 bits (PYFATE_EMULATED_LIMB_BITS, 8 to
// 32), so that carries of probability 2^-32 become common.
// What this cannot show: races, the memory model, faults of the machine compiler, speed.
#pragma once

#include <functional>

#include "emulation/carry.h"

#define PYFATE_DEVICE inline
#define PYFATE_KERNEL void
#define PYFATE_UNROLL
#define PYFATE_NO_UNROLL

namespace pyfate_cuda {

struct LaunchShape {
  unsigned blocks;
  unsigned parts = 1;
  size_t shared_bytes = 0;
};

namespace emulation {

struct Index3 {
  unsigned x, y, z;
};
extern Index3 thread, block, grid;
extern uint4* shared;

// Where threads meet.
enum class Place { kNowhere, kBarrier, kWarp, kLane, kAbove, kBelow, kVotes };

// Yields to the other threads of the block until all have come to this place.
void meet(Place place);

// What each thread brought to the place where they met last.
extern Limb brought[kLanes];

template <class Take>
auto exchange(Place place, Limb v, const Take& take) {
  brought[thread.x] = v;
  meet(place);
  const auto taken = take();
  meet(place);  // nobody brings anything new before all have taken
  return taken;
}

// Runs body once a thread, block after block.
Status run(const LaunchShape& shape, const std::function<void()>& body);

}  // namespace emulation

inline uint4* shared_memory() {
  return emulation::shared;
}

inline Limb team_lane(Limb v, int lane) {
  using namespace emulation;
  return exchange(Place::kLane, v, [=] { return brought[thread.x / kTeam * kTeam + lane]; });
}
inline Limb team_above(Limb v) {
  using namespace emulation;
  const unsigned above = thread.x % kTeam == kTeam - 1 ? thread.x : thread.x + 1;
  return exchange(Place::kAbove, v, [=] { return brought[above]; });
}
inline Limb team_below(Limb v) {
  using namespace emulation;
  const unsigned below = thread.x % kTeam == 0 ? thread.x : thread.x - 1;
  return exchange(Place::kBelow, v, [=] { return brought[below]; });
}
inline unsigned warp_votes(bool v) {
  using namespace emulation;
  return exchange(Place::kVotes, v, [] {
    unsigned votes = 0;
    for (unsigned lane = 0; lane < kLanes; ++lane) votes |= brought[lane] << lane;
    return votes;
  });
}
inline void warp_synchronize() {
  emulation::meet(emulation::Place::kWarp);
}

template <class... Parameters, class... Arguments>
Status launch(void (*kernel)(Parameters...), const LaunchShape& shape, Stream,
              Arguments... arguments) {
  return emulation::run(shape, [&] { kernel(static_cast<Parameters>(arguments)...); });
}

template <class... Parameters>
Status loads(void (*)(Parameters...)) {
  return kSuccess;
}

}  // namespace pyfate_cuda

#define threadIdx (pyfate_cuda::emulation::thread)
#define blockIdx (pyfate_cuda::emulation::block)
#define gridDim (pyfate_cuda::emulation::grid)
#define __syncthreads() pyfate_cuda::emulation::meet(pyfate_cuda::emulation::Place::kBarrier)
