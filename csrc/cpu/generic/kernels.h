// SPDX-License-Identifier: Apache-2.0
// The kernel table of one engine.
#pragma once

#include <new>
#include <type_traits>

#include "cpu/generic/elementwise.h"
#include "cpu/generic/fixed_base.h"
#include "cpu/generic/inversion.h"
#include "cpu/generic/powers.h"
#include "cpu/generic/products.h"

namespace pyfate::generic {

template <class A>
void construct(void* memory, const ModulusConstants& constants) {
  static_assert(std::is_trivially_destructible_v<A>, "engines are never destroyed");
  ::new (memory) A(constants);
}

template <class A>
std::size_t stored_words(const void* memory) {
  return static_cast<const A*>(memory)->stored_words();
}

template <class A>
inline constexpr KernelTable kKernels{
    A::kLanes,           sizeof(A),           sizeof(typename A::Number),
    &construct<A>,       &stored_words<A>,    &linear<A>,
    &leave<A>,           &multiply<A>,        &multiply_plain<A>,
    &square_many<A>,     &power_var<A>,       &power_secret<A>,
    &power_each_var<A>,  &fixed_base<A>,      &fixed_base_secret<A>,
    &prefix_products<A>, &unwind_inverses<A>, &unpack<A>,
    &product<A>,         &product_stored<A>,  &ladders<A>,
    &split_ladders<A>,   &clear_buckets<A>,   &fill_buckets<A>,
    &combine_buckets<A>,
};

}  // namespace pyfate::generic
