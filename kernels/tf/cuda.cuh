/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the processor tf on the GPU.
 *
 * Each transform takes the traces of a chunk of a batch, and as many beside them as the aperture reaches, to rows of
 * complex coefficients in device memory. Thresholding follows each coefficient from trace to trace with the magnitudes
 * of the aperture kept sorted. Rows are numbered from the first trace of the chunk's surroundings, traces from the
 * first of the batch. Chunks are cut by the geometry alone, and each coefficient, sum and sample comes from one thread
 * or from a fixed order of additions: the same bits for any batch.
 *
 * Coefficients are float2, or half2 where coefficients are stored in half precision: then those of each row are divided
 * by a power of two, about its largest sample, which bounds the magnitudes of the coefficients.
 */
#ifndef SEISPROC_KERNELS_CUDA_TF_CUH
#define SEISPROC_KERNELS_CUDA_TF_CUH

#include <cuda_fp16.h>
#include <cufft.h>

#include "kernels/common/cuda_check.h"
#include "kernels/cuda_processor.h"
extern "C" {
#include "kernels/tf/tf.h"
#include "kernels/tf/windows.h"
}
#include "kernels/tf/decision.h"

/* --- gathers and rows ----------------------------------------------------------------------------------------- */

/* Which traces are the aperture of which. */
typedef struct tf_gathers {
  const uint32_t *first_trace, *gather; /* of the batch */
  uint32_t aperture;
} tf_gathers;

/* Traces first ... end - 1 are thresholded; those from base to reach - 1 have rows. */
typedef struct tf_chunk {
  uint32_t base, first, end, reach;
} tf_chunk;

/* The i-th chunk of at most `traces` traces. */
static inline tf_chunk tf_chunk_at(uint32_t i, uint32_t traces, uint32_t n_traces, uint32_t half_aperture) {
  tf_chunk c;
  c.first = i * traces;
  c.end = n_traces - c.first < traces ? n_traces : c.first + traces;
  c.base = c.first > half_aperture ? c.first - half_aperture : 0;
  c.reach = n_traces - c.end < half_aperture ? n_traces : c.end + half_aperture;
  return c;
}

/* What is known of the trace of a row. */
typedef struct tf_row {
  float constant;       /* where it dominates the trace: taken off before the transform */
  float scale, unscale; /* what coefficients are multiplied by before they are stored, and its inverse */
  float energy, peak;   /* sum and largest of the squares */
  bool resynthesise;    /* its coefficients become what they are to be; else what is to be added to them */
} tf_row;

#ifdef __CUDACC__
/* Traces of the aperture: lo ... hi - 1; one where there are too few traces to be thresholded by. */
typedef struct tf_aperture {
  uint32_t lo, hi;
} tf_aperture;

__device__ static inline tf_aperture tf_aperture_of(const tf_gathers &g, uint32_t trace) {
  const uint32_t gather = g.gather[trace], first = g.first_trace[gather], end = g.first_trace[gather + 1];
  const uint32_t n = end - first, half = n >= g.aperture ? g.aperture / 2 : (n - 1) / 2;
  const uint32_t lo = trace - first > half ? trace - half : first;
  return {lo, end - trace > half ? trace + half + 1 : end};
}

/* --- coefficients ------------------------------------------------------------------------------------------------- */

__device__ static inline float2 tf_load(const float2 *coefficient, float unscale) {
  return *coefficient;
}

__device__ static inline float2 tf_load(const __half2 *coefficient, float unscale) {
  const float2 x = __half22float2(*coefficient);
  return make_float2(x.x * unscale, x.y * unscale);
}

__device__ static inline void tf_store(float2 *coefficient, float2 x, float scale) {
  *coefficient = x;
}

__device__ static inline void tf_store(__half2 *coefficient, float2 x, float scale) {
  *coefficient = __floats2half2_rn(x.x * scale, x.y * scale);
}

/* Magnitude and phasor; a coefficient that is zero has the phasor zero. */
typedef struct tf_polar {
  float mag, re, im;
} tf_polar;

__device__ static inline tf_polar tf_make_polar(float2 x) {
  /* magnitudes below 1e-18 come out smaller than they are */
  const float power = fmaf(x.x, x.x, x.y * x.y), inverse = rsqrtf(fmaxf(power, 1e-37f));
  return {power * inverse, x.x * inverse, x.y * inverse};
}

#endif

/* --- thresholding (cuda_threshold.cu) ----------------------------------------------------------------------------- */

/* How coefficients are made from traces, for those that are thresholded again in double precision. */
typedef struct tf_exact {
  bool stockwell;
  const float *in;                         /* of the first row */
  uint32_t n_samples, length;              /* length: stockwell, with the zeros that follow a trace */
  uint32_t window, hop, frames, first_bin; /* stft */
  uint32_t voice, times;                   /* stockwell: the first voice, and times that it has */
} tf_exact;

/* Coefficients that are open: voice and row, of 16 bits each, and the coefficient. The order is any. */
typedef struct tf_open {
  uint32_t *count;
  uint2 *list; /* [capacity]; beyond that float decides */
  uint32_t capacity;
} tf_open;

