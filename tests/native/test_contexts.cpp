// SPDX-License-Identifier: Apache-2.0
// Whole operations of every instruction set of this machine, on plain integers and by decryption.
// Values are compared with gmpy2 in tests/backends; here the point is to run all of it, on several
// threads, under sanitizers and without Python.
#include <string>
#include <vector>

#include "group/multi_exponentiation.h"
#include "paillier/private_context.h"
#include "paillier/public_context.h"
#include "simd_scaffold.h"

namespace {

using pyfate::Integer;
using pyfate::PrivateContext;
using pyfate::PublicContext;
using pyfate::Run;
using pyfate::SignedView;
using pyfate::Words;
using simd_test::require;

constexpr Run kRun{3, nullptr, nullptr};
constexpr std::size_t kRows = 19;

Integer mersenne(int exponent) {
  return Integer::power_of_two(exponent) - 1;
}

Integer from_halves(std::uint64_t high, std::uint64_t low) {
  return (Integer(high) << 64) + Integer(low);
}

class ContextChecks {
 public:
  ContextChecks(const Integer& p, const Integer& q, const pyfate::InstructionSet& set)
      : name_(std::string(set.name) + " " + std::to_string((p * q).bits()) + " bits: "),
        context_(p * q, set),
        owner_(p, q, p - 1, q - 1, set),
        row_(context_.modulus().row_words()),
        random_(7) {
    for (std::size_t i = 0; i < kRows; ++i) {
      values_.push_back(static_cast<std::int64_t>(random_.word() >> 24) - (1 << 20));
    }
  }

  void run(bool balanced) {
    check_form();
    check_linear_algebra();
    check_horner();
    check_signs();
    check_blinding(balanced, false);
    check_blinding(balanced, true);
    check_failures();
  }

 private:
  void expect(bool condition, const char* what) { require(condition, name_ + what); }

  SignedView view(const std::vector<std::int64_t>& values) { return {values.data(), nullptr, 1}; }

  Words encrypted() {
    Words out(kRows * row_);
    context_.encrypt_full(view(values_), nullptr, kRows, out.data(), kRun);
    return out;
  }

  /// Expects rows to decrypt to these integers.
  void expect_plain(const Words& rows, const std::vector<std::int64_t>& expected,
                    const char* what) {
    const std::size_t count = expected.size();
    const std::size_t words = row_ / 2;
    Words plain(count * words);
    owner_.decrypt(context_, rows.data(), count, plain.data(), kRun);
    const Integer& n = context_.modulus().n();
    for (std::size_t i = 0; i < count; ++i) {
      const bool negative = expected[i] < 0;
      const Integer magnitude(static_cast<std::uint64_t>(negative ? -expected[i] : expected[i]));
      const Integer residue = negative ? n - magnitude : magnitude;
      expect(Integer::from_words(&plain[i * words], words) == residue, what);
    }
  }

  void check_form() {
    const Integer& square = context_.modulus().n_squared();
    Words canonical(kRows * row_);
    std::vector<Integer> values;
    for (std::size_t i = 0; i < kRows; ++i) {
      values.push_back(i == 0 ? square - 1 : random_.below(square));
      values[i].to_words(&canonical[i * row_], row_);
    }
    Words rows(kRows * row_);
    Words back(kRows * row_);
    context_.enter(canonical.data(), kRows, rows.data(), kRun);
    context_.leave(rows.data(), kRows, back.data(), kRun);
    expect(back == canonical, "into the form and out of it");
    Words products(kRows * row_);
    context_.multiply(context_.view(rows.data()), context_.view(rows.data()), kRows,
                      products.data(), kRun);
    context_.leave(products.data(), kRows, back.data(), kRun);
    for (std::size_t i = 0; i < kRows; ++i) {
      expect(Integer::from_words(&back[i * row_], row_) == values[i] * values[i] % square,
             "product");
    }
  }

  void check_linear_algebra() {
    const Words c = encrypted();
    for (const std::size_t outputs : {std::size_t{1}, std::size_t{7}, std::size_t{60}}) {
      std::vector<std::int64_t> matrix(outputs * kRows);
      std::vector<std::int64_t> expected(outputs);
      for (std::size_t i = 0; i < matrix.size(); ++i) {
        matrix[i] = static_cast<std::int64_t>(random_.word() >> 52) - 2048;
        expected[i / kRows] += matrix[i] * values_[i % kRows];
      }
      Words out(outputs * row_);
      const pyfate::ExponentMatrix exponents{outputs, kRows, 1, matrix.data(), nullptr, nullptr};
      pyfate::multi_exponentiate_var(context_, exponents, c.data(), 1, out.data(), kRun);
      expect_plain(out, expected, "matrix product");
    }
    const std::vector<std::int64_t> index = {0, 1, 2, 3, 3, 3, 4};
    const std::vector<std::int64_t> offsets = {0, 0, 2, 7};
    Words sums(3 * row_);
    context_.segment_multiply(c.data(), index.data(), offsets.data(), 3, sums.data(), kRun);
    expect_plain(sums, {0, values_[0] + values_[1], values_[2] + 3 * values_[3] + values_[4]},
                 "segments");
  }

