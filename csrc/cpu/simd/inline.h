// SPDX-License-Identifier: Apache-2.0
#pragma once

// Small functions that must vanish into their caller: the caller is compiled for one instruction
// set, and a copy left behind could be picked by the linker for another one.
#define PYFATE_INLINE inline __attribute__((always_inline))
