// SPDX-License-Identifier: Apache-2.0
// THE list of instruction sets. A new one is a folder under csrc/cpu and a line here.
#include <cstring>
#include <stdexcept>
#include <string>

#include "cpu/portable/kernels.h"
#include "pyfate/instruction_set.h"

namespace pyfate {

namespace {

const char* nothing_missing() { return nullptr; }

}  // namespace

const std::vector<InstructionSet>& instruction_sets() {
  static const std::vector<InstructionSet> sets = {
      {"portable", &nothing_missing, true, 64, &portable::limbs_for, &portable::kernels_for},
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
