/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces from the survey to the output, in blocks; their headers in chunks of many blocks, since they come from some
 * ninety datasets.
 *
 * A sample whose float is not all that the file had (segy/exact) is given back its own bytes, wherever the survey still
 * holds that float; a sample that was processed since is encoded.
 */
#include <math.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "seisproc/stop.h"
#include "src/segy/exporter.h"
#include "src/segy/header_value.h"
#include "src/segy/segy_bytes.h"

static const uint64_t block_bytes = 4 << 20;
enum { EXACT_HELD = 4096 };

typedef struct mover {
  sp_exporter *ex;
  sp_local block_traces, chunk_traces;
  uint64_t chunk;   /* first trace of the headers that are held */
  float *samples;   /* [block_traces][n_samples] */
  uint8_t *headers; /* [2 * chunk_traces][kept_header_bytes] */
  double *scratch;  /* [2 * chunk_traces] */
  uint8_t *out;     /* [block_traces][trace_bytes] */
  /* exact samples: the numbers of the traces that have some, ascending, around the next one */
  uint64_t exact[EXACT_HELD];
  uint64_t first_exact, next_exact, n_exact; /* exact[0] among all; the next one; all */
  sp_local n_held;
  float *factors; /* [block_traces], of samples that go out as the integers that they are stored in; NULL */
  uint8_t *raw;   /* one trace as the file had it */
  float *again;   /* that one decoded */
} mover;

/* --- exact samples ------------------------------------------------------------------------------------------------ */

static sp_status read_exact_numbers(mover *m, uint64_t from) {
  m->first_exact = from;
  m->n_held = (sp_local)sp_share_piece(from, m->n_exact, EXACT_HELD).count;
  return sp_dataset_read_independent(m->ex->exact_traces, from, m->n_held, m->exact);
}

/* Goes to the first trace with exact samples that is not before `trace`. */
static sp_status find_exact(mover *m, uint64_t trace) {
  uint64_t low = 0, high = m->n_exact;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    uint64_t number;
    SP_TRY(sp_dataset_read_independent(m->ex->exact_traces, middle, 1, &number));
    if (number < trace) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  m->next_exact = low;
  return read_exact_numbers(m, low);
}

/* Whether segy/exact has the samples of this trace; traces are asked for in ascending order. Reads them to m->raw. */
static sp_status copy_exact(mover *m, uint64_t trace, bool *found) {
  *found = false;
  while (m->next_exact < m->n_exact) {
    if (m->next_exact == m->first_exact + m->n_held) SP_TRY(read_exact_numbers(m, m->next_exact));
    const uint64_t number = m->exact[m->next_exact - m->first_exact];
    if (number > trace) return SP_SUCCESS;
    m->next_exact++;
    if (number < trace) continue;
    *found = true;
    return sp_dataset_read_independent(m->ex->exact_samples, m->next_exact - 1, 1, m->raw);
  }
  return SP_SUCCESS;
}

static void encode_around_exact(mover *m, float *samples, uint8_t *out) {
  sp_exporter *ex = m->ex;
  const size_t bytes = sp_segy_format_bytes(ex->format), n = ex->n_samples;
  sp_segy_decode(ex->format, ex->sample_order, m->raw, n, m->again);
  if (!memcmp(m->again, samples, n * sizeof *samples)) {
    memcpy(out, m->raw, n * bytes);
    return;
  }
  /* those that are given back are not encoded, so that they do not count as losses */
  uint8_t *same = (uint8_t *)m->again;
  for (size_t i = 0; i < n; i++) {
    const bool equal = !memcmp(&m->again[i], &samples[i], sizeof *samples);
    if (equal) samples[i] = 0;
    same[i] = equal;
  }
  sp_segy_encode(ex->format, ex->sample_order, samples, n, out, &ex->losses);
  for (size_t i = 0; i < n; i++) {
    if (same[i]) memcpy(out + i * bytes, m->raw + i * bytes, bytes);
  }
}

/* --- samples of 16 bits ------------------------------------------------------------------------------------------- */

/* A factor of 2^-N is what the trace header has a field for (bytes 169-170, the weighting factor): then the integers go
 * out as they are stored. */
static sp_status unscale(const mover *m, uint64_t trace, float factor, float *samples, uint8_t *header) {
  const sp_exporter *ex = m->ex;
  int exponent;
  frexpf(factor, &exponent);
  if (factor > 1) {
    return SP_RAISE(
        SP_ERR_INPUT,
        "%s: trace %llu has integers with the factor %g, a trace header says factors up to 1; --format 5 or "
        "--scale auto",
        ex->options->input, (unsigned long long)trace, factor);
  }
  sp_put_u16(header + SP_TRACE_WEIGHT, ex->order, (uint16_t)(1 - exponent));
  for (uint32_t k = 0; k < ex->n_samples; k++) samples[k] = (float)((double)samples[k] / factor);
  return SP_SUCCESS;
}

/* Samples of a survey whose import multiplied them by 2^-N: integers are given out as they were, and N with them; of
 * others N is 0. */
