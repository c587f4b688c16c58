// SPDX-License-Identifier: Apache-2.0
// Vectors under streams: less what is masked of zeros they are the elements times the weight, in
// all sizes of elements, at borders of pieces and of blocks, by several threads.
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "cpu/masking.h"
#include "cpu/thread_pool.h"
#include "simd_scaffold.h"

namespace {

using pyfate::Run;
using simd_test::Random;
using simd_test::require;
using Bytes = std::vector<unsigned char>;

constexpr std::uint32_t kLevels = 0x7fffffff;
constexpr std::array<std::int8_t, 3> kSigns = {1, -1, 1};

struct Sizes {
  int lane;
  int element;
};

/// What is behind the vector is not to be written.
struct Output {
  Bytes bytes;
  pyfate::MaskedVector to;

  Output(const std::vector<std::uint32_t>& keys, Sizes sizes, std::size_t count,
         std::uint64_t start, const std::string& isa)
      : bytes(count * static_cast<std::size_t>(sizes.element) + 8, 0xa5),
        to{{keys.data(), kSigns.data(), kSigns.size(), sizes.lane},
           start,
           sizes.element,
           bytes.data(),
           &pyfate::masking_kernels(isa)} {}

  std::uint64_t element(std::size_t i) const {
    const auto size = static_cast<std::size_t>(to.element_bytes);
    std::uint64_t value = 0;
    for (std::size_t byte = size; byte-- > 0;) value = value << 8 | bytes[i * size + byte];
    return value;
  }
  bool keeps_its_end() const {
    for (std::size_t i = bytes.size() - 8; i < bytes.size(); ++i) {
      if (bytes[i] != 0xa5) return false;
    }
    return true;
  }
};

void elements_are_those_under_the_streams(Sizes sizes, std::size_t count, std::uint64_t start,
                                          const std::string& isa, const Run& run) {
  const std::string name = std::to_string(count) + " elements of " + std::to_string(sizes.element) +
                           " bytes from " + std::to_string(start) + ", " + isa;
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - 8 * sizes.element);
  Random random(count + start);
  std::vector<std::uint32_t> keys(8 * kSigns.size());
  for (std::uint32_t& word : keys) word = static_cast<std::uint32_t>(random.word());
  Output zeros(keys, sizes, count, start, isa), integers(zeros), levels(zeros);
  integers.to.out = integers.bytes.data();
  levels.to.out = levels.bytes.data();
  std::vector<std::int64_t> values(count);
  pyfate::mask_integers(values.data(), count, zeros.to, run);
  for (std::int64_t& value : values) value = static_cast<std::int64_t>(random.word());
  if (count > 0) values[0] = std::numeric_limits<std::int64_t>::min();
  pyfate::mask_integers(values.data(), count, integers.to, run);

  std::vector<double> reals(count);
  for (std::size_t i = 0; i < count; ++i) reals[i] = std::array{-2.0, -1.0 / kLevels, 2.0}[i % 3];
  const std::uint64_t weight = mask;  // the largest, with which a product of two lanes wraps around
  const pyfate::ClipCounts counts = pyfate::mask_values(reals.data(), count, {1.0, kLevels, 0, 1.0},
                                                        weight, {nullptr, 0}, levels.to, run);
  require(counts.clipped == count - (count + 1) / 3, name + ": those that were clipped");
  require(counts.not_finite == 0, name + ": all are finite");
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t pad = zeros.element(i);
    const auto value = static_cast<std::uint64_t>(values[i]);
    require(((integers.element(i) - pad - value) & mask) == 0, name + ": integers");
    const std::uint64_t level =
        std::array<std::uint64_t, 3>{0 - std::uint64_t{kLevels}, ~std::uint64_t{0}, kLevels}[i % 3];
    require(((levels.element(i) - pad - level * weight) & mask) == 0, name + ": levels");
  }
  require(zeros.keeps_its_end() && integers.keeps_its_end() && levels.keeps_its_end(), name);
}

}  // namespace

int main() {
  pyfate::ThreadPool pool;
  for (const Sizes sizes : {Sizes{1, 1}, {2, 2}, {4, 3}, {4, 4}, {8, 5}, {8, 6}, {8, 7}, {8, 8}}) {
    for (const std::size_t count : {0, 1, 7, 8, 9, 4097, 9000}) {
      for (const std::uint64_t start :
           {std::uint64_t{0}, std::uint64_t{4095}, std::uint64_t{1} << 40}) {
        for (const std::string isa : {"portable", ""}) {
          elements_are_those_under_the_streams(sizes, count, start, isa,
                                               Run{2, nullptr, nullptr, &pool});
        }
      }
    }
  }
  return 0;
}
