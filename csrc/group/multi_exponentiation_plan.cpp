// SPDX-License-Identifier: Apache-2.0
// The cost model of docs/algorithms/bucket-multi-exponentiation.md.
#include <algorithm>
#include <cmath>

#include "group/multi_exponentiation.h"

namespace pyfate {

namespace {

using Plan = MultiExponentiationPlan;

constexpr double kSquare = 0.7;  // of a multiplication
constexpr double kPower = 0.9;   // a squaring, and storing what it gives
constexpr double kFresh = 0.2;   // more on pages that the system clears first

struct Shape {
  double outputs;      // rows * columns of the result
  double entries;      // nonzero entries, counted once for each column of ciphertexts
  double ciphertexts;  // rows of c
  const Surroundings& surroundings;
};

/// A product into one of `buckets`, which takes longer the further they reach out of a core's
/// cache: 1/20 more each time that they double.
double fill_cost(const Shape& shape, std::size_t buckets, double sets) {
  constexpr double kCache = 2 << 20;
  const double bytes = sets * static_cast<double>(buckets * shape.surroundings.bucket_bytes);
  return 1 + std::max(0.0, std::log2(bytes / kCache)) / 20;
}

double all_buckets(const DigitWindows& windows) {
  double sum = 0;
  for (int window = 0; window < windows.count(); ++window) {
    sum += static_cast<double>(windows.buckets(window));
  }
  return sum;
}

/// What walks over buckets cost, before they begin and for each part.
struct Walks {
  double tasks;    // of all outputs in one slice
  double steps;    // products into buckets
  double buckets;  // of all tasks of an output
  double before;
  double a_part;
};

/// `plan` with the number of slices that makes it cheapest.
Plan sliced(Plan plan, const Shape& shape, const Walks& walks) {
  const double tasks = std::max(1.0, walks.tasks);
  const auto workers = static_cast<double>(shape.surroundings.workers);
  // Slices below 32 entries are all overhead, and eight tasks a worker are enough.
  const double most =
      std::min(8 * workers / tasks, shape.entries / (32 * std::max(1.0, shape.outputs)));
  for (double slices = 1; slices == 1 || slices <= most; ++slices) {
    const double parts = shape.outputs * slices;
    // Filling, and two products a bucket; workers without a task in the last round stand idle.
    const double rounds = std::ceil(tasks * slices / workers);
    const double idle = rounds * workers / (tasks * slices);
    const double cost =
        idle * (walks.steps + parts * 2 * walks.buckets) + parts * walks.a_part + walks.before;
    if (plan.cost < 0 || cost < plan.cost) {
      plan.cost = cost;
      plan.slices = static_cast<std::size_t>(slices);
    }
  }
  return plan;
}

Plan bucket_plan(const Shape& shape, int bits, int count, bool signs, bool inverses) {
  const Plan plan{Plan::Method::kBuckets, DigitWindows(bits, count), 2, inverses, 1, -1};
  const double sets = signs && !inverses ? 2 : 1;
  std::size_t most = 0;
  for (int window = 0; window < count; ++window) most = std::max(most, plan.buckets(window));
  const double steps = shape.entries * count * fill_cost(shape, most, sets);
  // Squarings and a product a window; signs.
  return sliced(plan, shape,
                {shape.outputs * count, steps, sets * (all_buckets(plan.windows) - count),
                 signs && inverses ? 3 * shape.ciphertexts : 0,
                 sets * (kSquare * bits + count) + (signs && !inverses ? 4 : 0)});
}

/// Odd digits of `width` bits, of which an entry has bits / (width + 1) + 1/2 on average.
Plan power_plan(const Shape& shape, int bits, int width, bool inverses) {
  const Plan plan{Plan::Method::kPowers, DigitWindows(bits, 1), width, inverses, 1, -1};
  const double digits = std::max(1.0, static_cast<double>(bits) / (width + 1) + 0.5);
  const double signs = inverses ? 2 : 1;
  const double kept = shape.ciphertexts * signs * plan.powers();
  // From an eighth of the scratch memory on (32 MiB), allocators take fresh pages for each call.
  const auto room = static_cast<double>(shape.surroundings.table_rows);
  const double power = kPower + (8 * kept > room ? kFresh : 0);
  const double blocks = std::ceil(kept / room);  // each fills buckets of its own
  return sliced(
      plan, shape,
      {shape.outputs, shape.entries * digits * fill_cost(shape, plan.buckets(0), inverses ? 1 : 2),
       blocks * (inverses ? 1 : 2) * static_cast<double>(plan.buckets(0)),
       power * kept + (inverses ? 3 * shape.ciphertexts : 0), blocks * (inverses ? 1 : 5)});
}

Plan table_plan(const Shape& shape, int bits, int count, bool signs) {
  Plan plan{Plan::Method::kTables, DigitWindows(bits, count), 2, signs, 1, 0};
  const double build = (signs ? 2 : 1) * all_buckets(plan.windows) + kSquare * bits;
  plan.cost = shape.ciphertexts * (build + (signs ? 3 : 0)) + shape.entries * count;
  return plan;
}

}  // namespace

MultiExponentiationPlan plan_multi_exponentiation(const ExponentMatrix& matrix,
                                                  const MatrixSummary& summary,
                                                  const Surroundings& surroundings) {
  const auto wide = static_cast<double>(surroundings.columns);
  const Shape shape{static_cast<double>(matrix.rows) * wide,
                    static_cast<double>(summary.nonzero) * wide,
                    static_cast<double>(matrix.columns) * wide, surroundings};
  const int bits = std::max(1, summary.bits);
  Plan best{Plan::Method::kBuckets, DigitWindows(1, 1), 2, false, 1, -1};
  auto consider = [&best](const Plan& plan) {
    if (best.cost < 0 || plan.cost < best.cost) best = plan;
  };
  for (int width = 1; width <= kWidestDigit; ++width) {
    const int count = (bits + width - 1) / width;
    // Lower digits are signed even where no entry is negative.
    const bool signs = summary.any_negative || count > 1;
    consider(bucket_plan(shape, bits, count, signs, false));
    if (signs) consider(bucket_plan(shape, bits, count, signs, true));
    const Plan tables = table_plan(shape, bits, count, signs);
    const double rows = (signs ? 2 : 1) * shape.ciphertexts * (all_buckets(tables.windows) + count);
    if (rows <= static_cast<double>(surroundings.table_rows)) consider(tables);
  }
  for (int width = 2; width <= kWidestDigit; ++width) {
    for (const bool inverses : {false, true}) consider(power_plan(shape, bits, width, inverses));
  }
  return best;
}

}  // namespace pyfate
