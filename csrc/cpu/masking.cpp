// SPDX-License-Identifier: Apache-2.0
#include "cpu/masking.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "bigint/zeroing_allocator.h"
#include "cpu/features.h"

namespace pyfate {

#if defined(PYFATE_X86_VECTOR)
namespace avx2 {
extern const MaskingKernels kMasking;
}
namespace avx512ifma {
extern const MaskingKernels kMasking;
}
#endif
namespace portable {
extern const MaskingKernels kMasking;
}

const MaskingKernels& masking_kernels(const std::string& isa) {
  struct Choice {
    const char* name;
    const char* missing;
    const MaskingKernels& kernels;
  };
  const Choice choices[] = {
#if defined(PYFATE_X86_VECTOR)
      {"avx512ifma", missing_avx512ifma(), avx512ifma::kMasking},
      {"avx2", missing_avx2(), avx2::kMasking},
#endif
      {"portable", nullptr, portable::kMasking},
      {"emulated", nullptr, portable::kMasking},  // there are no vectors to emulate
  };
  for (const Choice& choice : choices) {
    if (choice.missing == nullptr && (isa.empty() || isa == choice.name)) return choice.kernels;
  }
  throw std::invalid_argument("no masking kernels for instruction set '" + isa + "' here");
}

namespace {

constexpr std::size_t kPiece = 4096;      // elements whose buffers stay in the nearest caches
constexpr std::size_t kPiecesAtOnce = 8;  // of one thread
constexpr std::size_t kBlockBytes = 64;

using Buffer = std::vector<std::uint32_t, ZeroingAllocator<std::uint32_t>>;

/// The words of a sum of streams from any place on.
class Words {
 public:
  explicit Words(const MaskingKernels& kernels) : kernels_(kernels) {}

  const unsigned char* from(const StreamSet& streams, std::uint64_t start, std::size_t count) {
    const auto lane = static_cast<std::size_t>(streams.lane_bytes);
    const std::uint64_t first = start * lane;
    const auto skip = static_cast<std::size_t>(first % kBlockBytes);
    const std::size_t group = kBlockBytes * kernels_.lanes;
    const std::size_t groups = (skip + count * lane + group - 1) / group;
    if (buffer_.size() < groups * group / 4) buffer_.resize(groups * group / 4);
    kernels_.sum_streams(streams, first / kBlockBytes, groups, buffer_.data());
    return reinterpret_cast<const unsigned char*>(buffer_.data()) + skip;
  }

