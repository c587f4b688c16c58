// SPDX-License-Identifier: Apache-2.0
// The cost model of docs/algorithms/bucket-multi-exponentiation.md.
#include <algorithm>

#include "context/multi_exponentiation.h"

namespace pyfate {

namespace {

using Plan = MultiExponentiationPlan;

constexpr int kWidestWindow = 14;

struct Shape {
  double outputs;      // rows * columns of the result
  double entries;      // nonzero entries, counted once for each column of ciphertexts
  double ciphertexts;  // rows of c
  std::size_t workers;
};

double all_buckets(const DigitWindows& windows) {
  double sum = 0;
  for (int window = 0; window < windows.count(); ++window) {
    sum += static_cast<double>(windows.buckets(window));
  }
  return sum;
}

Plan bucket_plan(const Shape& shape, int bits, int count, bool signs, bool inverses) {
  Plan plan{Plan::Method::kBuckets, DigitWindows(bits, count), inverses, 1, 0};
  // Two tasks for each lane let threads end together; parts below 32 entries are all overhead.
  const double tasks = std::max(1.0, shape.outputs * count);
  const double wanted = 2 * static_cast<double>(shape.workers) / tasks;
  const double most = shape.entries / (32 * std::max(1.0, shape.outputs));
  plan.slices = static_cast<std::size_t>(std::max(1.0, std::min(wanted + 0.999, most)));
  const double parts = shape.outputs * static_cast<double>(plan.slices);
  const double sets = signs && !inverses ? 2 : 1;
  // Filling; two products a bucket; squarings at 0.7 and a product a window; signs.
  plan.cost = shape.entries * count + parts * sets * 2 * all_buckets(plan.windows) +
              parts * sets * (0.7 * bits + count);
  if (signs) plan.cost += inverses ? 3 * shape.ciphertexts : 4 * parts;
  return plan;
}

Plan table_plan(const Shape& shape, int bits, int count, bool signs) {
  Plan plan{Plan::Method::kTables, DigitWindows(bits, count), signs, 1, 0};
  const double build = (signs ? 2 : 1) * all_buckets(plan.windows) + 0.7 * bits;
  plan.cost = shape.ciphertexts * (build + (signs ? 3 : 0)) + shape.entries * count;
  return plan;
}

}  // namespace

MultiExponentiationPlan plan_multi_exponentiation(const ExponentMatrix& matrix,
                                                  const MatrixSummary& summary,
                                                  std::size_t columns, std::size_t workers,
                                                  std::size_t table_rows) {
  const auto wide = static_cast<double>(columns);
  const Shape shape{static_cast<double>(matrix.rows) * wide,
                    static_cast<double>(summary.nonzero) * wide,
                    static_cast<double>(matrix.columns) * wide, workers};
  const int bits = std::max(1, summary.bits);
  Plan best{Plan::Method::kBuckets, DigitWindows(1, 1), false, 1, -1};
  auto consider = [&best](const Plan& plan) {
    if (best.cost < 0 || plan.cost < best.cost) best = plan;
  };
  for (int count = (bits + kWidestWindow - 1) / kWidestWindow; count <= (bits + 2) / 2; ++count) {
    // Lower digits are signed even where no entry is negative.
    const bool signs = summary.any_negative || count > 1;
    consider(bucket_plan(shape, bits, count, signs, false));
    if (signs) consider(bucket_plan(shape, bits, count, signs, true));
    const Plan tables = table_plan(shape, bits, count, signs);
    const double rows = (signs ? 2 : 1) * shape.ciphertexts * (all_buckets(tables.windows) + count);
    if (rows <= static_cast<double>(table_rows)) consider(tables);
  }
  return best;
}

}  // namespace pyfate
