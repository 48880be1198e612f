/* SPDX-License-Identifier: BSD-3-Clause */
/* The ways in which CRC-32C is computed here: sp_crc32c takes the fastest that the processor has. */
#ifndef SEISPROC_BASE_CRC32C_VARIANTS_H
#define SEISPROC_BASE_CRC32C_VARIANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sp_crc32c_variant {
  const char *name;
  bool (*usable)(void);                                              /* by this processor */
  uint32_t (*update)(uint32_t state, const uint8_t *data, size_t n); /* state: the CRC before the final inversion */
  uint32_t (*multiply)(uint32_t a, uint32_t b); /* a * b * x^32 modulo the CRC's polynomial; bit 31 is x^0 */
} sp_crc32c_variant;

extern const sp_crc32c_variant sp_crc32c_table;

/* Slowest first, each closed by a variant whose name is NULL. Empty where the compiler knows no such processor. */
extern const sp_crc32c_variant sp_crc32c_hardware[];

/* x^(8 * 2^k - 32) modulo the polynomial, bit 31 is x^0: multiplied by it (multiply adds the x^32), a CRC moves over
 * 2^k bytes of zeros. k counts modulo 31, since x^(2^31) is x. */
enum { SP_CRC32C_POWERS = 31 };
extern const uint32_t sp_crc32c_power[SP_CRC32C_POWERS];

#endif
