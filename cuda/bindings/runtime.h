// SPDX-License-Identifier: Apache-2.0
// What the module asks of the CUDA runtime, and what the emulation answers in its place.
#pragma once

#include <string>
#include <vector>

#include "pyfate_cuda/types.h"

namespace pyfate_cuda {

#ifdef PYFATE_EMULATED

constexpr bool kEmulated = true;

inline std::string describe(Status status) {
  return status == kDiverged ? "a thread ended while others waited at a barrier"
                             : "emulation status " + std::to_string(status);
}
inline int toolkit_version() {
  return 0;
}
inline int driver_version() {
  return 0;
}
inline Status device_names(std::vector<std::string>& names) {
  names = {"emulation"};
  return kSuccess;
}
inline Status multiprocessors(int, int& count) {
  count = 1;
  return kSuccess;
}
inline Status shared_memory_of_a_block(int, int& bytes) {
  bytes = 227 << 10;
  return kSuccess;
}

#else

constexpr bool kEmulated = false;

inline std::string describe(Status status) {
  return std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status);
}
inline int toolkit_version() {
  return CUDART_VERSION;
}
inline int driver_version() {
  int version = 0;
  return cudaDriverGetVersion(&version) == cudaSuccess ? version : 0;
}
inline Status device_names(std::vector<std::string>& names) {
  int count = 0;
  Status status = cudaGetDeviceCount(&count);
  for (int device = 0; device < count && status == cudaSuccess; ++device) {
    cudaDeviceProp properties;
    status = cudaGetDeviceProperties(&properties, device);
    names.emplace_back(properties.name);
  }
  (void)cudaGetLastError();
  return status;
}
inline Status multiprocessors(int device, int& count) {
  return cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device);
}
inline Status shared_memory_of_a_block(int device, int& bytes) {
  return cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
}

#endif

}  // namespace pyfate_cuda
