// SPDX-License-Identifier: Apache-2.0
#include "bindings/register.h"

PYBIND11_MODULE(_cpu, module) {
  module.doc() = "Batched Paillier arithmetic on the CPU. Private: use pyfate_gpu.backends.";
  pyfate::bindings::register_instruction_sets(module);
  pyfate::bindings::register_masking(module);
  pyfate::bindings::register_placed_matrix(module);
  pyfate::bindings::register_public_context(module);
  pyfate::bindings::register_private_context(module);
  pyfate::bindings::register_shares(module);
}
