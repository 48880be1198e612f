/* SPDX-License-Identifier: BSD-3-Clause */
/* The figures that come back from a unit of work beside its samples: a record of named numbers.
 *
 * Slots, messages, journal and resume know a record by its list alone (size, names, types), so that a new figure is one
 * more line in a list. The first figure of every list is the unit's reason (sp_reason).
 */
#ifndef SEISPROC_FIGURES_H
#define SEISPROC_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SP_MAX_RECORD = 256 }; /* bytes */

/* LEVELS: an array of bytes, `bytes` of them. */
typedef enum sp_figure_type { SP_FIGURE_UINT32, SP_FIGURE_FLOAT32, SP_FIGURE_FLOAT64, SP_FIGURE_LEVELS } sp_figure_type;

/* A spectrum in half decibels: 255 at its peak, 254 half a decibel below, ... 0 127 dB below or nothing. */
enum { SP_SPECTRUM_LEVELS = 64 };
typedef struct sp_spectrum_levels {
  uint8_t level[SP_SPECTRUM_LEVELS];
} sp_spectrum_levels;

/* How the parts of a unit that several workers computed become one figure. A sum of 32 bits wraps around. */
typedef enum sp_figure_join { SP_JOIN_MAX, SP_JOIN_MIN, SP_JOIN_SUM } sp_figure_join;

typedef struct sp_figure {
  const char *name;
  sp_figure_type type;
  sp_figure_join join;
  size_t offset; /* in the record */
  size_t bytes;  /* of the member */
} sp_figure;

typedef struct sp_figure_list {
  const sp_figure *figures; /* [n] */
  size_t n, bytes;          /* bytes of a record */
} sp_figure_list;

/* The figures of a gather, one a line: FIGURE(member type, SP_FIGURE_ type, name, how parts are joined). CRC-32C of the
 * bytes of the gather in /traces and in /noise (0 where there is none).
 *
 * Quality: over the `measured` traces of the gather, whose samples before and after are all finite, the RMS of a sample
 * of the input, of what is processed and of the noise, the zero-lag correlation of noise and processed (0 where one of
 * them is all zero), and the largest |sample| of the input. measured is 0 where nothing was measured: a gather that
 * failed, a job with `qc: none`, units that are not gathers.
 *
 * Spectra of the input and of the noise, where anything was measured: the largest amplitude, and all of them in half
 * decibels below it (src/flow/gather/spectra.h).
 *
 * Of a job that stores samples in 16 bits, the largest error of a sample of the gather, and that over the RMS of the
 * gather's samples, of /traces or /noise, whichever is larger, and of how many traces most samples are coarse
 * (src/base/scaled.h); else 0.
 *
 * Of a job that transforms across traces, how many measured traces came to such a step faint (src/base/faint.h); of
 * several steps the most. 0 where nothing was measured.
 *
 * Of several reasons the one found first along the way counts: the input's (not finite, dead), then the first step's,
 * and so on, and of one step's the largest, then a result that overflows. A gather of which some traces are all zero,
 * not to be processed or not finite (sp_nan) is processed without them: those stay as they are, and its reason is
 * SP_REASON_BAD_TRACES where some are not finite, else SP_REASON_DEAD_TRACES where some are all zero. A gather without
 * traces is SP_REASON_OK. Bits, reasons and checksums do not depend on threads, slabs or kind of submission. */
#define SP_GATHER_FIGURES(FIGURE)                                                                                      \
  FIGURE(uint32_t, UINT32, reason, MAX)                                                                                \
  FIGURE(uint32_t, UINT32, crc_traces, SUM)                                                                            \
  FIGURE(uint32_t, UINT32, crc_noise, SUM)                                                                             \
  FIGURE(uint32_t, UINT32, measured, SUM)                                                                              \
  FIGURE(float, FLOAT32, rms_in, MAX)                                                                                  \
  FIGURE(float, FLOAT32, rms_out, MAX)                                                                                 \
  FIGURE(float, FLOAT32, rms_noise, MAX)                                                                               \
  FIGURE(float, FLOAT32, xcorr, MAX)                                                                                   \
  FIGURE(float, FLOAT32, peak_in, MAX)                                                                                 \
  FIGURE(float, FLOAT32, rounding, MAX)                                                                                \
  FIGURE(float, FLOAT32, rounding_of_rms, MAX)                                                                         \
  FIGURE(uint32_t, UINT32, coarse, SUM)                                                                                \
  FIGURE(uint32_t, UINT32, faint, SUM)                                                                                 \
  FIGURE(float, FLOAT32, spectrum_in_peak, MAX)                                                                        \
  FIGURE(float, FLOAT32, spectrum_noise_peak, MAX)                                                                     \
  FIGURE(sp_spectrum_levels, LEVELS, spectrum_in, MAX)                                                                 \
  FIGURE(sp_spectrum_levels, LEVELS, spectrum_noise, MAX)                                                              \
  SP_STEP_FIGURES(FIGURE, 0)                                                                                           \
  SP_STEP_FIGURES(FIGURE, 1)                                                                                           \
  SP_STEP_FIGURES(FIGURE, 2)                                                                                           \
  SP_STEP_FIGURES(FIGURE, 3)                                                                                           \
  SP_STEP_FIGURES(FIGURE, 4)                                                                                           \
  SP_STEP_FIGURES(FIGURE, 5)                                                                                           \
  SP_STEP_FIGURES(FIGURE, 6)                                                                                           \
  SP_STEP_FIGURES(FIGURE, 7)

/* Of each of the first steps of a chain of several: the RMS of a sample that came to it, and of what it changed, over
 * the measured traces; 0 where that was not measured. */
#define SP_STEP_FIGURES(FIGURE, k)                                                                                     \
  FIGURE(float, FLOAT32, step##k##_in, MAX)                                                                            \
  FIGURE(float, FLOAT32, step##k##_removed, MAX)

enum { SP_MEASURED_STEPS = 8 };

/* What became of a gather. */
typedef struct sp_gather_result {
#define SP_FIGURE_MEMBER(type, kind, name, join) type name;
  SP_GATHER_FIGURES(SP_FIGURE_MEMBER)
#undef SP_FIGURE_MEMBER
} sp_gather_result;

extern const sp_figure_list sp_gather_figures;

/* The reason in a record. */
static inline uint32_t sp_figures_reason(const void *record) {
  return *(const uint32_t *)record;
}

/* Record i of an array of them. */
static inline void *sp_figures_at(const sp_figure_list *list, const void *records, uint64_t i) {
  return (char *)(uintptr_t)records + i * list->bytes;
}

/* Adds a part of a unit to what is there of it. */
void sp_figures_join(const sp_figure_list *list, void *record, const void *part);

/* Characters that a record takes as text, its end included. */
size_t sp_figures_text_size(const sp_figure_list *list);

/* Writes "0:1a2b:9f", the figures in hexadecimal (of a real number the bits) with ":" between them; returns its length.
 */
size_t sp_figures_format(const sp_figure_list *list, const void *record, char *text, size_t size);

/* Reads that back up to the next space; *end is set to that space. False where it says anything else, with the record
 * as it was. */
bool sp_figures_parse(const sp_figure_list *list, const char *text, const char **end, void *record);

/* Names with "," between them, for comparison; writes at most `size` characters. */
void sp_figures_names(const sp_figure_list *list, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
