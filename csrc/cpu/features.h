// SPDX-License-Identifier: Apache-2.0
// What this processor can run and the operating system lets it run.
#pragma once

namespace pyfate {

/// Each returns null when its instructions can run here, otherwise what is missing.
const char* missing_avx512ifma();
const char* missing_avx2();
const char* missing_adx();

}  // namespace pyfate
