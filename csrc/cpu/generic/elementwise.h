// SPDX-License-Identifier: Apache-2.0
// Row by row: changes of form, products, products with plaintexts, repeated squaring.
#pragma once

#include "cpu/generic/lanes.h"

namespace pyfate::generic {

template <class A>
void linear(const void* memory, const std::uint64_t* pieces, int words,
            const std::uint64_t* constants, int terms, std::uint64_t* out, std::size_t begin,
            std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  const std::size_t stride = 2 * static_cast<std::size_t>(words);
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    typename A::Number sum;
    for (int term = 0; term < terms; ++term) {
      const RowsView column{pieces + static_cast<std::size_t>(term) * words, nullptr,
                            static_cast<std::size_t>(terms) * words};
      const RowPointers<A> piece(column, i, end);
      const SameRow<A> factor(constants + stride * term);
      typename A::Half half;
      typename A::Number value;
      typename A::Number constant;
      engine.load_half(half, piece.at, words);
      engine.widen(value, half);
      engine.load(constant, factor.at);
      engine.multiply(value, value, constant);
      if (term == 0) {
        sum = value;
      } else {
        engine.add(sum, sum, value);
      }
    }
    engine.store(OutPointers<A>(out, stride, i, end).at, sum);
  }
}

template <class A>
void leave(const void* memory, RowsView a, std::uint64_t* out, std::size_t begin, std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    const std::uint64_t one = 1;
    const SameRow<A> ones(&one);
    typename A::Half half;
    typename A::Number unit;
    typename A::Number value;
    engine.load_half(half, ones.at, 1);
    engine.widen(unit, half);
    engine.load(value, RowPointers<A>(a, i, end).at);
    engine.multiply(value, unit, value);
    engine.store(OutPointers<A>(out, a.stride, i, end).at, value);
  }
}

template <class A>
void multiply(const void* memory, RowsView a, RowsView b, std::uint64_t* out, std::size_t begin,
              std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    typename A::Number left;
    typename A::Number right;
    engine.load(left, RowPointers<A>(a, i, end).at);
    engine.load(right, RowPointers<A>(b, i, end).at);
    prefetch_rows<A>(a, i + A::kLanes, end);
    prefetch_rows<A>(b, i + A::kLanes, end);
    engine.multiply(left, left, right);
    engine.store(OutPointers<A>(out, a.stride, i, end).at, left);
  }
}

template <class A>
void multiply_plain(const void* memory, RowsView a, RowsView residues, std::uint64_t* out,
                    std::size_t begin, std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    typename A::Number value;
    typename A::Half residue;
    engine.load(value, RowPointers<A>(a, i, end).at);
    engine.load_half(residue, RowPointers<A>(residues, i, end).at,
                     static_cast<int>(residues.stride));
    prefetch_rows<A>(a, i + A::kLanes, end);
    engine.add_multiple(value, residue);
    engine.store(OutPointers<A>(out, a.stride, i, end).at, value);
  }
}

template <class A>
void square_many(const void* memory, RowsView a, int times, std::uint64_t* out, std::size_t begin,
                 std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    typename A::Number value;
    engine.load(value, RowPointers<A>(a, i, end).at);
    for (int count = 0; count < times; ++count) engine.square(value, value);
    engine.store(OutPointers<A>(out, a.stride, i, end).at, value);
  }
}

}  // namespace pyfate::generic
