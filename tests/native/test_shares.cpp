// SPDX-License-Identifier: Apache-2.0
// Shares mod 2^128 against plain integers: borders of slots, odd numbers of rows, several threads.
// tests/native/run_constant_time.sh runs it with all shares, masks and residues marked as secret.
#include <string>
#include <vector>

#include "bigint/secrecy.h"
#include "cpu/thread_pool.h"
#include "sharing/shares.h"
#include "simd_scaffold.h"

namespace {

using pyfate::Integer;
using pyfate::Run;
using pyfate::Slots;
using simd_test::Random;
using simd_test::require;
using List = std::vector<std::uint64_t>;

const Integer kRing = Integer::power_of_two(128);

void show(List& words) {
  for (std::uint64_t& word : words) word = pyfate::declassified(word);
}

Integer number(const List& words, std::size_t row, std::size_t size) {
  return Integer::from_words(&words[row * size], size);
}

/// value mod 2^(64 words) of a signed number given as its size and sign.
Integer wrapped(const Integer& size, bool negative, std::size_t words) {
  const Integer whole = Integer::power_of_two(static_cast<int>(64 * words));
  return negative && !size.is_zero() ? whole - size % whole : size % whole;
}

void slots_are_read_as_they_were_written(const Slots& slots, int bits, const Run& run) {
  Random random(slots.width);
  const Integer n = random.modulus(bits);
  const auto words = static_cast<std::size_t>((bits + 63) / 64);
  const Integer most = Integer::power_of_two(static_cast<int>(slots.width) - 1) - Integer(1);
  constexpr std::size_t kRows = 301;
  List residues(kRows * words);
  std::vector<Integer> expected;
  for (std::size_t row = 0; row < kRows; ++row) {
    Integer sum;  // mod n
    for (std::size_t slot = 0; slot < slots.count; ++slot) {
      const bool negative = (random.word() & 1) != 0;
      const std::uint64_t kind = random.word() % 4;
      const Integer size = kind == 0 ? most : kind == 1 ? Integer(0) : random.below(most);
      const Integer term = (size << static_cast<int>(slots.width * slot)) % n;
      sum = (negative ? sum + n - term : sum + term) % n;
      expected.push_back(wrapped(size, negative, 2));
    }
    sum.to_words(&residues[row * words], words);
  }
  List shares(2 * kRows * slots.count);
  pyfate::secret(residues.data(), residues.size());
  require(pyfate::unpack_shares(n, slots, residues.data(), kRows, shares.data(), run) == kRows,
          "slots are slots");
  show(shares);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    require(number(shares, i, 2) == expected[i], "a slot of " + std::to_string(slots.width));
  }
  show(residues);
  for (std::size_t row : {7, 300}) {  // n / 2 and n / 2 + 1 are far from any slot
    ((n >> 1) + Integer(row == 7 ? 1 : 0)).to_words(&residues[row * words], words);
  }
  require(pyfate::unpack_shares(n, slots, residues.data(), kRows, shares.data(), run) == 7,
          "the first row that is no slots");
}

void masks_and_shares_cancel(const Slots& slots, const Run& run) {
  constexpr std::size_t kRows = 1001;
  List plain(kRows * slots.words()), shares(2 * kRows * slots.count);
  pyfate::draw_slot_masks(slots, kRows, plain.data(), shares.data(), run);
  show(plain);
  show(shares);
  // Added to n / 2, so to speak: a mask is read as a residue of a modulus with no end in sight.
  const auto bits = static_cast<int>(64 * slots.words() + 64);
  const Integer n = Integer::power_of_two(bits) - Integer(1);
  const std::size_t words = slots.words() + 1;
  List residues(kRows * words);
  for (std::size_t row = 0; row < kRows; ++row) {
    const Integer value = number(plain, row, slots.words());
    const Integer whole = Integer::power_of_two(bits - 64);
    const bool negative = !((value << 1) < whole);
    (negative ? n - (whole - value) : value).to_words(&residues[row * words], words);
  }
  List found(shares.size());
  require(pyfate::unpack_shares(n, slots, residues.data(), kRows, found.data(), run) == kRows,
          "masks fit their slots");
  for (std::size_t i = 0; i < kRows * slots.count; ++i) {
    require(((number(shares, i, 2) + number(found, i, 2)) % kRing).is_zero(),
            "a mask and its share");
  }
}

