// SPDX-License-Identifier: Apache-2.0
// The integer matrix of a matrix product in the exponent, dense or CSR, and its signed digits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/parallel.h"

namespace pyfate {

/// Windows are not wider: digits fit 16 bits.
inline constexpr int kWidestDigit = 14;

/// Entries are two's complement of `words` words. Dense when offsets is null: [rows, columns,
/// words]; otherwise entry e of row i is offsets[i] <= e < offsets[i + 1], in column indices[e].
/// Entries are numbered row by row, also where a dense matrix lies in memory column by column.
struct ExponentMatrix {
  std::size_t rows;
  std::size_t columns;
  std::size_t words;
  const std::int64_t* values;
  const std::int64_t* offsets;
  const std::int64_t* indices;
  bool by_columns = false;

  std::size_t first(std::size_t row) const {
    return offsets != nullptr ? static_cast<std::size_t>(offsets[row]) : row * columns;
  }
  std::size_t column(std::size_t row, std::size_t entry) const {
    return offsets != nullptr ? static_cast<std::size_t>(indices[entry]) : entry - row * columns;
  }
  const std::int64_t* value(std::size_t entry) const {
    return values + words * (by_columns ? entry % columns * rows + entry / columns : entry);
  }
};

/// Windows of the magnitude, lowest first. Digits of all but the top one are signed,
/// |digit| <= 2^(width - 1); the top digit is not negative and takes the last carry, so
/// digit <= 2^width, or below 2^width when it is the only one.
struct DigitWindows {
  std::vector<int> offsets;
  std::vector<int> widths;

  /// `count` windows for magnitudes of `bits` bits, the top one a bit narrower than the others.
  DigitWindows(int bits, int count);

  int count() const { return static_cast<int>(widths.size()); }
  bool is_top(int window) const { return window + 1 == count(); }
  /// The greatest |digit| of a window.
  std::size_t buckets(int window) const;
};

/// The digits of all entries, for a matrix that is multiplied more than once.
class DigitTable {
 public:
  DigitTable(const ExponentMatrix& matrix, const DigitWindows& windows, const Run& run);

  std::int64_t digit(std::size_t entry, int window) const {
    return digits_[entry * windows_ + static_cast<std::size_t>(window)];
  }
  std::size_t bytes() const { return digits_.size() * sizeof digits_[0]; }

 private:
  std::size_t windows_;
  std::vector<std::int16_t> digits_;
};

/// Reads digits of entries, out of a table where there is one; holds scratch for values of several
/// words.
class DigitReader {
 public:
  DigitReader(const ExponentMatrix& matrix, const DigitWindows& windows, const DigitTable* table)
      : matrix_(matrix), windows_(windows), table_(table), magnitude_(matrix.words) {}

  /// The digit of an entry in a window, with the sign of the entry.
  std::int64_t digit(std::size_t entry, int window) {
    return table_ != nullptr ? table_->digit(entry, window) : computed(entry, window);
  }

 private:
  friend class DigitTable;

  std::int64_t computed(std::size_t entry, int window);

  const ExponentMatrix& matrix_;
  const DigitWindows& windows_;
  const DigitTable* table_;
  std::vector<std::uint64_t> magnitude_;
};

/// An odd digit of a magnitude: value * 2^position.
struct OddDigit {
  int position;
  std::int64_t value;
};

/// Splits entries into odd signed digits that lie `width` bits apart or more (the non-adjacent form
/// of that width): |value| < 2^(width - 1), and positions up to the bits of the magnitude.
class OddDigitReader {
 public:
  /// Precondition: 2 <= width <= 32.
  OddDigitReader(const ExponentMatrix& matrix, int width)
      : matrix_(matrix), width_(width), magnitude_(matrix.words) {}

  void start(std::size_t entry);
  /// The next digit from the lowest on, with the sign of the entry; false when there is none.
  bool next(OddDigit& digit);
  /// Digits that an entry of so many bits has at most.
  static std::size_t most(int bits, int width) {
    return static_cast<std::size_t>(bits / width) + 1;
  }

 private:
  const ExponentMatrix& matrix_;
  int width_;
  std::vector<std::uint64_t> magnitude_;
  bool negative_ = false;
  int bits_ = 0;
  int position_ = 0;
  int carry_ = 0;
};

/// What a plan has to know of a matrix: one pass over it.
struct MatrixSummary {
  explicit MatrixSummary(const ExponentMatrix& matrix);

  int bits = 0;             ///< of the greatest magnitude
  std::size_t nonzero = 0;  ///< entries that are not zero
  bool any_negative = false;
};

}  // namespace pyfate
