// SPDX-License-Identifier: Apache-2.0
#include <pybind11/stl.h>

#include "bindings/arrays.h"
#include "bindings/register.h"
#include "paillier/private_context.h"

namespace pyfate::bindings {

namespace {

py::array decrypt(PrivateContext& context, const PublicContext& key, const Array& rows_in,
                  int threads) {
  const py::ssize_t words = key.modulus().words();
  const auto* view =
      checked<std::uint64_t>(rows_in, "rows", {kAny, 2, words}, "(rows, 2, words of the key)");
  const auto rows = static_cast<std::size_t>(rows_in.shape(0));
  py::array_t<std::uint64_t> out(py::array::ShapeContainer{rows_in.shape(0), words});
  std::uint64_t* target = out.mutable_data();
  without_gil(threads, [&](const Run& run) { context.decrypt(key, view, rows, target, run); });
  return out;
}

py::array encrypt_by_owner(PrivateContext& context, const PublicContext& key, const Array& plain,
                           const std::optional<Array>& exponents, int threads) {
  const auto* values = checked<std::int64_t>(plain, "plain", {kAny, kAny}, "(rows, words)");
  if (plain.shape(1) < 1) throw py::value_error("plain has 0 words a value; at least 1 is needed");
  const auto rows = static_cast<std::size_t>(plain.shape(0));
  const std::uint64_t* words = nullptr;
  if (exponents) {
    words =
        checked<std::uint64_t>(*exponents, "exponents", {plain.shape(0), context.exponent_words()},
                               "None or (rows, words of an exponent)");
  }
  auto out = new_rows(rows, key.modulus().words());
  std::uint64_t* target = out.mutable_data();
  const SignedView view{values, nullptr, static_cast<std::size_t>(plain.shape(1))};
  without_gil(threads,
              [&](const Run& run) { context.encrypt(key, view, words, rows, target, run); });
  return out;
}

void set_owners_blinding_base(PrivateContext& context, const py::bytes& base, int exponent_bits,
                              const py::bytes& sign_base, std::size_t table_bytes, int threads,
                              bool hardened) {
  const Integer power = checked_integer(base);
  const Integer sign = checked_integer(sign_base);
  without_gil(threads, [&](const Run& run) {
    context.set_blinding_base(power, exponent_bits, sign, table_bytes, hardened, run);
  });
}

}  // namespace

void register_private_context(pybind11::module_& module) {
  using py::arg;
  py::class_<PrivateContext>(module, "PrivateContext",
                             "Decryption and the owner's encryption; opaque, zeroed when freed.",
                             py::module_local())
      .def(py::init([](const py::bytes& p, const py::bytes& q, const py::bytes& p_exponent,
                       const py::bytes& q_exponent, const std::string& isa) {
             return std::make_unique<PrivateContext>(
                 checked_integer(p), checked_integer(q), checked_integer(p_exponent),
                 checked_integer(q_exponent), instruction_set(isa.c_str()));
           }),
           arg("p"), arg("q"), arg("p_exponent"), arg("q_exponent"), arg("isa"))
      .def("decrypt", &decrypt, arg("public"), arg("rows"), arg("threads"))
      .def("set_blinding_base", &set_owners_blinding_base, arg("base"), arg("exponent_bits"),
           arg("sign_base"), arg("table_bytes"), arg("threads") = 1, arg("hardened") = false)
      .def("encrypt", &encrypt_by_owner, arg("public"), arg("plain"), arg("exponents").none(true),
           arg("threads"))
      .def("__reduce_ex__", [](const PrivateContext&, int) -> py::object {
        throw py::type_error("a PrivateContext holds secrets and is not picklable");
      });
}

}  // namespace pyfate::bindings