  void check_horner() {
    const Words c = encrypted();
    const std::vector<std::int64_t> numbers = {0, 3, 1, 1, 2, 4};  // three steps of two results
    Words joined(2 * row_);
    context_.horner(c.data(), numbers.data(), 3, 2, 5, joined.data(), kRun);
    expect_plain(joined,
                 {values_[0] + 32 * values_[1] + 1024 * values_[2],
                  values_[3] + 32 * values_[1] + 1024 * values_[4]},
                 "side by side");
  }

  void check_signs() {
    const Words c = encrypted();
    std::vector<std::int64_t> scalars(kRows);
    std::vector<std::int64_t> expected(kRows);
    for (std::size_t i = 0; i < kRows; ++i) {
      scalars[i] = static_cast<std::int64_t>(i % 7) - 3;
      expected[i] = scalars[i] * values_[i] + values_[i];
    }
    Words scaled(kRows * row_);
    context_.scale(context_.view(c.data()), view(scalars), kRows, scaled.data(), kRun);
    context_.multiply_plain(context_.view(scaled.data()), view(values_), kRows, scaled.data(),
                            kRun);
    expect_plain(scaled, expected, "scale and add plain");
    Words inverses(kRows * row_);
    context_.invert(context_.view(c.data()), kRows, inverses.data(), kRun);
    context_.multiply(context_.view(inverses.data()), context_.view(c.data()), kRows,
                      inverses.data(), kRun);
    expect_plain(inverses, std::vector<std::int64_t>(kRows, 0), "inverse");
  }

  void check_blinding(bool balanced, bool hardened) {
    const Integer base = Integer(4);
    context_.set_blinding_base(base, 100, Integer(9), 1 << 14, hardened, kRun);
    // Powers of 4 are no n-th powers: two ciphertexts of the same exponents are compared instead.
    const auto table = context_.blinding();
    Words exponents(kRows * table->exponent_words());
    for (std::uint64_t& word : exponents) word = random_.word() >> 27;
    Words one(kRows * row_);
    Words two(kRows * row_);
    const std::vector<std::int64_t> zeros(kRows, 0);
    context_.encrypt(view(values_), exponents.data(), kRows, one.data(), kRun);
    context_.encrypt(view(zeros), exponents.data(), kRows, two.data(), kRun);
    context_.multiply_plain(context_.view(two.data()), view(values_), kRows, two.data(), kRun);
    expect(one == two, "encryption is a power times a plaintext");
    if (!balanced) return;
    owner_.set_blinding_base(base, 100, Integer(9), 1 << 14, hardened, kRun);
    owner_.encrypt(context_, view(values_), exponents.data(), kRows, two.data(), kRun);
    expect(one == two, "the owner makes the same ciphertexts");
  }

  template <class Error, class Call>
  void expect_error(Call call, const char* what) {
    bool thrown = false;
    try {
      call();
    } catch (const Error&) {
      thrown = true;
    }
    expect(thrown, what);
  }

  void check_failures() {
    const Words zeros(kRows * row_);
    Words out(kRows * row_);
    expect_error<std::invalid_argument>(
        [&] { context_.invert(context_.view(zeros.data()), kRows, out.data(), kRun); },
        "zero has no inverse");
    expect_error<std::invalid_argument>(
        [&] { owner_.decrypt(context_, zeros.data(), kRows, out.data(), kRun); },
        "zero is no ciphertext");
    const Run stopping{2, [](void*) { return true; }, nullptr};
    const std::vector<std::int64_t> many(200'000, 5);
    Words rows(many.size() * row_);
    expect_error<pyfate::Interrupted>(
        [&] { context_.encrypt_full(view(many), nullptr, many.size(), rows.data(), stopping); },
        "interrupted");
  }

  std::string name_;
  PublicContext context_;
  PrivateContext owner_;
  std::size_t row_;
  simd_test::Random random_;
  std::vector<std::int64_t> values_;
};

}  // namespace

int main() {
  // Two primes of 128 bits, and two whose lengths differ.
  const Integer p = from_halves(0xc123456789abcdef, 0x0fedcba9876543fd);
  const Integer q = from_halves(0xfedcba9876543210, 0x0123456789abcdf7);
  for (const pyfate::InstructionSet& set : pyfate::instruction_sets()) {
    if (set.missing() != nullptr) continue;
    ContextChecks(p, q, set).run(true);
    ContextChecks(mersenne(521), mersenne(607), set).run(false);
  }
  std::puts("ok");
}
