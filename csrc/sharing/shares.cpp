// SPDX-License-Identifier: Apache-2.0
#include "sharing/shares.h"

#include <algorithm>
#include <atomic>

#include "bigint/secrecy.h"
#include "group/modulus.h"
#include "group/packed.h"
#include "rng/chacha20.h"

namespace pyfate {

namespace {

__extension__ using Wide = unsigned __int128;
__extension__ using SignedWide = __int128;

constexpr std::size_t kChunkWords = 1 << 14;  // enough work to wake a thread up for

std::size_t words_for(std::size_t bits) {
  return std::max<std::size_t>(1, (bits + 63) / 64);
}

std::uint64_t low_bits(std::size_t bits) {  // 1 to 64
  return ~std::uint64_t{0} >> (64 - bits);
}

std::uint64_t top_mask(std::size_t bits) {
  return low_bits(bits - 64 * (words_for(bits) - 1));
}

Wide power_of_two(std::size_t exponent) {
  return exponent < 128 ? Wide{1} << exponent : Wide{0};
}

Wide load(const std::uint64_t* words) {
  return static_cast<Wide>(words[1]) << 64 | words[0];
}

void store(Wide value, std::uint64_t* words) {
  words[0] = static_cast<std::uint64_t>(value);
  words[1] = static_cast<std::uint64_t>(value >> 64);
}

/// Adds `value` to `sum`; the carry is lost.
void add_in_place(std::uint64_t* sum, const std::uint64_t* value, std::size_t words) {
  Wide carry = 0;
  for (std::size_t i = 0; i < words; ++i) {
    carry += static_cast<Wide>(sum[i]) + value[i];
    sum[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
}

/// Sets the bits of a number from bit `offset` on; they are 0 before.
void put_bits(std::uint64_t* words, std::size_t size, std::size_t offset,
              const std::uint64_t* number, std::size_t count) {
  const std::size_t first = offset / 64;
  const std::size_t shift = offset % 64;
  for (std::size_t i = 0; i < count; ++i) {
    words[first + i] |= number[i] << shift;
    // A word cannot be shifted by all of its bits at once.
    if (first + i + 1 < size) words[first + i + 1] |= number[i] >> 1 >> (63 - shift);
  }
}

std::uint64_t word_at(const std::uint64_t* words, std::size_t offset) {
  const std::size_t shift = offset % 64;
  const std::uint64_t* from = words + offset / 64;
  return from[0] >> shift | from[1] << 1 << (63 - shift);
}

/// 2^exponent in every slot, of `words` words.
Integer in_every_slot(const Slots& slots, std::size_t exponent) {
  Integer sum;
  for (std::size_t slot = 0; slot < slots.count; ++slot) {
    sum = sum + Integer::power_of_two(static_cast<int>(slots.width * slot + exponent));
  }
  return sum;
}

Words to_words(const Integer& value, std::size_t words) {
  Words out(words);
  value.to_words(out.data(), words);
  return out;
}

/// -value mod 2^(64 words), of a value below.
Words negated(const Integer& value, std::size_t words) {
  const Integer whole = Integer::power_of_two(static_cast<int>(64 * words));
  return to_words(whole - value, words);
}

std::size_t chunk_rows(std::size_t words_a_row) {
  return std::max<std::size_t>(1, kChunkWords / std::max<std::size_t>(1, words_a_row));
}

void draw_below(const Words& n, std::uint64_t top, ChaCha20& random, std::uint64_t* out) {
  // Whether a number was drawn again says nothing about the one that is kept.
  do {
    random.fill(out, n.size());
    out[n.size() - 1] &= top;
  } while (!declassified(less_than(out, n.data(), n.size())));
}

class SlotReader {
 public:
  SlotReader(const Integer& n, const Slots& slots)
      : slots_(slots),
        size_(words_for(static_cast<std::size_t>(n.bits()))),
        half_(to_words((n >> 1) + Integer(1), size_)),
        minus_n_(negated(n, size_ + 1)),
        offset_(to_words(in_every_slot(slots, slots.width - 1), size_ + 1)),
        shift_(power_of_two(slots.width - 1)),
        mask_(power_of_two(slots.width) - 1),
        row_(size_ + 4) {}

  /// False when the residue is no slots.
  bool read(const std::uint64_t* residue, std::uint64_t* shares) {
    // Numbers above n/2 are negative; with 2^(width - 1) in each slot nothing borrows.
    const std::uint64_t negative =
        static_cast<std::uint64_t>(less_than(residue, half_.data(), size_)) - 1;
    std::copy(residue, residue + size_, row_.begin());
    row_[size_] = 0;
    Wide carry = 0;
    for (std::size_t i = 0; i <= size_; ++i) {
      carry += static_cast<Wide>(row_[i]) + offset_[i] + (minus_n_[i] & negative);
      row_[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    for (std::size_t slot = 0; slot < slots_.count; ++slot) {
      const std::size_t bit = slots_.width * slot;
      const Wide digit =
          static_cast<Wide>(word_at(&row_[0], bit + 64)) << 64 | word_at(&row_[0], bit);
      store((digit & mask_) - shift_, shares + 2 * slot);
    }
    const std::size_t first = slots_.bits() / 64;
    std::uint64_t above = row_[first] >> (slots_.bits() % 64);
    for (std::size_t i = first + 1; i <= size_; ++i) above |= row_[i];
    // A row that is refused is used for nothing.
    return declassified(static_cast<int>(above == 0)) != 0;
  }

 private:
  Slots slots_;
  std::size_t size_;
  Words half_;     // the least negative number
  Words minus_n_;  // mod 2^(64 (size + 1))
  Words offset_;
  Wide shift_;
  Wide mask_;  // all bits where slots have 128 or more
  SecretWords row_;
};

}  // namespace

void draw_words(std::size_t count, std::uint64_t* out, const Run& run) {
  const RandomKey key;
  parallel_chunks(count, kChunkWords, run, [&](std::size_t begin, std::size_t end, Checkpoint&) {
    ChaCha20(key.words, begin).fill(out + begin, end - begin);
  });
}

void draw_residue_masks(const Integer& n, std::size_t rows, std::uint64_t* plain,
                        std::uint64_t* shares, const Run& run) {
  const auto bits = static_cast<std::size_t>(n.bits());
  const std::size_t words = words_for(bits);
  const Words limit = to_words(n, words);
  const std::uint64_t top = top_mask(bits);
  const RandomKey key;
  parallel_chunks(rows, chunk_rows(words), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    // A stream for each chunk: no two chunks share one.
                    ChaCha20 random(key.words, begin);
                    for (std::size_t row = begin; row < end; ++row) {
                      std::uint64_t* mask = plain + row * (words + 1);
                      draw_below(limit, top, random, mask);
                      mask[words] = 0;  // the sign; the high word of a share where n has one
                      store(-load(mask), shares + 2 * row);
                    }
                  });
}

void draw_slot_masks(const Slots& slots, std::size_t rows, std::uint64_t* plain,
                     std::uint64_t* shares, const Run& run) {
  const std::size_t bits = slots.width - 1;
  const std::size_t digit_words = words_for(bits);
  const std::size_t words = slots.words();
  // Drawn from 0 on: then digits do not overlap, and what makes them signed is one constant.
  const Words offset = negated(in_every_slot(slots, bits - 1), words);
  const Wide half = power_of_two(bits - 1);
  const RandomKey key;
  parallel_chunks(rows, chunk_rows(slots.count * digit_words), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    ChaCha20 random(key.words, begin);
                    SecretWords digit(std::max<std::size_t>(2, digit_words));
                    for (std::size_t row = begin; row < end; ++row) {
                      std::uint64_t* mask = plain + row * words;
                      std::fill(mask, mask + words, 0);
                      for (std::size_t slot = 0; slot < slots.count; ++slot) {
                        random.fill(digit.data(), digit_words);
                        digit[digit_words - 1] &= top_mask(bits);
                        put_bits(mask, words, slots.width * slot, digit.data(), digit_words);
                        store(half - load(digit.data()), shares + 2 * (row * slots.count + slot));
                      }
                      add_in_place(mask, offset.data(), words);
                    }
                  });
}

std::size_t unpack_shares(const Integer& n, const Slots& slots, const std::uint64_t* residues,
                          std::size_t rows, std::uint64_t* shares, const Run& run) {
  const std::size_t words = words_for(static_cast<std::size_t>(n.bits()));
  std::atomic<std::size_t> refused{rows};
  parallel_chunks(rows, chunk_rows(words), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    SlotReader reader(n, slots);
                    for (std::size_t row = begin; row < end; ++row) {
                      if (reader.read(residues + row * words, shares + 2 * row * slots.count)) {
                        continue;
                      }
                      std::size_t former = refused;
                      while (row < former && !refused.compare_exchange_weak(former, row)) {
                      }
                      return;
                    }
                  });
  return refused;
}

void multiply_shares(const PlainMatrix& matrix, const std::uint64_t* shares, std::size_t width,
                     std::uint64_t* out, const Run& run) {
  const std::size_t columns = matrix.columns;
  parallel_chunks(matrix.rows, chunk_rows(columns * width), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    for (std::size_t row = begin; row < end; ++row) {
                      const std::int64_t* factors = matrix.values + row * columns;
                      for (std::size_t at = 0; at < width; ++at) {
                        Wide sum = 0;
                        for (std::size_t i = 0; i < columns; ++i) {
                          sum += static_cast<Wide>(static_cast<SignedWide>(factors[i])) *
                                 load(shares + 2 * (i * width + at));
                        }
                        store(sum, out + 2 * (row * width + at));
                      }
                    }
                  });
}

void multiply_shares_transposed(const PlainMatrix& matrix, const std::uint64_t* shares,
                                std::size_t width, std::uint64_t* out, const Run& run) {
  parallel_chunks(matrix.columns, std::max<std::size_t>(8, chunk_rows(matrix.rows * width)), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    std::fill(out + 2 * begin * width, out + 2 * end * width, 0);
                    for (std::size_t row = 0; row < matrix.rows; ++row) {
                      const std::int64_t* factors = matrix.values + row * matrix.columns;
                      for (std::size_t i = begin; i < end; ++i) {
                        const auto factor = static_cast<Wide>(static_cast<SignedWide>(factors[i]));
                        for (std::size_t at = 0; at < width; ++at) {
                          std::uint64_t* sum = out + 2 * (i * width + at);
                          store(load(sum) + factor * load(shares + 2 * (row * width + at)), sum);
                        }
                      }
                    }
                  });
}

}  // namespace pyfate
