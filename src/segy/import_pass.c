/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces from the input to the output, in chunks of fixed size.
 *
 * Where a rank's traces stand in the file as they will in the output, a chunk is read in blocks that stay in the
 * processor's cache while they are converted and written. Else the traces of a chunk are read in the order of the file,
 * neighbours together, and put in their positions in memory. Headers are written once a chunk in both cases, since they
 * go to some ninety datasets.
 */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "seisproc/stop.h"
#include "src/segy/header_value.h"
#include "src/segy/importer.h"
#include "src/segy/segy_bytes.h"

static const uint64_t block_bytes = 4 << 20; /* read at once, in the file's order */
static const uint64_t chunk_header_bytes = 8 << 20;
static const uint64_t sorted_bytes = 256 << 20; /* of samples held while traces are put in another order */
static const uint64_t gap_bytes = 32 << 10;     /* reading over a gap costs less than another read */
static const uint64_t sparse_bytes = 64 << 10;  /* of a trace of more, only the header is read for the keys */

typedef struct mover {
  sp_importer *im;
  const sp_pass *pass;
  sp_local block_traces, chunk_traces;
  uint8_t *staging; /* raw traces */
  uint64_t staging_bytes;
  uint8_t *headers;    /* [chunk_traces][header_bytes] */
  float *samples;      /* [block_traces][n_samples] */
  void *column;        /* one column of a chunk */
  uint64_t *positions; /* sorted chunks: trace of the file in the upper half, position in the chunk in the lower */
} mover;

/* --- columns ------------------------------------------------------------------------------------------------------ */

static sp_status write_headers(mover *m, uint64_t first, sp_local n) {
  sp_importer *im = m->im;
  SP_TRY(sp_dataset_write_independent(im->raw_headers, first, n, m->headers));
  for (size_t c = 0; c < im->layout->n_columns; c++) {
    sp_import_column(im, (int)c, m->headers, n, m->column);
    SP_TRY(sp_dataset_write_independent(im->columns[c], first, n, m->column));
  }
  return SP_SUCCESS;
}

static sp_status collect(mover *m, uint64_t first, sp_local n) {
  sp_importer *im = m->im;
  for (int k = 0; k < im->n_keys; k++) {
    const int column = im->key_column[k];
    char *to = (char *)im->keys[k] + (first - im->first) * sp_import_key_bytes(im, column);
    sp_import_key_values(im, k, m->headers, n, to);
  }
  return sp_import_note_headers(im, first, m->headers, n);
}

/* --- traces ------------------------------------------------------------------------------------------------------- */

/* Powers of two change no digit. What is beyond them is refused when all headers have been seen. */
static void apply_weight(const uint8_t *header, const sp_segy_layout *layout, float *samples) {
  const double n = sp_header_value_get(header + SP_TRACE_WEIGHT, SP_FIELD_INT16, layout->order);
  if (n == 0 || fabs(n) > SP_MOST_WEIGHT) return;
  const float factor = (float)ldexp(1, -(int)n);
  for (uint32_t i = 0; i < layout->n_samples; i++) samples[i] *= factor;
}

/* One raw trace, which goes to position `i` of a chunk that starts at `chunk`, position `b` of its block. */
static void convert_trace(mover *m, const uint8_t *raw, uint64_t chunk, sp_local i, sp_local b) {
  sp_importer *im = m->im;
  const sp_segy_layout *layout = im->layout;
  memcpy(m->headers + (size_t)i * layout->header_bytes, raw, layout->header_bytes);
  float *samples = m->samples + (size_t)b * layout->n_samples;
  const bool exact =
      sp_segy_decode(layout->format, layout->sample_order, raw + layout->header_bytes, layout->n_samples, samples);
  if (im->applies_weights) apply_weight(raw, layout, samples);
  if (exact) return;
  const uint64_t position = chunk + i - im->first;
  im->inexact[position / 8] |= (uint8_t)(1u << position % 8);
  im->n_inexact++;
}

static uint64_t trace_offset(const sp_segy_layout *layout, uint64_t trace) {
  return layout->first_trace + trace * layout->trace_bytes;
}

static sp_status read_traces(mover *m, uint64_t trace, uint64_t n) {
  const sp_segy_layout *layout = m->im->layout;
  return sp_segy_read_at(m->im->fd, m->im->options->input, trace_offset(layout, trace), n * layout->trace_bytes,
                         m->staging);
}

/* Asks the kernel to have traces ready when they are read; a hint: failure changes nothing. */
static void announce(const mover *m, uint64_t trace, uint64_t n) {
  const sp_segy_layout *layout = m->im->layout;
  posix_fadvise(m->im->fd, (off_t)trace_offset(layout, trace), (off_t)(n * layout->trace_bytes), POSIX_FADV_WILLNEED);
}

static sp_status move_in_order(mover *m, uint64_t chunk, sp_local n) {
  const sp_segy_layout *layout = m->im->layout;
  SP_EACH_PIECE (block, 0, n, m->block_traces) {
    const sp_local first = (sp_local)block.first, b = (sp_local)block.count;
    SP_TRY(read_traces(m, chunk + first, b));
    announce(m, chunk + first + b, b); /* read from the disk while these are converted and written */
    for (sp_local i = 0; i < b; i++) {
      convert_trace(m, m->staging + (uint64_t)i * layout->trace_bytes, chunk, first + i, i);
    }
    SP_TRY(sp_dataset_write_independent(m->im->traces, chunk + first, b, m->samples));
  }
  return SP_SUCCESS;
}

