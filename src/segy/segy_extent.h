/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the traces of a file may lie: what the headers declare against the file's size and what stands at the bytes it
 * leads to. Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_SEGY_EXTENT_H
#define SEISPROC_SRC_SEGY_SEGY_EXTENT_H

#include "src/segy/segy_stanza.h"

enum { SP_MAX_EXTENSIONS = 200, SP_LARGEST_TRACE_HEADER = SP_TRACE_HEADER_BYTES * (1 + SP_MAX_EXTENSIONS) };

/* One way to lay out the file. */
typedef struct sp_extent {
  uint64_t first_trace, trace_bytes, n_traces, trailer_bytes, left_over;
  uint32_t extensions, n_samples;
} sp_extent;

/* What may be true of a file's layout, the likeliest first. */
typedef struct sp_candidates {
  uint64_t first_trace[4], n_declared_traces;
  uint32_t extensions[3], n_samples[8];
  int n_first_traces, n_extensions, n_sample_counts;
  int64_t n_trailers; /* declared; -1: unknown number */
  size_t sample_bytes;
} sp_candidates;

/* Add a candidate unless it is there or cannot be. */
void sp_extent_offer(uint32_t *list, int *n, int most_items, int64_t value, int64_t least, int64_t most);
void sp_extent_offer_first_trace(const sp_segy_probe *probe, uint64_t value, sp_candidates *c);

uint32_t sp_extent_header_bytes(const sp_extent *e);

/* Splits what follows the first trace's offset into whole traces, trailer and left-over bytes; whether nothing is left
 * over. e->first_trace, extensions, n_samples and trace_bytes are set. */
bool sp_extent_fits(const sp_segy_probe *probe, const sp_candidates *c, sp_extent *e);

/* Whether the trace headers that this extent leads to agree in fields that are the same all over a file. */
bool sp_extent_agrees(const sp_segy_probe *probe, const sp_extent *e);

typedef enum sp_extent_fit {
  SP_EXTENT_NONE,   /* nothing fits: the likeliest is returned */
  SP_EXTENT_SIZE,   /* the likeliest fits the file's size; the trace headers it leads to do not agree */
  SP_EXTENT_AGREES, /* fits, and its trace headers agree */
} sp_extent_fit;

/* The first candidate that fits the file and whose trace headers agree; else the likeliest. */
sp_extent_fit sp_extent_choose(const sp_segy_probe *probe, const sp_candidates *c, sp_extent *out);

/* Whether walking from trace to trace by each one's own sample count ends exactly at the file's end, with more than one
 * count on the way. */
bool sp_extent_lengths_vary(const sp_segy_probe *probe, const sp_extent *e, const sp_stanza *stanza,
                            sp_byte_order order, size_t sample_bytes);

#endif
