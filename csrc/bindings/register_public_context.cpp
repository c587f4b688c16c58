// SPDX-License-Identifier: Apache-2.0
#include <pybind11/stl.h>

#include <algorithm>
#include <new>

#include "bindings/arrays.h"
#include "bindings/matrices.h"
#include "bindings/register.h"
#include "group/multi_exponentiation.h"
#include "group/placed_matrix.h"
#include "paillier/public_context.h"

namespace pyfate::bindings {

namespace {

using Index = std::optional<Array>;

/// Checks operands against the sizes of one context.
class Operands {
 public:
  explicit Operands(const PublicContext& context)
      : context_(context), words_(context.modulus().words()) {}

  RowsView rows(const Array& array, const Index& index, const char* name) const {
    const auto* words =
        checked<std::uint64_t>(array, name, {kAny, 2, words_}, "(rows, 2, words of the key)");
    const std::int64_t* chosen =
        checked_index(index, name, static_cast<std::size_t>(array.shape(0)));
    return context_.view(words, chosen);
  }

  SignedView integers(const Array& array, const Index& index, const char* name) const {
    const auto* values = checked<std::int64_t>(array, name, {kAny, kAny}, "(rows, words)");
    check_value_words(array.shape(1), name);
    const std::int64_t* chosen =
        checked_index(index, name, static_cast<std::size_t>(array.shape(0)));
    return {values, chosen, static_cast<std::size_t>(array.shape(1))};
  }

  const std::uint64_t* optional_words(const Index& array, const char* name, std::size_t rows,
                                      py::ssize_t words) const {
    if (!array) return nullptr;
    return checked<std::uint64_t>(*array, name, {static_cast<py::ssize_t>(rows), words},
                                  "None or (rows, words of an exponent)");
  }

  py::array_t<std::uint64_t> result(std::size_t rows) const { return new_rows(rows, words_); }

 private:
  const PublicContext& context_;
  py::ssize_t words_;
};

/// Rows that no memory has room for; products of lengths stay below 2^64 up to here.
constexpr std::size_t kMostRows = std::size_t{1} << 48;

void check_same_rows(std::size_t a, std::size_t b) {
  if (a != b) {
    throw py::value_error("the operands have " + std::to_string(a) + " and " + std::to_string(b) +
                          " rows; give an index to broadcast");
  }
}

py::ssize_t exponent_words(const PublicContext& context) {
  const auto table = context.blinding();
  if (!table) throw py::value_error("set_blinding_base must be called first");
  return table->exponent_words();
}

py::array enter(const PublicContext& context, const Array& canonical, int threads) {
  const auto row = static_cast<py::ssize_t>(context.modulus().row_words());
  const auto* words =
      checked<std::uint64_t>(canonical, "canonical", {kAny, row}, "(rows, 2 * words of the key)");
  const auto rows = static_cast<std::size_t>(canonical.shape(0));
  const Integer& limit = context.modulus().n_squared();
  Words bound(row);
  limit.to_words(bound.data(), row);
  for (std::size_t i = 0; i < rows; ++i) {
    if (!std::lexicographical_compare(std::make_reverse_iterator(words + (i + 1) * row),
                                      std::make_reverse_iterator(words + i * row), bound.rbegin(),
                                      bound.rend())) {
      throw py::value_error("canonical row " + std::to_string(i) + " is n^2 or more");
    }
  }
  auto out = Operands(context).result(rows);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { context.enter(words, rows, target, run); });
  return out;
}

py::array leave(const PublicContext& context, const Array& rows_in, int threads) {
  const RowsView view = Operands(context).rows(rows_in, {}, "rows");
  const std::size_t rows = row_count(rows_in, {});
  py::array_t<std::uint64_t> out(py::array::ShapeContainer{
      static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(context.modulus().row_words())});
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { context.leave(view.words, rows, target, run); });
  return out;
}

