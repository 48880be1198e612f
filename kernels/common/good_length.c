/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/common/good_length.h"

uint32_t sp_good_length(uint32_t n, bool even) {
  static const uint32_t primes[] = {2, 3, 5, 7};
  for (;; n++) {
    uint32_t left = n;
    for (int i = 0; i < 4; i++) {
      while (left > 0 && left % primes[i] == 0) left /= primes[i];
    }
    if (left == 1 && !(even && n % 2)) return n;
  }
}