 private:
  const MaskingKernels& kernels_;
  Buffer buffer_;
};

/// Elements times weight plus pads, whose lower bytes are written; nothing beyond `count` elements.
template <class Lane, class Integer>
void write(const Integer* elements, std::size_t count, std::uint64_t weight,
           const unsigned char* pads, std::size_t size, unsigned char* out) {
  // Short words would be multiplied as int, which must not overflow.
  using Product = std::conditional_t<(sizeof(Lane) < 4), std::uint32_t, Lane>;
  const auto factor = static_cast<Product>(weight);
  auto word = [&](std::size_t i) {
    Lane pad;
    std::memcpy(&pad, pads + i * sizeof(Lane), sizeof(Lane));
    return static_cast<Lane>(static_cast<Product>(elements[i]) * factor + pad);
  };
  // Whole words where the next element covers what is too much.
  const std::size_t covered =
      size == sizeof(Lane) ? count : count - (sizeof(Lane) + size - 1) / size;
  const std::size_t whole = count < 8 ? 0 : covered;
  for (std::size_t i = 0; i < whole; ++i) {
    const Lane value = word(i);
    std::memcpy(out + i * size, &value, sizeof(Lane));
  }
  for (std::size_t i = whole; i < count; ++i) {
    const Lane value = word(i);
    std::memcpy(out + i * size, &value, size);
  }
}

template <class Integer>
void write_lanes(const Integer* elements, std::size_t count, std::uint64_t weight,
                 const unsigned char* pads, const MaskedVector& to, std::size_t at) {
  const auto size = static_cast<std::size_t>(to.element_bytes);
  unsigned char* out = to.out + at * size;
  switch (to.streams.lane_bytes) {
    case 1:
      return write<std::uint8_t>(elements, count, weight, pads, 1, out);
    case 2:
      return write<std::uint16_t>(elements, count, weight, pads, 2, out);
    case 4:
      // A constant size makes a store of what would be a call.
      if (size == 3) return write<std::uint32_t>(elements, count, weight, pads, 3, out);
      return write<std::uint32_t>(elements, count, weight, pads, 4, out);
    default:
      return write<std::uint64_t>(elements, count, weight, pads, size, out);
  }
}

/// Calls body(first, count) for pieces of [0, count) that begin with a group of blocks wherever
/// they can.
template <class Make>
void in_pieces(std::size_t count, std::uint64_t start, const Run& run, const Make& make) {
  const auto before = static_cast<std::size_t>(start % kPiece);
  const std::size_t pieces = (before + count + kPiece - 1) / kPiece;
  const std::size_t chunk = std::max<std::size_t>(
      1, std::min(kPiecesAtOnce, pieces / static_cast<std::size_t>(run.threads)));
  parallel_chunks(pieces, chunk, run, [&](std::size_t begin, std::size_t end, Checkpoint&) {
    auto body = make();
    for (std::size_t piece = begin; piece < end; ++piece) {
      const std::size_t first = piece == 0 ? 0 : piece * kPiece - before;
      body(first, std::min(count, (piece + 1) * kPiece - before) - first);
    }
  });
}

void round_values(const MaskingKernels& kernels, const float* values, std::size_t count,
                  const Rounding& rounding, const std::uint32_t* words, std::int32_t* out,
                  ClipCounts& counts) {
  kernels.round_floats(values, count, rounding, words, out, counts);
}

void round_values(const MaskingKernels& kernels, const double* values, std::size_t count,
                  const Rounding& rounding, const std::uint32_t* words, std::int32_t* out,
                  ClipCounts& counts) {
  kernels.round_doubles(values, count, rounding, words, out, counts);
}

}  // namespace

template <class Float>
ClipCounts mask_values(const Float* values, std::size_t count, const Rounding& rounding,
                       std::uint64_t weight, const RoundingWords& words, const MaskedVector& to,
                       const Run& run) {
  static constexpr std::int8_t kAdd = 1;
  const StreamSet dither{words.key, &kAdd, 1, 4};
  ClipCounts total;
  std::mutex mutex;
  in_pieces(count, to.start, run, [&] {
    return [&, pads = Words(*to.kernels), dithers = Words(*to.kernels),
            levels = std::vector<std::int32_t, ZeroingAllocator<std::int32_t>>(kPiece)](
               std::size_t first, std::size_t some) mutable {
      const unsigned char* source =
          words.key == nullptr ? nullptr : dithers.from(dither, words.start + first, some);
      ClipCounts counts;
      round_values(*to.kernels, values + first, some, rounding,
                   reinterpret_cast<const std::uint32_t*>(source), levels.data(), counts);
      const unsigned char* pad = pads.from(to.streams, to.start + first, some);
      write_lanes(levels.data(), some, weight, pad, to, first);
      const std::lock_guard<std::mutex> lock(mutex);
      total.clipped += counts.clipped;
      total.large += counts.large;
      total.not_finite += counts.not_finite;
    };
  });
  return total;
}

template ClipCounts mask_values(const float*, std::size_t, const Rounding&, std::uint64_t,
                                const RoundingWords&, const MaskedVector&, const Run&);
template ClipCounts mask_values(const double*, std::size_t, const Rounding&, std::uint64_t,
                                const RoundingWords&, const MaskedVector&, const Run&);

void mask_integers(const std::int64_t* values, std::size_t count, const MaskedVector& to,
                   const Run& run) {
  in_pieces(count, to.start, run, [&] {
    return [&, pads = Words(*to.kernels)](std::size_t first, std::size_t some) mutable {
      const unsigned char* pad = pads.from(to.streams, to.start + first, some);
      write_lanes(values + first, some, 1, pad, to, first);
    };
  });
}

}  // namespace pyfate
