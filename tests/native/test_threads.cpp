// SPDX-License-Identifier: Apache-2.0
// One key used by several threads at once, each of which runs on several threads itself: for the
// thread sanitizer. tests/native/run_sanitizers.sh.
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
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
using pyfate::Words;

constexpr std::size_t kRows = 400;  // fewer would run on one thread
constexpr int kRounds = 3;

class SharedKey {
 public:
  explicit SharedKey(const pyfate::InstructionSet& set)
      : p_((Integer(3) << 126) + Integer(181)),
        q_(Integer::power_of_two(128) - Integer(159)),
        context_(p_ * q_, set),
        owner_(p_, q_, p_ - 1, q_ - 1, set),
        row_(context_.modulus().row_words()) {
    for (std::size_t i = 0; i < kRows; ++i) values_.push_back(static_cast<std::int64_t>(i) - 7);
    make_tables();
  }

  void run() {
    std::vector<std::thread> threads;
    for (const auto work : {&SharedKey::encrypt, &SharedKey::add_up, &SharedKey::replace_tables,
                            &SharedKey::interrupt, &SharedKey::encrypt}) {
      threads.emplace_back([this, work] {
        for (int round = 0; round < kRounds; ++round) (this->*work)();
      });
    }
    for (std::thread& thread : threads) thread.join();
    simd_test::require(failures_ == 0, "operations at the same time give other results");
  }

 private:
  static constexpr Run kRun{3, nullptr, nullptr};

  pyfate::SignedView view() const { return {values_.data(), nullptr, 1}; }

  void make_tables() {
    context_.set_blinding_base(Integer(1), 64, Integer(1), 1 << 14, false, kRun);
    owner_.set_blinding_base(Integer(1), 64, Integer(1), 1 << 14, true, kRun);
  }

  void expect(const Words& rows, const std::vector<std::int64_t>& expected) {
    const std::size_t words = row_ / 2;
    const std::size_t count = expected.size();
    Words plain(count * words);
    owner_.decrypt(context_, rows.data(), count, plain.data(), kRun);
    for (std::size_t i = 0; i < count; ++i) {
      const bool negative = expected[i] < 0;
      const Integer magnitude(static_cast<std::uint64_t>(negative ? -expected[i] : expected[i]));
      const Integer& n = context_.modulus().n();
      if (Integer::from_words(&plain[i * words], words) != (negative ? n - magnitude : magnitude)) {
        ++failures_;
      }
    }
  }

  void encrypt() {
    Words rows(kRows * row_);
    context_.encrypt(view(), nullptr, kRows, rows.data(), kRun);
    expect(rows, values_);
    owner_.encrypt(context_, view(), nullptr, kRows, rows.data(), kRun);
    context_.blind(context_.view(rows.data()), nullptr, kRows, rows.data(), kRun);
    expect(rows, values_);
  }

  void add_up() {
    Words rows(kRows * row_);
    context_.encrypt_full(view(), nullptr, kRows, rows.data(), kRun);
    std::vector<std::int64_t> matrix(2 * kRows, 3);
    std::int64_t sum = 0;
    for (const std::int64_t value : values_) sum += value;
    for (std::size_t i = kRows; i < 2 * kRows; ++i) matrix[i] = -1;
    Words out(2 * row_);
    const pyfate::ExponentMatrix exponents{2, kRows, 1, matrix.data(), nullptr, nullptr};
    pyfate::multi_exponentiate_var(context_, exponents, rows.data(), 1, out.data(), kRun);
    expect(out, {3 * sum, -sum});
  }

  /// Tables change under the others, who go on with the one they have.
  void replace_tables() { make_tables(); }

  /// A call asks whether to end only when it takes long: how many rows that are is the machine's.
  void interrupt() {
    const Run stopping{3, [](void*) { return true; }, nullptr};
    for (std::size_t count = 20'000; count <= 20'000 << 6; count *= 2) {
      const std::vector<std::int64_t> many(count, 5);
      Words rows(count * row_);
      try {
        context_.encrypt_full({many.data(), nullptr, 1}, nullptr, count, rows.data(), stopping);
      } catch (const pyfate::Interrupted&) {
        return;
      }
    }
    ++failures_;
  }

  Integer p_;
  Integer q_;
  PublicContext context_;
  PrivateContext owner_;
  std::size_t row_;
  std::vector<std::int64_t> values_;
  std::atomic<int> failures_{0};
};

}  // namespace

int main() {
  for (const pyfate::InstructionSet& set : pyfate::instruction_sets()) {
    if (set.missing() == nullptr) SharedKey(set).run();
  }
  std::puts("ok");
}
