// SPDX-License-Identifier: Apache-2.0
// Every way to multiply a matrix into ciphertexts, whatever the cost model would have chosen, and
// what it does choose.
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "group/bucket_exponentiation.h"
#include "group/multi_exponentiation.h"
#include "group/table_exponentiation.h"
#include "simd_scaffold.h"

namespace {

using pyfate::DigitWindows;
using pyfate::ExponentMatrix;
using pyfate::GroupContext;
using pyfate::Integer;
using pyfate::MatrixSummary;
using pyfate::OddDigit;
using pyfate::OddDigitReader;
using pyfate::Run;
using pyfate::SignedView;
using pyfate::StoredRows;
using pyfate::Words;
using simd_test::require;
using Plan = pyfate::MultiExponentiationPlan;

constexpr Run kRun{2, nullptr, nullptr};

Integer magnitude_of(const std::vector<std::int64_t>& value, bool& negative) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(value.data());
  negative = value.back() < 0;
  const Integer all = Integer::from_words(words, value.size());
  return negative ? Integer::power_of_two(64 * static_cast<int>(value.size())) - all : all;
}

/// The digits of a value stand for it, are odd and small, and lie far enough apart.
void check_digits(const std::vector<std::int64_t>& value, int width) {
  const ExponentMatrix matrix{1, 1, value.size(), value.data(), nullptr, nullptr};
  bool negative;
  const Integer magnitude = magnitude_of(value, negative);
  OddDigitReader reader(matrix, width);
  Integer above;
  Integer below;
  std::size_t count = 0;
  int last = -width;
  reader.start(0);
  for (OddDigit digit; reader.next(digit); ++count) {
    require(digit.value % 2 != 0, "digits are odd");
    require(std::abs(digit.value) < std::int64_t{1} << (width - 1), "digits are small");
    require(digit.position >= last + width, "digits lie apart");
    require(digit.position <= magnitude.bits(), "digits lie within the powers");
    last = digit.position;
    const Integer part = Integer(static_cast<std::uint64_t>(std::abs(digit.value)))
                         << digit.position;
    if ((digit.value < 0) == negative) {
      above = above + part;
    } else {
      below = below + part;
    }
  }
  require(above == below + magnitude, "digits stand for the value");
  require(count <= OddDigitReader::most(magnitude.bits(), width), "no more digits than said");
}

void check_digit_reader() {
  simd_test::Random random(3);
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  std::vector<std::vector<std::int64_t>> values = {
      {0},         {1},           {-1},       {kMin},
      {kMin + 1},  {~kMin},       {3},        {0x5555555555555555},
      {0, 0},      {-1, -1},      {0, 1},     {-1, 0},
      {-1, ~kMin}, {0, kMin},     {1, kMin},  {-1, 1},
      {0, 0, 1},   {kMin, -1, 0}, {-1, -1, 0}};
  for (int i = 0; i < 60; ++i) {
    std::vector<std::int64_t> value(1 + i % 3);
    for (std::int64_t& word : value) word = static_cast<std::int64_t>(random.word());
    value.back() >>= i % 60;
    values.push_back(value);
  }
  for (const auto& value : values) {
    for (const int width : {2, 3, 4, 7, 10, 14, 31, 32}) check_digits(value, width);
  }
}

struct Shape {
  std::size_t outputs;
  std::size_t inner;
  std::size_t columns;
  int bits;
  bool signs;
};

class Products {
 public:
  Products(const pyfate::InstructionSet& set, const Shape& shape)
      : name_(std::string(set.name) + ", " + std::to_string(shape.outputs) + " x " +
              std::to_string(shape.inner) + ", " + std::to_string(shape.bits) + " bits: "),
        shape_(shape),
        context_(Integer::power_of_two(521) - 1, set),
        row_(context_.modulus().row_words()),
        random_(11),
        entries_(shape.outputs * shape.inner),
        c_(shape.inner * shape.columns * row_) {
    for (std::int64_t& entry : entries_) {
      entry = static_cast<std::int64_t>(random_.word() >> (64 - shape.bits));
      if (random_.word() % 5 == 0) entry = 0;
      if (shape.signs && random_.word() % 2 != 0) entry = -entry;
    }
    entries_[0] = std::int64_t{1} << (shape.bits - 1);
    for (std::size_t i = 0; i < shape.inner * shape.columns; ++i) {
      const Integer value = random_.below(context_.modulus().n_squared() - 1) + 1;
      Words canonical(row_);
      value.to_words(canonical.data(), row_);
      context_.enter(canonical.data(), 1, &c_[i * row_], kRun);
    }
    expected_ = one_by_one();
  }

