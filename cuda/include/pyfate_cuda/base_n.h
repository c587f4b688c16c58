// SPDX-License-Identifier: Apache-2.0
// Arithmetic modulo n^2 in base n, one thread a number, in Montgomery form with R = 2^(H limbs).
//
// A number is x = x0 + x1 n. With T = x0 y0, q = -T / n mod R and r = (T + q n) / R,
//     x y / R = r + n ((x0 y1 + x1 y0 - q) / R mod n)   (mod n^2):
// two Montgomery reductions modulo n, 5 H^2 limb products instead of 8 H^2, 3.5 H^2 for squares.
//
// Invariant: both halves are below R and the number is right modulo n^2, no more. This asks that n
// either fills its H limbs (n > R / 2) or leaves at least six bits free (n < R / 64), where the
// halves stay below 8 n; the host chooses H so. Bounds: docs/algorithms/gpu-kernels.md.
//
// Every operation takes the same steps for all values; none may write to its own operands.
#pragma once

#include "pyfate_cuda/operands.h"

namespace pyfate_cuda {

template <int H>
class BaseN {
 public:
  static constexpr int kBlocks = H / kBlock;
  static_assert(H % kBlock == 0, "a half is a whole number of blocks");

  static constexpr int kNumbers = kLanes;  // of a block
  static constexpr int kMostSlots = 3;     // that a kernel has

  // Shared memory that a kernel with this many slots a thread needs.
  static constexpr size_t shared_bytes(int slots) {
    return (H + size_t{kLanes} * slots * 2 * H) * sizeof(Limb);
  }

  // Brings n into shared memory; all threads of the block take part.
  PYFATE_DEVICE explicit BaseN(const Modulus& modulus)
      : constants_(modulus.limbs),
        n_{shared_memory()},
        negative_inverse_(modulus.negative_inverse) {
    for (int i = threadIdx.x; i < H / kQuad; i += kLanes) n_.at[i] = constants_[i];
    __syncthreads();
  }

  // The rows of this thread: row(first(), rows), row(first() + stride(), rows), ...
  static PYFATE_DEVICE int64_t first() { return int64_t{blockIdx.x} * kLanes + threadIdx.x; }
  static PYFATE_DEVICE int64_t stride() { return int64_t{gridDim.x} * kLanes; }
  static PYFATE_DEVICE int64_t row(int64_t first, int64_t) { return first; }
  // The number of this thread among those that the grid computes at a time.
  static PYFATE_DEVICE int64_t place() { return first(); }

  // The i-th slot of this thread.
  PYFATE_DEVICE Slot<H> slot(int i) const {
    return {shared_memory() + H / kQuad + i * (2 * H / kQuad) * kLanes + threadIdx.x};
  }

  PYFATE_DEVICE Half<H, 1> n() const { return {constants_}; }

  // R^i modulo n^2, 1 <= i <= Modulus::kPowers; R itself is the number one.
  PYFATE_DEVICE Row<H> power_of_r(int i) const {
    return {constants_ + H / kQuad + (i - 1) * (2 * H / kQuad)};
  }
  PYFATE_DEVICE Row<H> one() const { return power_of_r(1); }

  template <int kTo, int kFrom>
  PYFATE_DEVICE void copy(Number<H, kTo> to, Number<H, kFrom> from) const {
    pyfate_cuda::copy(to, from);
  }

  // out = a b / R modulo n^2.
  template <int kStrideB>
  PYFATE_DEVICE void multiply(Slot<H> out, Slot<H> a, Number<H, kStrideB> b) const {
    ColumnSum sum;
    Limb top0 = 0;
    PYFATE_NO_UNROLL for (int pass = 0; pass < 2; ++pass) {
      sum.start(pass);  // pass 1 adds -q as its complement plus one
      PYFATE_NO_UNROLL for (int k = 0; k < 2 * kBlocks; ++k) {
        PYFATE_NO_UNROLL for (int t = 0; t <= pass; ++t) {
          add_products(sum, a.half(t), b.half(pass - t), k, first_of(k), last_of(k));
        }
        reduce_column(sum, out, pass, k);
      }
      if (pass == 0) top0 = sum.lowest();
    }
    settle(out, top0, sum.lowest());
  }