py::array multiply(const PublicContext& context, const Array& a, const Index& a_index,
                   const Array& b, const Index& b_index, int threads) {
  const Operands operands(context);
  const RowsView left = operands.rows(a, a_index, "a");
  const RowsView right = operands.rows(b, b_index, "b");
  const std::size_t rows = row_count(a, a_index);
  check_same_rows(rows, row_count(b, b_index));
  auto out = operands.result(rows);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { context.multiply(left, right, rows, target, run); });
  return out;
}

py::array multiply_plain(const PublicContext& context, const Array& a, const Index& a_index,
                         const Array& plain, const Index& plain_index, int threads) {
  const Operands operands(context);
  const RowsView left = operands.rows(a, a_index, "a");
  const SignedView values = operands.integers(plain, plain_index, "plain");
  const std::size_t rows = row_count(a, a_index);
  check_same_rows(rows, row_count(plain, plain_index));
  auto out = operands.result(rows);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads,
              [&](const Run& run) { context.multiply_plain(left, values, rows, target, run); });
  return out;
}

py::array invert(const PublicContext& context, const Array& rows_in, int threads) {
  const Operands operands(context);
  const RowsView view = operands.rows(rows_in, {}, "rows");
  const std::size_t rows = row_count(rows_in, {});
  auto out = operands.result(rows);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { context.invert(view, rows, target, run); });
  return out;
}

py::array scale(const PublicContext& context, const Array& a, const Index& a_index,
                const Array& scalars, const Index& scalar_index, int threads) {
  const Operands operands(context);
  const RowsView left = operands.rows(a, a_index, "a");
  const SignedView values = operands.integers(scalars, scalar_index, "scalars");
  const std::size_t rows = row_count(a, a_index);
  check_same_rows(rows, row_count(scalars, scalar_index));
  auto out = operands.result(rows);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { context.scale(left, values, rows, target, run); });
  return out;
}

py::array horner(const PublicContext& context, const Array& a, const Array& numbers,
                 std::size_t steps, int bits, int threads) {
  const Operands operands(context);
  const RowsView rows = operands.rows(a, {}, "a");
  const std::int64_t* chosen =
      checked_index(numbers, "numbers", static_cast<std::size_t>(a.shape(0)));
  const auto count = static_cast<std::size_t>(numbers.shape(0));
  if (steps < 1 || count % steps != 0) {
    throw py::value_error("numbers must have steps times as many elements as there are results");
  }
  if (bits < 1 || bits > 2 * Modulus::kMaxBits) {
    throw py::value_error("bits is " + std::to_string(bits) + "; it must be 1 to " +
                          std::to_string(2 * Modulus::kMaxBits));
  }
  auto out = operands.result(count / steps);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) {
    context.horner(rows.words, chosen, steps, count / steps, bits, target, run);
  });
  return out;
}

py::array segment_multiply(const PublicContext& context, const Array& a, const Array& index,
                           const Array& offsets, int threads) {
  const Operands operands(context);
  const RowsView rows = operands.rows(a, {}, "a");
  if (row_count(a, {}) >> 32 != 0) throw py::value_error("a has 2^32 rows or more");
  const std::int64_t* chosen = checked_index(index, "index", static_cast<std::size_t>(a.shape(0)));
  const auto* bounds = checked<std::int64_t>(offsets, "offsets", {kAny}, "(segments + 1,)");
  const py::ssize_t segments = offsets.shape(0) - 1;
  if (segments < 0 || bounds[0] != 0 || bounds[segments] != index.shape(0) ||
      !std::is_sorted(bounds, bounds + segments + 1)) {
    throw py::value_error("offsets must rise from 0 to len(index)");
  }
  auto out = operands.result(segments);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) {
    context.segment_multiply(rows.words, chosen, bounds, segments, target, run);
  });
  return out;
}

