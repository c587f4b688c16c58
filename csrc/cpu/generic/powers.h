// SPDX-License-Identifier: Apache-2.0
// Powers: one public exponent, one secret exponent, an exponent for each row.
#pragma once

#include "cpu/generic/lanes.h"

namespace pyfate::generic {

static inline bool bit_at(CommonExponent e, int position) {
  return (e.words[position / 64] >> (position % 64) & 1) != 0;
}

static inline std::size_t words_of(CommonExponent e) {
  return (static_cast<std::size_t>(e.bits) + 63) / 64;
}

/// Left-to-right sliding windows (Menezes et al., Handbook of Applied Cryptography, 14.85).
/// Precondition: e.bits >= 1 and its top bit is set.
template <class A>
void power_var(const void* memory, RowsView a, CommonExponent e, int width, void* scratch,
               std::uint64_t* out, std::size_t begin, std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  auto* odd = static_cast<typename A::Number*>(scratch);  // odd[j] = a^(2 j + 1)
  const int entries = 1 << (width - 1);
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    typename A::Number& square = odd[entries];
    engine.load(odd[0], RowPointers<A>(a, i, end).at);
    engine.square(square, odd[0]);
    for (int j = 1; j < entries; ++j) engine.multiply(odd[j], odd[j - 1], square);
    typename A::Number value;
    bool started = false;
    for (int top = e.bits - 1; top >= 0;) {
      if (!bit_at(e, top)) {
        engine.square(value, value);
        --top;
        continue;
      }
      int low = top - width + 1 > 0 ? top - width + 1 : 0;
      while (!bit_at(e, low)) ++low;
      const std::uint64_t digit = bits_at(e.words, words_of(e), low, top - low + 1);
      if (started) {
        for (int count = low; count <= top; ++count) engine.square(value, value);
        engine.multiply(value, value, odd[digit / 2]);
      } else {
        value = odd[digit / 2];
        started = true;
      }
      top = low - 1;
    }
    engine.store(OutPointers<A>(out, a.stride, i, end).at, value);
  }
}

/// Fixed windows from the top. Each table entry is read for each digit.
template <class A>
void power_secret(const void* memory, RowsView a, CommonExponent e, int width, void* scratch,
                  std::uint64_t* out, std::size_t begin, std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  auto* table = static_cast<typename A::Number*>(scratch);
  const int entries = 1 << width;
  const int digits = (e.bits + width - 1) / width;
  typename A::Number& chosen = table[entries];
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    engine.set_one(table[0]);
    engine.load(table[1], RowPointers<A>(a, i, end).at);
    for (int j = 2; j < entries; ++j) {
      if (j % 2 == 0) {
        engine.square(table[j], table[j / 2]);
      } else {
        engine.multiply(table[j], table[j - 1], table[1]);
      }
    }
    typename A::Number value;
    for (int digit = digits - 1; digit >= 0; --digit) {
      std::uint64_t index[A::kLanes];
      const std::uint64_t bits = bits_at(e.words, words_of(e), digit * width, width);
      for (int lane = 0; lane < A::kLanes; ++lane) index[lane] = bits;
      engine.scan(chosen, table, entries, index);
      if (digit == digits - 1) {
        value = chosen;
        continue;
      }
      for (int count = 0; count < width; ++count) engine.square(value, value);
      engine.multiply(value, value, chosen);
    }
    engine.store(OutPointers<A>(out, a.stride, i, end).at, value);
  }
}

/// Fixed windows, every lane with digits of its own, read from a table of stored powers.
template <class A>
void power_each_var(const void* memory, RowsView a, RowsView exponents, int bits, int width,
                    void* scratch, std::uint64_t* out, std::size_t begin, std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  auto* table = static_cast<std::uint64_t*>(scratch);  // [digit][lane][stored words]
  const std::size_t stored = engine.stored_words();
  const int digits = (bits + width - 1) / width;
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    const RowPointers<A> exponent(exponents, i, end);
    typename A::Number base;
    typename A::Number value;
    std::uint64_t* slots[A::kLanes];
    const std::uint64_t* chosen[A::kLanes];
    engine.load(base, RowPointers<A>(a, i, end).at);
    engine.set_one(value);
    for (int digit = 0; digit < 1 << width; ++digit) {
      for (int lane = 0; lane < A::kLanes; ++lane) {
        slots[lane] = table + (static_cast<std::size_t>(digit) * A::kLanes + lane) * stored;
      }
      if (digit == 1) value = base;
      if (digit > 1) engine.multiply(value, value, base);
      engine.scatter(slots, value);
    }
    engine.set_one(value);
    for (int digit = digits - 1; digit >= 0; --digit) {
      for (int lane = 0; lane < A::kLanes; ++lane) {
        const std::uint64_t bits_here =
            bits_at(exponent.at[lane], exponents.stride, digit * width, width);
        chosen[lane] = table + (bits_here * A::kLanes + lane) * stored;
      }
      if (digit == digits - 1) {
        engine.gather(value, chosen);
        continue;
      }
      for (int count = 0; count < width; ++count) engine.square(value, value);
      typename A::Number factor;
      engine.gather(factor, chosen);
      engine.multiply(value, value, factor);
    }
    engine.store(OutPointers<A>(out, a.stride, i, end).at, value);
  }
}

}  // namespace pyfate::generic
