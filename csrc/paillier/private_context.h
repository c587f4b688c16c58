// SPDX-License-Identifier: Apache-2.0
// Decryption, and encryption by the owner of the key: everything runs mod p^2 and mod q^2.
// All that depends on p or q lives in memory for secrets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "group/modulus.h"
#include "group/power_table.h"
#include "paillier/public_context.h"

namespace pyfate {

/// What decryption has to know of one prime.
struct PrimeSide {
  PrimeSide(const Integer& prime, const Integer& other, const Integer& exponent,
            const InstructionSet& set);

  Modulus modulus;
  SecretWords exponent;
  int exponent_bits;
  /// 1 / L(g^exponent) times the idempotent of this prime mod n: what the logarithm found mod
  /// prime^2 is multiplied by to give its share of the plaintext.
  Integer share;
  std::shared_ptr<const PowerTable> blinding;
};

/// Constants that carry rows of a public context to the primes and back; they depend on its R.
///
/// Rows mod n^2 in Montgomery form for R_n become rows mod p^2 in Montgomery form for R_p: each
/// half is cut into pieces below 2^bits(p) and multiplied by its weight.
struct KeyBridge {
  struct Side {
    int pieces_a_half;
    SecretWords entry;  ///< factors, one a piece: weight * R_p^2 / R_n
    SecretWords share;  ///< factor row mod n^2: share * R_n, 0
    SecretWords owner;  ///< factor row mod n^2 of the idempotent mod n^2
  };
  int r_bits;
  Side p;
  Side q;
};

class PrivateContext {
 public:
  /// Distinct odd primes (not checked to be prime), and for each an exponent that takes what blinds
  /// to 1 mod its square: prime - 1, or a multiple of the order of a subgroup. Otherwise
  /// std::invalid_argument. The lengths of the exponents are public.
  PrivateContext(const Integer& p, const Integer& q, const Integer& p_exponent,
                 const Integer& q_exponent, const InstructionSet& set);
  ~PrivateContext();

  /// out [rows, words]: the plaintexts in [0, n). Throws std::invalid_argument when the key does
  /// not belong to `context`, or naming a row that no plaintext encrypts to. Time and addresses
  /// depend on neither the key nor the plaintexts.
  void decrypt(const PublicContext& context, const std::uint64_t* rows_in, std::size_t rows,
               std::uint64_t* out, const Run& run);

  /// base and sign_base mod n^2, as for PublicContext; each prime's table gets half the bytes.
  void set_blinding_base(const Integer& base, int exponent_bits, const Integer& sign_base,
                         std::size_t table_bytes, bool hardened, const Run& run);
  /// Words of an exponent. Throws std::invalid_argument before set_blinding_base.
  int exponent_words();
  /// As PublicContext::encrypt, and the same ciphertexts for the same exponents.
  void encrypt(const PublicContext& context, SignedView plain, const std::uint64_t* exponents,
               std::size_t rows, std::uint64_t* out, const Run& run);

 private:
  friend struct SecretsOf;  // tests/native/test_constant_time.cpp

  std::shared_ptr<const PowerTable> blinding(PrimeSide& side);
  std::shared_ptr<const KeyBridge> bridge_to(const PublicContext& context);

  Integer n_;
  PrimeSide p_;
  PrimeSide q_;
  std::mutex bridge_mutex_;
  std::shared_ptr<const KeyBridge> bridge_;
};

}  // namespace pyfate
