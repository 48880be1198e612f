/* SPDX-License-Identifier: BSD-3-Clause */
/* Time-frequency thresholding on the CPU: plans, and the choice of a transform. */
#include <stdatomic.h>
#include <string.h>

#include "kernels/common/isa.h"
#include "kernels/tf/cpu.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"

typedef struct tf_plan {
  sp_plan base;
  uint32_t n_samples, aperture;
  sp_tf_stft *stft; /* one of the two, or neither where traces are too short */
  sp_tf_stockwell *stockwell;
  size_t work_floats;
  float *work;
  atomic_flag *reported; /* that a gather has fewer traces than the aperture */
} tf_plan;

static const sp_tf_kernels *choose_kernels(void) {
#if defined(__x86_64__)
  const sp_isa isa = sp_isa_select();
  if (isa == SP_ISA_AVX512) return &sp_tf_kernels_avx512;
  if (isa == SP_ISA_AVX2) return &sp_tf_kernels_avx2;
#endif
  return &sp_tf_kernels_portable;
}

static void destroy(sp_plan *base) {
  tf_plan *p = (tf_plan *)base;
  if (!p) return;
  sp_tf_stft_destroy(p->stft);
  sp_tf_stockwell_destroy(p->stockwell);
  sp_free(p->reported);
  sp_free(p->work);
  sp_free(p);
}

static sp_status plan_parts(const sp_tf_params *params, const sp_geometry *geometry, tf_plan *p) {
  char why[SP_WHY_SIZE];
  void *block;
  SP_TRY(sp_alloc(sizeof *p->reported, "the plan of tf", &block));
  p->reported = block;
  atomic_flag_clear(p->reported);
  if (p->aperture == 1 || !sp_tf_is_long_enough(params, p->n_samples)) return SP_SUCCESS;
  if (sp_tf_check_band(params, p->n_samples, geometry->sample_interval_s, why, sizeof why) != SP_SUCCESS) {
    return SP_RAISE(SP_ERR_USAGE, "tf: %s", why);
  }
  if (params->transform == SP_TF_STFT) {
    SP_TRY(sp_tf_stft_plan(params, geometry, choose_kernels(), &p->stft));
    p->work_floats = p->stft->work_floats;
  } else {
    SP_TRY(sp_tf_stockwell_plan(params, geometry, choose_kernels(), &p->stockwell));
    p->work_floats = sp_tf_stockwell_work(p->stockwell);
    p->base.block_traces = SP_TF_STOCKWELL_BLOCK;
  }
  SP_TRY(sp_calloc(p->work_floats * (size_t)geometry->n_threads, sizeof(float), "work of tf", &block));
  p->work = block;
  return SP_SUCCESS;
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  const sp_tf_params *params = values;
  void *block;
  SP_TRY(sp_calloc(1, sizeof(tf_plan), "the plan of tf", &block));
  tf_plan *p = block;
  p->base = (sp_plan){
      .ops = &sp_tf_cpu, .locality = params->aperture > 1 ? SP_LOCAL_BLOCK : SP_LOCAL_TRACE, .block_traces = 256};
  p->base.compares = params->aperture > 1;
  p->n_samples = geometry->n_samples;
  p->aperture = (uint32_t)params->aperture;
  const sp_status status = plan_parts(params, geometry, p);
  if (status != SP_SUCCESS) {
    destroy(&p->base);
    return status;
  }
  if (p->aperture == 1) sp_warn("tf: aperture 1: no trace has neighbours to be thresholded by, so nothing is changed");
  *out = &p->base;
  return SP_SUCCESS;
}

/* Half the aperture that a gather has traces for. */
static uint32_t half_aperture(const tf_plan *p, uint32_t n_traces) {
  if (n_traces >= p->aperture) return p->aperture / 2;
  const uint32_t half = n_traces ? (n_traces - 1) / 2 : 0;
  if (!atomic_flag_test_and_set(p->reported)) {
    sp_info("tf: aperture %u: a gather has only %u traces; such gathers use the largest odd number they have",
            p->aperture, n_traces);
  }
  return half;
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const tf_plan *p = (const tf_plan *)base;
  const uint32_t half = half_aperture(p, block->n_traces);
  if (half == 0) {
    const size_t start = (size_t)block->first * p->n_samples, samples = (size_t)block->count * p->n_samples;
    if (block->out != block->in) memcpy(block->out + start, block->in + start, samples * sizeof(float));
    return SP_REASON_OK;
  }
  if (!p->work) return SP_REASON_TOO_SHORT;
  float *work = p->work + (size_t)thread * p->work_floats;
  if (p->stft) {
    sp_tf_stft_apply(p->stft, work, block, half);
  } else {
    sp_tf_stockwell_apply(p->stockwell, work, block, half);
  }
  return SP_REASON_OK;
}

const sp_cpu_ops sp_tf_cpu = {plan, apply, destroy};
