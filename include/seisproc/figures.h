/* The figures that come back from a task beside its samples. */
#ifndef SEISPROC_FIGURES_H
#define SEISPROC_FIGURES_H

#include <stdint.h>

/* What became of a gather. CRC-32C of the bytes of the gather in /traces and in /noise (0 where there is none).
 *
 * Of several reasons the one found first along the way counts: the input's (not finite, dead), then the first step's,
 * and so on, and of one step's the largest; a result that overflows is not finite. A gather of which some traces are
 * all zero is processed: those traces stay as they are, and its reason is SP_REASON_DEAD_TRACES. A gather without
 * traces is SP_REASON_OK. Bits, reasons and checksums do not depend on threads, slabs or kind of submission. */
typedef struct sp_gather_result {
  uint32_t reason; /* sp_reason */
  uint32_t crc_traces;
  uint32_t crc_noise;
} sp_gather_result;

#endif
