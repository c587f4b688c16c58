// SPDX-License-Identifier: Apache-2.0
// ChaCha20 (RFC 8439 block function, 64-bit counter and 64-bit stream number) as a random source.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pyfate {

/// A key for streams of random words, from the operating system; overwritten on destruction.
/// A call that draws randomness makes one, so that a fork never repeats a stream.
struct RandomKey {
  std::uint32_t words[8];

  /// Throws std::runtime_error when the operating system has no randomness to give.
  RandomKey();
  ~RandomKey();
  RandomKey(const RandomKey&) = delete;
  RandomKey& operator=(const RandomKey&) = delete;
};

class ChaCha20 {
 public:
  /// Streams of one key with different numbers are independent.
  ChaCha20(const std::uint32_t key[8], std::uint64_t stream);
  ~ChaCha20();
  ChaCha20(const ChaCha20&) = delete;
  ChaCha20& operator=(const ChaCha20&) = delete;

  void fill(std::uint64_t* out, std::size_t count);

 private:
  void next_block();

  std::uint32_t state_[16];
  std::uint64_t block_[8];
  std::size_t used_ = 8;
};

}  // namespace pyfate
