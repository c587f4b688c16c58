// SPDX-License-Identifier: Apache-2.0
// THE list of instruction sets. A new one is a folder under csrc/cpu and a line here.
#include <cstring>
#include <stdexcept>
#include <string>

#include "cpu/features.h"
#include "cpu/portable/kernels.h"
#include "pyfate/instruction_set.h"

#if defined(PYFATE_X86_VECTOR)
#include "cpu/avx2/kernels.h"
#include "cpu/avx512ifma/kernels.h"
#endif
#if defined(PYFATE_EMULATED)
#include "cpu/emulated/kernels.h"
#endif

namespace pyfate {

namespace {

const char* nothing_missing() {
  return nullptr;
}

}  // namespace

const std::vector<InstructionSet>& instruction_sets() {
  static const std::vector<InstructionSet> sets = {
#if defined(PYFATE_X86_VECTOR)
      {"avx512ifma", &missing_avx512ifma, 52, &avx512ifma::limbs_for, &avx512ifma::kernels_for,
       &avx512ifma::multiply_limbs},
      {"avx2", &missing_avx2, 28, &avx2::limbs_for, &avx2::kernels_for, &avx2::multiply_limbs},
#endif
      {"portable", &nothing_missing, 64, &portable::limbs_for, &portable::kernels_for,
       &portable::multiply_limbs},
#if defined(PYFATE_EMULATED)
      // For tests: the last, so that nobody gets it unasked.
      {"emulated", &nothing_missing, 52, &emulated::limbs_for, &emulated::kernels_for,
       &emulated::multiply_limbs},
#endif
  };
  return sets;
}

const InstructionSet& instruction_set(const char* name) {
  std::string known;
  for (const InstructionSet& set : instruction_sets()) {
    if (std::strcmp(set.name, name) == 0) {
      const char* missing = set.missing();
      if (missing == nullptr) return set;
      throw std::invalid_argument("instruction set '" + std::string(name) +
                                  "' cannot run here: " + missing);
    }
    known += known.empty() ? set.name : std::string(", ") + set.name;
  }
  throw std::invalid_argument("unknown instruction set '" + std::string(name) +
                              "'; this build knows: " + known);
}

}  // namespace pyfate
