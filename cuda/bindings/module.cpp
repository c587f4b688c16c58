// SPDX-License-Identifier: Apache-2.0
// The extension module _cuda: addresses and a stream in, nothing else. _cuda.pyi is its contract.
#include "bindings/register.h"

PYBIND11_MODULE(_cuda, m, py::mod_gil_not_used()) {
  m.doc() = "Batched Paillier arithmetic on an NVIDIA GPU; see pyfate_gpu.backends.cuda.engine.";
  register_device(m);
  register_ring(m);
}