static void unweight(const mover *m, float *samples, uint8_t *header) {
  const sp_exporter *ex = m->ex;
  if (!sp_segy_has_weights(ex->kind, ex->format) || ex->scale != 1) {
    sp_put_u16(header + SP_TRACE_WEIGHT, ex->order, 0);
    return;
  }
  const int n = (int)sp_header_value_get(header + SP_TRACE_WEIGHT, SP_FIELD_INT16, ex->order);
  const float factor = (float)ldexp(1, n > SP_MOST_WEIGHT ? SP_MOST_WEIGHT : n < -SP_MOST_WEIGHT ? -SP_MOST_WEIGHT : n);
  for (uint32_t k = 0; k < ex->n_samples; k++) samples[k] *= factor;
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

static sp_status move_block(mover *m, uint64_t first, sp_local n) {
  sp_exporter *ex = m->ex;
  SP_TRY(sp_dataset_read_independent(ex->samples, first, n, m->samples));
  if (m->factors) SP_TRY(sp_dataset_read_factors(ex->samples, first, n, m->factors));
  for (sp_local i = 0; i < n; i++) {
    uint8_t *out = m->out + i * ex->trace_bytes;
    float *samples = m->samples + (size_t)i * ex->n_samples;
    memcpy(out, m->headers + (first + i - m->chunk) * ex->header_bytes, ex->header_bytes);
    for (uint32_t k = 0; ex->scale != 1 && k < ex->n_samples; k++) samples[k] = (float)(samples[k] * ex->scale);
    if (m->factors) {
      SP_TRY(unscale(m, first + i, m->factors[i], samples, out));
    } else if (ex->weighted) {
      unweight(m, samples, out);
    }
    bool exact = false;
    if (ex->exact_traces) SP_TRY(copy_exact(m, sp_dataset_run(ex->samples, first + i, 1).source, &exact));
    if (exact) {
      encode_around_exact(m, samples, out + ex->header_bytes);
    } else {
      sp_segy_encode(ex->format, ex->sample_order, samples, ex->n_samples, out + ex->header_bytes, &ex->losses);
    }
  }
  return sp_export_write(ex, ex->file_header_bytes + first * ex->trace_bytes, n * ex->trace_bytes, m->out);
}

static sp_status make_buffers(mover *m) {
  const sp_exporter *ex = m->ex;
  const uint64_t block = block_bytes / ex->trace_bytes, fits = block ? block : 1;
  const uint64_t n = fits < ex->n_traces || !ex->n_traces ? fits : ex->n_traces;
  const size_t header = ex->raw_headers ? ex->kept_header_bytes : ex->header_bytes;
  const uint64_t chunk = n < ex->n_traces ? block_bytes / header / n * n : n;
  m->block_traces = (sp_local)n;
  m->chunk_traces = (sp_local)(chunk ? chunk : n); /* whole blocks */
  SP_TRY(sp_alloc(n * ex->n_samples * sizeof(float), "samples", &m->samples));
  SP_TRY(sp_alloc(2 * m->chunk_traces * header, "trace headers", &m->headers));
  SP_TRY(sp_alloc(2 * m->chunk_traces * sizeof(double), "a header column", &m->scratch));
  SP_TRY(sp_alloc(n * ex->trace_bytes, "traces", &m->out));
  if (sp_dataset_samples(ex->samples) == SP_SAMPLES_INT16_SCALED && ex->format == SP_FORMAT_INT16 && ex->scale == 1) {
    SP_TRY(sp_alloc(n * sizeof(float), "factors of traces", &m->factors));
  }
  if (!ex->exact_traces) return SP_SUCCESS;
  SP_TRY(sp_alloc(ex->n_samples * sp_segy_format_bytes(ex->format), "exact samples", &m->raw));
  return sp_alloc(ex->n_samples * sizeof(float), "exact samples", &m->again);
}

sp_share sp_export_share(const sp_exporter *ex) {
  if (ex->stream) return (sp_share){.count = ex->ranks.rank ? 0 : ex->n_traces};
  return sp_ranks_share(&ex->ranks, ex->n_traces);
}

static sp_status move_share(mover *m) {
  sp_exporter *ex = m->ex;
  const sp_share share = sp_export_share(ex);
  SP_TRY(make_buffers(m));
  if (ex->exact_traces) {
    m->n_exact = sp_dataset_rows(ex->exact_traces);
    SP_TRY(find_exact(m, share.first));
  }
  SP_EACH_PIECE (chunk, share.first, share.first + share.count, m->chunk_traces) {
    m->chunk = chunk.first;
    SP_TRY(sp_export_get_headers(ex, chunk.first, (sp_local)chunk.count, m->headers, m->scratch));
    SP_EACH_PIECE (block, chunk.first, chunk.first + chunk.count, m->block_traces) {
      SP_TRY(move_block(m, block.first, (sp_local)block.count));
      if (sp_stop_signal()) return SP_STOPPED;
      const double done = (double)(block.first + block.count - share.first) / (double)share.count;
      sp_meter_show_traces(&ex->meter, "export", done, ex->n_traces, ex->trace_bytes);
    }
  }
  return SP_SUCCESS;
}

sp_status sp_export_pass(sp_exporter *ex) {
  mover *m;
  SP_TRY(sp_calloc(1, sizeof *m, "an export", &m));
  m->ex = ex;
  const sp_status status = move_share(m);
  sp_free(m->factors);
  sp_free(m->again);
  sp_free(m->raw);
  sp_free(m->out);
  sp_free(m->scratch);
  sp_free(m->headers);
  sp_free(m->samples);
  sp_free(m);
  return status;
}
