// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include "pyfate_cuda/types.h"

namespace py = pybind11;

// The runtime and its devices, random words, constants of the build.
void register_device(py::module_& m);

// The operations on rows.
void register_ring(py::module_& m);

// Raises _cuda.DeviceError with the runtime's own words unless status is success.
void check(pyfate_cuda::Status status);

// An address handed over as a Python integer; 0 is null.
template <class T>
T* pointer(uintptr_t address) {
  return reinterpret_cast<T*>(address);
}
