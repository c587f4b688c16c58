// SPDX-License-Identifier: Apache-2.0
#include "paillier/private_context.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "bigint/secrecy.h"
#include "group/packed.h"
#include "group/window_width.h"
#include "rng/chacha20.h"

namespace pyfate {

namespace {

Integer inverse_of(const Integer& value, const Integer& modulus) {
  Integer inverse;
  if (!invert_var(value, modulus, inverse)) {
    throw std::invalid_argument("p and q must be distinct primes");
  }
  return inverse;
}

void append(SecretWords& rows, const SecretWords& row) {
  rows.insert(rows.end(), row.begin(), row.end());
}

}  // namespace

PrimeSide::PrimeSide(const Integer& prime, const Integer& other, const Integer& power,
                     const InstructionSet& set)
    : modulus(prime, set), exponent_bits(power.bits()) {
  if (power.is_zero() || exponent_bits > modulus.bits()) {
    throw std::invalid_argument("an exponent has " + std::to_string(exponent_bits) +
                                " bits; it must have 1 to " + std::to_string(modulus.bits()));
  }
  exponent.resize(modulus.words());
  power.to_words(exponent.data(), exponent.size());
  // With g = 1 + n: g^e = 1 + e q p mod p^2, so L gives e q; the idempotent is q (1/q mod p).
  const Integer other_inverse = inverse_of(other, prime);
  share = other * (other_inverse * inverse_of(power * other % prime, prime) % prime);
}

namespace {

KeyBridge::Side make_side(const PrimeSide& side, const Integer& other,
                          const PublicContext& context) {
  const Modulus& target = side.modulus;
  const Modulus& source = context.modulus();
  KeyBridge::Side result;
  const int cut = target.bits();
  result.pieces_a_half = (source.bits() + cut - 1) / cut;
  const Integer without_r = inverse_of(Integer::power_of_two(source.r_bits()), target.n_squared());
  for (int half = 0; half < 2; ++half) {
    Integer weight = half == 0 ? without_r : without_r * source.n() % target.n_squared();
    for (int piece = 0; piece < result.pieces_a_half; ++piece) {
      append(result.entry, target.factor_row(weight));
      weight = (weight << cut) % target.n_squared();
    }
  }
  result.share = source.plain_row((side.share << source.r_bits()) % source.n());
  const Integer other_squared = other * other;
  const Integer idempotent =
      other_squared * inverse_of(other_squared % target.n_squared(), target.n_squared());
  result.owner = source.factor_row(idempotent);
  return result;
}

/// The logarithms of a chunk mod one prime: [count, words of n], zero-extended.
void logarithms(const PrimeSide& side, const KeyBridge::Side& bridge, const Modulus& source,
                const std::uint64_t* rows, std::size_t first, std::size_t count, std::uint64_t* out,
                std::size_t out_stride) {
  const Modulus& modulus = side.modulus;
  const KernelTable& kernels = modulus.kernels();
  const std::size_t words = modulus.words();
  const std::size_t source_words = source.words();
  const int terms = 2 * bridge.pieces_a_half;
  SecretWords pieces(count * terms * words);
  for (std::size_t i = 0; i < count; ++i) {
    for (int term = 0; term < terms; ++term) {
      const int half = term / bridge.pieces_a_half;
      cut_bits(rows + i * source.row_words() + half * source_words, source_words,
               term % bridge.pieces_a_half * modulus.bits(), modulus.bits(),
               &pieces[(i * terms + term) * words], words);
    }
  }
  SecretWords powers(count * modulus.row_words());
  kernels.linear(modulus.engine(), pieces.data(), modulus.words(), bridge.entry.data(), terms,
                 powers.data(), 0, count);
  const CommonExponent exponent{side.exponent.data(), side.exponent_bits};
  const int width = scanned_width(exponent.bits);
  SecretWords table(((std::size_t{1} << width) + 1) * kernels.number_bytes / 8);
  kernels.power_secret(modulus.engine(), modulus.view(powers.data()), exponent, width, table.data(),
                       powers.data(), 0, count);
  kernels.leave(modulus.engine(), modulus.view(powers.data()), powers.data(), 0, count);
  // c^e = 1 + l p for each ciphertext: the form hands over l without a division.
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t* power = &powers[i * modulus.row_words()];
    std::uint64_t stray = power[0] ^ 1;
    for (std::size_t j = 1; j < words; ++j) stray |= power[j];
    // Whether a row is a ciphertext of this key is what the caller is told.
    if (declassified(stray) != 0) {
      throw std::invalid_argument("row " + std::to_string(first + i) +
                                  " is not a ciphertext of this key");
    }
    std::copy(power + words, power + 2 * words, out + i * out_stride);
  }
}

}  // namespace

PrivateContext::PrivateContext(const Integer& p, const Integer& q, const Integer& p_exponent,
                               const Integer& q_exponent, const InstructionSet& set)
    : n_(p * q), p_(p, q, p_exponent, set), q_(q, p, q_exponent, set) {
  if (n_.bits() > Modulus::kMaxBits) {
    throw std::invalid_argument("p * q has " + std::to_string(n_.bits()) + " bits; at most " +
                                std::to_string(Modulus::kMaxBits));
  }
}

PrivateContext::~PrivateContext() = default;

std::shared_ptr<const KeyBridge> PrivateContext::bridge_to(const PublicContext& context) {
  if (context.modulus().n() != n_) {
    throw std::invalid_argument("the private key does not belong to this public key");
  }
  const std::lock_guard<std::mutex> lock(bridge_mutex_);
  if (!bridge_ || bridge_->r_bits != context.modulus().r_bits()) {
    auto made = std::make_shared<KeyBridge>();
    made->r_bits = context.modulus().r_bits();
    made->p = make_side(p_, q_.modulus.n(), context);
    made->q = make_side(q_, p_.modulus.n(), context);
    bridge_ = made;
  }
  return bridge_;
}

