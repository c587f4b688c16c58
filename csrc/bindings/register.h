// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace pyfate::bindings {

void register_instruction_sets(pybind11::module_& module);
void register_masking(pybind11::module_& module);
void register_placed_matrix(pybind11::module_& module);
void register_public_context(pybind11::module_& module);
void register_private_context(pybind11::module_& module);
void register_shares(pybind11::module_& module);

}  // namespace pyfate::bindings
