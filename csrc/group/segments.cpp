// SPDX-License-Identifier: Apache-2.0
// Products over segments of rows: sums of ciphertexts over axes, and histograms.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "group/group_context.h"

namespace pyfate {

namespace {

/// A segment, or a part of one that is too long for one lane.
struct Part {
  std::size_t first;
  std::size_t length;
};

}  // namespace

void GroupContext::segment_multiply(const std::uint64_t* a, const std::int64_t* index,
                                    const std::int64_t* offsets, std::size_t segments,
                                    std::uint64_t* out, const Run& run) const {
  const KernelTable& kernels = modulus_.kernels();
  const std::size_t row = modulus_.row_words();
  const std::size_t lanes = kernels.lanes;
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(offsets[segments]));
  std::copy(index, index + rows.size(), rows.begin());
  std::vector<std::int64_t> bounds(offsets, offsets + segments + 1);
  Words level;  // the rows of the level below, once there is one
  const std::uint64_t* source = a;

  for (;;) {
    // Parts short enough that all lanes of all threads have work and none works for long.
    const std::size_t workers = lanes * static_cast<std::size_t>(std::max(run.threads, 1));
    const auto longest = static_cast<std::size_t>(modulus_.products_per_chunk() / lanes);
    const std::size_t limit =
        std::max<std::size_t>(8, std::min(longest, rows.size() / (4 * workers)));
    std::vector<Part> parts;
    std::vector<std::int64_t> next_bounds(1, 0);
    for (std::size_t s = 0; s < segments; ++s) {
      const auto length = static_cast<std::size_t>(bounds[s + 1] - bounds[s]);
      const std::size_t pieces = std::max<std::size_t>(1, (length + limit - 1) / limit);
      for (std::size_t piece = 0; piece < pieces; ++piece) {
        const std::size_t first = length * piece / pieces;
        parts.push_back(
            {static_cast<std::size_t>(bounds[s]) + first, length * (piece + 1) / pieces - first});
      }
      next_bounds.push_back(static_cast<std::int64_t>(parts.size()));
    }
    // Lanes of similar length side by side.
    std::vector<std::uint32_t> order(parts.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t x, std::uint32_t y) {
      return parts[x].length > parts[y].length;
    });
    const bool last = parts.size() == segments;
    Words result(last ? 0 : parts.size() * row);
    std::uint64_t* target = last ? out : result.data();
    const double each = static_cast<double>(rows.size()) / static_cast<double>(parts.size()) + 1;
    parallel_chunks(
        parts.size(), modulus_.chunk_rows(parts.size(), each, run), run,
        [&](std::size_t begin, std::size_t end, Checkpoint& checkpoint) {
          Words products(lanes * row);
          for (std::size_t i = begin; i < end; i += lanes) {
            const std::size_t count = std::min(lanes, end - i);
            std::vector<ProductList> lists(count);
            for (std::size_t j = 0; j < count; ++j) {
              const Part& part = parts[order[i + j]];
              lists[j] = {rows.data() + part.first, part.length};
            }
            kernels.product(modulus_.engine(), view(source), lists.data(), products.data(), count);
            for (std::size_t j = 0; j < count; ++j) {
              std::memcpy(target + order[i + j] * row, &products[j * row], row * sizeof *out);
            }
            checkpoint.check();
          }
        });
    if (last) return;
    rows.resize(parts.size());
    std::iota(rows.begin(), rows.end(), 0u);
    bounds = next_bounds;
    level.swap(result);
    source = level.data();
  }
}

}  // namespace pyfate
