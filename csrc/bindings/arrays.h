// SPDX-License-Identifier: Apache-2.0
// Checked views of NumPy arrays. A wrong array is a ValueError that names it, never a crash.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "bigint/integer.h"
#include "cpu/parallel.h"
#include "cpu/thread_pool.h"

namespace pyfate::bindings {

namespace py = pybind11;

using Array = py::array;

/// Any extent of a dimension.
inline constexpr py::ssize_t kAny = -1;

/// Throws unless `array` is C-contiguous, aligned, of type T and of this shape.
void check_shape(const Array& array, const char* name, std::initializer_list<py::ssize_t> shape,
                 const char* description);

template <class T>
const T* checked(const Array& array, const char* name, std::initializer_list<py::ssize_t> shape,
                 const char* description) {
  if (!py::isinstance<py::array_t<T, py::array::c_style>>(array) ||
      reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) != 0) {
    throw py::value_error(std::string(name) + " must be a C-contiguous array of " +
                          std::string(py::str(py::dtype::of<T>())) + ", not of " +
                          std::string(py::str(array.dtype())));
  }
  check_shape(array, name, shape, description);
  return static_cast<const T*>(array.data());
}

/// Row indices: null when None, otherwise each in [0, limit).
const std::int64_t* checked_index(const std::optional<Array>& index, const char* name,
                                  std::size_t limit);

/// The rows an operand stands for: those it has, or those its index names.
std::size_t row_count(const Array& array, const std::optional<Array>& index);

py::array_t<std::uint64_t> new_rows(std::size_t rows, std::size_t words);

Integer checked_integer(const py::bytes& bytes);

/// Runs native work without the GIL; Ctrl-C ends it with what the signal handler raised.
template <class Work>
void without_gil(int threads, Work work);

/// Throws ValueError unless threads is 1 to 1024.
Run checked_run(int threads, ThreadPool& pool);

template <class Work>
void without_gil(int threads, Work work) {
  ThreadPool pool;
  const Run run = checked_run(threads, pool);
  bool interrupted = false;
  {
    const py::gil_scoped_release release;
    try {
      work(run);
    } catch (const Interrupted&) {
      interrupted = true;
    }
  }
  if (interrupted) throw py::error_already_set();
}

}  // namespace pyfate::bindings
