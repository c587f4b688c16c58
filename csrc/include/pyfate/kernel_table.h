// SPDX-License-Identifier: Apache-2.0
// THE list of batched operations. Filled once for each instruction set and size of modulus.
//
// Everything that costs time in this library is one of these functions. They work on one thread,
// over raw pointers, allocate nothing, throw nothing and know nothing of keys, schemes or Python.
// What they compute is modulo the engine's modulus: here n^2, for the n it was constructed with.
// Only `linear`, `leave` and `multiply_plain` compute with halves of a row; all others serve an
// engine modulo any number.
//
// Words used below:
//   row     a packed residue: `words` words of c0, then `words` words of c1, standing for
//           c0 + c1 * n; in Montgomery form (times R) unless said otherwise. Halves are below n.
//   piece   a packed number below 2^bits, `words` words, not necessarily below n.
//   split   a residue as u (1 + l n / R): u and l in the place of c0 and c1.
//   stored  a residue in the form the engine computes with (`stored_words` words), read and
//           written without any change of radix; never leaves the library.
//   lanes   how many residues the engine computes side by side.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pyfate/modulus_constants.h"

namespace pyfate {

/// Rows to read: row i starts at words + stride * (index ? index[i] : i).
struct RowsView {
  const std::uint64_t* words;
  const std::int64_t* index;
  std::size_t stride;
};

/// An exponent that all rows of a call share: `bits` bits in little-endian words.
struct CommonExponent {
  const std::uint64_t* words;
  int bits;
};

/// One window of a fixed-base table: exponent bits [offset, offset + width) select an entry.
struct Window {
  int offset;
  int width;
  std::size_t first;  ///< position of the entry for digit 0, in entries from the table's start
};

/// Entries base^(digit * 2^offset) of every window, split and stored.
struct FixedBaseTable {
  const std::uint64_t* entries;
  const Window* windows;
  int count;
};

/// A list of stored or packed rows to multiply together.
struct ProductList {
  const std::uint32_t* rows;
  std::size_t length;
};

/// One step of a bucket walk: multiply input `row` into `bucket`.
struct BucketStep {
  std::uint32_t row;
  std::uint32_t bucket;
};

/// A lane's walk. Buckets are stored rows; bucket 0 is never read back.
struct BucketWalk {
  const BucketStep* steps;
  std::size_t length;
  std::uint64_t* buckets;
};

/// A run of powers: out[0] = start, out[i] = out[i - 1] * step; `count` stored rows.
struct Ladder {
  const std::uint64_t* start;  ///< row
  const std::uint64_t* step;   ///< row
  std::uint64_t* out;          ///< stored rows
  std::size_t count;
};

/// The same with split rungs.
struct SplitLadder {
  struct Part {
    const std::uint64_t* row;
    const std::uint64_t* inverse;  ///< R^2 / row mod n, `words` words
  };
  Part start;
  Part step;
  std::uint64_t* out;
  std::size_t count;
};

struct KernelTable {
  int lanes;
  std::size_t engine_bytes;  ///< size of an engine, to be aligned to 64 bytes
  std::size_t number_bytes;  ///< scratch for one number in every lane

  /// Builds an engine in `memory`. Engines are trivially destructible.
  void (*construct)(void* memory, const ModulusConstants& constants);
  std::size_t (*stored_words)(const void* engine);

  // ---- element by element: out rows [begin, end), out may be the same rows as an input --------

