/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/index/spots.h"

int sp_spots(const uint8_t *done, uint64_t first, uint64_t n, uint64_t spots[SP_SPOTS]) {
  uint64_t n_done = 0, at = 0;
  int count = 0;
  for (uint64_t i = first; i < first + n; i++) n_done += done[i] != 0;
  const uint64_t most = n_done < SP_SPOTS ? n_done : SP_SPOTS;
  for (uint64_t i = first; (uint64_t)count < most; i++) {
    if (!done[i]) continue;
    const uint64_t wanted = most > 1 ? (uint64_t)count * (n_done - 1) / (most - 1) : 0;
    if (at++ == wanted) spots[count++] = i;
  }
  return count;
}
