/* SPDX-License-Identifier: BSD-3-Clause */
/* Mute on the CPU. Bound by bytes: what is kept untouched is copied, only the tapers are computed. */
#include <math.h>
#include <string.h>

#include "kernels/mute/mute.h"
#include "seisproc/memory.h"

typedef struct mute_plan {
  sp_plan base;
  sp_mute_rule rule;
  uint32_t n_samples, n_values;
} mute_plan;

static void destroy(sp_plan *base) {
  mute_plan *p = (mute_plan *)base;
  if (p) sp_free(p->rule.picks);
  sp_free(p);
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  void *block;
  char why[SP_WHY_SIZE];
  const sp_mute_params *params = values;
  SP_TRY(sp_calloc(1, sizeof(mute_plan), "the plan of mute", &block));
  mute_plan *p = block;
  p->base = (sp_plan){.ops = &sp_mute_cpu, .locality = SP_LOCAL_TRACE, .block_traces = 4, .edits = true};
  p->n_samples = geometry->n_samples;
  p->n_values = sp_mute_n_values(params);
  const sp_status status = sp_mute_make_rule(params, geometry->sample_interval_s, &p->rule, why, sizeof why);
  if (status != SP_SUCCESS) {
    destroy(&p->base);
    return status == SP_ERR_INPUT ? SP_RAISE(status, "mute: %s", why) : status;
  }
  *out = &p->base;
  return SP_SUCCESS;
}

/* The first sample at or behind x, within n. */
static uint32_t sample_from(double x, uint32_t n) {
  const double up = ceil(x);
  return up <= 0 ? 0 : up >= n ? n : (uint32_t)up;
}

/* The first sample behind x, within n. */
static uint32_t sample_behind(double x, uint32_t n) {
  const double up = floor(x) + 1;
  return up <= 0 ? 0 : up >= n ? n : (uint32_t)up;
}

/* Copies samples first ... end - 1. */
static void keep(uint32_t first, uint32_t end, const float *in, float *out) {
  if (out != in && first < end) memcpy(out + first, in + first, (end - first) * sizeof *out);
}

/* What follows the span, up to the middle between it and the next, is nearest to it. */
static uint32_t end_of(const sp_mute_span *spans, uint32_t n_spans, uint32_t k, uint32_t n) {
  return k + 1 < n_spans ? sample_behind(0.5 * (spans[k].to + spans[k + 1].from), n) : n;
}

static void mute_trace(const mute_plan *p, const sp_mute_span *spans, uint32_t n_spans, const float *in, float *out) {
  const uint32_t n = p->n_samples;
  const double taper = p->rule.taper;
  uint32_t at = 0;
  for (uint32_t k = 0; k < n_spans; k++) {
    const sp_mute_span *s = &spans[k];
    const uint32_t end = end_of(spans, n_spans, k, n);
    const uint32_t zero = sample_behind(s->from, end), kept = sample_from(s->to, end);
    const uint32_t before = sample_behind(s->from - taper, end), after = sample_from(s->to + taper, end);
    keep(at, before, in, out);
    for (uint32_t i = before < at ? at : before; i < zero; i++) out[i] = in[i] * sp_mute_weight(s->from - i, taper);
    memset(out + zero, 0, (kept - zero) * sizeof *out);
    for (uint32_t i = kept; i < after; i++) out[i] = in[i] * sp_mute_weight(i - s->to, taper);
    keep(after, end, in, out);
    at = end;
  }
  keep(at, n, in, out);
}

/* There is nothing to mute, so it needs no header. */
static bool is_dead(const float *x, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (x[i] != 0) return false;
  }
  return true;
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const mute_plan *p = (const mute_plan *)base;
  const double *value = block->headers[0], *other = block->headers[p->n_values - 1];
  const double *delay = block->headers[p->n_values];
  for (uint32_t i = block->first; i < block->first + block->count; i++) {
    sp_mute_span spans[SP_MUTE_MAX_SPANS];
    const size_t start = (size_t)i * p->n_samples;
    if (!isfinite(value[i]) || !isfinite(other[i]) || isinf(delay[i])) {
      if (!is_dead(block->in + start, p->n_samples)) return SP_REASON_GEOMETRY;
      memset(block->out + start, 0, p->n_samples * sizeof *block->out);
      continue;
    }
    const uint32_t n = sp_mute_spans(&p->rule, value[i], other[i], delay[i], spans);
    mute_trace(p, spans, n, block->in + start, block->out + start);
  }
  return SP_REASON_OK;
}

const sp_cpu_ops sp_mute_cpu = {plan, apply, destroy};
