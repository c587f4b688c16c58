// SPDX-License-Identifier: Apache-2.0
// What every engine must compute, checked against plain integers at one size of modulus.
#pragma once

#include <memory>
#include <vector>

#include "simd_scaffold.h"

namespace simd_test {

/// A is an engine's Arithmetic<N>. Operands: random ones and the ends of every range, one a lane.
template <typename A>
class ArithmeticChecks {
 public:
  static constexpr int kLanes = A::kLanes;

  ArithmeticChecks(const Integer& n, std::uint64_t seed)
      : random_(seed),
        scaffold_(n, A::limbs_for(n.bits()), A::radix_bits()),
        engine_(new A(scaffold_.constants())) {}

  void run() {
    if constexpr (kSpareBits) require(scaffold_.r > scaffold_.n << 6, "six spare bits");
    for (int round = 0; round < kRounds; ++round) {
      const std::vector<Integer> x = operands(round);
      const std::vector<Integer> y = operands(round + 1);
      check_rows(x);
      check_products(x, y);
      check_sums(x, y);
      check_halves(x, y);
    }
    if constexpr (kSpareBits) check_widest();
    check_chain();
    check_running();
    check_split();
    check_scan();
  }

 private:
  using Number = typename A::Number;
  using Half = typename A::Half;

  static constexpr bool kSpareBits = A::radix_bits() < 64;
  /// Enough for every pair of ends to meet.
  static constexpr int kRounds = kLanes > 1 ? 3 : 7;

  /// Lane by lane: the ends 0, 1, n - 1, n, n^2 - 1 in some lanes of some rounds, else random.
  std::vector<Integer> operands(int round) {
    const Integer one(1);
    const std::vector<Integer> ends = {Integer(), one, scaffold_.n - one, scaffold_.n,
                                       scaffold_.n_squared - one};
    std::vector<Integer> values;
    for (int lane = 0; lane < kLanes; ++lane) {
      const auto pick = static_cast<std::size_t>((lane + round) % 7);
      values.push_back(pick < ends.size() ? ends[pick] : random_.below(scaffold_.n_squared));
    }
    return values;
  }

  Number load(const std::vector<Integer>& values) const {
    std::vector<Limbs> rows;
    const std::uint64_t* pointers[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) rows.push_back(scaffold_.row(values[lane]));
    for (int lane = 0; lane < kLanes; ++lane) pointers[lane] = rows[lane].data();
    Number out;
    engine_->load(out, pointers);
    return out;
  }
  Half load_half(const std::vector<Integer>& values, int words) const {
    std::vector<Limbs> rows;
    const std::uint64_t* pointers[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) rows.push_back(digits(values[lane], 64, words));
    for (int lane = 0; lane < kLanes; ++lane) pointers[lane] = rows[lane].data();
    Half out;
    engine_->load_half(out, pointers, words);
    return out;
  }
  std::vector<Integer> store(const Number& number) const {
    // One word more than the row: it must stay untouched.
    constexpr std::uint64_t kGuard = 0x6775617264;
    const auto row_words = static_cast<std::size_t>(2 * scaffold_.words);
    std::vector<Limbs> rows(kLanes, Limbs(row_words + 1, kGuard));
    std::uint64_t* pointers[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) pointers[lane] = rows[lane].data();
    engine_->store(pointers, number);
    std::vector<Integer> values;
    for (const Limbs& row : rows) {
      require(row[row_words] == kGuard, "store writes its row and nothing else");
      values.push_back(scaffold_.value(row));
    }
    return values;
  }

  /// number * R = expected mod n^2 in every lane.
  void require_product(const Number& number, const std::vector<Integer>& expected,
                       const char* what) const {
    const std::vector<Integer> values = store(number);
    for (int lane = 0; lane < kLanes; ++lane) {
      require(
          values[lane] * scaffold_.r % scaffold_.n_squared == expected[lane] % scaffold_.n_squared,
          name(what, lane));
    }
  }

  std::string name(const char* what, int lane) const {
    return std::string(what) + ", " + std::to_string(scaffold_.n.bits()) + " bits, lane " +
           std::to_string(lane);
  }

  void check_rows(const std::vector<Integer>& x) const {
    const Number number = load(x);
    require(store(number) == x, "load and store are inverse");
    const std::size_t words = engine_->stored_words();
    require(words <= 2 * static_cast<std::size_t>(A::kMaxLimbs), "stored rows fit 2 kMaxLimbs");
    std::vector<Limbs> stored(kLanes, Limbs(words + 1, 7));
    std::uint64_t* out[kLanes];
    const std::uint64_t* in[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      out[lane] = stored[lane].data();
      in[(lane + 1) % kLanes] = stored[lane].data();  // gathered into the next lane
    }
    engine_->scatter(out, number);
    Number gathered;
    engine_->gather(gathered, in);
    const std::vector<Integer> values = store(gathered);
    for (int lane = 0; lane < kLanes; ++lane) {
      require(stored[lane][words] == 7, "scatter writes stored_words words");
      require(values[(lane + 1) % kLanes] == x[lane], name("gather", lane));
    }
  }

