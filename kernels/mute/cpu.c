/* Mute on the CPU. Bound by bytes: what is kept untouched is copied, only the taper is computed. */
#include <math.h>
#include <string.h>

#include "kernels/mute/mute.h"
#include "seisproc/memory.h"

typedef struct mute_plan {
  sp_plan base;
  sp_mute_params params;
  uint32_t n_samples;
  double interval_s;
  double taper; /* samples */
} mute_plan;

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(mute_plan), "the plan of mute", &block));
  mute_plan *p = block;
  p->base = (sp_plan){.ops = &sp_mute_cpu, .locality = SP_LOCAL_TRACE, .block_traces = 4, .edits = true};
  p->params = *(const sp_mute_params *)values;
  p->n_samples = geometry->n_samples;
  p->interval_s = geometry->sample_interval_s;
  p->taper = p->params.taper * 1e-3 / geometry->sample_interval_s;
  *out = &p->base;
  return SP_SUCCESS;
}

/* Weight of a sample `distance` samples into the side that is kept. */
static float weight(double distance, double taper) {
  return distance >= taper ? 1.0f : (float)(0.5 - 0.5 * cos(M_PI * distance / taper));
}

static uint32_t clamp_index(double x, uint32_t n) {
  return x <= 0 ? 0 : x >= n ? n : (uint32_t)x;
}

static void mute_top(const mute_plan *p, double time, const float *in, float *out) {
  const uint32_t n = p->n_samples, start = clamp_index(ceil(time), n), full = clamp_index(ceil(time + p->taper), n);
  memset(out, 0, start * sizeof *out);
  for (uint32_t i = start; i < full; i++) out[i] = in[i] * weight(i - time, p->taper);
  if (out != in) memcpy(out + full, in + full, (n - full) * sizeof *out);
}

static void mute_bottom(const mute_plan *p, double time, const float *in, float *out) {
  const uint32_t n = p->n_samples, end = clamp_index(floor(time) + 1, n);
  const uint32_t full = clamp_index(floor(time - p->taper) + 1, n);
  if (out != in) memcpy(out, in, full * sizeof *out);
  for (uint32_t i = full; i < end; i++) out[i] = in[i] * weight(time - i, p->taper);
  memset(out + end, 0, (n - end) * sizeof *out);
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const mute_plan *p = (const mute_plan *)base;
  for (uint32_t i = block->first; i < block->first + block->count; i++) {
    const double offset = block->headers[0][i];
    if (!isfinite(offset)) return SP_REASON_GEOMETRY;
    const double time = sp_mute_time(&p->params, offset, block->headers[1][i], p->interval_s);
    const size_t start = (size_t)i * p->n_samples;
    if (p->params.where == SP_MUTE_TOP) {
      mute_top(p, time, block->in + start, block->out + start);
    } else {
      mute_bottom(p, time, block->in + start, block->out + start);
    }
  }
  return SP_REASON_OK;
}

static void destroy(sp_plan *plan) {
  sp_free(plan);
}

const sp_cpu_ops sp_mute_cpu = {plan, apply, destroy};
