/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC-32C (Castagnoli, reflected polynomial 0x82f63b78; RFC 3720, appendix B.4).
 *
 * sp_crc32c(0, "123456789", 9) == 0xe3069283. Uses the processor's instruction where there is one.
 */
#ifndef SEISPROC_CRC32C_H
#define SEISPROC_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Extends `crc` (0 for an empty string) by n bytes. */
uint32_t sp_crc32c(uint32_t crc, const void *data, size_t n);

/* CRC of A followed by B from the CRCs of both and the length of B in bytes. */
uint32_t sp_crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b);

#endif
