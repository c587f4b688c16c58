// SPDX-License-Identifier: Apache-2.0
#include <pybind11/stl.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "bindings/register.h"
#include "bindings/runtime.h"
#include "pyfate_cuda/kernel_table.h"

using namespace pyfate_cuda;

namespace {

class DeviceError : public std::runtime_error {
  using runtime_error::runtime_error;
};

void fill_random(uintptr_t out, int64_t words, const py::bytes& key, uintptr_t stream) {
  const std::string_view bytes = key;
  ChaCha20Arguments arguments{pointer<uint32_t>(out), {}, words};
  if (bytes.size() != sizeof arguments.key) {
    throw py::value_error("the key has " + std::to_string(bytes.size()) +
                          " bytes; it must have 32");
  }
  std::memcpy(arguments.key, bytes.data(), sizeof arguments.key);
  check(chacha20(arguments, reinterpret_cast<Stream>(stream)));
}

}  // namespace

void check(Status status) {
  if (status != kSuccess) throw DeviceError(describe(status));
}

void register_device(py::module_& m) {
  py::register_local_exception<DeviceError>(m, "DeviceError", PyExc_RuntimeError);
  m.attr("limb_bits") = limb_bits();
  m.attr("emulated") = kEmulated;
  m.def("toolkit_version", &toolkit_version, "CUDA version of the build, 13000 for 13.0.");
  m.def("driver_version", [] { return driver_version(); }, "Of the driver; 0 if there is none.");
  m.def(
      "device_names",
      [] {
        std::vector<std::string> names;
        check(device_names(names));
        return names;
      },
      "Of all devices, in the order of their indices.");
  m.def(
      "multiprocessors",
      [](int device) {
        int count = 0;
        check(multiprocessors(device, count));
        return count;
      },
      py::arg("device"));
  m.def(
      "shared_memory",
      [](int device) {
        int bytes = 0;
        check(shared_memory_of_a_block(device, bytes));
        return bytes;
      },
      py::arg("device"), "Bytes that a block may ask for.");
  m.def(
      "check_kernels", [] { check(kernels_load()); },
      "Raises DeviceError if the current device does not run the code of this build.");
  m.attr("wide_products") = kWideProducts;
  m.def(
      "wide_rate",
      [](uintptr_t out, int blocks, int turns, uintptr_t stream) {
        check(wide_rate({pointer<Limb>(out), blocks, turns}, reinterpret_cast<Stream>(stream)));
      },
      py::arg("out"), py::arg("blocks"), py::arg("turns"), py::arg("stream"),
      "blocks * 32 * turns * wide_products wide multiplications; out has a word for each thread.");
  m.def("fill_random", &fill_random, py::arg("out"), py::arg("words"), py::arg("key"),
        py::arg("stream"));
}
