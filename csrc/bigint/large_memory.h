// SPDX-License-Identifier: Apache-2.0
// Memory for rows of numbers: what is large lies on huge pages where the system has them. Fresh
// pages of 4 KiB cost as much as the products whose results they take, and what is read at random
// outgrows what they reach.
#pragma once

#include <cstddef>

namespace pyfate {

/// Aligned to cache lines at least. Throws std::bad_alloc.
void* allocate_rows(std::size_t bytes);
/// Precondition: allocate_rows gave `memory` for as many bytes.
void release_rows(void* memory, std::size_t bytes) noexcept;

}  // namespace pyfate
