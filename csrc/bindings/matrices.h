// SPDX-License-Identifier: Apache-2.0
// Matrices of integers out of NumPy arrays, checked.
#pragma once

#include "bindings/arrays.h"
#include "group/exponent_matrix.h"

namespace pyfate::bindings {

/// Throws unless integers of `words` words are allowed.
void check_value_words(py::ssize_t words, const char* name);

/// Of an array (rows, columns, words).
ExponentMatrix dense_matrix(const Array& matrix);

/// Of compressed rows, with entries data (entries, words).
ExponentMatrix csr_matrix(const Array& indptr, const Array& indices, const Array& data,
                          py::ssize_t rows, py::ssize_t columns);

}  // namespace pyfate::bindings
