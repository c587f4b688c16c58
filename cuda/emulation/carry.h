// SPDX-License-Identifier: Apache-2.0
// The carry chain of ptx.h in portable C++, for limbs of any width from 8 to 32 bits.
#pragma once

#include "pyfate_cuda/types.h"

namespace pyfate_cuda {
namespace emulation {

// One flag is enough: no thread gives way to another inside a chain.
inline Limb carry_flag = 0;

inline Limb set_flag(uint64_t sum) {
  carry_flag = static_cast<Limb>(sum >> kLimbBits) & 1;
  return static_cast<Limb>(sum) & kLimbMax;
}

inline uint64_t product(Limb a, Limb b) {
  return uint64_t{a & kLimbMax} * (b & kLimbMax);
}

}  // namespace emulation

inline Limb add_cc(Limb a, Limb b) {
  return emulation::set_flag(uint64_t{a & kLimbMax} + (b & kLimbMax));
}
inline Limb addc_cc(Limb a, Limb b) {
  return emulation::set_flag(uint64_t{a & kLimbMax} + (b & kLimbMax) + emulation::carry_flag);
}
inline Limb addc(Limb a, Limb b) {
  return (a + b + emulation::carry_flag) & kLimbMax;
}
inline Limb mad_lo_cc(Limb a, Limb b, Limb c) {
  return emulation::set_flag((emulation::product(a, b) & kLimbMax) + c);
}
inline Limb madc_lo_cc(Limb a, Limb b, Limb c) {
  return emulation::set_flag((emulation::product(a, b) & kLimbMax) + c + emulation::carry_flag);
}
inline Limb madc_hi_cc(Limb a, Limb b, Limb c) {
  return emulation::set_flag((emulation::product(a, b) >> kLimbBits) + c + emulation::carry_flag);
}
inline Limb multiply_low(Limb a, Limb b) {
  return (a * b) & kLimbMax;
}
inline Limb shift_left_1(Limb high, Limb low) {
  return ((high << 1) | (low >> (kLimbBits - 1))) & kLimbMax;
}

}  // namespace pyfate_cuda
