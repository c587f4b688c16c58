// SPDX-License-Identifier: Apache-2.0
// The arithmetic of base_n.h where there are few numbers: kTeam threads share one, so that more of
// the device is busy and a product is ready sooner. Limb by limb instead of column by column, and a
// square is a product. Same form, same invariant: docs/design/0032, docs/algorithms/gpu-kernels.md.
//
// Thread l of a team holds limbs l W ... l W + W - 1 of each half in registers. All threads of a
// warp must take the same way, so rows are dealt out by whole blocks.
#pragma once

#include "pyfate_cuda/operands.h"

namespace pyfate_cuda {

template <int H>
class Team {
  static constexpr int W = H / kTeam;
  static_assert(W % 2 == 0, "products run in chains over every other limb");

 public:
  static constexpr int kNumbers = kLanes / kTeam;  // of a block

  static constexpr size_t shared_bytes(int slots) {
    return size_t{kNumbers} * (slots + 1) * 2 * H * sizeof(Limb);
  }

  PYFATE_DEVICE explicit Team(const Modulus& modulus)
      : constants_(modulus.limbs), negative_inverse_(modulus.negative_inverse) {
    load(n_, Half<H, 1>{constants_});
  }

  // Where the rows of a block begin, first(), first() + stride(), ..., and the row of this thread;
  // threads for which there is none repeat the last one.
  static PYFATE_DEVICE int64_t first() { return int64_t{blockIdx.x} * kNumbers; }
  static PYFATE_DEVICE int64_t stride() { return int64_t{gridDim.x} * kNumbers; }
  static PYFATE_DEVICE int64_t row(int64_t first, int64_t rows) {
    return first + team() < rows ? first + team() : rows - 1;
  }
  // The number of this thread among those that the grid computes at a time.
  static PYFATE_DEVICE int64_t place() { return first() + team(); }

  // The i-th slot of this team.
  PYFATE_DEVICE Row<H> slot(int i) const { return in_shared(i + 1); }

  PYFATE_DEVICE Row<H> one() const { return {constants_ + H / kQuad}; }

  PYFATE_DEVICE void copy(Row<H> to, Row<H> from) const {
    for (int i = lane(); i < 2 * H / kQuad; i += kTeam) to.at[i] = from.at[i];
    warp_synchronize();
  }

  // out = a b / R modulo n^2.
  PYFATE_DEVICE void multiply(Row<H> out, Row<H> a, Row<H> b) const {
    Limb x0[W], x1[W], z0[W], q[W];
    load(x0, a.half(0));
    load(x1, a.half(1));
    const Row<H> near = in_shared(0);
    copy(near, b);
    const Limb *y0 = limbs(near.half(0)), *y1 = limbs(near.half(1));

    Sum sum = {};
    PYFATE_NO_UNROLL for (int l = 0; l < kTeam; ++l) {
      PYFATE_UNROLL for (int j = 0; j < W; ++j) {
        add_product(sum, x0, y0[l * W + j]);
        const Limb quotient = cancel_lowest(sum);
        q[j] = l == lane() ? quotient : q[j];
      }
    }
    Limb top0 = settle(sum);
    PYFATE_UNROLL for (int j = 0; j < W; ++j) z0[j] = sum[j];

    // -q as its complement plus one
    PYFATE_UNROLL for (int j = 0; j < W; ++j) sum[j] = q[j] ^ kLimbMax;
    sum[0] = add_cc(sum[0], lane() == 0);
    PYFATE_UNROLL for (int j = 1; j < W; ++j) sum[j] = addc_cc(sum[j], 0);
    sum[W] = addc(0, 0);
    PYFATE_NO_UNROLL for (int i = 0; i < H; i += 2) {
      PYFATE_UNROLL for (int j = 0; j < 2; ++j) {
        add_product(sum, x0, y1[i + j]);
        add_product(sum, x1, y0[i + j]);
        (void)cancel_lowest(sum);
      }
    }
    Limb top1 = settle(sum);
    bring_below_r(z0, top0, sum, top1);
    store(out.half(0), z0);
    store(out.half(1), sum);
    warp_synchronize();
  }

  PYFATE_DEVICE void square(Row<H> out, Row<H> a) const { multiply(out, a, a); }

 private:
  using Sum = Limb[W + 2];  // two limbs for what reaches beyond those of the thread

  static PYFATE_DEVICE int lane() { return threadIdx.x % kTeam; }
  static PYFATE_DEVICE int team() { return threadIdx.x / kTeam; }
  PYFATE_DEVICE Row<H> in_shared(int i) const {
    return {shared_memory() + (i * kNumbers + team()) * (2 * H / kQuad)};
  }
  static PYFATE_DEVICE Limb* limbs(Half<H, 1> half) { return &half.at->x; }

  template <int N>
  static PYFATE_DEVICE void store(Half<H, 1> to, const Limb (&v)[N]) {
    PYFATE_UNROLL for (int j = 0; j < W; ++j) limbs(to)[lane() * W + j] = v[j];
  }
  static PYFATE_DEVICE void load(Limb (&v)[W], Half<H, 1> from) {
    PYFATE_UNROLL for (int j = 0; j < W; ++j) v[j] = limbs(from)[lane() * W + j];
  }

