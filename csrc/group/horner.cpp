// SPDX-License-Identifier: Apache-2.0
// Ciphertexts side by side in one plaintext: sums of powers by Horner's rule.
#include <cstring>

#include "group/group_context.h"

namespace pyfate {

void GroupContext::horner(const std::uint64_t* a, const std::int64_t* numbers, std::size_t steps,
                          std::size_t outputs, int bits, std::uint64_t* out, const Run& run) const {
  const KernelTable& kernels = modulus_.kernels();
  const std::size_t row = modulus_.row_words();
  const double products = static_cast<double>(steps) * (bits + 1);
  parallel_chunks(
      outputs, modulus_.chunk_rows(outputs, products, run), run,
      [&](std::size_t begin, std::size_t end, Checkpoint& checkpoint) {
        const std::size_t count = end - begin;
        const std::int64_t* chosen = numbers + (steps - 1) * outputs + begin;
        std::uint64_t* sum = out + begin * row;
        for (std::size_t i = 0; i < count; ++i) {
          const auto number = static_cast<std::size_t>(chosen[i]);
          std::memcpy(sum + i * row, a + number * row, row * sizeof *out);
        }
        Words shifted(count * row);
        for (std::size_t step = 1; step < steps; ++step) {
          chosen -= outputs;
          kernels.square_many(modulus_.engine(), view(sum), bits, shifted.data(), 0, count);
          kernels.multiply(modulus_.engine(), view(shifted.data()), view(a, chosen), sum, 0, count);
          checkpoint.check();
        }
      });
}

}  // namespace pyfate
