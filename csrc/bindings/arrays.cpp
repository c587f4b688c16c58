// SPDX-License-Identifier: Apache-2.0
#include "bindings/arrays.h"

namespace pyfate::bindings {

namespace {

/// Runs the pending signal handlers; true when one raised, which leaves the exception set.
bool signal_raised(void*) {
  const PyGILState_STATE state = PyGILState_Ensure();
  const bool raised = PyErr_CheckSignals() != 0;
  PyGILState_Release(state);
  return raised;
}

std::string shape_of(const Array& array) {
  std::string text = "(";
  for (py::ssize_t i = 0; i < array.ndim(); ++i) {
    text += std::to_string(array.shape(i)) + (i + 1 < array.ndim() || i == 0 ? "," : "");
    if (i + 1 < array.ndim()) text += " ";
  }
  return text + ")";
}

}  // namespace

void check_shape(const Array& array, const char* name, std::initializer_list<py::ssize_t> shape,
                 const char* description) {
  bool right = array.ndim() == static_cast<py::ssize_t>(shape.size());
  py::ssize_t axis = 0;
  for (const py::ssize_t extent : shape) {
    right = right && (extent == kAny || array.shape(axis) == extent);
    ++axis;
  }
  if (!right) {
    throw py::value_error(std::string(name) + " has shape " + shape_of(array) + "; it must be " +
                          description);
  }
}

const std::int64_t* checked_index(const std::optional<Array>& index, const char* name,
                                  std::size_t limit) {
  if (!index) return nullptr;
  const std::int64_t* values = checked<std::int64_t>(*index, name, {kAny}, "(rows,)");
  for (py::ssize_t i = 0; i < index->shape(0); ++i) {
    if (values[i] < 0 || static_cast<std::uint64_t>(values[i]) >= limit) {
      throw py::value_error(std::string(name) + "[" + std::to_string(i) + "] is " +
                            std::to_string(values[i]) + "; there are " + std::to_string(limit) +
                            " rows");
    }
  }
  return values;
}

std::size_t row_count(const Array& array, const std::optional<Array>& index) {
  return static_cast<std::size_t>(index ? index->shape(0) : array.shape(0));
}

py::array_t<std::uint64_t> new_rows(std::size_t rows, std::size_t words) {
  return py::array_t<std::uint64_t>(py::array::ShapeContainer{
      static_cast<py::ssize_t>(rows), py::ssize_t{2}, static_cast<py::ssize_t>(words)});
}

Integer checked_integer(const py::bytes& bytes) {
  const std::string_view view = bytes;
  if (view.size() > 4096) throw py::value_error("an integer has more than 4096 bytes");
  return Integer::from_bytes(reinterpret_cast<const unsigned char*>(view.data()), view.size());
}

Run checked_run(int threads, ThreadPool& pool) {
  if (threads < 1 || threads > 1024) {
    throw py::value_error("threads is " + std::to_string(threads) + "; it must be 1 to 1024");
  }
  return {threads, &signal_raised, nullptr, &pool};
}

}  // namespace pyfate::bindings
