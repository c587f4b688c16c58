// SPDX-License-Identifier: Apache-2.0
#include "bindings/arrays.h"
#include "bindings/register.h"
#include "sharing/shares.h"

namespace pyfate::bindings {

namespace {

constexpr std::size_t kSlotBits = 8192;

using NewWords = py::array_t<std::uint64_t>;
using Shape = py::array::ShapeContainer;

/// Rows that an array can have.
std::size_t checked_rows(py::ssize_t rows) {
  if (rows < 0 || rows > py::ssize_t{1} << 40) {
    throw py::value_error("rows is " + std::to_string(rows) + "; it must be 0 to 2^40");
  }
  return static_cast<std::size_t>(rows);
}

Slots checked_slots(py::ssize_t width, py::ssize_t count) {
  constexpr auto limit = static_cast<py::ssize_t>(kSlotBits);
  if (width < 2 || count < 1 || width > limit || count > limit || width * count > limit) {
    throw py::value_error(std::to_string(count) + " slots of " + std::to_string(width) +
                          " bits: it takes a slot, 2 bits each and at most 8192 together");
  }
  return {static_cast<std::size_t>(width), static_cast<std::size_t>(count)};
}

/// A number to draw below or to reduce by.
Integer checked_modulus(const py::bytes& bytes) {
  Integer n = checked_integer(bytes);
  if (n.is_zero()) throw py::value_error("n is 0; it must be at least 1");
  return n;
}

py::ssize_t words_of(const Integer& n) {
  return (n.bits() + 63) / 64;
}

NewWords random_words(py::ssize_t rows, int threads) {
  const std::size_t count = checked_rows(rows);
  NewWords out(Shape{rows});
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { draw_words(count, target, run); });
  return out;
}

py::tuple residue_masks(const py::bytes& bytes, py::ssize_t rows, int threads) {
  const Integer n = checked_modulus(bytes);
  const std::size_t count = checked_rows(rows);
  NewWords plain(Shape{rows, words_of(n) + 1});
  NewWords shares(Shape{rows, py::ssize_t{2}});
  std::uint64_t* masks = plain.mutable_data();
  std::uint64_t* own = shares.mutable_data();
  without_gil(threads, [&](const Run& run) { draw_residue_masks(n, count, masks, own, run); });
  return py::make_tuple(plain.attr("view")("int64"), shares);
}

py::tuple slot_masks(py::ssize_t width, py::ssize_t slots, py::ssize_t rows, int threads) {
  const Slots layout = checked_slots(width, slots);
  const std::size_t count = checked_rows(rows);
  NewWords plain(Shape{rows, static_cast<py::ssize_t>(layout.words())});
  NewWords shares(Shape{rows, slots, py::ssize_t{2}});
  std::uint64_t* masks = plain.mutable_data();
  std::uint64_t* own = shares.mutable_data();
  without_gil(threads, [&](const Run& run) { draw_slot_masks(layout, count, masks, own, run); });
  return py::make_tuple(plain.attr("view")("int64"), shares);
}

NewWords unpack(const py::bytes& bytes, py::ssize_t width, py::ssize_t slots, const Array& residues,
                int threads) {
  const Integer n = checked_modulus(bytes);
  const Slots layout = checked_slots(width, slots);
  if (layout.bits() >= static_cast<std::size_t>(n.bits())) {
    throw py::value_error("slots of " + std::to_string(layout.bits()) + " bits do not fit n of " +
                          std::to_string(n.bits()));
  }
  const auto* values =
      checked<std::uint64_t>(residues, "residues", {kAny, words_of(n)}, "(rows, words of n)");
  const auto rows = static_cast<std::size_t>(residues.shape(0));
  NewWords shares(Shape{residues.shape(0), slots, py::ssize_t{2}});
  std::uint64_t* target = shares.mutable_data();
  std::size_t refused = rows;
  without_gil(threads, [&](const Run& run) {
    refused = unpack_shares(n, layout, values, rows, target, run);
  });
  if (refused < rows) {
    throw py::value_error("row " + std::to_string(refused) + " is not " + std::to_string(slots) +
                          " slots of " + std::to_string(width) + " bits");
  }
  return shares;
}

NewWords product_with_shares(const Array& matrix, bool transposed, const Array& shares,
                             int threads) {
  const auto* values = checked<std::int64_t>(matrix, "matrix", {kAny, kAny}, "(rows, columns)");
  const PlainMatrix plain{values, static_cast<std::size_t>(matrix.shape(0)),
                          static_cast<std::size_t>(matrix.shape(1))};
  const auto* factors =
      checked<std::uint64_t>(shares, "shares", {matrix.shape(transposed ? 0 : 1), kAny, 2},
                             "(columns, k, 2), or (rows, k, 2) of the transposed matrix");
  const auto width = static_cast<std::size_t>(shares.shape(1));
  NewWords out(Shape{matrix.shape(transposed ? 1 : 0), shares.shape(1), py::ssize_t{2}});
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) {
    const auto product = transposed ? multiply_shares_transposed : multiply_shares;
    product(plain, factors, width, target, run);
  });
  return out;
}

}  // namespace

void register_shares(py::module_& module) {
  using py::arg;
  module.def("random_words", &random_words, arg("count"), arg("threads"), "Uniform words.");
  module.def("residue_masks", &residue_masks, arg("n"), arg("rows"), arg("threads"),
             "Masks uniform below n as signed words [rows, words of n + 1], and minus them.");
  module.def("slot_masks", &slot_masks, arg("width"), arg("slots"), arg("rows"), arg("threads"),
             "Masks of all slots as signed words [rows, words], and minus them.");
  module.def("unpack_shares", &unpack, arg("n"), arg("width"), arg("slots"), arg("residues"),
             arg("threads"), "The slots of residues mod 2^128, [rows, slots, 2].");
  module.def("multiply_shares", &product_with_shares, arg("matrix"), arg("transposed"),
             arg("shares"), arg("threads"),
             "A matrix or its transpose times shares [n, k, 2], mod 2^128.");
}

}  // namespace pyfate::bindings