void residues_are_below_n(int bits, const Run& run) {
  const Integer n = Random(3).modulus(bits);
  const auto words = static_cast<std::size_t>((bits + 63) / 64);
  constexpr std::size_t kRows = 3001;
  List plain(kRows * (words + 1)), shares(2 * kRows);
  pyfate::draw_residue_masks(n, kRows, plain.data(), shares.data(), run);
  show(plain);
  show(shares);
  for (std::size_t row = 0; row < kRows; ++row) {
    const Integer mask = number(plain, row, words + 1);
    require(mask < n, "a mask below n");
    require(((mask + number(shares, row, 2)) % kRing).is_zero(), "a residue and its share");
    require(row == 0 || bits < 64 || !(mask == number(plain, row - 1, words + 1)), "masks differ");
  }
}

void products_are_those_of_integers(std::size_t rows, std::size_t columns, std::size_t width,
                                    const Run& run) {
  Random random(rows + columns);
  std::vector<std::int64_t> matrix(rows * columns);
  for (std::int64_t& value : matrix) value = static_cast<std::int64_t>(random.word());
  if (!matrix.empty()) matrix[0] = INT64_MIN;
  for (const bool transposed : {false, true}) {
    const std::size_t terms = transposed ? rows : columns;
    const std::size_t outputs = transposed ? columns : rows;
    List shares(2 * terms * width), out(2 * outputs * width, 7);
    for (std::uint64_t& word : shares) word = random.word();
    std::vector<Integer> factors;
    for (std::size_t i = 0; i < terms * width; ++i) factors.push_back(number(shares, i, 2));
    const std::vector<std::int64_t> plain = matrix;
    pyfate::secret(shares.data(), shares.size());
    pyfate::secret(matrix.data(), matrix.size());
    const auto multiply = transposed ? pyfate::multiply_shares_transposed : pyfate::multiply_shares;
    multiply({matrix.data(), rows, columns}, shares.data(), width, out.data(), run);
    matrix = plain;
    show(out);
    for (std::size_t i = 0; i < outputs; ++i) {
      for (std::size_t at = 0; at < width; ++at) {
        Integer sum;
        for (std::size_t j = 0; j < terms; ++j) {
          const std::int64_t x = transposed ? plain[j * columns + i] : plain[i * columns + j];
          const auto word = static_cast<std::uint64_t>(x);
          const Integer factor =
              wrapped(x < 0 ? Integer(~word) + Integer(1) : Integer(word), x < 0, 2);
          sum = (sum + factor * factors[j * width + at]) % kRing;
        }
        require(number(out, i * width + at, 2) == sum, "a product");
      }
    }
  }
}

}  // namespace

int main() {
  pyfate::ThreadPool pool;
  for (const int threads : {1, 3}) {
    const Run run{threads, nullptr, nullptr, &pool};
    for (const Slots slots : {Slots{2, 1}, Slots{5, 7}, Slots{64, 3}, Slots{65, 3}, Slots{127, 2},
                              Slots{128, 3}, Slots{129, 3}, Slots{192, 2}, Slots{223, 2}}) {
      slots_are_read_as_they_were_written(slots, 480, run);
      masks_and_shares_cancel(slots, run);
    }
    for (const int bits : {3, 64, 65, 128, 512, 1000}) residues_are_below_n(bits, run);
    products_are_those_of_integers(0, 4, 1, run);
    products_are_those_of_integers(4, 0, 2, run);
    products_are_those_of_integers(13, 17, 1, run);
    products_are_those_of_integers(5, 3, 4, run);
    List words(40'001);
    pyfate::draw_words(words.size(), words.data(), run);
    show(words);
    require(words[0] != words[1] && words[40'000] != words[0], "words differ");
  }
  std::puts("ok");
}
