// SPDX-License-Identifier: Apache-2.0
// Says where values become secret and where one is let out. Both do nothing, except in the build
// that tests/native/run_constant_time.sh runs under valgrind: there, memory that is `secret` counts
// as undefined, and memcheck reports every branch and every address that depends on it.
#pragma once

#include <cstddef>

#if defined(PYFATE_CONSTANT_TIME)
#include <valgrind/memcheck.h>
#endif

namespace pyfate {

/// Values from here on that no branch and no address may depend on.
template <class T>
void secret([[maybe_unused]] const T* values, [[maybe_unused]] std::size_t count) {
#if defined(PYFATE_CONSTANT_TIME)
  (void)VALGRIND_MAKE_MEM_UNDEFINED(values, count * sizeof(T));
#endif
}

/// The same value, known to everybody. Each use says why it may be.
template <class T>
T declassified(T value) {
#if defined(PYFATE_CONSTANT_TIME)
  (void)VALGRIND_MAKE_MEM_DEFINED(&value, sizeof value);
#endif
  return value;
}

}  // namespace pyfate
