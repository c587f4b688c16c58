// SPDX-License-Identifier: Apache-2.0
#include "group/window_width.h"

namespace pyfate {

namespace {

/// The first width up to `most` after which the cost rises.
template <class Cost>
int cheapest(int most, Cost cost) {
  int width = 1;
  while (width < most && cost(width + 1) < cost(width)) ++width;
  return width;
}

}  // namespace

int sliding_width(int bits, bool power_of_two) {
  if (power_of_two) return 1;
  return cheapest(10, [bits](int w) { return (1 << (w - 1)) + bits / (w + 1); });
}

int fixed_width(int bits) {
  return cheapest(8, [bits](int w) { return (1 << w) + (bits + w - 1) / w; });
}

int scanned_width(int bits) {
  return cheapest(6, [bits](int w) {
    const double entries = 1 << w;
    return entries + (1 + entries / 30) * bits / w;
  });
}

int scanned_table_width() {
  return cheapest(6, [](int w) { return (1.0 + (1 << w) / 30.0) / w; });
}

}  // namespace pyfate
