// SPDX-License-Identifier: Apache-2.0
// Powers of one base from a table: one product a window, no squarings.
// docs/algorithms/fixed-base-encryption.md.
#pragma once

#include "cpu/generic/lanes.h"

namespace pyfate::generic {

template <class A>
void fixed_base(const void* memory, FixedBaseTable table, const std::uint64_t* exponents,
                int exponent_words, std::uint64_t* out, std::size_t begin, std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  const std::size_t stored = engine.stored_words();
  const std::size_t stride = 2 * static_cast<std::size_t>(engine.words());
  const RowsView digits{exponents, nullptr, static_cast<std::size_t>(exponent_words)};
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    const RowPointers<A> exponent(digits, i, end);
    const std::uint64_t* now[A::kLanes];
    const std::uint64_t* next[A::kLanes];
    auto locate = [&](int window, const std::uint64_t** entries) {
      const Window& w = table.windows[window];
      for (int lane = 0; lane < A::kLanes; ++lane) {
        const std::uint64_t digit = bits_at(exponent.at[lane], digits.stride, w.offset, w.width);
        entries[lane] = table.entries + (w.first + digit) * stored;
        prefetch(entries[lane], stored);
      }
    };
    typename A::Number value;
    typename A::Number factor;
    locate(0, now);
    if (table.count > 1) locate(1, next);
    engine.gather(value, now);
    for (int window = 1; window < table.count; ++window) {
      for (int lane = 0; lane < A::kLanes; ++lane) now[lane] = next[lane];
      if (window + 1 < table.count) locate(window + 1, next);
      engine.gather(factor, now);
      engine.multiply(value, value, factor);
    }
    engine.store(OutPointers<A>(out, stride, i, end).at, value);
  }
}

/// All lanes share a window's entries, so that one pass over them serves every lane.
template <class A>
void fixed_base_secret(const void* memory, FixedBaseTable table, const std::uint64_t* exponents,
                       int exponent_words, std::uint64_t* out, std::size_t begin, std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  const std::size_t stored = engine.stored_words();
  const std::size_t stride = 2 * static_cast<std::size_t>(engine.words());
  const RowsView digits{exponents, nullptr, static_cast<std::size_t>(exponent_words)};
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    const RowPointers<A> exponent(digits, i, end);
    typename A::Number value;
    typename A::Number factor;
    for (int window = 0; window < table.count; ++window) {
      const Window& w = table.windows[window];
      std::uint64_t index[A::kLanes];
      for (int lane = 0; lane < A::kLanes; ++lane) {
        index[lane] = bits_at(exponent.at[lane], digits.stride, w.offset, w.width);
      }
      engine.scan_stored(window == 0 ? value : factor, table.entries + w.first * stored,
                         1 << w.width, index);
      if (window > 0) engine.multiply(value, value, factor);
    }
    engine.store(OutPointers<A>(out, stride, i, end).at, value);
  }
}

/// Each ladder is one lane; ladders of different lengths may share a call.
template <class A>
void ladders(const void* memory, const Ladder* list, std::size_t count) {
  const A& engine = *static_cast<const A*>(memory);
  const std::size_t stored = engine.stored_words();
  for (std::size_t i = 0; i < count; i += A::kLanes) {
    const std::uint64_t* start[A::kLanes];
    const std::uint64_t* step[A::kLanes];
    std::uint64_t* slot[A::kLanes];
    std::size_t longest = 0;
    for (int lane = 0; lane < A::kLanes; ++lane) {
      const Ladder& ladder = list[smaller(i + lane, count - 1)];
      start[lane] = ladder.start;
      step[lane] = ladder.step;
      longest = ladder.count > longest ? ladder.count : longest;
    }
    typename A::Number value;
    typename A::Number factor;
    engine.load(value, start);
    engine.load(factor, step);
    for (std::size_t rung = 0; rung < longest; ++rung) {
      if (rung > 0) engine.multiply(value, value, factor);
      std::uint64_t spare[A::kLanes][2 * A::kMaxLimbs];
      for (int lane = 0; lane < A::kLanes; ++lane) {
        const Ladder& ladder = list[smaller(i + lane, count - 1)];
        slot[lane] = rung < ladder.count ? ladder.out + rung * stored : spare[lane];
      }
      engine.scatter(slot, value);
    }
  }
}

}  // namespace pyfate::generic
