// SPDX-License-Identifier: Apache-2.0
// The carry chain of the machine, and the only PTX of the project.
//
// A chain is a run of these calls; the suffix _cc writes the carry flag, the letter c before the
// suffix (addc, madc) reads it. Nothing may come between two links of a chain but other links.
// The emulation defines the same names in portable C++ (emulation/carry.h).
#pragma once

#include "pyfate_cuda/types.h"

namespace pyfate_cuda {

__device__ __forceinline__ Limb add_cc(Limb a, Limb b) {
  Limb r;
  asm volatile("add.cc.u32 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  return r;
}

__device__ __forceinline__ Limb addc_cc(Limb a, Limb b) {
  Limb r;
  asm volatile("addc.cc.u32 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  return r;
}

__device__ __forceinline__ Limb addc(Limb a, Limb b) {
  Limb r;
  asm volatile("addc.u32 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  return r;
}

// The low or high limb of a * b, plus c. ptxas fuses a low and a high link into one IMAD.WIDE.
__device__ __forceinline__ Limb mad_lo_cc(Limb a, Limb b, Limb c) {
  Limb r;
  asm volatile("mad.lo.cc.u32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
}

__device__ __forceinline__ Limb madc_lo_cc(Limb a, Limb b, Limb c) {
  Limb r;
  asm volatile("madc.lo.cc.u32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
}

__device__ __forceinline__ Limb madc_hi_cc(Limb a, Limb b, Limb c) {
  Limb r;
  asm volatile("madc.hi.cc.u32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
}

__device__ __forceinline__ Limb multiply_low(Limb a, Limb b) {
  return a * b;
}

// The upper limb of (high, low) shifted left by one bit.
__device__ __forceinline__ Limb shift_left_1(Limb high, Limb low) {
  return __funnelshift_l(low, high, 1);
}

}  // namespace pyfate_cuda