/* Headers alone, for the keys. Where traces are short the disk is asked for all of the file, since it would read nearly
 * as much, but only headers are copied from the cache. */
static sp_status move_headers_only(mover *m, uint64_t chunk, sp_local n) {
  const sp_segy_layout *layout = m->im->layout;
  const bool whole = layout->trace_bytes <= sparse_bytes;
  for (sp_local i = 0; i < n; i++) {
    if (whole && i % m->block_traces == 0) announce(m, chunk + i + m->block_traces, m->block_traces);
    SP_TRY(sp_import_read_header(m->im, chunk + i, m->headers + (size_t)i * layout->header_bytes));
  }
  return SP_SUCCESS;
}

static int compare_positions(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* How many positions from `first` on are read at once: neighbours in the file, with small gaps between them. */
static sp_local neighbours(const mover *m, sp_local first, sp_local n) {
  const uint64_t trace_bytes = m->im->layout->trace_bytes;
  const uint64_t start = m->positions[first] >> 32;
  sp_local i = first + 1;
  for (; i < n; i++) {
    const uint64_t trace = m->positions[i] >> 32, before = m->positions[i - 1] >> 32;
    if ((trace - before - 1) * trace_bytes > gap_bytes || (trace - start + 1) * trace_bytes > m->staging_bytes) break;
  }
  return i - first;
}

static sp_status move_sorted(mover *m, uint64_t chunk, sp_local n) {
  sp_importer *im = m->im;
  const sp_segy_layout *layout = im->layout;
  for (sp_local i = 0; i < n; i++) m->positions[i] = (uint64_t)im->source[chunk - im->first + i] << 32 | i;
  qsort(m->positions, n, sizeof *m->positions, compare_positions);
  for (sp_local i = 0; i < n; i += neighbours(m, i, n)) {
    const uint64_t from = m->positions[i] >> 32, to = m->positions[i + neighbours(m, i, n) - 1] >> 32;
    announce(m, from, to - from + 1);
  }
  for (sp_local i = 0, group; i < n; i += group) {
    group = neighbours(m, i, n);
    const uint64_t from = m->positions[i] >> 32, to = m->positions[i + group - 1] >> 32;
    SP_TRY(read_traces(m, from, to - from + 1));
    for (sp_local k = i; k < i + group; k++) {
      const uint64_t trace = m->positions[k] >> 32;
      const sp_local position = (sp_local)m->positions[k];
      convert_trace(m, m->staging + (trace - from) * layout->trace_bytes, chunk, position, position);
    }
  }
  return sp_dataset_write_independent(im->traces, chunk, n, m->samples);
}

/* --- the pass ----------------------------------------------------------------------------------------------------- */

static uint64_t at_least_one(uint64_t n) {
  return n ? n : 1;
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static sp_status make_buffers(mover *m) {
  const sp_segy_layout *layout = m->im->layout;
  const uint64_t share = at_least_one(m->im->end - m->im->first), trace_bytes = layout->trace_bytes;
  const uint64_t sample_bytes = (uint64_t)layout->n_samples * sizeof(float);
  const uint64_t block = at_least_one(block_bytes / trace_bytes);
  uint64_t chunk = least(at_least_one(chunk_header_bytes / layout->header_bytes), share);
  if (m->im->source) chunk = least(at_least_one(sorted_bytes / (sample_bytes + layout->header_bytes)), share);
  m->chunk_traces = (sp_local)chunk;
  m->block_traces = (sp_local)least(block, chunk);
  const uint64_t held = m->im->source ? chunk : m->block_traces;
  m->staging_bytes = block * trace_bytes;
  SP_TRY(sp_alloc(m->staging_bytes, "traces", &m->staging));
  SP_TRY(sp_alloc(chunk * layout->header_bytes, "trace headers", &m->headers));
  SP_TRY(sp_alloc(chunk * sizeof(double), "a header column", &m->column));
  if (m->im->source) SP_TRY(sp_alloc(chunk * sizeof *m->positions, "positions of traces", &m->positions));
  if (!m->pass->write) return SP_SUCCESS;
  return sp_alloc(held * sample_bytes, "samples", &m->samples);
}

static sp_status move_chunk(mover *m, uint64_t chunk, sp_local n) {
  if (m->im->source) {
    SP_TRY(move_sorted(m, chunk, n));
  } else if (!m->pass->write) {
    SP_TRY(move_headers_only(m, chunk, n));
  } else {
    SP_TRY(move_in_order(m, chunk, n));
  }
  if (m->pass->collect) SP_TRY(collect(m, chunk, n));
  return m->pass->write ? write_headers(m, chunk, n) : SP_SUCCESS;
}

sp_status sp_import_pass(sp_importer *im, const sp_pass *pass) {
  mover m = {.im = im, .pass = pass};
  sp_status status = make_buffers(&m);
  if (pass->write) {
    memset(im->inexact, 0, (im->end - im->first) / 8 + 1);
    im->n_inexact = 0;
  }
  SP_EACH_PIECE (p, im->first, im->end, m.chunk_traces) {
    if (status != SP_SUCCESS) break;
    status = move_chunk(&m, p.first, (sp_local)p.count);
    if (status == SP_SUCCESS && sp_stop_signal()) status = SP_STOPPED;
    const double done = (double)(p.first + p.count - im->first) / (double)(im->end - im->first);
    sp_meter_show_traces(&im->meter, "import", pass->done + pass->share * done, im->layout->n_traces,
                         im->layout->trace_bytes);
  }
  sp_free(m.positions);
  sp_free(m.column);
  sp_free(m.samples);
  sp_free(m.headers);
  sp_free(m.staging);
  return status;
}
