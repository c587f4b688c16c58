// SPDX-License-Identifier: Apache-2.0
// THE list of batched operations on the device: raw device pointers and a stream in, a status out.
//
// Rows are numbers of 2 H limbs in Montgomery form (base_n.h) unless said otherwise; an index may
// be null. Every operation is out of place and only enqueued: it returns before it has run. Where
// there is a choice, `team` makes several threads compute each number, for few rows (team.h).
#pragma once

#include "pyfate_cuda/types.h"

namespace pyfate_cuda {

// out[i] = the number of canonical row i: pieces of H limbs each, 1 <= pieces < Modulus::kPowers.
struct EnterArguments {
  uint4* out;
  uint4* canonical;
  int pieces;
  int64_t rows;
};
template <int H>
Status enter(const Modulus& modulus, const EnterArguments& arguments, Stream stream);

// out[i] = the canonical integer of a[i], 2 H limbs, below n^2.
struct LeaveArguments {
  uint4* out;
  uint4* a;
  int64_t rows;
};
template <int H>
Status leave(const Modulus& modulus, const LeaveArguments& arguments, Stream stream);

// out[i] = a[a_index[i]] b[b_index[i]].
struct MultiplyArguments {
  uint4* out;
  uint4* a;
  const int64_t* a_index;
  uint4* b;
  const int64_t* b_index;
  bool team;
  int64_t rows;
};
template <int H>
Status multiply(const Modulus& modulus, const MultiplyArguments& arguments, Stream stream);

// out[i] = a[i]^2.
struct SquareArguments {
  uint4* out;
  uint4* a;
  bool team;
  int64_t rows;
};
template <int H>
Status square(const Modulus& modulus, const SquareArguments& arguments, Stream stream);

// out[i] = a[a_index[i]] (1 + m n), m = plain[plain_index[i]] in two's complement, |m| < n.
struct MultiplyPlainArguments {
  uint4* out;
  uint4* a;
  const int64_t* a_index;
  const Limb* plain;
  const int64_t* plain_index;
  int plain_limbs;
  int64_t rows;
};
template <int H>
Status multiply_plain(const Modulus& modulus, const MultiplyPlainArguments& arguments,
                      Stream stream);

// out[i] = a[a_index[i]]^e, where e is the unsigned exponent number exponent_index[i], or with
// exponent_stride 0 the one exponent of all rows; bits of e from exponent_bits on are not looked
// at. scratch holds blocks * k << window numbers, k those of a block: 32, or 32 / kTeam of teams.
struct PowerArguments {
  uint4* out;
  uint4* a;
  const int64_t* a_index;
  const Limb* exponents;
  const int64_t* exponent_index;
  int exponent_stride;  // limbs from one exponent to the next
  int exponent_bits;
  int window;
  uint4* scratch;
  int blocks;
  bool team;
  int64_t rows;
};
template <int H>
Status power(const Modulus& modulus, const PowerArguments& arguments, Stream stream);

// Partial products of table entries for the exponent in row i: with windows of window bits each
// (the last one narrower), out[part rows + i] is the product over the windows w of this part of
// table[digit_w windows + w]. The bit above the exponent chooses sign[0] or sign[1], in part 0.
struct FixedBaseArguments {
  uint4* out;
  uint4* table;
  uint4* sign;
  const Limb* exponents;
  int exponent_stride;
  int exponent_bits;
  int window;
  int parts;
  int64_t rows;
};
template <int H>
Status fixed_base(const Modulus& modulus, const FixedBaseArguments& arguments, Stream stream);

// out[s] = product of a[index[j]] for offsets[s] <= j < offsets[s + 1]; one if there are none.
struct SegmentMultiplyArguments {
  uint4* out;
  uint4* a;
  const int64_t* index;
  const int64_t* offsets;
  int64_t segments;
};
template <int H>
Status segment_multiply(const Modulus& modulus, const SegmentMultiplyArguments& arguments,
                        Stream stream);

// out[i] = product over b < bits of a[b rows + i]^(2^b).
struct HornerArguments {
  uint4* out;
  uint4* a;
  int bits;
  bool team;
  int64_t rows;
};
template <int H>
Status horner(const Modulus& modulus, const HornerArguments& arguments, Stream stream);

// Batched inversion, the way down: out[i] = a[i] a[i - chains] a[i - 2 chains] ...
struct PrefixProductsArguments {
  uint4* out;
  uint4* a;
  int64_t chains;
  int64_t rows;  // at least chains
};
template <int H>
Status prefix_products(const Modulus& modulus, const PrefixProductsArguments& arguments,
                       Stream stream);

// The way back: out[i] = 1 / a[i], from prefix_products' result and the inverses of its last
// `chains` rows, in the order of their chains (row modulo chains).
struct UnwindInversesArguments {
  uint4* out;
  uint4* a;
  uint4* prefixes;
  uint4* inverses;
  int64_t chains;
  int64_t rows;
};
template <int H>
Status unwind_inverses(const Modulus& modulus, const UnwindInversesArguments& arguments,
                       Stream stream);

// For a prime p as the modulus and a[i] = 1 modulo p: out[i] = (a[i] - 1) / p * factor mod p, one
// half below p. factor is a half in Montgomery form. failed (one word) is set to 1 if some a[i] is
// not 1 modulo p.
struct LogarithmArguments {
  uint4* out;
  uint4* a;
  uint4* factor;
  uint32_t* failed;
  int64_t rows;
};
template <int H>
Status logarithm(const Modulus& modulus, const LogarithmArguments& arguments, Stream stream);

// The modulus is a prime q; out[i] (2 H limbs) is the number below p q that is residues_p[i] modulo
// p and residues_q[i] modulo q. inverse holds two halves, (1 / p) R and (-1 / p) R modulo q.
struct RecombineArguments {
  uint4* out;
  uint4* residues_p;
  uint4* residues_q;
  uint4* p;
  uint4* inverse;
  int64_t rows;
};
template <int H>
Status recombine(const Modulus& modulus, const RecombineArguments& arguments, Stream stream);

// out[0 ... words - 1] = the ChaCha20 key stream (RFC 8439) of this key, nonce 0, from block 0 on.
struct ChaCha20Arguments {
  uint32_t* out;
  uint32_t key[8];
  int64_t words;
};
Status chacha20(const ChaCha20Arguments& arguments, Stream stream);

// Nothing but wide multiplications, blocks * 32 * turns * kWideProducts of them: what the device
// can do at most. out has a word for each thread.
constexpr int kWideProducts = 128;
struct WideRateArguments {
  Limb* out;
  int blocks;
  int turns;
};
Status wide_rate(const WideRateArguments& arguments, Stream stream);

// Whether there is code that the current device runs, or that its driver can translate for it.
Status kernels_load();

}  // namespace pyfate_cuda
