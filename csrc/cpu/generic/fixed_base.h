// SPDX-License-Identifier: Apache-2.0
// Powers of one base from a table of split numbers: one product a window, no squarings.
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
    typename A::Running product;
    typename A::Number factor;
    locate(0, now);
    if (table.count > 1) locate(1, next);
    engine.gather(factor, now);
    engine.begin(product, factor);
    for (int window = 1; window < table.count; ++window) {
      for (int lane = 0; lane < A::kLanes; ++lane) now[lane] = next[lane];
      if (window + 1 < table.count) locate(window + 1, next);
      engine.gather(factor, now);
      engine.extend(product, factor);
    }
    engine.store(OutPointers<A>(out, stride, i, end).at, engine.finish(product));
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
    typename A::Running product;
    typename A::Number factor;
    for (int window = 0; window < table.count; ++window) {
      const Window& w = table.windows[window];
      std::uint64_t index[A::kLanes];
      for (int lane = 0; lane < A::kLanes; ++lane) {
        index[lane] = bits_at(exponent.at[lane], digits.stride, w.offset, w.width);
      }
      engine.scan_stored(factor, table.entries + w.first * stored, 1 << w.width, index);
      if (window == 0) {
        engine.begin(product, factor);
      } else {
        engine.extend(product, factor);
      }
    }
    engine.store(OutPointers<A>(out, stride, i, end).at, engine.finish(product));
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

/// The same with split numbers for rungs, as a fixed-base table holds them.
template <class A>
void split_ladders(const void* memory, const SplitLadder* list, std::size_t count) {
  const A& engine = *static_cast<const A*>(memory);
  const std::size_t stored = engine.stored_words();
  auto load = [&](typename A::Number& number, typename A::Half& inverse, auto part) {
    const std::uint64_t* rows[A::kLanes];
    const std::uint64_t* inverses[A::kLanes];
    for (int lane = 0; lane < A::kLanes; ++lane) {
      rows[lane] = part(lane).row;
      inverses[lane] = part(lane).inverse;
    }
    engine.load(number, rows);
    engine.load_half(inverse, inverses, engine.words());
    engine.split(number, inverse);
  };
  for (std::size_t i = 0; i < count; i += A::kLanes) {
    auto ladder = [&](int lane) -> const SplitLadder& {
      return list[smaller(i + lane, count - 1)];
    };
    std::size_t longest = 0;
    for (int lane = 0; lane < A::kLanes; ++lane) {
      longest = ladder(lane).count > longest ? ladder(lane).count : longest;
    }
    typename A::Number value;
    typename A::Number step;
    typename A::Number next;
    typename A::Half inverse;
    typename A::Half step_inverse;
    load(value, inverse, [&](int lane) { return ladder(lane).start; });
    load(step, step_inverse, [&](int lane) { return ladder(lane).step; });
    for (std::size_t rung = 0; rung < longest; ++rung) {
      if (rung > 0) {
        engine.multiply_half(inverse, inverse, step_inverse);
        engine.multiply_split(next, value, step, inverse);
        value = next;
      }
      std::uint64_t spare[A::kLanes][2 * A::kMaxLimbs];
      std::uint64_t* slot[A::kLanes];
      for (int lane = 0; lane < A::kLanes; ++lane) {
        slot[lane] = rung < ladder(lane).count ? ladder(lane).out + rung * stored : spare[lane];
      }
      engine.scatter(slot, value);
    }
  }
}

}  // namespace pyfate::generic
