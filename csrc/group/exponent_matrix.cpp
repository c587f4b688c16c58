// SPDX-License-Identifier: Apache-2.0
#include "group/exponent_matrix.h"

#include <algorithm>
#include <bit>

#include "group/packed.h"

namespace pyfate {

DigitWindows::DigitWindows(int bits, int count) {
  // Signed digits reach 2^(width - 1), the top digit 2^width: evenly many buckets if the top
  // window is a bit narrower.
  const int units = count == 1 ? bits : bits + 1;
  int offset = 0;
  for (int window = 0; window < count; ++window) {
    int width = units / count + (window < units % count ? 1 : 0);
    if (count > 1 && window + 1 == count) --width;
    offsets.push_back(offset);
    widths.push_back(width);
    offset += width;
  }
}

std::size_t DigitWindows::buckets(int window) const {
  const std::size_t all = std::size_t{1} << widths[window];
  if (count() == 1) return all - 1;
  return is_top(window) ? all : all / 2;
}

DigitTable::DigitTable(const ExponentMatrix& matrix, const DigitWindows& windows, const Run& run)
    : windows_(static_cast<std::size_t>(windows.count())),
      digits_(matrix.first(matrix.rows) * windows_) {
  constexpr std::size_t kChunk = 1 << 14;  // under a millisecond
  parallel_chunks(matrix.first(matrix.rows), kChunk, run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    DigitReader reader(matrix, windows, nullptr);
                    for (std::size_t entry = begin; entry < end; ++entry) {
                      for (int window = 0; window < windows.count(); ++window) {
                        digits_[entry * windows_ + static_cast<std::size_t>(window)] =
                            static_cast<std::int16_t>(reader.computed(entry, window));
                      }
                    }
                  });
}

std::int64_t DigitReader::computed(std::size_t entry, int window) {
  const bool negative = magnitude_of(matrix_.value(entry), matrix_.words, magnitude_.data());
  const int width = windows_.widths[window];
  const int offset = windows_.offsets[window];
  auto bits = [&](int from, int count) {
    std::uint64_t word;
    cut_bits(magnitude_.data(), matrix_.words, from, count, &word, 1);
    return static_cast<std::int64_t>(word);
  };
  std::int64_t digit = bits(offset, width);
  if (offset > 0) digit += bits(offset - 1, 1);
  if (!windows_.is_top(window)) digit -= bits(offset + width - 1, 1) << width;
  return negative ? -digit : digit;
}

void OddDigitReader::start(std::size_t entry) {
  negative_ = magnitude_of(matrix_.value(entry), matrix_.words, magnitude_.data());
  bits_ = bit_length(magnitude_.data(), matrix_.words);
  position_ = 0;
  carry_ = 0;
}

bool OddDigitReader::next(OddDigit& digit) {
  // Bits that the carry makes even have no digit: zeros without a carry, ones with it.
  while (position_ < bits_) {
    std::uint64_t ahead;
    cut_bits(magnitude_.data(), matrix_.words, position_, 64, &ahead, 1);
    const std::uint64_t odd = carry_ != 0 ? ~ahead : ahead;
    if (odd != 0) {
      position_ += std::countr_zero(odd);
      break;
    }
    position_ += 64;
  }
  if (position_ >= bits_ && carry_ == 0) return false;
  std::uint64_t window;
  cut_bits(magnitude_.data(), matrix_.words, position_, width_, &window, 1);
  std::int64_t value = static_cast<std::int64_t>(window) + carry_;
  carry_ = value >> (width_ - 1) != 0 ? 1 : 0;
  value -= static_cast<std::int64_t>(carry_) << width_;
  digit = {position_, negative_ ? -value : value};
  position_ += width_;
  return true;
}

MatrixSummary::MatrixSummary(const ExponentMatrix& matrix) {
  std::vector<std::uint64_t> magnitude(matrix.words);
  std::vector<std::uint64_t> ever_set(matrix.words);
  const std::size_t entries = matrix.first(matrix.rows);
  for (std::size_t entry = 0; entry < entries; ++entry) {
    const bool negative = magnitude_of(matrix.value(entry), matrix.words, magnitude.data());
    std::uint64_t any = 0;
    for (std::size_t word = 0; word < matrix.words; ++word) {
      any |= magnitude[word];
      ever_set[word] |= magnitude[word];
    }
    nonzero += any != 0 ? 1 : 0;
    any_negative = any_negative || negative;
  }
  bits = bit_length(ever_set.data(), matrix.words);
}

}  // namespace pyfate