/// The product of a matrix of `height` rows and `inner` columns and c, by multiply(c, out, run).
template <class Multiply>
py::array multiply_matrix(const PublicContext& context, std::size_t height, std::size_t inner,
                          const Array& c, py::ssize_t columns, int threads, Multiply multiply) {
  const Operands operands(context);
  const RowsView rows = operands.rows(c, {}, "c");
  if (columns < 0 || columns > (py::ssize_t{1} << 32)) {
    throw py::value_error("columns is " + std::to_string(columns) + "; it must be 0 to 2^32");
  }
  const auto wide = static_cast<std::size_t>(columns);
  if (inner * wide != row_count(c, {}) || row_count(c, {}) >> 30 != 0) {
    throw py::value_error("c has " + std::to_string(c.shape(0)) + " rows; it must have " +
                          std::to_string(inner) + " * " + std::to_string(columns) + ", below 2^30");
  }
  if (wide != 0 && height > kMostRows / wide) throw std::bad_alloc();
  auto out = operands.result(height * wide);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { multiply(rows.words, target, run); });
  return out;
}

py::array multi_exponentiate(const PublicContext& context, const Array& matrix, const Array& c,
                             py::ssize_t columns, int threads) {
  const ExponentMatrix exponents = dense_matrix(matrix);
  return multiply_matrix(context, exponents.rows, exponents.columns, c, columns, threads,
                         [&](const std::uint64_t* rows, std::uint64_t* out, const Run& run) {
                           multi_exponentiate_var(context, exponents, rows, columns, out, run);
                         });
}

py::array multi_exponentiate_csr(const PublicContext& context, const Array& indptr,
                                 const Array& indices, const Array& data, py::ssize_t rows,
                                 const Array& c, py::ssize_t columns, int threads) {
  if (columns < 0 || (columns > 0 && (c.ndim() == 0 || c.shape(0) % columns != 0))) {
    throw py::value_error("columns must be at least 0 and divide the rows of c");
  }
  const ExponentMatrix exponents =
      csr_matrix(indptr, indices, data, rows, columns == 0 ? 0 : c.shape(0) / columns);
  return multiply_matrix(context, exponents.rows, exponents.columns, c, columns, threads,
                         [&](const std::uint64_t* rows, std::uint64_t* out, const Run& run) {
                           multi_exponentiate_var(context, exponents, rows, columns, out, run);
                         });
}

py::array multiply_placed(const PublicContext& context, const PlacedMatrix& matrix, bool transposed,
                          const Array& c, py::ssize_t columns, int threads) {
  const std::size_t rows = transposed ? matrix.columns() : matrix.rows();
  const std::size_t inner = transposed ? matrix.rows() : matrix.columns();
  return multiply_matrix(context, rows, inner, c, columns, threads,
                         [&](const std::uint64_t* words, std::uint64_t* out, const Run& run) {
                           matrix.multiply_var(context, transposed, words, columns, out, run);
                         });
}

void set_blinding_base(PublicContext& context, const py::bytes& base, int exponent_bits,
                       const py::bytes& sign_base, std::size_t table_bytes, int threads,
                       bool hardened) {
  const Integer power = checked_integer(base);
  const Integer sign = checked_integer(sign_base);
  without_gil(threads, [&](const Run& run) {
    context.set_blinding_base(power, exponent_bits, sign, table_bytes, hardened, run);
  });
}

py::array encrypt(const PublicContext& context, const Array& plain, const Index& exponents,
                  int threads) {
  const Operands operands(context);
  const SignedView values = operands.integers(plain, {}, "plain");
  const std::size_t rows = row_count(plain, {});
  const auto* words =
      operands.optional_words(exponents, "exponents", rows, exponent_words(context));
  auto out = operands.result(rows);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { context.encrypt(values, words, rows, target, run); });
  return out;
}

