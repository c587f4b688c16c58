// SPDX-License-Identifier: Apache-2.0
#include "group/power_table.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "group/window_width.h"
#include "rng/chacha20.h"

namespace pyfate {

namespace {

constexpr int kWidestWindow = 16;

/// Rows 0 and 1 = value and 1 / value in Montgomery form; the inverse is one mod n.
void set_with_inverse(const Modulus& modulus, const Integer& value, std::uint64_t* rows) {
  Integer inverse;
  if (!invert_var(value % modulus.n(), modulus.n(), inverse)) {
    throw std::invalid_argument("a base of the table shares a factor with n");
  }
  const SecretWords row = modulus.montgomery_row(value);
  std::copy(row.begin(), row.end(), rows);
  const SecretWords inverse_row = modulus.montgomery_row(inverse);
  std::copy(inverse_row.begin(), inverse_row.end(), rows + modulus.row_words());
}

}  // namespace

void PowerTable::powers(const Modulus& modulus, const std::uint64_t* exponents, std::size_t count,
                        std::uint64_t* out) const {
  const KernelTable& kernels = modulus.kernels();
  const auto power = hardened_ ? kernels.fixed_base_secret : kernels.fixed_base;
  const FixedBaseTable table{entries_.data(), windows_.data(), static_cast<int>(windows_.size())};
  power(modulus.engine(), table, exponents, exponent_words(), out, 0, count);
}

PowerTable::PowerTable(const Modulus& modulus, const Integer& base, int exponent_bits,
                       const Integer& sign_base, std::size_t table_bytes, bool hardened,
                       const Run& run)
    : bits_(exponent_bits + 1), hardened_(hardened) {
  if (exponent_bits < 1 || exponent_bits > 2 * Modulus::kMaxBits) {
    throw std::invalid_argument("exponent_bits is " + std::to_string(exponent_bits) +
                                "; it must be 1 to " + std::to_string(2 * Modulus::kMaxBits));
  }
  const KernelTable& kernels = modulus.kernels();
  const std::size_t row = modulus.row_words();
  const std::size_t stored = modulus.stored_words();
  choose_windows(table_bytes / (stored * sizeof(std::uint64_t)));
  entries_.resize(entry_count_ * stored);

  // Row 2 j is base^(2^offset of window j), row 2 j + 1 its inverse, of which one half is used.
  SecretWords steps(2 * windows_.size() * row);
  set_with_inverse(modulus, base, steps.data());
  for (std::size_t j = 1; j < windows_.size(); ++j) {
    kernels.square_many(modulus.engine(), modulus.view(&steps[2 * (j - 1) * row]),
                        windows_[j - 1].width, &steps[2 * j * row], 0, 2);
  }
  SecretWords one(2 * row);
  set_with_inverse(modulus, Integer(1), one.data());
  SecretWords sign(2 * row);
  set_with_inverse(modulus, sign_base, sign.data());

  // The last window's top bit is the sign: its two halves start at 1 and at sign_base.
  std::vector<SplitLadder> ladders;
  auto add = [&](const SecretWords& start, std::size_t window, std::uint64_t* out,
                 std::size_t count) {
    const std::uint64_t* step = &steps[2 * window * row];
    ladders.push_back({{start.data(), &start[row]}, {step, step + row}, out, count});
  };
  for (std::size_t j = 0; j < windows_.size(); ++j) {
    const std::size_t count = std::size_t{1} << windows_[j].width;
    std::uint64_t* out = &entries_[windows_[j].first * stored];
    if (j + 1 < windows_.size()) {
      add(one, j, out, count);
    } else {
      add(one, j, out, count / 2);
      add(sign, j, out + count / 2 * stored, count / 2);
    }
  }
  parallel_chunks(ladders.size(), kernels.lanes, run,
                  [&](std::size_t begin, std::size_t end, Checkpoint&) {
                    kernels.split_ladders(modulus.engine(), &ladders[begin], end - begin);
                  });
}

void PowerTable::choose_windows(std::size_t most_entries) {
  const int widest = hardened_ ? scanned_table_width() : kWidestWindow;
  for (int count = (bits_ + widest - 1) / widest; count <= bits_; ++count) {
    const int width = bits_ / count;
    const int wider = bits_ % count;  // so many windows have one bit more
    entry_count_ = (static_cast<std::size_t>(count - wider) << width) +
                   (static_cast<std::size_t>(wider) << (width + 1));
    if (entry_count_ > most_entries && count < bits_) continue;
    std::size_t first = 0;
    int offset = 0;
    for (int j = 0; j < count; ++j) {
      const Window window{offset, width + (j < wider ? 1 : 0), first};
      windows_.push_back(window);
      offset += window.width;
      first += std::size_t{1} << window.width;
    }
    return;
  }
}

void draw_exponents(const PowerTable& table, ChaCha20& random, std::size_t count,
                    std::uint64_t* out) {
  const std::size_t words = table.exponent_words();
  const int spare = 64 * table.exponent_words() - table.bits();
  random.fill(out, count * words);
  for (std::size_t i = 1; i <= count; ++i) out[i * words - 1] &= ~std::uint64_t{0} >> spare;
}

}  // namespace pyfate