  void check_products(const std::vector<Integer>& x, const std::vector<Integer>& y) const {
    std::vector<Integer> products;
    std::vector<Integer> squares;
    for (int lane = 0; lane < kLanes; ++lane) {
      products.push_back(x[lane] * y[lane]);
      squares.push_back(x[lane] * x[lane]);
    }
    const Number a = load(x);
    const Number b = load(y);
    Number out;
    engine_->multiply(out, a, b);
    require_product(out, products, "multiply");
    engine_->square(out, a);
    require_product(out, squares, "square");
    out = a;
    engine_->multiply(out, out, b);
    require_product(out, products, "multiply in place of a");
    out = b;
    engine_->multiply(out, a, out);
    require_product(out, products, "multiply in place of b");
    out = a;
    engine_->square(out, out);
    require_product(out, squares, "square in place");
  }

  void check_sums(const std::vector<Integer>& x, const std::vector<Integer>& y) const {
    Number sum;
    Number one;
    engine_->add(sum, load(x), load(y));
    engine_->set_one(one);
    const std::vector<Integer> sums = store(sum);
    const std::vector<Integer> ones = store(one);
    for (int lane = 0; lane < kLanes; ++lane) {
      require(sums[lane] == (x[lane] + y[lane]) % scaffold_.n_squared, name("add", lane));
      require(ones[lane] == scaffold_.r % scaffold_.n_squared, name("set_one", lane));
    }
  }

  void check_halves(const std::vector<Integer>& x, const std::vector<Integer>& y) const {
    const Integer piece_end = Integer::power_of_two(scaffold_.n.bits());
    std::vector<Integer> pieces;
    std::vector<Integer> lifted;
    std::vector<Integer> products;
    for (int lane = 0; lane < kLanes; ++lane) {
      // Below 2^bits, not below n; the largest in lane 0.
      pieces.push_back(lane == 0 ? piece_end - Integer(1) : y[lane] % piece_end);
      products.push_back(pieces[lane] * x[lane]);
      lifted.push_back(x[lane] * (Integer(1) + pieces[lane] * scaffold_.n));
    }
    const Half half = load_half(pieces, scaffold_.words);
    Number wide;
    engine_->widen(wide, half);
    engine_->multiply(wide, wide, load(x));
    require_product(wide, products, "multiply a widened piece");

    Number number = load(x);
    engine_->add_multiple(number, half);
    const std::vector<Integer> values = store(number);
    for (int lane = 0; lane < kLanes; ++lane) {
      require(values[lane] == lifted[lane] % scaffold_.n_squared, name("add_multiple", lane));
    }

    engine_->widen(wide, load_half(std::vector<Integer>(kLanes, Integer(5)), 1));
    require(store(wide) == std::vector<Integer>(kLanes, Integer(5)), "short halves are padded");
  }

  /// Halves as large as the engine may leave them, 3/2 n, put in by way of stored rows.
  void check_widest() const {
    const Integer half = scaffold_.n + (scaffold_.n >> 1) - Integer(1);
    const int radix = scaffold_.radix_bits;
    Limbs limbs = digits(half, radix, scaffold_.limbs);
    limbs.insert(limbs.end(), limbs.begin(), limbs.begin() + scaffold_.limbs);
    Limbs stored = limbs;
    if (radix <= 32) {
      stored.assign(engine_->stored_words(), 0);
      for (std::size_t i = 0; i < limbs.size(); ++i) stored[i / 2] |= limbs[i] << (i % 2 * 32);
    }
    const std::uint64_t* in[kLanes];
    for (const std::uint64_t*& row : in) row = stored.data();
    const Integer value = half + half * scaffold_.n;
    Number number;
    Number out;
    engine_->gather(number, in);
    require(store(number) == std::vector<Integer>(kLanes, value % scaffold_.n_squared), "store");
    engine_->multiply(out, number, number);
    require_product(out, std::vector<Integer>(kLanes, value * value), "multiply widest");
    engine_->square(out, number);
    require_product(out, std::vector<Integer>(kLanes, value * value), "square widest");
    Integer sum = value;
    out = number;
    for (int times = 0; times < 4; ++times) {
      engine_->add(out, out, number);
      sum = sum + value;
      require(store(out) == std::vector<Integer>(kLanes, sum % scaffold_.n_squared), "add widest");
    }
  }

  /// Results are operands: twenty squarings and products in a row stay within bounds.
  void check_chain() {
    const std::vector<Integer> x = operands(4);
    std::vector<Integer> expected = x;
    const Number start = load(x);
    Number number = start;
    // Times R^2 for each of 40 divisions by R instead of an inverse.
    for (int step = 0; step < 20; ++step) {
      engine_->square(number, number);
      engine_->multiply(number, number, start);
    }
    Integer inverse;
    require(pyfate::invert_var(scaffold_.r % scaffold_.n_squared, scaffold_.n_squared, inverse),
            "R is invertible");
    const std::vector<Integer> values = store(number);
    for (int lane = 0; lane < kLanes; ++lane) {
      Integer wanted = x[lane];
      for (int step = 0; step < 20; ++step) {
        wanted = wanted * wanted % scaffold_.n_squared * inverse % scaffold_.n_squared;
        wanted = wanted * x[lane] % scaffold_.n_squared * inverse % scaffold_.n_squared;
      }
      require(values[lane] == wanted, name("chain", lane));
    }
  }

