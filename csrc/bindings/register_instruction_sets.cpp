// SPDX-License-Identifier: Apache-2.0
#include <pybind11/stl.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/build_info.h"
#include "bindings/register.h"
#include "pyfate/instruction_set.h"

namespace pyfate::bindings {

namespace py = pybind11;

namespace {

constexpr std::size_t kStreamedWords = 1024;  // 8 KiB: the nearest cache
constexpr int kMaxBits = 1 << 20;

int checked_bits(int bits) {
  if (bits >= 1 && bits <= kMaxBits) return bits;
  throw py::value_error("bits is " + std::to_string(bits) + "; it must be 1 to " +
                        std::to_string(kMaxBits));
}

}  // namespace

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
  module.def("without_cuda", &without_cuda,
             "Why this build has no module for CUDA; empty where it has one.");
  module.def(
      "limbs_for",
      [](const std::string& isa, int bits) {
        return instruction_set(isa.c_str()).limbs_for(checked_bits(bits));
      },
      py::arg("isa"), py::arg("bits"), "Limbs of a number of that many bits.");
  module.def(
      "multiply_limbs",
      [](const std::string& isa, std::uint64_t rounds) {
        const InstructionSet& set = instruction_set(isa.c_str());
        std::vector<std::uint64_t> words(kStreamedWords);
        // Of 26 bits, so that they are limbs of every radix.
        for (std::uint64_t i = 0; i < words.size(); ++i) words[i] = (i + 1) * 0x9e3779b1 >> 6;
        const py::gil_scoped_release released;
        return set.multiply_limbs(words.data(), words.size(), rounds);
      },
      py::arg("isa"), py::arg("rounds"),
      "Multiply limbs in registers and do nothing else; returns how many products. For the bench.");
}

}  // namespace pyfate::bindings
