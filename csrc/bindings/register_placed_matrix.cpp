// SPDX-License-Identifier: Apache-2.0
#include "bindings/matrices.h"
#include "bindings/register.h"
#include "group/placed_matrix.h"

namespace pyfate::bindings {

void register_placed_matrix(pybind11::module_& module) {
  using py::arg;
  py::class_<PlacedMatrix>(module, "PlacedMatrix",
                           "A matrix of integers, for many products by it or its transpose.",
                           py::module_local())
      .def(py::init([](const Array& matrix) {
             return std::make_unique<PlacedMatrix>(dense_matrix(matrix));
           }),
           arg("matrix"))
      .def_property_readonly("nbytes", &PlacedMatrix::bytes);
  module.def(
      "place_csr",
      [](const Array& indptr, const Array& indices, const Array& data, py::ssize_t rows,
         py::ssize_t columns) {
        return std::make_unique<PlacedMatrix>(csr_matrix(indptr, indices, data, rows, columns));
      },
      arg("indptr"), arg("indices"), arg("data"), arg("rows"), arg("columns"));
}

}  // namespace pyfate::bindings
