// SPDX-License-Identifier: Apache-2.0
// What the vector engines' inner operations cost, in the time of one product of limbs: how near a
// multiplication comes to nothing but products. Each figure is the best of many turns on one core.
// g++ -O3 -DNDEBUG -std=c++20 -mavx512f -mavx512ifma -Icsrc -Icsrc/include -Itests/native
//     -o limb_engines bench/limb_engines.cpp csrc/bigint/*.cpp; taskset -c 0 ./limb_engines
// With -mavx2 in place of the other two for AVX2: those are the flags of the engines.
#include <chrono>
#include <cstdio>

#include "cpu/simd/throughput.h"
#include "simd_scaffold.h"
#ifdef __AVX2__
#include "cpu/avx2/arithmetic.h"
#endif
#ifdef __AVX512IFMA__
#include "cpu/avx512ifma/arithmetic.h"
#endif

namespace {

/// Seconds of one call.
template <class F>
double fastest(F&& call) {
  constexpr int kTurns = 40;
  constexpr int kCalls = 50;
  double best = 1e9;
  for (int turn = 0; turn < kTurns; ++turn) {
    const auto started = std::chrono::steady_clock::now();
    for (int i = 0; i < kCalls; ++i) {
      call();
      asm volatile("" ::: "memory");
    }
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - started;
    best = passed.count() < best ? passed.count() : best;
  }
  return best / kCalls;
}

template <class V>
double seconds_a_product() {
  constexpr std::uint64_t kVectors = 20;
  std::uint64_t words[kVectors * V::kLanes] = {};
  std::uint64_t products = 0;
  const double passed =
      fastest([&] { products = pyfate::simd::multiply_limbs<V>(words, kVectors, 10); });
  return passed / (static_cast<double>(products) / V::kLanes);
}

/// `counted` products of limbs, 5 h^2 or 3.5 h^2, against what the operation took.
void line(const char* name, double seconds, double product, double counted) {
  std::printf("  %-10s %8.0f", name, seconds / product);
  if (counted > 0)
    std::printf("  of them products: %6.0f = %3.0f %%", counted, 100 * counted * product / seconds);
  std::printf("\n");
}

template <class A, class V>
void measure(const char* engine, int bits) {
  simd_test::Random random(1);
  const simd_test::Scaffold scaffold(random.modulus(bits), A::limbs_for(bits), A::radix_bits());
  const A arithmetic(scaffold.constants());
  std::vector<std::uint64_t> memory;
  for (int lane = 0; lane < A::kLanes; ++lane) {
    const auto row = scaffold.row(random.below(scaffold.n_squared));
    memory.insert(memory.end(), row.begin(), row.end());
  }
  std::uint64_t* rows[A::kLanes];
  for (int lane = 0; lane < A::kLanes; ++lane) rows[lane] = &memory[lane * 2 * scaffold.words];
  static typename A::Number a, out;
  arithmetic.load(a, rows);
  const double product = seconds_a_product<V>();
  const double h = scaffold.limbs;
  std::printf("%s, n of %d bits, %d residues, in products of limbs (%.3f ns each)\n", engine, bits,
              A::kLanes, product * 1e9);
  line("multiply", fastest([&] { arithmetic.multiply(out, a, a); }), product, 5 * h * h);
  line("square", fastest([&] { arithmetic.square(out, a); }), product, 3.5 * h * h);
  line("load", fastest([&] { arithmetic.load(out, rows); }), product, 0);
  line("store", fastest([&] { arithmetic.store(rows, out); }), product, 0);
}

template <template <int> class A, class V>
void measure_all(const char* engine) {
  measure<A<A<0>::limbs_for(512)>, V>(engine, 512);
  measure<A<A<0>::limbs_for(1024)>, V>(engine, 1024);
  measure<A<A<0>::limbs_for(2048)>, V>(engine, 2048);
  measure<A<A<0>::limbs_for(3072)>, V>(engine, 3072);
}

}  // namespace

int main() {
#ifdef __AVX2__
  measure_all<pyfate::avx2::Arithmetic, pyfate::avx2::Vector>("avx2");
#endif
#ifdef __AVX512IFMA__
  measure_all<pyfate::avx512ifma::Arithmetic, pyfate::avx512ifma::Vector>("avx512ifma");
#endif
}