  /// out = sum over j < terms of pieces[i, j] * constants[j] / R.  pieces: [*, terms, words].
  void (*linear)(const void* engine, const std::uint64_t* pieces, int words,
                 const std::uint64_t* constants, int terms, std::uint64_t* out, std::size_t begin,
                 std::size_t end);
  /// out = a / R: leaves Montgomery form, both halves canonical.
  void (*leave)(const void* engine, RowsView a, std::uint64_t* out, std::size_t begin,
                std::size_t end);
  /// out = a * b.
  void (*multiply)(const void* engine, RowsView a, RowsView b, std::uint64_t* out,
                   std::size_t begin, std::size_t end);
  /// out = a * (1 + m n) for the residues m < n, [*, words], not in Montgomery form.
  void (*multiply_plain)(const void* engine, RowsView a, RowsView residues, std::uint64_t* out,
                         std::size_t begin, std::size_t end);
  /// out = a^(2^times).
  void (*square_many)(const void* engine, RowsView a, int times, std::uint64_t* out,
                      std::size_t begin, std::size_t end);
  /// out = a^e for one public exponent e > 0, sliding windows of `width`; time depends on e.
  /// scratch: 2^(width - 1) + 1 numbers.
  void (*power_var)(const void* engine, RowsView a, CommonExponent e, int width, void* scratch,
                    std::uint64_t* out, std::size_t begin, std::size_t end);
  /// out = a^e for one secret exponent: addresses and branches do not depend on its bits.
  /// scratch: 2^width + 1 numbers.
  void (*power_secret)(const void* engine, RowsView a, CommonExponent e, int width, void* scratch,
                       std::uint64_t* out, std::size_t begin, std::size_t end);
  /// out[i] = a[i]^exponents[i], each exponent `exponent_words` words with at most `bits` bits;
  /// time depends on bits, memory accesses on the exponents.
  /// scratch: 2^width * lanes stored rows, 64-byte aligned.
  void (*power_each_var)(const void* engine, RowsView a, RowsView exponents, int bits, int width,
                         void* scratch, std::uint64_t* out, std::size_t begin, std::size_t end);
  /// out[i] = product over windows of the table's entry for row i's exponent.
  void (*fixed_base)(const void* engine, FixedBaseTable table, const std::uint64_t* exponents,
                     int exponent_words, std::uint64_t* out, std::size_t begin, std::size_t end);
  /// The same, reading every entry of each window: addresses do not depend on the exponents.
  void (*fixed_base_secret)(const void* engine, FixedBaseTable table,
                            const std::uint64_t* exponents, int exponent_words, std::uint64_t* out,
                            std::size_t begin, std::size_t end);

  // ---- batched inversion ----------------------------------------------------------------------

  /// Lane l takes rows l, l + lanes, ... below count. prefix row i = product of the earlier rows of
  /// its lane; totals row l = the lane's whole product.
  void (*prefix_products)(const void* engine, RowsView a, std::size_t count, std::uint64_t* prefix,
                          std::uint64_t* totals);
  /// With totals replaced by their inverses: out row i = 1 / a row i. out must not overlap a.
  void (*unwind_inverses)(const void* engine, RowsView a, std::size_t count,
                          const std::uint64_t* prefix, const std::uint64_t* inverses,
                          std::uint64_t* out);

  // ---- products over lists --------------------------------------------------------------------

  /// stored row i = row i of a.
  void (*unpack)(const void* engine, RowsView a, std::uint64_t* stored, std::size_t begin,
                 std::size_t end);
  /// out row j = product of the rows of a that lists[j] names; 1 when it names none.
  void (*product)(const void* engine, RowsView a, const ProductList* lists, std::uint64_t* out,
                  std::size_t count);
  /// The same over stored rows.
  void (*product_stored)(const void* engine, const std::uint64_t* stored, const ProductList* lists,
                         std::uint64_t* out, std::size_t count);
  /// Powers in a row for each of `count` ladders.
  void (*ladders)(const void* engine, const Ladder* ladders, std::size_t count);
  void (*split_ladders)(const void* engine, const SplitLadder* ladders, std::size_t count);
  /// Sets the buckets 0..bucket_count of each walk to one. count <= lanes.
  void (*clear_buckets)(const void* engine, const BucketWalk* walks, std::size_t count,
                        std::size_t bucket_count);
  /// Walks: bucket[step.bucket] *= input[step.row]. count <= lanes.
  void (*fill_buckets)(const void* engine, const std::uint64_t* inputs, const BucketWalk* walks,
                       std::size_t count);
  /// out row j = product over b in 1..bucket_count of bucket[b]^b, or ^(2 b - 1) when the buckets
  /// are those of odd digits. count <= lanes.
  void (*combine_buckets)(const void* engine, const BucketWalk* walks, std::size_t count,
                          std::size_t bucket_count, bool odd, std::uint64_t* out);
};

}  // namespace pyfate
