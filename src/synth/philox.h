/* SPDX-License-Identifier: BSD-3-Clause */
/* Philox4x32-10: random bits as a pure function of a counter and a key, so that any number of any stream can be had
 * without those before it. Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011). */
#ifndef SEISPROC_SYNTH_PHILOX_H
#define SEISPROC_SYNTH_PHILOX_H

#include <stdint.h>

/* Replaces the counter x[4] by 128 random bits. */
static inline void philox(uint32_t x[4], uint64_t key) {
  uint32_t key_0 = (uint32_t)key, key_1 = (uint32_t)(key >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
    const uint64_t product_0 = (uint64_t)0xd2511f53u * x[0], product_1 = (uint64_t)0xcd9e8d57u * x[2];
    x[0] = (uint32_t)(product_1 >> 32) ^ x[1] ^ key_0;
    x[1] = (uint32_t)product_1;
    x[2] = (uint32_t)(product_0 >> 32) ^ x[3] ^ key_1;
    x[3] = (uint32_t)product_0;
    key_0 += 0x9e3779b9u;
    key_1 += 0xbb67ae85u;
  }
}

#endif
