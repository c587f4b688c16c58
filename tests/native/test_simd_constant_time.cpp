// SPDX-License-Identifier: Apache-2.0
// Under valgrind: operands, modulus and table indices are marked undefined, so that memcheck
// reports every branch and every address that depends on them. tests/native/run_constant_time.sh.
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>

#include "cpu/avx2/arithmetic.h"
#include "cpu/emulated/arithmetic.h"
#include "cpu/portable/arithmetic.h"
#include "cpu/portable/rows.h"
#include "simd_scaffold.h"

namespace {

using namespace simd_test;

template <typename T>
void hide(T* data, std::size_t count) {
  (void)VALGRIND_MAKE_MEM_UNDEFINED(data, count * sizeof(T));
}
template <typename T>
void reveal(T* data, std::size_t count) {
  (void)VALGRIND_MAKE_MEM_DEFINED(data, count * sizeof(T));
}

/// The limbs of a modulus, hidden from memcheck: those of p and q are secret.
template <typename A>
A hidden_engine(const Scaffold& scaffold) {
  const pyfate::ModulusConstants constants = scaffold.constants();
  const auto limbs = static_cast<std::size_t>(constants.limbs);
  for (const std::uint64_t* table :
       {constants.n, constants.complement, constants.one_low, constants.one_high,
        constants.r_squared_low, constants.r_squared_high, constants.r_mod_n,
        constants.r_squared_mod_n}) {
    hide(const_cast<std::uint64_t*>(table), limbs);
  }
  return A(constants);
}

template <typename A>
void run(int bits) {
  Random random(static_cast<std::uint64_t>(bits));
  const Scaffold scaffold(random.modulus(bits), A::limbs_for(bits), A::radix_bits());
  std::vector<Limbs> rows;
  for (int lane = 0; lane < A::kLanes; ++lane) {
    rows.push_back(scaffold.row(random.below(scaffold.n_squared)));
  }
  const A engine = hidden_engine<A>(scaffold);
  std::vector<Limbs> stored(A::kLanes, Limbs(engine.stored_words()));
  const std::uint64_t* in[A::kLanes];
  const std::uint64_t* stored_in[A::kLanes];
  std::uint64_t* out[A::kLanes];
  std::uint64_t* stored_out[A::kLanes];
  std::uint64_t index[A::kLanes];
  for (int lane = 0; lane < A::kLanes; ++lane) {
    hide(rows[lane].data(), rows[lane].size());
    in[lane] = out[lane] = rows[lane].data();
    stored_in[lane] = stored_out[lane] = stored[lane].data();
    index[lane] = static_cast<std::uint64_t>(lane % 3);
  }
  hide(index, A::kLanes);

  typename A::Number table[3];
  typename A::Number x;
  typename A::Half half;
  engine.load(table[0], in);
  engine.square(table[1], table[0]);
  engine.multiply(table[2], table[1], table[0]);
  engine.scan(x, table, 3, index);
  engine.load_half(half, in, scaffold.words);
  engine.add_multiple(x, half);
  engine.multiply_half(half, half, half);
  engine.store_half(out, half);
  engine.widen(table[0], half);
  engine.add(x, x, table[0]);
  engine.scatter(stored_out, x);
  engine.gather(x, stored_in);
  engine.set_one(table[1]);
  engine.multiply(x, x, table[1]);
  engine.store(out, x);
  for (Limbs& row : rows) reveal(row.data(), row.size());
}

}  // namespace

int main() {
  if (RUNNING_ON_VALGRIND == 0) {
    std::puts("skipped: not under valgrind");
    return 0;
  }
  run<pyfate::emulated::Arithmetic<20>>(1024);
  run<pyfate::emulated::Arithmetic<0>>(514);
  if (__builtin_cpu_supports("avx2")) {
    run<pyfate::avx2::Arithmetic<37>>(1024);
    run<pyfate::avx2::Arithmetic<0>>(514);
  }
  // Valgrind knows ADX, but its processor does not own up to it: the portable engine of
  // test_constant_time goes column by column.
  if (__builtin_cpu_supports("bmi2")) {
    using pyfate::portable::Arithmetic;
    run<Arithmetic<0, pyfate::portable::Rows>>(1024);
    run<Arithmetic<16, pyfate::portable::Rows>>(1024);
  }
  const unsigned long errors = VALGRIND_COUNT_ERRORS;
  std::puts(errors == 0 ? "ok" : "FAILED: time or addresses depend on values");
  return errors == 0 ? 0 : 1;
}
#else
#include <cstdio>

int main() {
  std::puts("skipped: no valgrind headers");
}
#endif
