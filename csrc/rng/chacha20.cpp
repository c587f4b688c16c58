// SPDX-License-Identifier: Apache-2.0
#include "rng/chacha20.h"

#include <cerrno>
#include <cstring>
#include <iterator>
#include <stdexcept>

#include "bigint/secrecy.h"
#include "bigint/zeroing_allocator.h"

#if defined(__linux__)
#include <sys/random.h>
#else
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif
#endif

namespace pyfate {

RandomKey::RandomKey() {
#if defined(__linux__)
  std::size_t filled = 0;
  auto* bytes = reinterpret_cast<unsigned char*>(words);
  while (filled < sizeof words) {
    const ssize_t got = getrandom(bytes + filled, sizeof words - filled, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw std::runtime_error("getrandom failed: no randomness from the system");
    filled += static_cast<std::size_t>(got);
  }
#else
  if (getentropy(words, sizeof words) != 0) {
    throw std::runtime_error("getentropy failed: no randomness from the system");
  }
#endif
  secret(words, std::size(words));
}

RandomKey::~RandomKey() {
  secure_zero(words, sizeof words);
}

namespace {

std::uint32_t rotate(std::uint32_t value, int count) {
  return value << count | value >> (32 - count);
}

void quarter_round(std::uint32_t* x, int a, int b, int c, int d) {
  x[a] += x[b];
  x[d] = rotate(x[d] ^ x[a], 16);
  x[c] += x[d];
  x[b] = rotate(x[b] ^ x[c], 12);
  x[a] += x[b];
  x[d] = rotate(x[d] ^ x[a], 8);
  x[c] += x[d];
  x[b] = rotate(x[b] ^ x[c], 7);
}

}  // namespace

ChaCha20::ChaCha20(const std::uint32_t key[8], std::uint64_t stream) {
  static const char constant[] = "expand 32-byte k";
  for (int i = 0; i < 4; ++i) {
    state_[i] = 0;
    for (int byte = 0; byte < 4; ++byte) {
      state_[i] |= static_cast<std::uint32_t>(constant[4 * i + byte]) << (8 * byte);
    }
  }
  std::memcpy(state_ + 4, key, 32);
  state_[12] = 0;
  state_[13] = 0;
  state_[14] = static_cast<std::uint32_t>(stream);
  state_[15] = static_cast<std::uint32_t>(stream >> 32);
}

ChaCha20::~ChaCha20() {
  secure_zero(state_, sizeof state_);
  secure_zero(block_, sizeof block_);
}

void ChaCha20::next_block() {
  std::uint32_t x[16];
  std::memcpy(x, state_, sizeof x);
  for (int round = 0; round < 10; ++round) {
    quarter_round(x, 0, 4, 8, 12);
    quarter_round(x, 1, 5, 9, 13);
    quarter_round(x, 2, 6, 10, 14);
    quarter_round(x, 3, 7, 11, 15);
    quarter_round(x, 0, 5, 10, 15);
    quarter_round(x, 1, 6, 11, 12);
    quarter_round(x, 2, 7, 8, 13);
    quarter_round(x, 3, 4, 9, 14);
  }
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t high = static_cast<std::uint32_t>(x[2 * i + 1] + state_[2 * i + 1]);
    block_[i] = static_cast<std::uint32_t>(x[2 * i] + state_[2 * i]) | high << 32;
  }
  secure_zero(x, sizeof x);
  if (++state_[12] == 0) ++state_[13];
  used_ = 0;
}

void ChaCha20::fill(std::uint64_t* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (used_ == 8) next_block();
    out[i] = block_[used_++];
  }
}

}  // namespace pyfate
