/* SPDX-License-Identifier: BSD-3-Clause */
/* `agc` on the CPU (formula: agc.h): the mean square of a sliding window from running sums in double. */
#include <math.h>
#include <string.h>

#include "kernels/agc/agc.h"
#include "kernels/common/gain.h"
#include "seisproc/memory.h"

typedef struct agc_plan {
  sp_plan base;
  uint32_t n_samples, half;   /* half a window, samples */
  size_t gain_at, work_bytes; /* of a thread: sums, and gains where nobody keeps them */
  char *work;
} agc_plan;

static void destroy(sp_plan *base) {
  agc_plan *p = (agc_plan *)base;
  if (!p) return;
  sp_free(p->work);
  sp_free(p);
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  const sp_agc_params *params = values;
  void *block;
  SP_TRY(sp_calloc(1, sizeof(agc_plan), "the plan of agc", &block));
  agc_plan *p = block;
  const double half = round(params->window * 1e-3 / geometry->sample_interval_s / 2);
  p->base =
      (sp_plan){.ops = &sp_agc_cpu, .locality = SP_LOCAL_TRACE, .block_traces = 4, .keep_floats = geometry->n_samples};
  p->n_samples = geometry->n_samples;
  p->half = half < p->n_samples ? (uint32_t)half : p->n_samples;
  p->gain_at = sp_aligned((p->n_samples + 1) * sizeof(double));
  p->work_bytes = p->gain_at + sp_aligned(p->n_samples * sizeof(float));
  const sp_status status = sp_calloc((size_t)geometry->n_threads, p->work_bytes, "work of agc", &block);
  if (status != SP_SUCCESS) {
    destroy(&p->base);
    return status;
  }
  p->work = block;
  *out = &p->base;
  return SP_SUCCESS;
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const agc_plan *p = (const agc_plan *)base;
  const size_t n = p->n_samples;
  char *work = p->work + (size_t)thread * p->work_bytes;
  for (size_t i = block->first; i < (size_t)block->first + block->count; i++) {
    float *gain = block->kept ? block->kept + i * n : (float *)(work + p->gain_at);
    const float *in = block->in + i * n;
    float *out = block->out + i * n;
    sp_agc_gain(in, p->n_samples, p->half, (double *)work, gain);
    for (size_t k = 0; k < n; k++) out[k] = in[k] * gain[k];
  }
  return SP_REASON_OK;
}

sp_reason sp_agc_undo(const sp_plan *base, int thread, const sp_block *block) {
  const size_t n = ((const agc_plan *)base)->n_samples;
  const size_t first = block->first * n, end = first + block->count * n;
  for (size_t k = first; k < end; k++) block->out[k] = block->in[k] / block->kept[k];
  return SP_REASON_OK;
}

const sp_cpu_ops sp_agc_cpu = {plan, apply, destroy};
