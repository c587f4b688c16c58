// SPDX-License-Identifier: Apache-2.0
// Encryption and re-blinding under a public key.
#include <algorithm>
#include <stdexcept>

#include "bigint/secrecy.h"
#include "group/packed.h"
#include "group/window_width.h"
#include "paillier/public_context.h"
#include "rng/chacha20.h"

namespace pyfate {

namespace {

/// Whether a number is in [1, n).
bool in_range(const Modulus& modulus, const std::uint64_t* number) {
  const std::size_t words = modulus.words();
  std::uint64_t any = 0;
  for (std::size_t i = 0; i < words; ++i) any |= number[i];
  const bool below = less_than(number, modulus.n_words().data(), words);
  // A number that is refused is used for nothing.
  return declassified(static_cast<int>(any != 0) & static_cast<int>(below)) != 0;
}

/// One uniform number in [1, n): bits are drawn until they fit, at most twice on average.
void draw_unit(const Modulus& modulus, ChaCha20& random, std::uint64_t* out) {
  const std::size_t words = modulus.words();
  const int spare = 64 * modulus.words() - modulus.bits();
  do {
    random.fill(out, words);
    out[words - 1] &= ~std::uint64_t{0} >> spare;
  } while (!in_range(modulus, out));
}

}  // namespace

void PublicContext::set_blinding_base(const Integer& base, int exponent_bits,
                                      const Integer& sign_base, std::size_t table_bytes,
                                      bool hardened, const Run& run) {
  std::atomic_store(&blinding_,
                    std::shared_ptr<const PowerTable>(std::make_shared<PowerTable>(
                        modulus(), base, exponent_bits, sign_base, table_bytes, hardened, run)));
}

template <class Finish>
void PublicContext::with_short_powers(const std::uint64_t* exponents, std::size_t rows,
                                      const Run& run, Finish finish) const {
  const std::shared_ptr<const PowerTable> table = blinding();
  if (!table) throw std::invalid_argument("set_blinding_base must be called first");
  const std::size_t exponent_words = table->exponent_words();
  const RandomKey key;
  parallel_chunks(rows, modulus().chunk_rows(rows, table->products() + 1, run), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    const std::size_t count = end - begin;
                    SecretWords fresh;
                    const std::uint64_t* chosen = nullptr;
                    if (exponents != nullptr) {
                      chosen = exponents + begin * exponent_words;
                    } else {
                      fresh.resize(count * exponent_words);
                      // A stream for each chunk: no two chunks share one.
                      ChaCha20 random(key.words, begin);
                      draw_exponents(*table, random, count, fresh.data());
                      chosen = fresh.data();
                    }
                    Words powers(count * modulus().row_words());
                    table->powers(modulus(), chosen, count, powers.data());
                    finish(powers.data(), begin, end);
                  });
}

template <class Finish>
void PublicContext::with_full_powers(const std::uint64_t* r, std::size_t rows, const Run& run,
                                     Finish finish) const {
  const std::size_t words = modulus().words();
  const SecretWords to_montgomery = modulus().factor_row(1);
  const CommonExponent n{modulus().n_words().data(), modulus().bits()};
  const int width = sliding_width(n.bits, false);
  const RandomKey key;
  parallel_chunks(rows, modulus().chunk_rows(rows, 1.2 * n.bits, run), run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    const std::size_t count = end - begin;
                    SecretWords units(count * words);
                    ChaCha20 random(key.words, begin);
                    for (std::size_t i = 0; i < count; ++i) {
                      if (r == nullptr) {
                        draw_unit(modulus(), random, &units[i * words]);
                        continue;
                      }
                      const std::uint64_t* given = r + (begin + i) * words;
                      if (!in_range(modulus(), given)) {
                        throw std::invalid_argument("r is not in [1, n)");
                      }
                      std::copy(given, given + words, &units[i * words]);
                    }
                    Words powers(count * modulus().row_words());
                    const KernelTable& kernels = modulus().kernels();
                    kernels.linear(modulus().engine(), units.data(), modulus().words(),
                                   to_montgomery.data(), 1, powers.data(), 0, count);
                    Words table(((std::size_t{1} << (width - 1)) + 1) * kernels.number_bytes / 8);
                    kernels.power_var(modulus().engine(), view(powers.data()), n, width,
                                      table.data(), powers.data(), 0, count);
                    finish(powers.data(), begin, end);
                  });
}

void PublicContext::encrypt(SignedView plain, const std::uint64_t* exponents, std::size_t rows,
                            std::uint64_t* out, const Run& run) const {
  with_short_powers(exponents, rows, run,
                    [&](const std::uint64_t* powers, std::size_t begin, std::size_t end) {
                      add_plain_chunk(view(powers), plain, begin, end, out);
                    });
}

void PublicContext::blind(RowsView a, const std::uint64_t* exponents, std::size_t rows,
                          std::uint64_t* out, const Run& run) const {
  with_short_powers(
      exponents, rows, run, [&](const std::uint64_t* powers, std::size_t begin, std::size_t end) {
        modulus().kernels().multiply(modulus().engine(), rows_from(a, begin), view(powers),
                                     out + begin * a.stride, 0, end - begin);
      });
}

void PublicContext::encrypt_full(SignedView plain, const std::uint64_t* r, std::size_t rows,
                                 std::uint64_t* out, const Run& run) const {
  with_full_powers(r, rows, run,
                   [&](const std::uint64_t* powers, std::size_t begin, std::size_t end) {
                     add_plain_chunk(view(powers), plain, begin, end, out);
                   });
}

void PublicContext::blind_full(RowsView a, const std::uint64_t* r, std::size_t rows,
                               std::uint64_t* out, const Run& run) const {
  with_full_powers(
      r, rows, run, [&](const std::uint64_t* powers, std::size_t begin, std::size_t end) {
        modulus().kernels().multiply(modulus().engine(), rows_from(a, begin), view(powers),
                                     out + begin * a.stride, 0, end - begin);
      });
}

}  // namespace pyfate