typedef struct tf_threshold_task {
  const void *coefficients; /* [voice][row][n_coefficients] */
  uint32_t n_coefficients, n_rows;
  bool half; /* coefficients are half2 */
  const tf_row *rows;
  tf_chunk chunk;
  tf_gathers gathers;
  sp_tf_rule rule;
  tf_exact exact;
  tf_open open;
} tf_threshold_task;

/* What thresholding leaves: the changed coefficients; or, of each of them, its gain and median, the latter negative
 * where it is weak (made for smoothing). */
sp_status tf_threshold_coefficients(const tf_threshold_task *j, uint32_t n_voices, float2 *changed,
                                    cudaStream_t stream);
sp_status tf_threshold_gains(const tf_threshold_task *j, uint32_t n_voices, float2 *gains, cudaStream_t stream);

/* Thresholds again what these leave open, which they call: the list is emptied before. */
sp_status tf_clear_open(const tf_threshold_task *j, cudaStream_t stream);
sp_status tf_resolve_coefficients(const tf_threshold_task *j, float2 *changed, cudaStream_t stream);
sp_status tf_resolve_gains(const tf_threshold_task *j, float2 *gains, cudaStream_t stream);

/* Averages gains over `half` coefficients before and after, within runs of `run` coefficients (n_coefficients is a
 * multiple), and changes the coefficients by them. */
typedef struct tf_smoothing {
  uint32_t half, run;
} tf_smoothing;

/* From the coefficients that an average is to be over. */
static inline uint32_t tf_smoothing_half(double coefficients, uint32_t run) {
  return coefficients / 2 < run ? (uint32_t)(coefficients / 2 + 1e-9) : run;
}

sp_status tf_smooth_coefficients(const tf_threshold_task *j, tf_smoothing smoothing, const float2 *gains,
                                 float2 *changed, cudaStream_t stream);
typedef struct tf_call {
  const sp_cuda_batch *batch;
  tf_gathers gathers;
  cudaStream_t stream;
} tf_call;

/* --- tools (tf_tools.cu) -------------------------------------------------------------------------------------- */

/* Sets the rows of a chunk, `in` being the first. A trace that may lose most of what it has is resynthesised, where
 * that is allowed: as on the CPU, so that what is left of it keeps its digits (kernels/tf/cpu.h). */
sp_status tf_survey_rows(const tf_call *call, const tf_chunk *chunk, uint32_t n_samples, bool may_resynthesise,
                         tf_row *rows);

/* Lets a kernel take all the shared memory that a block can have: plans of other sizes use the same kernels. */
sp_status tf_allow_shared(const void *kernel);

/* Blocks of a kernel with this many threads, and so many bytes of shared memory beside its own, that the device runs at
 * a time; 1 where it does not tell. */
uint32_t tf_resident_blocks(const void *kernel, unsigned threads, size_t shared);

sp_status tf_cufft_check(cufftResult code, const char *call, const char *file, int line);
#define TF_CUFFT(call) tf_cufft_check((call), #call, __FILE__, __LINE__)

/* A cuFFT plan of `batch` transforms, contiguous; its work area is the caller's. */
typedef struct tf_fft {
  cufftHandle handle;
  bool made;
  size_t work_bytes;
} tf_fft;

sp_status tf_fft_make(uint32_t n, cufftType type, uint32_t batch, tf_fft *fft);
void tf_fft_destroy(tf_fft *fft);
/* Bytes that the work area of such a plan is expected to take. */
size_t tf_fft_estimate(uint32_t n, cufftType type, uint32_t batch);

/* Device memory that is laid out first and taken at once. */
typedef struct tf_arena {
  char *memory;
  size_t bytes;
} tf_arena;

static inline size_t tf_reserve(tf_arena *arena, size_t bytes) {
  const size_t at = arena->bytes;
  arena->bytes += (bytes + 255) / 256 * 256;
  return at;
}

/* --- transforms ----------------------------------------------------------------------------------------------- */

typedef struct tf_stft tf_stft;
typedef struct tf_stockwell tf_stockwell;

/* Open coefficients to make room for among so many: a few in a million are expected. */
static inline uint32_t tf_open_capacity(size_t coefficients) {
  return (uint32_t)(coefficients / 256 > 65536 ? coefficients / 256 : 65536);
}

/* Errors as of sp_cuda_ops. With `dry` only the bytes are set. */
sp_status tf_stft_plan(const sp_tf_params *params, const sp_cuda_geometry *geometry, bool dry, size_t *bytes,
                       tf_stft **out);
sp_status tf_stft_apply(const tf_stft *stft, const tf_call *call);
void tf_stft_destroy(tf_stft *stft);

sp_status tf_stockwell_plan(const sp_tf_params *params, const sp_cuda_geometry *geometry, bool dry, size_t *bytes,
                            tf_stockwell **out);
sp_status tf_stockwell_apply(const tf_stockwell *stockwell, const tf_call *call);
void tf_stockwell_destroy(tf_stockwell *stockwell);

#endif
