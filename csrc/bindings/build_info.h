// SPDX-License-Identifier: Apache-2.0
// What a build was told about itself.
#pragma once

namespace pyfate::bindings {

/// Why this build has no module for CUDA; empty where it has one, or nobody said.
const char* without_cuda();

}  // namespace pyfate::bindings
