// SPDX-License-Identifier: Apache-2.0
// Ciphertexts times signed integers: powers, and inverses where the scalar is negative.
#include <algorithm>
#include <cstring>
#include <vector>

#include "group/group_context.h"
#include "group/inversion.h"
#include "group/packed.h"
#include "group/window_width.h"

namespace pyfate {

namespace {

/// The scalars of a chunk as magnitudes and signs.
struct Scalars {
  std::vector<std::uint64_t> magnitudes;  // [count, words]
  std::vector<std::size_t> negative;      // rows with a negative scalar
  std::size_t words;
  int bits = 0;        // of the greatest magnitude
  bool common = true;  // all magnitudes are the same

  Scalars(SignedView scalars, std::size_t begin, std::size_t end)
      : magnitudes((end - begin) * scalars.words), words(scalars.words) {
    for (std::size_t i = 0; i < end - begin; ++i) {
      std::uint64_t* magnitude = &magnitudes[i * words];
      if (magnitude_of(scalars.at(begin + i), words, magnitude)) negative.push_back(i);
      bits = std::max(bits, bit_length(magnitude, words));
      common = common && std::equal(magnitude, magnitude + words, magnitudes.begin());
    }
  }

  bool power_of_two() const {
    int ones = 0;
    for (std::size_t i = 0; i < words; ++i) {
      for (std::uint64_t word = magnitudes[i]; word != 0; word &= word - 1) ++ones;
    }
    return ones == 1;
  }
};

void powers_var(const Modulus& modulus, RowsView a, const Scalars& scalars, std::size_t count,
                std::uint64_t* out) {
  const KernelTable& kernels = modulus.kernels();
  if (scalars.common && scalars.bits > 0) {
    const int width = sliding_width(scalars.bits, scalars.power_of_two());
    Words scratch(((std::size_t{1} << (width - 1)) + 1) * kernels.number_bytes / 8);
    kernels.power_var(modulus.engine(), a, {scalars.magnitudes.data(), scalars.bits}, width,
                      scratch.data(), out, 0, count);
    return;
  }
  const int width = fixed_width(scalars.bits);
  Words table((std::size_t{1} << width) * kernels.lanes * modulus.stored_words());
  kernels.power_each_var(modulus.engine(), a, {scalars.magnitudes.data(), nullptr, scalars.words},
                         scalars.bits, width, table.data(), out, 0, count);
}

/// Replaces the given rows of out by their inverses. NotInvertible names a position of this chunk.
void invert_some_var(const Modulus& modulus, const std::vector<std::size_t>& rows,
                     std::uint64_t* out) {
  if (rows.empty()) return;
  const std::size_t row = modulus.row_words();
  const std::vector<std::int64_t> index(rows.begin(), rows.end());
  Words inverses(rows.size() * row);
  try {
    invert_chunk_var(modulus, modulus.view(out, index.data()), 0, index.size(), inverses.data());
  } catch (const NotInvertible& failure) {
    throw NotInvertible(rows[failure.row]);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(out + rows[i] * row, &inverses[i * row], row * sizeof *out);
  }
}

}  // namespace

void GroupContext::scale(RowsView a, SignedView scalars, std::size_t rows, std::uint64_t* out,
                         const Run& run) const {
  const double products = 1.3 * 64 * static_cast<double>(scalars.words);
  parallel_chunks(rows, modulus_.chunk_rows(rows, products, run), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    const Scalars chunk(scalars, begin, end);
                    std::uint64_t* target = out + begin * modulus_.row_words();
                    powers_var(modulus_, rows_from(a, begin), chunk, end - begin, target);
                    try {
                      invert_some_var(modulus_, chunk.negative, target);
                    } catch (const NotInvertible& failure) {
                      throw NotInvertible(begin + failure.row);
                    }
                  });
}

}  // namespace pyfate
