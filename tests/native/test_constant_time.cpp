// SPDX-License-Identifier: Apache-2.0
// Under valgrind: decryption, the owner's encryption, hardened encryption and blinding, from end to
// end. The key, the plaintexts and the randomness are marked undefined, so that memcheck reports
// every branch and every address that depends on one of them. Masks of sums the same: their keys,
// values and roundings. With the argument `control`, tables are not hardened, which must be
// reported. tests/native/run_constant_time.sh.
#include <cstring>
#include <string>
#include <vector>

#include "bigint/secrecy.h"
#include "cpu/masking.h"
#include "paillier/private_context.h"
#include "paillier/public_context.h"
#include "simd_scaffold.h"

namespace pyfate {

/// Marks what a context keeps.
struct SecretsOf {
  static void hide(const SecretWords& words) { secret(words.data(), words.size()); }

  static void hide(const Modulus& modulus) {
    // An engine begins with the word of its sizes, which are public.
    secret(modulus.engine_.data() + 1, modulus.engine_.size() - 1);
    hide(modulus.n_words_);
    hide(modulus.to_montgomery_);
    hide(modulus.one_);
  }

  static void hide(const PrivateContext& owner) {
    for (const PrimeSide* side : {&owner.p_, &owner.q_}) {
      hide(side->modulus);
      hide(side->exponent);
      hide(side->blinding->entries_);
    }
    for (const KeyBridge::Side* side : {&owner.bridge_->p, &owner.bridge_->q}) {
      hide(side->entry);
      hide(side->share);
      hide(side->owner);
    }
  }
};

}  // namespace pyfate

namespace {

using pyfate::Integer;
using pyfate::PrivateContext;
using pyfate::PublicContext;
using pyfate::Words;
using simd_test::require;

constexpr pyfate::Run kRun{1, nullptr, nullptr};

class Checks {
 public:
  Checks(const Integer& p, const Integer& q, const pyfate::InstructionSet& set, bool hardened)
      : name_(std::string(set.name) + ", " + std::to_string((p * q).bits()) + " bits: "),
        context_(p * q, set),
        owner_(p, q, p - 1, q - 1, set),
        row_(context_.modulus().row_words()) {
    const Integer base = nth_power(2);
    const Integer sign = nth_power(3);
    const int bits = context_.modulus().bits() / 2;
    context_.set_blinding_base(base, bits, sign, 1 << 16, hardened, kRun);
    owner_.set_blinding_base(base, bits, sign, 1 << 16, hardened, kRun);
    const std::vector<std::int64_t> plain = values_;
    expect_plain(encrypted_full(), plain, "before anything is hidden");  // and makes the bridge
    pyfate::SecretsOf::hide(owner_);
    pyfate::secret(values_.data(), values_.size());
    expected_ = plain;
  }

  void run() {
    Words rows(kRows * row_);
    owner_.encrypt(context_, view(), nullptr, kRows, rows.data(), kRun);
    expect_plain(rows, expected_, "the owner's encryption");
    context_.encrypt(view(), nullptr, kRows, rows.data(), kRun);
    expect_plain(rows, expected_, "encryption");
    context_.blind(context_.view(rows.data()), nullptr, kRows, rows.data(), kRun);
    expect_plain(rows, expected_, "blinding");
    rows = encrypted_full();
    context_.blind_full(context_.view(rows.data()), nullptr, kRows, rows.data(), kRun);
    expect_plain(rows, expected_, "full powers");
  }

 private:
  static constexpr std::size_t kRows = 3;

  pyfate::SignedView view() const { return {values_.data(), nullptr, 1}; }

  /// root^n mod n^2, which blinds.
  Integer nth_power(std::uint64_t root) const {
    const std::int64_t zero = 0;
    Words r(row_ / 2);
    r[0] = root;
    Words rows(row_);
    context_.encrypt_full({&zero, nullptr, 1}, r.data(), 1, rows.data(), kRun);
    context_.leave(rows.data(), 1, rows.data(), kRun);
    return Integer::from_words(rows.data(), row_);
  }

