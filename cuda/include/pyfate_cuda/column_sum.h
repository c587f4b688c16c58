// SPDX-License-Identifier: Apache-2.0
// The running sum of one column of a long multiplication, in registers.
//
// Numbers are cut into blocks of kBlock limbs; a column is the sum of all block products of equal
// weight. The products of one block pair run in chains of IMAD.WIDE, whose results are pairs of
// limbs: pairs at even positions are summed in one array, pairs at odd positions in another, so
// that no chain ever has to be shifted by one limb. Carries out of a chain are counted, not passed
// on, until the column is closed. See docs/algorithms/gpu-kernels.md.
#pragma once

#include "pyfate_cuda/device.h"

namespace pyfate_cuda {

constexpr int kBlock = 16;  // limbs of a block; even

using Block = Limb[kBlock];

class ColumnSum {
 public:
  static constexpr int kCarried = kBlock + 2;  // limbs that a closed column hands to the next one

  // Makes the sum zero.
  PYFATE_DEVICE void clear() {
    PYFATE_UNROLL for (int i = 0; i < kEven; ++i) even_[i] = 0;
    PYFATE_UNROLL for (int i = 0; i < kOdd; ++i) odd_[i] = 0;
    PYFATE_UNROLL for (int i = 0; i < kCarries; ++i) carries_[i] = 0;
  }

  // Makes the sum v.
  PYFATE_DEVICE void start(Limb v) {
    clear();
    even_[0] = v;
  }

  // Adds x * y.
  PYFATE_DEVICE void add_product(const Block& x, const Block& y) {
    PYFATE_UNROLL for (int r = 0; r < kBlock; ++r) {
      add_chain(x, y[r], r, 0, mad_lo_cc(x[0], y[r], at(r)));
      add_chain(x, y[r], r, 1, mad_lo_cc(x[1], y[r], at(r + 1)));
    }
  }

  // Adds x, a block at the low end.
  PYFATE_DEVICE void add(const Block& x) {
    even_[0] = add_cc(even_[0], x[0]);
    PYFATE_UNROLL for (int i = 1; i < kBlock; ++i) even_[i] = addc_cc(even_[i], x[i]);
    PYFATE_UNROLL for (int i = kBlock; i < kEven; ++i) even_[i] = addc_cc(even_[i], 0);
    carries_[kBlock] = addc(carries_[kBlock], 0);
  }

  // Takes the sum out of the accumulator, which is left at zero. Only right after a column was
  // closed, when it fits in kCarried limbs.
  PYFATE_DEVICE void take(Limb (&carried)[kCarried]) {
    PYFATE_UNROLL for (int i = 0; i < kCarried; ++i) carried[i] = even_[i];
    clear();
  }

  // Doubles the sum and adds what take() took.
  PYFATE_DEVICE void double_and_add(const Limb (&carried)[kCarried]) {
    PYFATE_UNROLL for (int i = 0; i < kCarries; ++i) carries_[i] <<= 1;
    carries_[kBlock] += even_[kEven - 1] >> (kLimbBits - 1);
    PYFATE_UNROLL for (int i = kEven - 1; i > 0; --i) {
      even_[i] = shift_left_1(even_[i], even_[i - 1]);
    }
    even_[0] = shift_left_1(even_[0], 0);
    PYFATE_UNROLL for (int i = kOdd - 1; i > 0; --i) {  // no product reaches the top limb
      odd_[i] = shift_left_1(odd_[i], odd_[i - 1]);
    }
    odd_[0] = shift_left_1(odd_[0], 0);
    even_[0] = add_cc(even_[0], carried[0]);
    PYFATE_UNROLL for (int i = 1; i < kCarried; ++i) even_[i] = addc_cc(even_[i], carried[i]);
    PYFATE_UNROLL for (int i = kCarried; i < kEven; ++i) even_[i] = addc_cc(even_[i], 0);
    carries_[kBlock] = addc(carries_[kBlock], 0);
  }

