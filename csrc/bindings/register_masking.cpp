// SPDX-License-Identifier: Apache-2.0
#include <pybind11/stl.h>

#include <cmath>
#include <string_view>

#include "bigint/secrecy.h"
#include "bigint/secure_memory.h"
#include "bindings/arrays.h"
#include "bindings/register.h"
#include "cpu/masking.h"

namespace pyfate::bindings {

namespace {

constexpr std::size_t kKeyBytes = 32;
using KeyWords = std::vector<std::uint32_t, SecureAllocator<std::uint32_t>>;

KeyWords key_words(const py::bytes& keys, std::size_t count) {
  const std::string_view view = keys;
  if (view.size() != kKeyBytes * count) {
    throw py::value_error("keys has " + std::to_string(view.size()) + " bytes; it must have " +
                          std::to_string(kKeyBytes) + " for each of " + std::to_string(count));
  }
  KeyWords words(8 * count);
  if (count > 0) std::memcpy(words.data(), view.data(), view.size());
  secret(words.data(), words.size());
  return words;
}

/// Streams and the place of a vector; checks what would write where nothing is.
struct Masked {
  KeyWords keys;
  MaskedVector vector;

  Masked(const py::bytes& key_bytes, const Array& signs, std::uint64_t start, int lane_bytes,
         int element_bytes, Array& out, std::size_t count, const std::string& isa)
      : keys(key_words(key_bytes, static_cast<std::size_t>(signs.size()))) {
    const auto* sign = checked<std::int8_t>(signs, "signs", {kAny}, "(streams,)");
    const bool lane = lane_bytes == 1 || lane_bytes == 2 || lane_bytes == 4 || lane_bytes == 8;
    if (!lane || element_bytes > lane_bytes || 2 * element_bytes <= lane_bytes) {
      throw py::value_error("elements of " + std::to_string(element_bytes) + " bytes in words of " +
                            std::to_string(lane_bytes) + "; words have 1, 2, 4 or 8, the fewest");
    }
    if (start >> 56 != 0) throw py::value_error("start is beyond 2^56");
    checked<std::uint8_t>(out, "out", {static_cast<py::ssize_t>(count) * element_bytes},
                          "(values * element_bytes,)");
    vector = {{keys.data(), sign, static_cast<std::size_t>(signs.size()), lane_bytes},
              start,
              element_bytes,
              static_cast<unsigned char*>(out.mutable_data()),
              &masking_kernels(isa)};
  }
};

template <class Float>
ClipCounts run_mask(const Array& values, const Rounding& rounding, std::uint64_t weight,
                    const RoundingWords& words, const MaskedVector& to, int threads) {
  const auto* data = checked<Float>(values, "values", {kAny}, "(values,)");
  ClipCounts counts;
  without_gil(threads, [&](const Run& run) {
    counts = mask_values(data, static_cast<std::size_t>(values.size()), rounding, weight, words, to,
                         run);
  });
  return counts;
}

}  // namespace

void register_masking(py::module_& module) {
  using py::arg;
  module.def(
      "mask_values",
      [](const Array& values, double clip, std::uint32_t levels, std::uint64_t weight,
         const std::optional<py::bytes>& rounding_key, std::uint64_t rounding_start,
         int rounding_bits, const py::bytes& keys, const Array& signs, std::uint64_t start,
         int lane_bytes, int element_bytes, Array out, int threads, const std::string& isa) {
        if (!(clip > 0) || levels >> 31 != 0) throw py::value_error("clip or levels out of range");
        if (rounding_key && (rounding_bits < 1 || rounding_bits > 32)) {
          throw py::value_error("rounding_bits is " + std::to_string(rounding_bits) +
                                "; it must be 1 to 32");
        }
        const Masked masked(keys, signs, start, lane_bytes, element_bytes, out,
                            static_cast<std::size_t>(values.size()), isa);
        KeyWords key;
        if (rounding_key) key = key_words(*rounding_key, 1);
        const Rounding rounding{clip, static_cast<double>(levels), rounding_bits,
                                std::ldexp(1.0, -rounding_bits)};
        const RoundingWords words{rounding_key ? key.data() : nullptr, rounding_start};
        const auto run =
            py::isinstance<py::array_t<float>>(values) ? &run_mask<float> : &run_mask<double>;
        const ClipCounts counts = run(values, rounding, weight, words, masked.vector, threads);
        return std::make_tuple(counts.clipped, counts.large, counts.not_finite);
      },
      arg("values"), arg("clip"), arg("levels"), arg("weight"), arg("rounding_key"),
      arg("rounding_start"), arg("rounding_bits"), arg("keys"), arg("signs"), arg("start"),
      arg("lane_bytes"), arg("element_bytes"), arg("out"), arg("threads"), arg("isa") = "");
  module.def(
      "mask_integers",
      [](const Array& values, const py::bytes& keys, const Array& signs, std::uint64_t start,
         int lane_bytes, int element_bytes, Array out, int threads, const std::string& isa) {
        const auto* data = checked<std::int64_t>(values, "values", {kAny}, "(values,)");
        const auto count = static_cast<std::size_t>(values.size());
        const Masked masked(keys, signs, start, lane_bytes, element_bytes, out, count, isa);
        without_gil(threads,
                    [&](const Run& run) { mask_integers(data, count, masked.vector, run); });
      },
      arg("values"), arg("keys"), arg("signs"), arg("start"), arg("lane_bytes"),
      arg("element_bytes"), arg("out"), arg("threads"), arg("isa") = "");
}

}  // namespace pyfate::bindings