  Words encrypted_full() const {
    Words rows(kRows * row_);
    context_.encrypt_full(view(), nullptr, kRows, rows.data(), kRun);
    return rows;
  }

  /// Decrypts, shows what came out and compares.
  void expect_plain(const Words& rows, const std::vector<std::int64_t>& expected,
                    const char* what) {
    const std::size_t words = row_ / 2;
    Words plain(kRows * words);
    owner_.decrypt(context_, rows.data(), kRows, plain.data(), kRun);
    for (std::uint64_t& word : plain) word = pyfate::declassified(word);
    const Integer& n = context_.modulus().n();
    for (std::size_t i = 0; i < kRows; ++i) {
      const bool negative = expected[i] < 0;
      const Integer magnitude(static_cast<std::uint64_t>(negative ? -expected[i] : expected[i]));
      require(
          Integer::from_words(&plain[i * words], words) == (negative ? n - magnitude : magnitude),
          name_ + what);
    }
  }

  std::string name_;
  PublicContext context_;
  PrivateContext owner_;
  std::size_t row_;
  std::vector<std::int64_t> values_ = {0, 123456789, -987654321};
  std::vector<std::int64_t> expected_;
};

/// Primes of `bits` bits: 3 * 2^(bits - 2) + above and 2^bits - below.
struct Primes {
  int bits;
  std::uint64_t above;
  std::uint64_t below;

  Integer p() const { return (Integer(3) << (bits - 2)) + Integer(above); }
  Integer q() const { return Integer::power_of_two(bits) - Integer(below); }
};

void check(const char* name, const Primes& primes, bool hardened) {
  const pyfate::InstructionSet* found = nullptr;
  for (const pyfate::InstructionSet& set : pyfate::instruction_sets()) {
    if (std::strcmp(set.name, name) == 0) found = &set;
  }
  if (found == nullptr || found->missing() != nullptr) {
    std::printf("skipped: instruction set %s does not run here\n", name);
    return;
  }
  Checks(primes.p(), primes.q(), *found, hardened).run();
}

/// Values under masks, rounded at random and to the nearest, with the best instructions of this
/// processor.
void check_masks() {
  std::vector<std::uint32_t> keys(24, 7);
  std::vector<float> values(2050, 0.25F);
  const std::int8_t signs[] = {1, -1};
  std::vector<unsigned char> out(3 * values.size());
  pyfate::secret(keys.data(), keys.size());
  pyfate::secret(values.data(), values.size());
  const pyfate::MaskedVector to{
      {keys.data(), signs, 2, 4}, 5, 3, out.data(), &pyfate::masking_kernels("")};
  const pyfate::Run run{1, nullptr, nullptr};
  pyfate::mask_values(values.data(), values.size(), {1.0, 127.0, 32, 0x1p-32}, 3,
                      {keys.data() + 16, 5}, to, run);
  pyfate::mask_values(values.data(), values.size(), {1.0, 127.0, 0, 1.0}, 3, {nullptr, 0}, to, run);
}

}  // namespace

int main(int count, char** arguments) {
#if defined(PYFATE_CONSTANT_TIME)
  if (RUNNING_ON_VALGRIND == 0) {
    std::puts("skipped: not under valgrind");
    return 0;
  }
  const bool hardened = !(count > 1 && std::strcmp(arguments[1], "control") == 0);
  constexpr Primes kSmall{128, 181, 159};
  constexpr Primes kMedium{256, 49, 189};
  constexpr Primes kLarge{512, 761, 569};
  check("portable", kMedium, hardened);
  check("portable", kLarge, hardened);  // sizes with code of their own
  check("emulated", kSmall, hardened);
  check("avx2", kMedium, hardened);
  check_masks();
  const unsigned long errors = VALGRIND_COUNT_ERRORS;
  std::puts(errors == 0 ? "ok" : "time or addresses depend on secrets");
  return errors == 0 ? 0 : 1;
#else
  (void)count;
  (void)arguments;
  std::puts("skipped: not built for valgrind");
#endif
}
