// SPDX-License-Identifier: Apache-2.0
// Widths of exponent windows that make powers cheapest, counted in multiplications.
#pragma once

namespace pyfate {

/// Sliding windows over an exponent shared by all rows: 2^(width - 1) odd powers, then a product
/// every width + 1 bits on average. The width is 1 for powers of two, which need no table.
int sliding_width(int bits, bool power_of_two);

/// Fixed windows, an exponent for each row: 2^width powers, a product every `width` bits.
int fixed_width(int bits);

/// Fixed windows of a secret exponent: as fixed_width, and the table is read whole for each digit,
/// at about 1/30 of a product an entry.
int scanned_width(int bits);

/// The same for a table that exists already.
int scanned_table_width();

}  // namespace pyfate
