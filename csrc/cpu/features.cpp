// SPDX-License-Identifier: Apache-2.0
#include "cpu/features.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace pyfate {

#if defined(__x86_64__)

namespace {

// CPUID bits: Intel 64 Software Developer's Manual, volume 2A, CPUID, leaves 1 and 7.
constexpr std::uint32_t kOsxsave = 1u << 27;     // leaf 1, ecx
constexpr std::uint32_t kAvx = 1u << 28;         // leaf 1, ecx
constexpr std::uint32_t kAvx2 = 1u << 5;         // leaf 7, ebx
constexpr std::uint32_t kBmi2 = 1u << 8;         // leaf 7, ebx
constexpr std::uint32_t kAvx512F = 1u << 16;     // leaf 7, ebx
constexpr std::uint32_t kAdx = 1u << 19;         // leaf 7, ebx
constexpr std::uint32_t kAvx512Ifma = 1u << 21;  // leaf 7, ebx
constexpr std::uint64_t kSavesAvx = 0x6;         // XCR0: SSE and AVX state
constexpr std::uint64_t kSavesAvx512 = 0xe6;     // and mask, upper and further registers

struct Registers {
  std::uint32_t leaf1_ecx = 0;
  std::uint32_t leaf7_ebx = 0;
  std::uint64_t saved = 0;  // XCR0: the state the operating system keeps across switches

  Registers() {
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    std::uint32_t c = 0;
    std::uint32_t d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) != 0) leaf1_ecx = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) leaf7_ebx = b;
    if ((leaf1_ecx & kOsxsave) != 0) {
      __asm__ __volatile__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
      saved = static_cast<std::uint64_t>(d) << 32 | a;
    }
  }
};

const Registers& registers() {
  static const Registers registers;
  return registers;
}

}  // namespace

const char* missing_avx512ifma() {
  const Registers& have = registers();
  const std::uint32_t needed = kAvx512F | kAvx512Ifma;
  if ((have.leaf7_ebx & needed) != needed) return "this processor has no AVX-512 IFMA";
  if ((have.saved & kSavesAvx512) != kSavesAvx512) {
    return "the operating system does not keep AVX-512 registers";
  }
  return nullptr;
}

const char* missing_avx2() {
  const Registers& have = registers();
  if ((have.leaf1_ecx & kAvx) == 0 || (have.leaf7_ebx & kAvx2) == 0) {
    return "this processor has no AVX2";
  }
  if ((have.saved & kSavesAvx) != kSavesAvx) {
    return "the operating system does not keep AVX registers";
  }
  return nullptr;
}

const char* missing_adx() {
  const std::uint32_t needed = kAdx | kBmi2;
  if ((registers().leaf7_ebx & needed) != needed) return "this processor has no ADX and BMI2";
  return nullptr;
}

#else

const char* missing_avx512ifma() {
  return "this is not an x86-64 processor";
}
const char* missing_avx2() {
  return "this is not an x86-64 processor";
}
const char* missing_adx() {
  return "this is not an x86-64 processor";
}

#endif

}  // namespace pyfate