py::array blind(const PublicContext& context, const Array& rows_in, const Index& exponents,
                int threads) {
  const Operands operands(context);
  const RowsView view = operands.rows(rows_in, {}, "rows");
  const std::size_t rows = row_count(rows_in, {});
  const auto* words =
      operands.optional_words(exponents, "exponents", rows, exponent_words(context));
  auto out = operands.result(rows);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { context.blind(view, words, rows, target, run); });
  return out;
}

py::array encrypt_full(const PublicContext& context, const Array& plain, const Index& r,
                       int threads) {
  const Operands operands(context);
  const SignedView values = operands.integers(plain, {}, "plain");
  const std::size_t rows = row_count(plain, {});
  const auto* words = operands.optional_words(r, "r", rows, context.modulus().words());
  auto out = operands.result(rows);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads,
              [&](const Run& run) { context.encrypt_full(values, words, rows, target, run); });
  return out;
}

py::array blind_full(const PublicContext& context, const Array& rows_in, const Index& r,
                     int threads) {
  const Operands operands(context);
  const RowsView view = operands.rows(rows_in, {}, "rows");
  const std::size_t rows = row_count(rows_in, {});
  const auto* words = operands.optional_words(r, "r", rows, context.modulus().words());
  auto out = operands.result(rows);
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { context.blind_full(view, words, rows, target, run); });
  return out;
}

}  // namespace

void register_public_context(pybind11::module_& module) {
  using py::arg;
  py::class_<PublicContext>(module, "PublicContext",
                            "Batched operations mod n^2 for one modulus and instruction set.",
                            py::module_local())
      .def(py::init([](const py::bytes& n, const std::string& isa) {
             return std::make_unique<PublicContext>(checked_integer(n),
                                                    instruction_set(isa.c_str()));
           }),
           arg("n"), arg("isa"))
      .def_property_readonly(
          "isa", [](const PublicContext& context) { return context.instruction_set().name; })
      .def_property_readonly("words",
                             [](const PublicContext& context) { return context.modulus().words(); })
      .def("enter", &enter, arg("canonical"), arg("threads"))
      .def("leave", &leave, arg("rows"), arg("threads"))
      .def("multiply", &multiply, arg("a"), arg("a_index").none(true), arg("b"),
           arg("b_index").none(true), arg("threads"))
      .def("multiply_plain", &multiply_plain, arg("a"), arg("a_index").none(true), arg("plain"),
           arg("plain_index").none(true), arg("threads"))
      .def("invert", &invert, arg("rows"), arg("threads"))
      .def("scale", &scale, arg("a"), arg("a_index").none(true), arg("scalars"),
           arg("scalar_index").none(true), arg("threads"))
      .def("horner", &horner, arg("a"), arg("numbers"), arg("steps"), arg("bits"), arg("threads"))
      .def("segment_multiply", &segment_multiply, arg("a"), arg("index"), arg("offsets"),
           arg("threads"))
      .def("multi_exponentiate", &multi_exponentiate, arg("matrix"), arg("c"), arg("columns"),
           arg("threads"))
      .def("multi_exponentiate_csr", &multi_exponentiate_csr, arg("indptr"), arg("indices"),
           arg("data"), arg("rows"), arg("c"), arg("columns"), arg("threads"))
      .def("multiply_placed", &multiply_placed, arg("matrix"), arg("transposed"), arg("c"),
           arg("columns"), arg("threads"))
      .def("set_blinding_base", &set_blinding_base, arg("base"), arg("exponent_bits"),
           arg("sign_base"), arg("table_bytes"), arg("threads") = 1, arg("hardened") = false)
      .def("encrypt", &encrypt, arg("plain"), arg("exponents").none(true), arg("threads"))
      .def("blind", &blind, arg("rows"), arg("exponents").none(true), arg("threads"))
      .def("encrypt_full", &encrypt_full, arg("plain"), arg("r").none(true), arg("threads"))
      .def("blind_full", &blind_full, arg("rows"), arg("r").none(true), arg("threads"));
}

}  // namespace pyfate::bindings
