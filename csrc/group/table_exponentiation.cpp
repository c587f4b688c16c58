// SPDX-License-Identifier: Apache-2.0
#include "group/table_exponentiation.h"

#include <algorithm>
#include <vector>

namespace pyfate {

namespace {

/// Powers c^(digit * 2^offset) of each ciphertext and window; the inverses' powers follow.
class CiphertextTables {
 public:
  CiphertextTables(const GroupContext& context, const DigitWindows& windows, const std::uint64_t* c,
                   std::size_t count, bool inverses, const Run& run)
      : count_(count) {
    const Modulus& modulus = context.modulus();
    const KernelTable& kernels = modulus.kernels();
    const std::size_t row = modulus.row_words();
    for (int window = 0; window < windows.count(); ++window) {
      starts_.push_back(rows_a_base_);
      rows_a_base_ += windows.buckets(window) + 1;
    }
    const std::size_t bases = count * (inverses ? 2 : 1);
    Words steps(bases * windows.count() * row);  // [window][base]
    std::copy(c, c + count * row, steps.begin());
    if (inverses) context.invert(modulus.view(c), count, &steps[count * row], run);
    for (int window = 1; window < windows.count(); ++window) {
      const std::uint64_t* lower = &steps[(window - 1) * bases * row];
      parallel_chunks(bases, modulus.chunk_rows(bases, windows.widths[window - 1], run), run,
                      [&](std::size_t begin, std::size_t end, Checkpoint&) {
                        kernels.square_many(modulus.engine(), modulus.view(lower),
                                            windows.widths[window - 1],
                                            &steps[window * bases * row], begin, end);
                      });
    }
    Words one(row);
    modulus.set_ones(one.data());
    table_.resize(bases * rows_a_base_ * modulus.stored_words());
    std::vector<Ladder> ladders;  // all of one window side by side: they have one length
    for (int window = 0; window < windows.count(); ++window) {
      for (std::size_t base = 0; base < bases; ++base) {
        const std::size_t first = base * rows_a_base_ + starts_[window];
        ladders.push_back({one.data(), &steps[(window * bases + base) * row],
                           &table_[first * modulus.stored_words()], windows.buckets(window) + 1});
      }
    }
    parallel_chunks(ladders.size(), kernels.lanes, run,
                    [&](std::size_t begin, std::size_t end, Checkpoint&) {
                      kernels.ladders(modulus.engine(), &ladders[begin], end - begin);
                    });
  }

  const std::uint64_t* data() const { return table_.data(); }

  std::uint32_t position(std::size_t ciphertext, int window, std::int64_t digit) const {
    const std::size_t base = ciphertext + (digit < 0 ? count_ : 0);
    const auto magnitude = static_cast<std::size_t>(digit < 0 ? -digit : digit);
    return static_cast<std::uint32_t>(base * rows_a_base_ + starts_[window] + magnitude);
  }

 private:
  std::size_t count_;
  std::size_t rows_a_base_ = 0;
  std::vector<std::size_t> starts_;
  Words table_;
};

}  // namespace

void table_exponentiate_var(const GroupContext& context, const ExponentMatrix& matrix,
                            const MultiExponentiationPlan& plan, const std::uint64_t* c,
                            std::size_t columns, std::uint64_t* out, const Run& run) {
  const Modulus& modulus = context.modulus();
  const std::size_t outputs = matrix.rows * columns;
  const CiphertextTables tables(context, plan.windows, c, matrix.columns * columns, plan.inverses,
                                run);
  const double each = 1.0 + static_cast<double>(matrix.first(matrix.rows)) * plan.windows.count() /
                                static_cast<double>(matrix.rows);
  const std::size_t lanes = modulus.kernels().lanes;
  parallel_chunks(
      outputs, modulus.chunk_rows(outputs, each, run), run,
      [&](std::size_t begin, std::size_t end, Checkpoint& checkpoint) {
        DigitReader reader(matrix, plan.windows, plan.digits.get());
        std::vector<std::vector<std::uint32_t>> positions(lanes);
        std::vector<ProductList> lists(lanes);
        for (std::size_t group = begin; group < end; group += lanes) {
          const std::size_t count = std::min(lanes, end - group);
          for (std::size_t lane = 0; lane < count; ++lane) {
            const std::size_t row = (group + lane) / columns;
            const std::size_t column = (group + lane) % columns;
            positions[lane].clear();
            for (std::size_t entry = matrix.first(row); entry < matrix.first(row + 1); ++entry) {
              const std::size_t ciphertext = matrix.column(row, entry) * columns + column;
              for (int window = 0; window < plan.windows.count(); ++window) {
                const std::int64_t digit = reader.digit(entry, window);
                if (digit == 0) continue;
                positions[lane].push_back(tables.position(ciphertext, window, digit));
              }
            }
            lists[lane] = {positions[lane].data(), positions[lane].size()};
          }
          modulus.kernels().product_stored(modulus.engine(), tables.data(), lists.data(),
                                           out + group * modulus.row_words(), count);
          checkpoint.check();
        }
      });
}

}  // namespace pyfate