  // out = a^2 / R modulo n^2.
  PYFATE_DEVICE void square(Slot<H> out, Slot<H> a) const {
    ColumnSum sum;
    Block x;
    Limb carried[ColumnSum::kCarried];
    Limb top0 = 0;
    PYFATE_NO_UNROLL for (int pass = 0; pass < 2; ++pass) {
      sum.start(pass);
      PYFATE_NO_UNROLL for (int k = 0; k < 2 * kBlocks; ++k) {
        sum.take(carried);
        // Pass 0 takes each pair of different blocks once, pass 1 all of a0 a1; both count twice.
        const int last = pass ? last_of(k) : (k - 1) >> 1;
        add_products(sum, a.half(0), a.half(pass), k, first_of(k), last);
        sum.double_and_add(carried);
        if (pass == 0 && (k & 1) == 0) {
          a.half(0).load_block(k / 2, x);
          sum.add_product(x, x);
        }
        reduce_column(sum, out, pass, k);
      }
      if (pass == 0) top0 = sum.lowest();
    }
    settle(out, top0, sum.lowest());
  }

  // out = a b / R modulo n, for halves; out below R.
  template <int kStrideA, int kStrideB>
  PYFATE_DEVICE void multiply_half(Half<H, kLanes> out, Half<H, kStrideA> a,
                                   Half<H, kStrideB> b) const {
    ColumnSum sum;
    sum.start(0);
    PYFATE_NO_UNROLL for (int k = 0; k < 2 * kBlocks; ++k) {
      add_products(sum, a, b, k, first_of(k), last_of(k));
      cancel_column(sum, out, out, k);
    }
    subtract_n(out, sum.lowest() != 0);
  }

  // a += b modulo n^2. Precondition: where n has bits to spare, both halves of a and b are
  // below 4 n.
  template <int kStrideB>
  PYFATE_DEVICE void add(Slot<H> a, Number<H, kStrideB> b) const {
    Limb top0 = add_half(a.half(0), b.half(0), kLimbMax);
    Limb top1 = add_half(a.half(1), b.half(1), kLimbMax);
    PYFATE_NO_UNROLL for (int i = 0; i < 2; ++i) {
      const bool above = top0 != 0;
      top0 -= subtract_n(a.half(0), above);
      top1 += add_small(a.half(1), above, 0);
    }
    fold(a.half(1), top1);
  }

  // a += b modulo n, for halves; a below n if a + b < 4 n, else smaller than a + b.
  template <int kStrideB>
  PYFATE_DEVICE void add_half_reduced(Half<H, kLanes> a, Half<H, kStrideB> b) const {
    Limb top = add_half(a, b, kLimbMax);
    PYFATE_NO_UNROLL for (int i = 0; i < 3; ++i) {
      const bool above = top != 0 || !below_n(a);
      top -= subtract_n(a, above);
    }
  }

  // a += n if chosen; the carry out of R is lost.
  PYFATE_DEVICE void add_n(Half<H, kLanes> a, bool chosen) const {
    (void)add_half(a, n_, chosen ? kLimbMax : 0);
  }

  // Subtracts n once if a >= n; says whether it did.
  PYFATE_DEVICE bool reduce_once(Half<H, kLanes> a) const {
    const bool above = !below_n(a);
    (void)subtract_n(a, above);
    return above;
  }

  // Both halves below n, the number unchanged modulo n^2. Precondition: halves at most n + 1, as
  // those of a product by the pair (1, 0) are.
  PYFATE_DEVICE void make_canonical(Slot<H> a) const {
    bool above = false;
    PYFATE_NO_UNROLL for (int i = 0; i < 3; ++i) {
      const Half<H, kLanes> half = a.half(i == 0 ? 0 : 1);
      (void)add_small(half, i == 2 && above, 0);
      const bool taken = reduce_once(half);
      above = i == 0 ? taken : above;
    }
  }

  // out (2 H limbs in device memory) = low + high factor.
  PYFATE_DEVICE void join(Half<2 * H, 1> out, Half<H, kLanes> low, Half<H, kLanes> high,
                          Half<H, 1> factor) const {
    ColumnSum sum;
    Block x;
    sum.start(0);
    PYFATE_NO_UNROLL for (int k = 0; k < 2 * kBlocks; ++k) {
      add_products(sum, high, factor, k, first_of(k), last_of(k));
      if (k < kBlocks) {
        low.load_block(k, x);
        sum.add(x);
      }
      sum.emit_low_block(x);
      out.store_block(k, x);
    }
  }

 private:
  // The block pairs (i, k - i) of column k are those with first_of(k) <= i <= last_of(k).
  static PYFATE_DEVICE int first_of(int k) { return k < kBlocks ? 0 : k - kBlocks + 1; }
  static PYFATE_DEVICE int last_of(int k) { return k < kBlocks ? k : kBlocks - 1; }

  template <int kStrideA, int kStrideB>
  PYFATE_DEVICE void add_products(ColumnSum& sum, Half<H, kStrideA> a, Half<H, kStrideB> b, int k,
                                  int first, int last) const {
    Block x, y;
    PYFATE_NO_UNROLL for (int i = first; i <= last; ++i) {
      a.load_block(i, x);
      b.load_block(k - i, y);
      sum.add_product(x, y);
    }
  }