  void run() {
    const int bits = shape_.bits;
    for (const bool inverses : {false, true}) {
      for (const std::size_t slices : {std::size_t{1}, std::size_t{3}}) {
        for (const int count : {1, 2, 5}) {
          if (count > bits || bits / count > 12) continue;
          expect({Plan::Method::kBuckets, DigitWindows(bits, count), 2, inverses, slices, 0},
                 "buckets");
        }
        for (const int width : {2, 3, 5, 9}) {
          expect({Plan::Method::kPowers, DigitWindows(bits, 1), width, inverses, slices, 0},
                 "powers");
        }
      }
    }
    const int count = (bits + 5) / 6;
    expect({Plan::Method::kTables, DigitWindows(bits, count), 2, true, 1, 0}, "tables");
    Words out(shape_.outputs * shape_.columns * row_);
    pyfate::multi_exponentiate_var(context_, matrix(), c_.data(), shape_.columns, out.data(), kRun);
    require(canonical(out) == expected_, name_ + "as planned");
  }

 private:
  ExponentMatrix matrix() const {
    return {shape_.outputs, shape_.inner, 1, entries_.data(), nullptr, nullptr};
  }

  Words canonical(const Words& rows) const {
    Words out(rows.size());
    context_.leave(rows.data(), rows.size() / row_, out.data(), kRun);
    return out;
  }

  /// A power for each entry, and their products.
  Words one_by_one() const {
    Words out(shape_.outputs * shape_.columns * row_);
    std::vector<std::int64_t> index(shape_.inner);
    std::vector<std::int64_t> all(shape_.inner);
    for (std::size_t t = 0; t < shape_.inner; ++t) all[t] = static_cast<std::int64_t>(t);
    const std::vector<std::int64_t> bounds = {0, static_cast<std::int64_t>(shape_.inner)};
    Words powers(shape_.inner * row_);
    for (std::size_t i = 0; i < shape_.outputs; ++i) {
      for (std::size_t j = 0; j < shape_.columns; ++j) {
        for (std::size_t t = 0; t < shape_.inner; ++t) {
          index[t] = static_cast<std::int64_t>(t * shape_.columns + j);
        }
        const SignedView scalars{&entries_[i * shape_.inner], nullptr, 1};
        context_.scale(context_.view(c_.data(), index.data()), scalars, shape_.inner, powers.data(),
                       kRun);
        context_.segment_multiply(powers.data(), all.data(), bounds.data(), 1,
                                  &out[(i * shape_.columns + j) * row_], kRun);
      }
    }
    return canonical(out);
  }

  void expect(const Plan& plan, const char* what) {
    Words out(shape_.outputs * shape_.columns * row_);
    if (plan.method == Plan::Method::kTables) {
      pyfate::table_exponentiate_var(context_, matrix(), plan, c_.data(), shape_.columns,
                                     out.data(), kRun);
    } else {
      const StoredRows stored(context_, c_.data(), 0, shape_.inner * shape_.columns, plan.inverses,
                              plan.powers(), kRun);
      pyfate::bucket_exponentiate_var(context_, matrix(), plan, stored, 0, shape_.inner,
                                      shape_.columns, out.data(), kRun);
    }
    require(canonical(out) == expected_, name_ + what);
  }

  std::string name_;
  Shape shape_;
  GroupContext context_;
  std::size_t row_;
  simd_test::Random random_;
  std::vector<std::int64_t> entries_;
  Words c_;
  Words expected_;
};

Plan::Method chosen(std::size_t outputs, std::size_t inner, int bits) {
  const std::vector<std::int64_t> entries(outputs * inner, -(std::int64_t{1} << (bits - 1)));
  const ExponentMatrix matrix{outputs, inner, 1, entries.data(), nullptr, nullptr};
  return pyfate::plan_multi_exponentiation(matrix, MatrixSummary(matrix), {1, 8, 500'000, 5120})
      .method;
}

void check_choices() {
  require(chosen(20, 20'000, 27) == Plan::Method::kBuckets, "a gradient takes buckets");
  require(chosen(160, 2'500, 27) == Plan::Method::kPowers, "rows as slots take powers");
  require(chosen(20'000, 20, 27) == Plan::Method::kTables, "scores take tables");
  require(chosen(160, 2'500, 1) == Plan::Method::kBuckets, "one-hot columns are sums");
}

}  // namespace

int main() {
  check_digit_reader();
  check_choices();
  for (const pyfate::InstructionSet& set : pyfate::instruction_sets()) {
    // The emulated engine is slow, and plans do not depend on the engine: one shape is enough.
    const bool emulated = std::string(set.name) == "emulated";
    if (set.missing() != nullptr) continue;
    for (const Shape& shape : {Shape{3, 11, 1, 24, true}, Shape{21, 5, 2, 13, false},
                               Shape{9, 4, 1, 62, true}, Shape{2, 30, 3, 1, true}}) {
      Products(set, shape).run();
      if (emulated) break;
    }
  }
  std::puts("ok");
}
