// SPDX-License-Identifier: Apache-2.0
// The cost model of docs/algorithms/bucket-multi-exponentiation.md.
#include <algorithm>
#include <cmath>

#include "group/multi_exponentiation.h"

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
  Plan best{Plan::Method::kBuckets, DigitWindows(bits, count), inverses, 1, -1};
  const double tasks = std::max(1.0, shape.outputs * count);
  const auto workers = static_cast<double>(shape.workers);
  const double sets = signs && !inverses ? 2 : 1;
  // Slices below 32 entries are all overhead, and four tasks a worker are enough.
  const double most =
      std::min(4 * workers / tasks, shape.entries / (32 * std::max(1.0, shape.outputs)));
  for (double slices = 1; slices == 1 || slices <= most; ++slices) {
    const double parts = shape.outputs * slices;
    // Filling, and two products a bucket; workers without a task in the last round stand idle.
    const double rounds = std::ceil(tasks * slices / workers);
    const double idle = rounds * workers / (tasks * slices);
    double cost = idle * (shape.entries * count + parts * sets * 2 * all_buckets(best.windows));
    // Squarings at 0.7 and a product a window; signs.
    cost += parts * sets * (0.7 * bits + count);
    if (signs) cost += inverses ? 3 * shape.ciphertexts : 4 * parts;
    if (best.cost < 0 || cost < best.cost) {
      best.cost = cost;
      best.slices = static_cast<std::size_t>(slices);
    }
  }
  return best;
}

Plan table_plan(const Shape& shape, int bits, int count, bool signs) {
  Plan plan{Plan::Method::kTables, DigitWindows(bits, count), signs, 1, 0};
  const double build = (signs ? 2 : 1) * all_buckets(plan.windows) + 0.7 * bits;
  plan.cost = shape.ciphertexts * (build + (signs ? 3 : 0)) + shape.entries * count;
  return plan;
}

}  // namespace

MultiExponentiationPlan plan_multi_exponentiation(const ExponentMatrix& matrix,
                                                  const MatrixSummary& summary, std::size_t columns,
                                                  std::size_t workers, std::size_t table_rows) {
  const auto wide = static_cast<double>(columns);
  const Shape shape{static_cast<double>(matrix.rows) * wide,
                    static_cast<double>(summary.nonzero) * wide,
                    static_cast<double>(matrix.columns) * wide, workers};
  const int bits = std::max(1, summary.bits);
  Plan best{Plan::Method::kBuckets, DigitWindows(1, 1), false, 1, -1};
  auto consider = [&best](const Plan& plan) {
    if (best.cost < 0 || plan.cost < best.cost) best = plan;
  };
  for (int width = 1; width <= kWidestWindow; ++width) {
    const int count = (bits + width - 1) / width;
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
