// SPDX-License-Identifier: Apache-2.0
// Operations on rows of every instruction set against plain integers: form, products, squares,
// powers by public, secret and fixed-base exponents, inverses, sums, matrix products, under any odd
// modulus.
#include <algorithm>
#include <stdexcept>

#include "group/multi_exponentiation.h"
#include "input.h"
#include "paillier/public_context.h"

using fuzz::Input;
using fuzz::Integer;
using fuzz::require;
using pyfate::PublicContext;
using pyfate::Words;

namespace {

constexpr pyfate::Run kRun{1, nullptr, nullptr};

Integer odd_modulus(Input& input) {
  // Sizes with code of their own are rare: they cost most.
  static constexpr int kSizes[] = {512, 1024};
  const unsigned size = input.choice(600);
  const int bits = size < 8 ? kSizes[size / 4] : 3 + static_cast<int>(size) / 2;
  const Integer top = Integer::power_of_two(bits - 1);
  const Integer n = top + input.number(bits - 1);
  return n.is_odd() ? n : n + 1;
}

/// A number of two's complement words.
struct Signed {
  bool negative;
  Integer magnitude;

  Signed(Input& input, int bits) : negative(input.byte() % 2 != 0), magnitude(input.number(bits)) {}
  void write(std::int64_t* out, std::size_t words) const {
    const Integer all = Integer::power_of_two(64 * static_cast<int>(words));
    const Integer value = negative ? (all - magnitude) % all : magnitude;
    value.to_words(reinterpret_cast<std::uint64_t*>(out), words);
  }
};

class Rows {
 public:
  Rows(Input& input, const pyfate::InstructionSet& set)
      : input_(input),
        n_(odd_modulus(input)),
        square_(n_ * n_),
        context_(n_, set),
        row_(context_.modulus().row_words()),
        count_(1 + input.choice(11)) {
    for (std::size_t i = 0; i < count_; ++i) values_.push_back(input_.below(square_));
    rows_ = entered(values_);
    check("form");
  }

  void step() {
    switch (input_.choice(8)) {
      case 0:
        return multiply();
      case 1:
        return multiply_plain();
      case 2:
        return scale();
      case 3:
        return invert();
      case 4:
        return add_up();
      case 5:
        return matrix();
      case 6:
        return secret_power();
      default:
        return blind();
    }
  }

 private:
  Words entered(const std::vector<Integer>& values) const {
    Words canonical(values.size() * row_);
    for (std::size_t i = 0; i < values.size(); ++i) values[i].to_words(&canonical[i * row_], row_);
    Words rows(values.size() * row_);
    context_.enter(canonical.data(), values.size(), rows.data(), kRun);
    return rows;
  }

  /// Rows stand for the values, and their halves are below n.
  void check(const char* what) const {
    Words canonical(count_ * row_);
    context_.leave(rows_.data(), count_, canonical.data(), kRun);
    for (std::size_t i = 0; i < count_; ++i) {
      require(Integer::from_words(&canonical[i * row_], row_) == values_[i], what);
      for (std::size_t half = 0; half < 2; ++half) {
        require(Integer::from_words(&rows_[i * row_ + half * row_ / 2], row_ / 2) < n_, what);
      }
    }
  }

  std::vector<std::int64_t> any_index() {
    std::vector<std::int64_t> index(count_);
    for (std::int64_t& i : index) i = input_.choice(static_cast<unsigned>(count_));
    return index;
  }

  void multiply() {
    const std::vector<std::int64_t> a = any_index();
    const std::vector<std::int64_t> b = any_index();
    Words out(rows_.size());
    context_.multiply(context_.view(rows_.data(), a.data()), context_.view(rows_.data(), b.data()),
                      count_, out.data(), kRun);
    std::vector<Integer> values;
    for (std::size_t i = 0; i < count_; ++i) {
      values.push_back(values_[static_cast<std::size_t>(a[i])] *
                       values_[static_cast<std::size_t>(b[i])] % square_);
    }
    replace(out, values, "multiply");
  }

