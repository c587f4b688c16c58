// SPDX-License-Identifier: Apache-2.0
#include "group/bucket_exponentiation.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace pyfate {

namespace {

/// A part of an output: entries [begin, end) of a matrix row, one column of ciphertexts.
struct Part {
  std::size_t row;
  std::size_t column;
  std::size_t begin;
  std::size_t end;
};

/// One lane's work: a window of a part.
struct Task {
  std::uint32_t part;
  int window;
};

class Buckets {
 public:
  Buckets(const GroupContext& context, const ExponentMatrix& matrix,
          const MultiExponentiationPlan& plan, const StoredRows& stored, std::size_t first,
          std::size_t last, std::size_t columns, const Run& run)
      : context_(context),
        modulus_(context.modulus()),
        kernels_(modulus_.kernels()),
        matrix_(matrix),
        plan_(plan),
        stored_(stored),
        first_(first),
        last_(last),
        columns_(columns),
        run_(run) {
    make_parts();
  }

  void run(std::uint64_t* out) {
    const bool two_sets = !plan_.inverses;
    const std::size_t row = modulus_.row_words();
    const int windows = plan_.windows.count();
    positive_.resize(parts_.size() * windows * row);
    if (two_sets) negative_.resize(positive_.size());
    walk_tasks();
    horner(positive_);
    if (two_sets && saw_negative_.load()) {
      horner(negative_);
      Words inverses(parts_.size() * row);
      context_.invert(modulus_.view(negative_.data()), parts_.size(), inverses.data(), run_);
      context_.multiply(modulus_.view(positive_.data()), modulus_.view(inverses.data()),
                        parts_.size(), positive_.data(), run_);
    }
    gather_outputs(out);
  }

 private:
  void make_parts() {
    for (std::size_t row = 0; row < matrix_.rows; ++row) {
      const std::size_t begin = matrix_.first(row);
      const std::size_t length = matrix_.first(row + 1) - begin;
      for (std::size_t column = 0; column < columns_; ++column) {
        for (std::size_t slice = 0; slice < plan_.slices; ++slice) {
          parts_.push_back({row, column, begin + length * slice / plan_.slices,
                            begin + length * (slice + 1) / plan_.slices});
        }
      }
    }
  }

  /// Tasks of one window and of similar length lie side by side, so that lanes end together.
  std::vector<Task> sorted_tasks() const {
    std::vector<std::uint32_t> order(parts_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
    std::stable_sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) {
      return parts_[a].end - parts_[a].begin > parts_[b].end - parts_[b].begin;
    });
    std::vector<Task> tasks;
    for (int window = 0; window < plan_.windows.count(); ++window) {
      for (const std::uint32_t part : order) tasks.push_back({part, window});
    }
    return tasks;
  }

  void walk_tasks() {
    const std::vector<Task> tasks = sorted_tasks();
    parallel_chunks(tasks.size(), kernels_.lanes, run_,
                    [&](std::size_t begin, std::size_t end, Checkpoint& checkpoint) {
                      walk_group(&tasks[begin], end - begin, checkpoint);
                    });
  }

  void walk_group(const Task* tasks, std::size_t count, Checkpoint& checkpoint) {
    // A few milliseconds between checkpoints.
    const auto quick = static_cast<std::size_t>(modulus_.products_per_chunk() / 8 / kernels_.lanes);
    const std::size_t most = std::max<std::size_t>({16, quick, digits_an_entry()});
    const std::size_t size = modulus_.stored_words();
    std::size_t buckets = 0;
    for (std::size_t i = 0; i < count; ++i) {
      buckets = std::max(buckets, plan_.buckets(tasks[i].window));
    }
    const std::size_t sets = plan_.inverses ? 1 : 2;
    Words memory(count * (1 + sets * buckets) * size);
    std::vector<BucketWalk> walks(count);
    std::vector<std::vector<BucketStep>> steps(count, std::vector<BucketStep>(most));
    std::vector<std::size_t> next(count);
    for (std::size_t i = 0; i < count; ++i) {
      walks[i] = {steps[i].data(), 0, &memory[i * (1 + sets * buckets) * size]};
      next[i] = parts_[tasks[i].part].begin;
    }
    kernels_.clear_buckets(modulus_.engine(), walks.data(), count, sets * buckets);
    DigitReader reader(matrix_, plan_.windows, plan_.digits.get());
    OddDigitReader odd_reader(matrix_, plan_.odd_width);
    for (bool more = true; more;) {
      more = false;
      for (std::size_t i = 0; i < count; ++i) {
        walks[i].length = odd() ? list_odd_steps(tasks[i], odd_reader, buckets, steps[i], next[i])
                                : list_steps(tasks[i], reader, buckets, steps[i], next[i]);
        more = more || walks[i].length > 0;
      }
      if (more) kernels_.fill_buckets(modulus_.engine(), stored_.data(), walks.data(), count);
      checkpoint.check();
    }
    store_products(tasks, walks, buckets, positive_);
    if (sets == 1) return;
    for (BucketWalk& walk : walks) walk.buckets += buckets * size;
    store_products(tasks, walks, buckets, negative_);
  }

  bool odd() const { return plan_.method == MultiExponentiationPlan::Method::kPowers; }

  std::size_t digits_an_entry() const {
    return odd() ? OddDigitReader::most(plan_.windows.widths.front(), plan_.odd_width) : 1;
  }