  // Adds the multiple quotient * modulus that makes the low block vanish (Montgomery), where
  // lowest is the lowest block of the modulus and negative_inverse = -1 / modulus mod 2^kLimbBits.
  PYFATE_DEVICE void cancel_low_block(Block& quotient, const Block& lowest, Limb negative_inverse) {
    PYFATE_UNROLL for (int r = 0; r < kBlock; ++r) {
      // The chain of the next position goes first: it takes in the carry of adding up this one.
      Limb link;
      if (r == 0) {
        quotient[r] = multiply_low(at(r), negative_inverse);
        link = mad_lo_cc(lowest[1], quotient[r], at(r + 1));
      } else {
        at(r) = add_cc(at(r), other(r));
        quotient[r] = multiply_low(at(r), negative_inverse);
        link = madc_lo_cc(lowest[1], quotient[r], at(r + 1));
      }
      add_chain(lowest, quotient[r], r, 1, link);
      add_chain(lowest, quotient[r], r, 0, mad_lo_cc(lowest[0], quotient[r], at(r)));
    }
  }

  // Closes a column whose low block has vanished: shifts the sum down by one block.
  PYFATE_DEVICE void drop_low_block() {
    even_[0] = add_cc(even_[kBlock], odd_[kBlock - 1]);
    shift_upper_part();
  }

  // Closes a column: hands out its low block and shifts the sum down by one block.
  PYFATE_DEVICE void emit_low_block(Block& low) {
    low[0] = even_[0];
    low[1] = add_cc(even_[1], odd_[0]);
    PYFATE_UNROLL for (int i = 2; i < kBlock; ++i) low[i] = addc_cc(even_[i], odd_[i - 1]);
    even_[0] = addc_cc(even_[kBlock], odd_[kBlock - 1]);
    shift_upper_part();
  }

  // The lowest limb, after a column was closed; all of the sum once the last column is.
  PYFATE_DEVICE Limb lowest() const { return even_[0]; }

 private:
  static constexpr int kEven = 2 * kBlock;
  static constexpr int kOdd = 2 * kBlock - 1;
  static constexpr int kCarries = kBlock + 1;

  // The limb at a position, in the array whose pairs start at positions of the same parity.
  PYFATE_DEVICE Limb& at(int position) {
    return (position & 1) ? odd_[position - 1] : even_[position];
  }
  // The limb at the same position in the other array, where it is the upper limb of a pair.
  PYFATE_DEVICE Limb other(int position) const {
    return (position & 1) ? even_[position] : odd_[position - 1];
  }
  PYFATE_DEVICE Limb& above(int position) {
    return (position & 1) ? odd_[position] : even_[position + 1];
  }

  // Adds y * (x[s] + x[s + 2] 2^(2 limbs) + ...) at position r + s; the link is the chain's first.
  PYFATE_DEVICE void add_chain(const Block& x, Limb y, int r, int s, Limb link) {
    at(r + s) = link;
    above(r + s) = madc_hi_cc(x[s], y, above(r + s));
    PYFATE_UNROLL for (int j = s + 2; j < kBlock; j += 2) {
      at(r + j) = madc_lo_cc(x[j], y, at(r + j));
      above(r + j) = madc_hi_cc(x[j], y, above(r + j));
    }
    carries_[r + s] = addc(carries_[r + s], 0);
  }

  // The second half of closing: limb 0 is done and its carry is in the flag.
  PYFATE_DEVICE void shift_upper_part() {
    PYFATE_UNROLL for (int i = 1; i < kBlock; ++i) {
      even_[i] = addc_cc(even_[kBlock + i], odd_[kBlock + i - 1]);
    }
    even_[kBlock] = addc(0, 0);
    even_[0] = add_cc(even_[0], carries_[0]);
    PYFATE_UNROLL for (int i = 1; i < kCarries; ++i) even_[i] = addc_cc(even_[i], carries_[i]);
    even_[kCarries] = addc(0, 0);
    PYFATE_UNROLL for (int i = kCarried; i < kEven; ++i) even_[i] = 0;
    PYFATE_UNROLL for (int i = 0; i < kOdd; ++i) odd_[i] = 0;
    PYFATE_UNROLL for (int i = 0; i < kCarries; ++i) carries_[i] = 0;
  }

  // even_[i] weighs 2^(i limbs), odd_[i] weighs 2^((i + 1) limbs), carries_[i] 2^((kBlock + i)
  // limbs).
  Limb even_[kEven], odd_[kOdd], carries_[kCarries];
};

}  // namespace pyfate_cuda
