/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC-32C (Castagnoli): takes the fastest way that the processor has. */
#include "seisproc/crc32c.h"

#include "src/base/crc32c_variants.h"

static const sp_crc32c_variant *fastest(void) {
  const sp_crc32c_variant *best = &sp_crc32c_table;
  for (const sp_crc32c_variant *v = sp_crc32c_hardware; v->name; v++) {
    if (v->usable()) best = v;
  }
  return best;
}

uint32_t sp_crc32c(uint32_t crc, const void *data, size_t n) {
  return ~fastest()->update(~crc, data, n);
}

uint32_t sp_crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b) {
  const sp_crc32c_variant *variant = fastest();
  for (int k = 0; length_b; k = k + 1 == SP_CRC32C_POWERS ? 0 : k + 1, length_b >>= 1) {
    if (length_b & 1) crc_a = variant->multiply(crc_a, sp_crc32c_power[k]);
  }
  return crc_a ^ crc_b;
}