  // sum += x y, for the limbs of this thread.
  PYFATE_DEVICE void add_product(Sum& sum, const Limb (&x)[W], Limb y) const {
    add_chain(sum, x, y, 0);
    sum[W] = addc_cc(sum[W], 0);
    sum[W + 1] = addc(sum[W + 1], 0);
    add_chain(sum, x, y, 1);
    sum[W + 1] = addc(sum[W + 1], 0);
  }
  PYFATE_DEVICE void add_chain(Sum& sum, const Limb (&x)[W], Limb y, int s) const {
    sum[s] = mad_lo_cc(x[s], y, sum[s]);
    sum[s + 1] = madc_hi_cc(x[s], y, sum[s + 1]);
    PYFATE_UNROLL for (int j = s + 2; j < W; j += 2) {
      sum[j] = madc_lo_cc(x[j], y, sum[j]);
      sum[j + 1] = madc_hi_cc(x[j], y, sum[j + 1]);
    }
  }

  // Adds the multiple of n that makes the lowest limb of the team vanish, and shifts by that limb;
  // the multiple, one limb of q.
  PYFATE_DEVICE Limb cancel_lowest(Sum& sum) const {
    const Limb quotient = team_lane(multiply_low(sum[0], negative_inverse_), 0);
    add_product(sum, n_, quotient);
    const Limb above = team_above(sum[0]);
    PYFATE_UNROLL for (int j = 0; j < W - 1; ++j) sum[j] = sum[j + 1];
    sum[W - 1] = add_cc(sum[W], lane() == kTeam - 1 ? 0 : above);
    sum[W] = addc(sum[W + 1], 0);
    sum[W + 1] = 0;
    return quotient;
  }

  // Adds what reaches beyond each thread to the next one; what reaches beyond the team.
  PYFATE_DEVICE Limb settle(Sum& sum) const {
    const Limb below = team_below(sum[W]);
    const Limb top = team_lane(sum[W], kTeam - 1);
    sum[0] = add_cc(sum[0], lane() == 0 ? 0 : below);
    PYFATE_UNROLL for (int j = 1; j < W; ++j) sum[j] = addc_cc(sum[j], 0);
    return top + pass_on(sum, addc(0, 0));
  }

  // As BaseN's settle() and fold(): z0 + top0 R and z1 + top1 R as the halves of a fresh product.
  template <int N>
  PYFATE_DEVICE void bring_below_r(Limb (&z0)[W], Limb top0, Limb (&z1)[N], Limb top1) const {
    const bool above = top0 != 0;
    (void)subtract_n(z0, above);
    const Limb minus_one = above ? 0 : kLimbMax;
    Limb v[W];
    PYFATE_UNROLL for (int j = 0; j < W; ++j) v[j] = minus_one;
    top1 = (top1 + add(z1, v, 0) + minus_one) & kLimbMax;
    PYFATE_NO_UNROLL for (int i = 0; i < 3; ++i) top1 -= subtract_n(z1, top1 != 0);
  }

  // v -= n if chosen; the borrow out.
  template <int N>
  PYFATE_DEVICE Limb subtract_n(Limb (&v)[N], bool chosen) const {
    Limb complement[W];
    PYFATE_UNROLL for (int j = 0; j < W; ++j) complement[j] = chosen ? n_[j] ^ kLimbMax : 0;
    return chosen - add(v, complement, chosen);
  }

  // v += w + carry, for the whole team; the carry out.
  template <int N>
  PYFATE_DEVICE Limb add(Limb (&v)[N], const Limb (&w)[W], Limb carry) const {
    (void)add_cc(lane() == 0 ? carry : 0, kLimbMax);  // the flag becomes the carry
    PYFATE_UNROLL for (int j = 0; j < W; ++j) v[j] = addc_cc(v[j], w[j]);
    return pass_on(v, addc(0, 0));
  }

  // Adds each thread's carry to the threads above, at once: a thread of all ones hands on what
  // comes in, and never has a carry of its own but for the first one. The carry out of the team.
  template <int N>
  PYFATE_DEVICE Limb pass_on(Limb (&v)[N], Limb carry) const {
    bool ones = true;
    PYFATE_UNROLL for (int j = 0; j < W; ++j) ones = ones && v[j] == kLimbMax;
    const unsigned made = votes(carry != 0), handed_on = votes(ones);
    const unsigned into = ((made << 1) + handed_on) ^ handed_on;
    (void)add_cc(into >> lane() & 1, kLimbMax);
    PYFATE_UNROLL for (int j = 0; j < W; ++j) v[j] = addc_cc(v[j], 0);
    return into >> kTeam & 1;
  }
  // One bit a thread of the team.
  PYFATE_DEVICE unsigned votes(bool v) const {
    return warp_votes(v) >> (team() * kTeam) & ((1u << kTeam) - 1);
  }

  uint4* constants_;
  Limb negative_inverse_;
  Limb n_[W];
};

}  // namespace pyfate_cuda