  /// What a row stands for as a split number: u (1 + l n / R).
  Integer split_value(const Integer& x) const {
    const Integer& n = scaffold_.n;
    Integer u = x % n;
    return u * (Integer(1) + x / n * inverse_mod_n(scaffold_.r) % n * n) % scaffold_.n_squared;
  }
  Integer inverse_mod_n(const Integer& value) const {
    Integer inverse;
    require(pyfate::invert_var(value % scaffold_.n, scaffold_.n, inverse), "invertible mod n");
    return inverse;
  }

  /// More terms than a sum of logarithms takes where six bits are spare.
  void check_running() {
    for (int terms : {1, 2, 8, 9, 40}) {
      std::vector<Integer> expected(kLanes, Integer(1));
      typename A::Running running;
      for (int term = 0; term < terms; ++term) {
        const std::vector<Integer> x = operands(term % 3 == 0 ? 5 + term : term);
        if (term == 0) {
          engine_->begin(running, load(x));
        } else {
          engine_->extend(running, load(x));
        }
        for (int lane = 0; lane < kLanes; ++lane) {
          expected[lane] = expected[lane] * split_value(x[lane]) % scaffold_.n_squared;
        }
      }
      std::vector<Integer> values = store(engine_->finish(running));
      for (int lane = 0; lane < kLanes; ++lane) {
        for (int term = 1; term < terms; ++term) {
          values[lane] = values[lane] * scaffold_.r % scaffold_.n_squared;
        }
        require(values[lane] == expected[lane], name("a running product", lane));
      }
    }
  }

  /// Units in every lane: 1, n - 1 and random ones that have an inverse.
  std::vector<Integer> units() {
    std::vector<Integer> values = {Integer(1), scaffold_.n - Integer(1)};
    while (static_cast<int>(values.size()) < kLanes + 1) {
      values.push_back(random_.below(scaffold_.n_squared));
      Integer inverse;
      if (!pyfate::invert_var(values.back() % scaffold_.n, scaffold_.n, inverse)) values.pop_back();
    }
    return {values.end() - kLanes, values.end()};
  }

  /// Residues are split, and their products stay split, for many rungs.
  void check_split() {
    const std::vector<Integer> x = units();
    const std::vector<Integer> y = units();
    std::vector<Integer> expected = x;
    Number a = load(x);
    Number b = load(y);
    const auto inverse = [&](const std::vector<Integer>& values) {
      std::vector<Integer> inverses;
      for (const Integer& value : values) {
        inverses.push_back(inverse_mod_n(value) * scaffold_.r % scaffold_.n * scaffold_.r %
                           scaffold_.n);
      }
      return load_half(inverses, scaffold_.words);
    };
    engine_->split(a, inverse(x));
    engine_->split(b, inverse(y));
    const Integer r_inverse = inverse_mod_n_squared(scaffold_.r);
    for (int rung = 0; rung < 20; ++rung) {
      for (int lane = 0; lane < kLanes; ++lane) {
        expected[lane] =
            expected[lane] * y[lane] % scaffold_.n_squared * r_inverse % scaffold_.n_squared;
      }
      Number product;
      engine_->multiply_split(product, a, b, inverse(expected));
      a = product;
      typename A::Running running;
      engine_->begin(running, a);
      require(store(engine_->finish(running)) == expected, "multiply_split");
    }
  }
  Integer inverse_mod_n_squared(const Integer& value) const {
    Integer inverse;
    require(pyfate::invert_var(value % scaffold_.n_squared, scaffold_.n_squared, inverse),
            "invertible mod n^2");
    return inverse;
  }

  void check_scan() {
    constexpr int kEntries = 5;
    std::vector<Number> table(kEntries);
    std::vector<std::vector<Integer>> entries;
    for (int i = 0; i < kEntries; ++i) {
      entries.push_back(operands(i + 2));
      table[static_cast<std::size_t>(i)] = load(entries.back());
    }
    std::uint64_t index[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) index[lane] = (lane * 3 + 1) % kEntries;
    Number out;
    engine_->scan(out, table.data(), kEntries, index);
    const std::vector<Integer> values = store(out);
    for (int lane = 0; lane < kLanes; ++lane) {
      require(values[lane] == entries[index[lane]][static_cast<std::size_t>(lane)],
              name("scan", lane));
    }
  }

  Random random_;
  Scaffold scaffold_;
  std::unique_ptr<A> engine_;
};

/// For each size a random modulus and 2^bits - 1, whose limbs fill the columns most.
template <typename A>
void check_arithmetic(std::initializer_list<int> sizes) {
  for (int bits : sizes) {
    const auto seed = static_cast<std::uint64_t>(bits);
    ArithmeticChecks<A>(Random(seed).modulus(bits), seed).run();
    ArithmeticChecks<A>(Integer::power_of_two(bits) - Integer(1), seed).run();
  }
}

}  // namespace simd_test