  // Ends column k of a Montgomery reduction: below R it makes one block of q, above R one block of
  // the result. Quotient and result may be the same half: a block of q is dead when overwritten.
  PYFATE_DEVICE void cancel_column(ColumnSum& sum, Half<H, kLanes> quotient, Half<H, kLanes> result,
                                   int k) const {
    Block x, y;
    add_products(sum, quotient, n_, k, first_of(k), k < kBlocks ? k - 1 : kBlocks - 1);
    if (k < kBlocks) {
      n_.load_block(0, x);
      sum.cancel_low_block(y, x, negative_inverse_);
      quotient.store_block(k, y);
      sum.drop_low_block();
    } else {
      sum.emit_low_block(y);
      result.store_block(k - kBlocks, y);
    }
  }

  // The same for numbers: pass 0 leaves q in the upper half, pass 1 uses it up.
  PYFATE_DEVICE void reduce_column(ColumnSum& sum, Slot<H> out, int pass, int k) const {
    if (pass == 1 && k < kBlocks) {
      Block q;
      out.half(1).load_block(k, q);
      PYFATE_UNROLL for (int i = 0; i < kBlock; ++i) q[i] ^= kLimbMax;
      sum.add(q);
    }
    cancel_column(sum, out.half(1), out.half(pass), k);
  }

  // Brings a fresh product below R. The upper half is still one too large (the complement of q
  // adds R - q, one of which survives the division); n off the lower half adds one to it.
  PYFATE_DEVICE void settle(Slot<H> out, Limb top0, Limb top1) const {
    const bool above = top0 != 0;
    (void)subtract_n(out.half(0), above);
    top1 += add_small(out.half(1), above ? 0 : kLimbMax, above ? 0 : kLimbMax);
    fold(out.half(1), top1 & kLimbMax);
  }

  // Subtracts n while top R + a >= R, at most three times.
  PYFATE_DEVICE void fold(Half<H, kLanes> a, Limb top) const {
    PYFATE_NO_UNROLL for (int i = 0; i < 3; ++i) top -= subtract_n(a, top != 0);
  }

  // a += b & mask; the carry out.
  template <int kStrideB>
  PYFATE_DEVICE Limb add_half(Half<H, kLanes> a, Half<H, kStrideB> b, Limb mask) const {
    Block x, y;
    Limb carry = 0;
    PYFATE_NO_UNROLL for (int k = 0; k < kBlocks; ++k) {
      a.load_block(k, x);
      b.load_block(k, y);
      (void)add_cc(carry, kLimbMax);  // the flag becomes the carry
      PYFATE_UNROLL for (int i = 0; i < kBlock; ++i) x[i] = addc_cc(x[i], y[i] & mask);
      carry = addc(0, 0);
      a.store_block(k, x);
    }
    return carry;
  }

  // a += the number of lowest limb v and other limbs w; what it adds to the top limb.
  PYFATE_DEVICE Limb add_small(Half<H, kLanes> a, Limb v, Limb w) const {
    Block x;
    Limb carry = 0;
    PYFATE_NO_UNROLL for (int k = 0; k < kBlocks; ++k) {
      a.load_block(k, x);
      (void)add_cc(carry, kLimbMax);
      x[0] = addc_cc(x[0], k == 0 ? v : w);
      PYFATE_UNROLL for (int i = 1; i < kBlock; ++i) x[i] = addc_cc(x[i], w);
      carry = addc(0, 0);
      a.store_block(k, x);
    }
    return carry + w;
  }

  // a -= n if chosen; the borrow out.
  PYFATE_DEVICE Limb subtract_n(Half<H, kLanes> a, bool chosen) const {
    return subtract(a, chosen ? kLimbMax : 0, true);
  }

  PYFATE_DEVICE bool below_n(Half<H, kLanes> a) const { return subtract(a, kLimbMax, false) != 0; }

  PYFATE_DEVICE Limb subtract(Half<H, kLanes> a, Limb mask, bool keep) const {
    Block x, y;
    Limb carry = 1;
    PYFATE_NO_UNROLL for (int k = 0; k < kBlocks; ++k) {
      a.load_block(k, x);
      n_.load_block(k, y);
      (void)add_cc(carry, kLimbMax);
      PYFATE_UNROLL for (int i = 0; i < kBlock; ++i) {
        x[i] = addc_cc(x[i], (y[i] & mask) ^ kLimbMax);
      }
      carry = addc(0, 0);
      if (keep) a.store_block(k, x);
    }
    return 1 - carry;
  }

  uint4* constants_;
  Half<H, 1> n_;
  Limb negative_inverse_;
};

}  // namespace pyfate_cuda
