// SPDX-License-Identifier: Apache-2.0
#include <pybind11/stl.h>

#include <string>
#include <tuple>
#include <vector>

#include "bindings/register.h"
#include "pyfate/instruction_set.h"

namespace pyfate::bindings {

void register_instruction_sets(pybind11::module_& module) {
  module.def(
      "instruction_sets",
      [] {
        std::vector<std::tuple<std::string, bool, std::string>> list;
        for (const InstructionSet& set : instruction_sets()) {
          const char* missing = set.missing();
          list.emplace_back(set.name, missing == nullptr, missing == nullptr ? "" : missing);
        }
        return list;
      },
      "Instruction sets of this build, best first: name, usable here, what is missing if not.");
}

}  // namespace pyfate::bindings
