// SPDX-License-Identifier: Apache-2.0
// The two passes of batched inversion (Montgomery's trick): one inversion and three products a row.
#pragma once

#include "cpu/generic/lanes.h"

namespace pyfate::generic {

/// Loads row `i` of each lane, and one where a lane has no more rows.
template <class A>
void load_or_one(const A& engine, typename A::Number& out, RowsView a, std::size_t i,
                 std::size_t count, const std::uint64_t* one) {
  const std::uint64_t* rows[A::kLanes];
  for (int lane = 0; lane < A::kLanes; ++lane) {
    rows[lane] = i + lane < count ? row_at(a, i + lane) : one;
  }
  engine.load(out, rows);
}

template <class A>
void store_existing(const A& engine, std::uint64_t* out, std::size_t stride,
                    const typename A::Number& value, std::size_t i, std::size_t count) {
  std::uint64_t spare[2 * A::kMaxWords];
  std::uint64_t* rows[A::kLanes];
  for (int lane = 0; lane < A::kLanes; ++lane) {
    rows[lane] = i + lane < count ? out + stride * (i + lane) : spare;
  }
  engine.store(rows, value);
}

template <class A>
void store_one(const A& engine, std::uint64_t* row) {
  typename A::Number one;
  std::uint64_t* rows[A::kLanes];
  for (int lane = 0; lane < A::kLanes; ++lane) rows[lane] = row;
  engine.set_one(one);
  engine.store(rows, one);
}

template <class A>
void prefix_products(const void* memory, RowsView a, std::size_t count, std::uint64_t* prefix,
                     std::uint64_t* totals) {
  const A& engine = *static_cast<const A*>(memory);
  std::uint64_t one[2 * A::kMaxWords];
  store_one(engine, one);
  typename A::Number running;
  typename A::Number value;
  engine.set_one(running);
  for (std::size_t i = 0; i < count; i += A::kLanes) {
    store_existing(engine, prefix, a.stride, running, i, count);
    load_or_one(engine, value, a, i, count, one);
    engine.multiply(running, running, value);
  }
  store_existing<A>(engine, totals, a.stride, running, 0, A::kLanes);
}

template <class A>
void unwind_inverses(const void* memory, RowsView a, std::size_t count, const std::uint64_t* prefix,
                     const std::uint64_t* inverses, std::uint64_t* out) {
  const A& engine = *static_cast<const A*>(memory);
  std::uint64_t one[2 * A::kMaxWords];
  store_one(engine, one);
  const RowsView prefixes{prefix, nullptr, a.stride};
  typename A::Number running;
  typename A::Number value;
  load_or_one(engine, running, RowsView{inverses, nullptr, a.stride}, 0, A::kLanes, one);
  const std::size_t steps = (count + A::kLanes - 1) / A::kLanes;
  for (std::size_t step = steps; step-- > 0;) {
    const std::size_t i = step * A::kLanes;
    load_or_one(engine, value, prefixes, i, count, one);
    engine.multiply(value, value, running);
    store_existing(engine, out, a.stride, value, i, count);
    load_or_one(engine, value, a, i, count, one);
    engine.multiply(running, running, value);
  }
}

}  // namespace pyfate::generic
