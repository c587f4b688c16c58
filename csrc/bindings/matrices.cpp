// SPDX-License-Identifier: Apache-2.0
#include "bindings/matrices.h"

#include <algorithm>

namespace pyfate::bindings {

void check_value_words(py::ssize_t words, const char* name) {
  if (words < 1 || words > 4096) {
    throw py::value_error(std::string(name) + " has " + std::to_string(words) +
                          " words a value; 1 to 4096 are allowed");
  }
}

ExponentMatrix dense_matrix(const Array& matrix) {
  const auto* values =
      checked<std::int64_t>(matrix, "matrix", {kAny, kAny, kAny}, "(rows, columns, words)");
  check_value_words(matrix.shape(2), "matrix");
  return {static_cast<std::size_t>(matrix.shape(0)),
          static_cast<std::size_t>(matrix.shape(1)),
          static_cast<std::size_t>(matrix.shape(2)),
          values,
          nullptr,
          nullptr};
}

ExponentMatrix csr_matrix(const Array& indptr, const Array& indices, const Array& data,
                          py::ssize_t rows, py::ssize_t columns) {
  const auto* values = checked<std::int64_t>(data, "data", {kAny, kAny}, "(entries, words)");
  check_value_words(data.shape(1), "data");
  if (rows < 0 || columns < 0) throw py::value_error("rows and columns must be at least 0");
  const auto* bounds = checked<std::int64_t>(indptr, "indptr", {rows + 1}, "(rows + 1,)");
  const std::int64_t* places = checked_index(indices, "indices", static_cast<std::size_t>(columns));
  if (indices.shape(0) != data.shape(0) || bounds[0] != 0 || bounds[rows] != data.shape(0) ||
      !std::is_sorted(bounds, bounds + rows + 1)) {
    throw py::value_error("indptr must rise from 0 to len(indices) = len(data)");
  }
  return {static_cast<std::size_t>(rows),
          static_cast<std::size_t>(columns),
          static_cast<std::size_t>(data.shape(1)),
          values,
          bounds,
          places};
}

}  // namespace pyfate::bindings