void PrivateContext::decrypt(const PublicContext& context, const std::uint64_t* rows_in,
                             std::size_t rows, std::uint64_t* out, const Run& run) {
  const std::shared_ptr<const KeyBridge> bridge = bridge_to(context);
  const Modulus& source = context.modulus();
  const std::size_t words = source.words();
  SecretWords shares = bridge->p.share;
  append(shares, bridge->q.share);
  // A power is about 1.2 products a bit, each at a quarter of the cost of one mod n^2.
  const std::size_t chunk =
      source.chunk_rows(rows, 0.3 * (p_.exponent_bits + q_.exponent_bits), run);
  parallel_chunks(rows, chunk, run, [&](std::size_t begin, std::size_t end, Checkpoint&) {
    const std::size_t count = end - begin;
    const std::uint64_t* chunk_rows = rows_in + begin * source.row_words();
    SecretWords pieces(count * 2 * words);
    logarithms(p_, bridge->p, source, chunk_rows, begin, count, pieces.data(), 2 * words);
    logarithms(q_, bridge->q, source, chunk_rows, begin, count, pieces.data() + words, 2 * words);
    // Plaintext = l_p share_p + l_q share_q mod n, in the low halves.
    SecretWords sums(count * source.row_words());
    source.kernels().linear(source.engine(), pieces.data(), source.words(), shares.data(), 2,
                            sums.data(), 0, count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t* sum = &sums[i * source.row_words()];
      std::copy(sum, sum + words, out + (begin + i) * words);
    }
  });
}

void PrivateContext::set_blinding_base(const Integer& base, int exponent_bits,
                                       const Integer& sign_base, std::size_t table_bytes,
                                       bool hardened, const Run& run) {
  auto table = [&](const Modulus& modulus) {
    return std::make_shared<PowerTable>(modulus, base, exponent_bits, sign_base, table_bytes / 2,
                                        hardened, run);
  };
  // A square below 2 n enters the form mod n^2 as one piece.
  for (const PrimeSide* side : {&p_, &q_}) {
    if (side->modulus.n_squared().bits() > n_.bits()) {
      throw std::invalid_argument("p and q differ in length: encrypt with the public key instead");
    }
  }
  std::shared_ptr<const PowerTable> for_p = table(p_.modulus);
  std::shared_ptr<const PowerTable> for_q = table(q_.modulus);
  const std::lock_guard<std::mutex> lock(bridge_mutex_);
  p_.blinding = std::move(for_p);
  q_.blinding = std::move(for_q);
}

std::shared_ptr<const PowerTable> PrivateContext::blinding(PrimeSide& side) {
  const std::lock_guard<std::mutex> lock(bridge_mutex_);
  if (!side.blinding) throw std::invalid_argument("set_blinding_base must be called first");
  return side.blinding;
}

int PrivateContext::exponent_words() {
  return blinding(p_)->exponent_words();
}

void PrivateContext::encrypt(const PublicContext& context, SignedView plain,
                             const std::uint64_t* exponents, std::size_t rows, std::uint64_t* out,
                             const Run& run) {
  const std::shared_ptr<const KeyBridge> bridge = bridge_to(context);
  const std::shared_ptr<const PowerTable> tables[2] = {blinding(p_), blinding(q_)};
  const PrimeSide* sides[2] = {&p_, &q_};
  const Modulus& target = context.modulus();
  const std::size_t words = target.words();
  const std::size_t exponent_words = tables[0]->exponent_words();
  SecretWords owners = bridge->p.owner;
  append(owners, bridge->q.owner);
  const RandomKey key;
  const std::size_t chunk = target.chunk_rows(rows, tables[0]->products() / 2 + 4, run);
  parallel_chunks(rows, chunk, run, [&](std::size_t begin, std::size_t end, Checkpoint&) {
    const std::size_t count = end - begin;
    SecretWords fresh;
    const std::uint64_t* chosen = nullptr;
    if (exponents != nullptr) {
      chosen = exponents + begin * exponent_words;
    } else {
      fresh.resize(count * exponent_words);
      ChaCha20 random(key.words, begin);
      draw_exponents(*tables[0], random, count, fresh.data());
      chosen = fresh.data();
    }
    SecretWords pieces(count * 2 * words);
    for (int i = 0; i < 2; ++i) {
      const Modulus& modulus = sides[i]->modulus;
      const std::size_t half = modulus.words();
      SecretWords powers(count * modulus.row_words());
      tables[i]->powers(modulus, chosen, count, powers.data());
      modulus.kernels().leave(modulus.engine(), modulus.view(powers.data()), powers.data(), 0,
                              count);
      SecretWords whole(2 * half);
      for (std::size_t row = 0; row < count; ++row) {
        const std::uint64_t* power = &powers[row * modulus.row_words()];
        recompose(power, power + half, modulus.n_words().data(), half, whole.data());
        cut_bits(whole.data(), 2 * half, 0, target.bits(), &pieces[(2 * row + i) * words], words);
      }
    }
    SecretWords powers(count * target.row_words());
    target.kernels().linear(target.engine(), pieces.data(), target.words(), owners.data(), 2,
                            powers.data(), 0, count);
    context.add_plain_chunk(target.view(powers.data()), plain, begin, end, out);
  });
}

}  // namespace pyfate
