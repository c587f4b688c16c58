// SPDX-License-Identifier: Apache-2.0
#include "bindings/build_info.h"

namespace pyfate::bindings {

const char* without_cuda() {
  return PYFATE_WITHOUT_CUDA;
}

}  // namespace pyfate::bindings