  void multiply_plain() {
    const std::size_t words = 1 + input_.choice(static_cast<unsigned>(row_ / 2 + 2));
    std::vector<std::int64_t> plain(count_ * words);
    std::vector<Integer> values;
    bool fits = true;
    for (std::size_t i = 0; i < count_; ++i) {
      const Signed m(input_, 64 * static_cast<int>(words) - 1);
      m.write(&plain[i * words], words);
      // -n itself is let through as the residue 0.
      fits = fits && (m.magnitude < n_ || (m.negative && m.magnitude == n_));
      const Integer residue = m.magnitude % n_;
      const Integer factor = m.negative && !residue.is_zero() ? n_ - residue : residue;
      values.push_back(values_[i] * (Integer(1) + factor * n_) % square_);
    }
    Words out(rows_.size());
    bool refused = false;
    try {
      context_.multiply_plain(context_.view(rows_.data()), {plain.data(), nullptr, words}, count_,
                              out.data(), kRun);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    require(refused == !fits, "plaintexts of n or more are refused, others are not");
    if (!refused) replace(out, values, "multiply_plain");
  }

  void scale() {
    const std::size_t words = 1 + input_.choice(2);
    std::vector<std::int64_t> scalars(count_ * words);
    std::vector<Integer> values;
    bool possible = true;
    for (std::size_t i = 0; i < count_; ++i) {
      const Signed s(input_,
                     1 + static_cast<int>(input_.choice(64 * static_cast<unsigned>(words) - 1)));
      s.write(&scalars[i * words], words);
      Integer base = values_[i];
      if (s.negative && !s.magnitude.is_zero()) {
        possible = pyfate::invert_var(values_[i], square_, base) && possible;
      }
      values.push_back(fuzz::power(base, s.magnitude, square_));
    }
    Words out(rows_.size());
    try {
      context_.scale(context_.view(rows_.data()), {scalars.data(), nullptr, words}, count_,
                     out.data(), kRun);
    } catch (const std::invalid_argument&) {
      require(!possible, "a scalar was refused");
      return;
    }
    require(possible, "a power of what has no inverse");
    replace(out, values, "scale");
  }

  void invert() {
    Words out(rows_.size());
    std::vector<Integer> values(count_);
    bool possible = true;
    for (std::size_t i = 0; i < count_; ++i) {
      possible = pyfate::invert_var(values_[i], square_, values[i]) && possible;
    }
    try {
      context_.invert(context_.view(rows_.data()), count_, out.data(), kRun);
    } catch (const std::invalid_argument&) {
      require(!possible, "an inverse was not found");
      return;
    }
    require(possible, "an inverse of what has none");
    replace(out, values, "invert");
  }

  void add_up() {
    const std::vector<std::int64_t> index = any_index();
    std::vector<std::int64_t> offsets = {0, input_.choice(static_cast<unsigned>(count_) + 1),
                                         static_cast<std::int64_t>(count_)};
    std::vector<Integer> values(2, Integer(1) % square_);
    for (std::size_t i = 0; i < count_; ++i) {
      Integer& sum = values[static_cast<std::int64_t>(i) < offsets[1] ? 0 : 1];
      sum = sum * values_[static_cast<std::size_t>(index[i])] % square_;
    }
    Words out(2 * row_);
    context_.segment_multiply(rows_.data(), index.data(), offsets.data(), 2, out.data(), kRun);
    replace(out, values, "segment_multiply");
  }

  void matrix() {
    const std::size_t outputs = 1 + input_.choice(4);
    const int bits = 1 + static_cast<int>(input_.choice(63));
    std::vector<std::int64_t> entries(outputs * count_);
    std::vector<Integer> inverses(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      if (!pyfate::invert_var(values_[i], square_, inverses[i])) return;
    }
    std::vector<Integer> values;
    for (std::size_t row = 0; row < outputs; ++row) {
      Integer product = Integer(1) % square_;
      for (std::size_t i = 0; i < count_; ++i) {
        const Signed s(input_, bits);
        s.write(&entries[row * count_ + i], 1);
        product = product *
                  fuzz::power(s.negative ? inverses[i] : values_[i], s.magnitude, square_) %
                  square_;
      }
      values.push_back(product);
    }
    Words out(outputs * row_);
    const pyfate::ExponentMatrix exponents{outputs, count_, 1, entries.data(), nullptr, nullptr};
    pyfate::multi_exponentiate_var(context_, exponents, rows_.data(), 1, out.data(), kRun);
    replace(out, values, "multi_exponentiate");
  }

  void secret_power() {
    const int bits = 1 + static_cast<int>(input_.choice(130));
    const int width = 1 + static_cast<int>(input_.choice(5));
    const Integer exponent = input_.number(bits);
    Words words(static_cast<std::size_t>(bits + 63) / 64);
    exponent.to_words(words.data(), words.size());
    const pyfate::KernelTable& kernels = context_.modulus().kernels();
    Words scratch(((std::size_t{1} << width) + 1) * kernels.number_bytes / 8);
    Words out(rows_.size());
    kernels.power_secret(context_.modulus().engine(), context_.view(rows_.data()),
                         {words.data(), bits}, width, scratch.data(), out.data(), 0, count_);
    std::vector<Integer> values;
    for (const Integer& value : values_) values.push_back(fuzz::power(value, exponent, square_));
    replace(out, values, "power_secret");
  }

  void blind() {
    const bool hardened = input_.byte() % 2 != 0;
    const int bits = 1 + static_cast<int>(input_.choice(100));
    const Integer base = input_.below(square_);
    const Integer sign = input_.below(square_);
    Integer inverse;
    // A table is made of units.
    if (!pyfate::invert_var(base * sign % n_, n_, inverse)) return;
    context_.set_blinding_base(base, bits, sign, std::size_t{1} << (8 + input_.choice(7)), hardened,
                               kRun);
    const auto words = static_cast<std::size_t>(context_.blinding()->exponent_words());
    Words exponents(count_ * words);
    std::vector<Integer> values;
    for (std::size_t i = 0; i < count_; ++i) {
      const Integer exponent = input_.number(bits + 1);
      exponent.to_words(&exponents[i * words], words);
      const Integer low = exponent % Integer::power_of_two(bits);
      Integer product = values_[i] * fuzz::power(base, low, square_) % square_;
      if (!(exponent >> bits).is_zero()) product = product * sign % square_;
      values.push_back(product);
    }
    Words out(rows_.size());
    context_.blind(context_.view(rows_.data()), exponents.data(), count_, out.data(), kRun);
    replace(out, values, hardened ? "blind, hardened" : "blind");
  }

  void replace(const Words& rows, const std::vector<Integer>& values, const char* what) {
    rows_ = rows;
    values_ = values;
    count_ = values.size();
    check(what);
  }

  Input& input_;
  Integer n_;
  Integer square_;
  PublicContext context_;
  std::size_t row_;
  std::size_t count_;
  std::vector<Integer> values_;
  Words rows_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const pyfate::InstructionSet& set = input.instruction_set();
  Rows rows(input, set);
  for (int steps = 0; steps < 3 && !input.empty(); ++steps) rows.step();
  return 0;
}
