// SPDX-License-Identifier: Apache-2.0
// The ChaCha20 key stream of RFC 8439, one block of 16 words a thread.
#include "pyfate_cuda/device.h"
#include "pyfate_cuda/operations.h"

namespace pyfate_cuda {
namespace {

constexpr int kWords = 16;
constexpr int kDoubleRounds = 10;

struct Key {
  uint32_t words[8];
};

PYFATE_DEVICE uint32_t rotate_left(uint32_t v, int bits) {
  return (v << bits) | (v >> (32 - bits));
}

PYFATE_DEVICE void quarter_round(uint32_t& a, uint32_t& b, uint32_t& c, uint32_t& d) {
  a += b;
  d = rotate_left(d ^ a, 16);
  c += d;
  b = rotate_left(b ^ c, 12);
  a += b;
  d = rotate_left(d ^ a, 8);
  c += d;
  b = rotate_left(b ^ c, 7);
}

PYFATE_DEVICE void permute(uint32_t (&x)[kWords]) {
  PYFATE_NO_UNROLL for (int round = 0; round < kDoubleRounds; ++round) {
    quarter_round(x[0], x[4], x[8], x[12]);
    quarter_round(x[1], x[5], x[9], x[13]);
    quarter_round(x[2], x[6], x[10], x[14]);
    quarter_round(x[3], x[7], x[11], x[15]);
    quarter_round(x[0], x[5], x[10], x[15]);
    quarter_round(x[1], x[6], x[11], x[12]);
    quarter_round(x[2], x[7], x[8], x[13]);
    quarter_round(x[3], x[4], x[9], x[14]);
  }
}

PYFATE_KERNEL chacha20_kernel(uint32_t* out, Key key, int64_t words) {
  const int64_t stride = int64_t{gridDim.x} * kLanes;
  for (int64_t i = int64_t{blockIdx.x} * kLanes + threadIdx.x; i * kWords < words; i += stride) {
    // The upper word of the counter is the first word of the nonce: 2^64 blocks a key.
    const uint32_t start[kWords] = {0x61707865u,
                                    0x3320646eu,
                                    0x79622d32u,
                                    0x6b206574u,
                                    key.words[0],
                                    key.words[1],
                                    key.words[2],
                                    key.words[3],
                                    key.words[4],
                                    key.words[5],
                                    key.words[6],
                                    key.words[7],
                                    static_cast<uint32_t>(i),
                                    static_cast<uint32_t>(i >> 32),
                                    0,
                                    0};
    uint32_t x[kWords];
    PYFATE_UNROLL for (int j = 0; j < kWords; ++j) x[j] = start[j];
    permute(x);
    PYFATE_UNROLL for (int j = 0; j < kWords; ++j) {
      if (i * kWords + j < words) out[i * kWords + j] = x[j] + start[j];
    }
  }
}

}  // namespace

Status chacha20(const ChaCha20Arguments& arguments, Stream stream) {
  Key key;
  for (int i = 0; i < 8; ++i) key.words[i] = arguments.key[i];
  constexpr int64_t kWidest = 1 << 20;  // blocks of a grid, then threads loop
  const int64_t blocks = (arguments.words + kWords * kLanes - 1) / (kWords * kLanes);
  const LaunchShape shape{static_cast<unsigned>(blocks < kWidest ? blocks : kWidest)};
  return launch(chacha20_kernel, shape, stream, arguments.out, key, arguments.words);
}

}  // namespace pyfate_cuda