  /// Fills `steps` with nonzero digits from entry `next` on; returns how many there are.
  std::size_t list_steps(const Task& task, DigitReader& reader, std::size_t buckets,
                         std::vector<BucketStep>& steps, std::size_t& next) {
    const Part& part = parts_[task.part];
    std::size_t length = 0;
    for (; next < part.end && length < steps.size(); ++next) {
      const std::size_t t = matrix_.column(part.row, next);
      if (t < first_ || t >= last_) continue;
      const std::int64_t digit = reader.digit(next, task.window);
      if (digit == 0) continue;
      const auto bucket = static_cast<std::size_t>(std::abs(digit));
      steps[length++] = step_of(t * columns_ + part.column, 0, bucket, digit < 0, buckets);
    }
    return length;
  }

  /// The same with the odd digits of each entry; digit 2 b - 1 has bucket b.
  std::size_t list_odd_steps(const Task& task, OddDigitReader& reader, std::size_t buckets,
                             std::vector<BucketStep>& steps, std::size_t& next) {
    const Part& part = parts_[task.part];
    std::size_t length = 0;
    for (; next < part.end && length + digits_an_entry() <= steps.size(); ++next) {
      const std::size_t t = matrix_.column(part.row, next);
      if (t < first_ || t >= last_) continue;
      reader.start(next);
      for (OddDigit digit; reader.next(digit);) {
        const auto bucket = static_cast<std::size_t>(std::abs(digit.value) + 1) / 2;
        steps[length++] =
            step_of(t * columns_ + part.column, digit.position, bucket, digit.value < 0, buckets);
      }
    }
    return length;
  }

  BucketStep step_of(std::size_t row, int power, std::size_t bucket, bool negative,
                     std::size_t buckets) {
    if (negative && !plan_.inverses) {
      bucket += buckets;
      // Only once: a store takes the line away from all other cores.
      if (!saw_negative_.load(std::memory_order_relaxed)) {
        saw_negative_.store(true, std::memory_order_relaxed);
      }
    }
    return {stored_.position(row, negative && plan_.inverses, power),
            static_cast<std::uint32_t>(bucket)};
  }

  /// products: rows [window][part].
  void store_products(const Task* tasks, const std::vector<BucketWalk>& walks, std::size_t buckets,
                      Words& products) {
    const std::size_t row = modulus_.row_words();
    Words combined(walks.size() * row);
    kernels_.combine_buckets(modulus_.engine(), walks.data(), walks.size(), buckets, odd(),
                             combined.data());
    for (std::size_t i = 0; i < walks.size(); ++i) {
      const std::size_t position = tasks[i].window * parts_.size() + tasks[i].part;
      std::memcpy(&products[position * row], &combined[i * row], row * sizeof(std::uint64_t));
    }
  }

  /// Window 0 of `products` becomes the product over windows of each to the power 2^offset.
  void horner(Words& products) {
    const std::size_t row = modulus_.row_words();
    const DigitWindows& windows = plan_.windows;
    const int top = windows.count() - 1;
    if (top == 0) return;
    const double cost = windows.offsets[top] + top;
    parallel_chunks(parts_.size(), modulus_.chunk_rows(parts_.size(), cost, run_), run_,
                    [&](std::size_t begin, std::size_t end, Checkpoint& checkpoint) {
                      for (int window = top - 1; window >= 0; --window) {
                        std::uint64_t* upper = &products[(window + 1) * parts_.size() * row];
                        std::uint64_t* lower = &products[window * parts_.size() * row];
                        kernels_.square_many(modulus_.engine(), modulus_.view(upper),
                                             windows.widths[window], upper, begin, end);
                        kernels_.multiply(modulus_.engine(), modulus_.view(upper),
                                          modulus_.view(lower), lower, begin, end);
                        checkpoint.check();
                      }
                    });
  }

  /// Multiplies the slices of each output together.
  void gather_outputs(std::uint64_t* out) const {
    const std::size_t outputs = matrix_.rows * columns_;
    if (plan_.slices == 1) {
      std::memcpy(out, positive_.data(), outputs * modulus_.row_words() * sizeof *out);
      return;
    }
    std::vector<std::int64_t> index(parts_.size());
    std::vector<std::int64_t> offsets(outputs + 1);
    for (std::size_t i = 0; i < index.size(); ++i) index[i] = static_cast<std::int64_t>(i);
    for (std::size_t i = 0; i <= outputs; ++i) {
      offsets[i] = static_cast<std::int64_t>(i * plan_.slices);
    }
    context_.segment_multiply(positive_.data(), index.data(), offsets.data(), outputs, out, run_);
  }

  const GroupContext& context_;
  const Modulus& modulus_;
  const KernelTable& kernels_;
  const ExponentMatrix& matrix_;
  const MultiExponentiationPlan& plan_;
  const StoredRows& stored_;
  std::size_t first_;
  std::size_t last_;
  std::size_t columns_;
  const Run& run_;
  std::vector<Part> parts_;
  std::atomic<bool> saw_negative_{false};
  Words positive_;
  Words negative_;
};

}  // namespace

void bucket_exponentiate_var(const GroupContext& context, const ExponentMatrix& matrix,
                             const MultiExponentiationPlan& plan, const StoredRows& stored,
                             std::size_t first, std::size_t last, std::size_t columns,
                             std::uint64_t* out, const Run& run) {
  Buckets(context, matrix, plan, stored, first, last, columns, run).run(out);
}

}  // namespace pyfate
