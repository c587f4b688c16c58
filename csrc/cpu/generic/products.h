// SPDX-License-Identifier: Apache-2.0
// Products over lists of rows, and bucket walks.  docs/algorithms/bucket-multi-exponentiation.md.
#pragma once

#include "cpu/generic/inversion.h"

namespace pyfate::generic {

template <class A>
void unpack(const void* memory, RowsView a, std::uint64_t* stored, std::size_t begin,
            std::size_t end) {
  const A& engine = *static_cast<const A*>(memory);
  for (std::size_t i = begin; i < end; i += A::kLanes) {
    typename A::Number value;
    engine.load(value, RowPointers<A>(a, i, end).at);
    engine.scatter(OutPointers<A>(stored, engine.stored_words(), i, end).at, value);
  }
}

/// Each list is one lane; a lane whose list has ended multiplies by one.
/// read(value, rows, position) reads a factor for every lane.
template <class A, class Locate, class Read>
void multiply_lists(const A& engine, const ProductList* lists, std::uint64_t* out,
                    std::size_t stride, std::size_t count, const std::uint64_t* one, Locate locate,
                    Read read) {
  for (std::size_t i = 0; i < count; i += A::kLanes) {
    std::size_t longest = 0;
    for (int lane = 0; lane < A::kLanes; ++lane) {
      const std::size_t length = lists[smaller(i + lane, count - 1)].length;
      longest = length > longest ? length : longest;
    }
    typename A::Number value;
    typename A::Number factor;
    engine.set_one(value);
    for (std::size_t step = 0; step < longest; ++step) {
      const std::uint64_t* rows[A::kLanes];
      for (int lane = 0; lane < A::kLanes; ++lane) {
        const ProductList& list = lists[smaller(i + lane, count - 1)];
        rows[lane] = step < list.length ? locate(list.rows[step]) : one;
      }
      if (step == 0) {
        read(value, rows);
        continue;
      }
      read(factor, rows);
      engine.multiply(value, value, factor);
    }
    engine.store(OutPointers<A>(out, stride, i, count).at, value);
  }
}

template <class A>
void product(const void* memory, RowsView a, const ProductList* lists, std::uint64_t* out,
             std::size_t count) {
  const A& engine = *static_cast<const A*>(memory);
  std::uint64_t one[2 * A::kMaxWords];
  store_one(engine, one);
  multiply_lists(
      engine, lists, out, a.stride, count, one, [&](std::uint32_t row) { return row_at(a, row); },
      [&](typename A::Number& value, const std::uint64_t* const* rows) {
        engine.load(value, rows);
      });
}

template <class A>
void product_stored(const void* memory, const std::uint64_t* stored, const ProductList* lists,
                    std::uint64_t* out, std::size_t count) {
  const A& engine = *static_cast<const A*>(memory);
  const std::size_t size = engine.stored_words();
  std::uint64_t one[2 * A::kMaxLimbs];
  std::uint64_t* ones[A::kLanes];
  for (int lane = 0; lane < A::kLanes; ++lane) ones[lane] = one;
  typename A::Number value;
  engine.set_one(value);
  engine.scatter(ones, value);
  multiply_lists(
      engine, lists, out, 2 * static_cast<std::size_t>(engine.words()), count, one,
      [&](std::uint32_t row) { return stored + size * row; },
      [&](typename A::Number& factor, const std::uint64_t* const* rows) {
        engine.gather(factor, rows);
      });
}

template <class A>
void clear_buckets(const void* memory, const BucketWalk* walks, std::size_t count,
                   std::size_t bucket_count) {
  const A& engine = *static_cast<const A*>(memory);
  typename A::Number one;
  engine.set_one(one);
  for (std::size_t bucket = 0; bucket <= bucket_count; ++bucket) {
    std::uint64_t* slots[A::kLanes];
    for (int lane = 0; lane < A::kLanes; ++lane) {
      slots[lane] = walks[smaller(lane, count - 1)].buckets + bucket * engine.stored_words();
    }
    engine.scatter(slots, one);
  }
}

template <class A>
void fill_buckets(const void* memory, const std::uint64_t* inputs, const BucketWalk* walks,
                  std::size_t count) {
  const A& engine = *static_cast<const A*>(memory);
  const std::size_t size = engine.stored_words();
  std::size_t longest = 0;
  for (std::size_t lane = 0; lane < count; ++lane) {
    longest = walks[lane].length > longest ? walks[lane].length : longest;
  }
  // Lanes without a walk, and walks that have ended, multiply row 0 into bucket 0; the lanes
  // without a walk share a bucket of their own.
  std::uint64_t spare[A::kLanes][2 * A::kMaxLimbs];
  for (int lane = 0; lane < A::kLanes; ++lane) {
    for (std::size_t i = 0; i < size; ++i) spare[lane][i] = 0;
  }
  for (std::size_t step = 0; step < longest; ++step) {
    std::uint64_t* buckets[A::kLanes];
    const std::uint64_t* rows[A::kLanes];
    for (int lane = 0; lane < A::kLanes; ++lane) {
      const std::size_t position = static_cast<std::size_t>(lane);
      const bool walking = position < count && step < walks[position].length;
      if (walking) {
        const BucketStep& now = walks[position].steps[step];
        buckets[lane] = walks[position].buckets + now.bucket * size;
        rows[lane] = inputs + now.row * size;
      } else {
        buckets[lane] = spare[lane];
        rows[lane] = inputs;
      }
    }
    typename A::Number bucket;
    typename A::Number row;
    engine.gather(bucket, buckets);
    engine.gather(row, rows);
    engine.multiply(bucket, bucket, row);
    engine.scatter(buckets, bucket);
  }
}

/// bucket[B] bucket[B-1] ... accumulated: after step b, running = product of buckets >= b, and
/// sum = product of the runnings = product of bucket[b]^b at the end. For odd digits the last
/// running stays out of the sum, which then is the product of bucket[b]^(b - 1), and is squared.
template <class A>
void combine_buckets(const void* memory, const BucketWalk* walks, std::size_t count,
                     std::size_t bucket_count, bool odd, std::uint64_t* out) {
  const A& engine = *static_cast<const A*>(memory);
  const std::size_t size = engine.stored_words();
  typename A::Number running;
  typename A::Number sum;
  typename A::Number bucket;
  engine.set_one(sum);
  for (std::size_t b = bucket_count; b > 0; --b) {
    const std::uint64_t* slots[A::kLanes];
    for (int lane = 0; lane < A::kLanes; ++lane) {
      slots[lane] = walks[smaller(lane, count - 1)].buckets + b * size;
    }
    engine.gather(bucket, slots);
    if (b == bucket_count) {
      running = bucket;
      if (!odd || b > 1) sum = bucket;
      continue;
    }
    engine.multiply(running, running, bucket);
    if (!odd || b > 1) engine.multiply(sum, sum, running);
  }
  if (odd) {
    engine.square(sum, sum);
    engine.multiply(sum, sum, running);
  }
  engine.store(OutPointers<A>(out, 2 * static_cast<std::size_t>(engine.words()), 0, count).at, sum);
}

}  // namespace pyfate::generic
