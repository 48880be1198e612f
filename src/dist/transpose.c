/* SPDX-License-Identifier: BSD-3-Clause */
/* Two shapes of chunk occur, the usual one and the last; each has a plan there and one back, executed on whatever
 * buffers a chunk lies in. */
#include "src/dist/transpose.h"

#ifdef SP_WITHOUT_FFTW_MPI
#include <fftw3.h>
#else
#include <fftw3-mpi.h>
#endif
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"

enum { CHUNKS = 16, REAL_NUMBERS = 2 };

/* Numbers that a rank sends to another are counted in int by MPI. */
static const double MOST_NUMBERS = 1 << 30;

typedef struct shape {
  uint32_t n_bins;
  fftwf_plan to_planes, to_traces;
} shape;

struct sp_transpose {
  sp_ranks ranks;
  uint64_t n_traces;
  uint32_t n_bins, chunk_bins, n_chunks;
  shape usual, last;
  size_t buffer; /* complex numbers */
};

static uint64_t block_of(uint64_t n, int size) {
  return (n + (uint64_t)size - 1) / (uint64_t)size;
}

uint32_t sp_transpose_chunk_bins(uint64_t n_traces, uint32_t n_bins, int size, uint32_t least) {
  uint64_t bins = block_of(n_bins, CHUNKS), wanted = (uint64_t)least * (uint64_t)size;
  if (bins < wanted) bins = wanted;
  bins = block_of(bins, size) * (uint64_t)size; /* the same for every rank */
  const double a_bin = (double)block_of(n_traces, size) * REAL_NUMBERS;
  while (bins > 1 && a_bin * (double)bins > MOST_NUMBERS) bins = (bins + 1) / 2;
  return bins < n_bins ? (uint32_t)bins : n_bins;
}

/* --- fftw3-mpi ------------------------------------------------------------------------------------------------- */

#ifdef SP_WITHOUT_FFTW_MPI

static void start_mpi(void) {}

static sp_status plan_shape(sp_transpose *t, uint32_t n_bins, fftwf_complex *traces, fftwf_complex *planes, shape *s) {
  return SP_RAISE(SP_ERR_USAGE,
                  "cubes are exchanged by fftw3-mpi, and this program was built without it (FFTW_MPI=no)");
}

static size_t numbers_of(const sp_transpose *t, uint32_t n_bins) {
  return 1;
}

static void move(fftwf_plan plan, void *from, void *to) { /* no plan was made */
}

#else

static void start_mpi(void) {
  fftwf_mpi_init();
}

/* The plans of a chunk of n_bins; where there is no memory for them on some rank, none of any rank. */
static sp_status plan_shape(sp_transpose *t, uint32_t n_bins, fftwf_complex *traces, fftwf_complex *planes, shape *s) {
  const ptrdiff_t n0 = (ptrdiff_t)t->n_traces, n1 = n_bins;
  const ptrdiff_t block0 = (ptrdiff_t)block_of(t->n_traces, t->ranks.size),
                  block1 = (ptrdiff_t)block_of(n_bins, t->ranks.size);
  s->n_bins = n_bins;
  s->to_planes = fftwf_mpi_plan_many_transpose(n0, n1, REAL_NUMBERS, block0, block1, (float *)traces, (float *)planes,
                                               t->ranks.comm, FFTW_ESTIMATE);
  s->to_traces = fftwf_mpi_plan_many_transpose(n1, n0, REAL_NUMBERS, block1, block0, (float *)planes, (float *)traces,
                                               t->ranks.comm, FFTW_ESTIMATE);
  sp_status status = SP_SUCCESS;
  if (!s->to_planes || !s->to_traces) {
    status = SP_RAISE(SP_ERR_MEMORY, "fftw3-mpi has no plan to transpose %llu x %u", (unsigned long long)t->n_traces,
                      n_bins);
  }
  return sp_agree(t->ranks.comm, status);
}

static size_t numbers_of(const sp_transpose *t, uint32_t n_bins) {
  ptrdiff_t n0, first0, n1, first1;
  const ptrdiff_t lengths[2] = {(ptrdiff_t)t->n_traces, n_bins};
  const ptrdiff_t blocks[2] = {(ptrdiff_t)block_of(t->n_traces, t->ranks.size),
                               (ptrdiff_t)block_of(n_bins, t->ranks.size)};
  const ptrdiff_t n = fftwf_mpi_local_size_many_transposed(2, lengths, 1, blocks[0], blocks[1], t->ranks.comm, &n0,
                                                           &first0, &n1, &first1);
  return n > 0 ? (size_t)n : 1;
}

static void move(fftwf_plan plan, void *from, void *to) {
  fftwf_mpi_execute_r2r(plan, from, to);
}

#endif

/* --- plans ------------------------------------------------------------------------------------------------------- */

static sp_status plan_all(sp_transpose *t) {
  void *traces = NULL, *planes = NULL;
  sp_status status = sp_alloc(t->buffer * sizeof(fftwf_complex), "planning an exchange", &traces);
  if (status == SP_SUCCESS) status = sp_alloc(t->buffer * sizeof(fftwf_complex), "planning an exchange", &planes);
  status = sp_agree(t->ranks.comm, status);
  const uint32_t rest = t->n_bins - (t->n_chunks - 1) * t->chunk_bins;
  if (status == SP_SUCCESS) status = plan_shape(t, t->chunk_bins, traces, planes, &t->usual);
  if (status == SP_SUCCESS) status = plan_shape(t, rest, traces, planes, &t->last);
  sp_free(traces);
  sp_free(planes);
  return status;
}

sp_status sp_transpose_create(const sp_ranks *ranks, uint64_t n_traces, uint32_t n_bins, uint32_t chunk_bins,
                              sp_transpose **out) {
  sp_status status;
  sp_transpose *t = NULL;
  start_mpi();
  SP_ALIKE(sp_calloc_together(ranks->comm, 1, sizeof *t, "an exchange", &t));
  *t = (sp_transpose){.ranks = *ranks, .n_traces = n_traces, .n_bins = n_bins, .chunk_bins = chunk_bins};
  t->n_chunks = n_bins ? (n_bins + chunk_bins - 1) / chunk_bins : 0;
  if (t->n_chunks > 0) {
    const size_t usual = numbers_of(t, t->chunk_bins);
    const size_t last = numbers_of(t, n_bins - (t->n_chunks - 1) * chunk_bins);
    t->buffer = usual > last ? usual : last;
    SP_ALIKE_GOTO(fail, plan_all(t));
  }
  *out = t;
  return SP_SUCCESS;
fail:
  sp_transpose_destroy(t);
  return status;
}

static void destroy_shape(shape *s) {
  if (s->to_planes) fftwf_destroy_plan(s->to_planes);
  if (s->to_traces) fftwf_destroy_plan(s->to_traces);
}

void sp_transpose_destroy(sp_transpose *t) {
  if (!t) return;
  destroy_shape(&t->usual);
  destroy_shape(&t->last);
  sp_free(t);
}

uint32_t sp_transpose_n_chunks(const sp_transpose *t) {
  return t->n_chunks;
}

sp_share sp_transpose_chunk(const sp_transpose *t, uint32_t chunk) {
  const uint64_t first = (uint64_t)chunk * t->chunk_bins;
  return (sp_share){first, chunk + 1 < t->n_chunks ? t->chunk_bins : t->n_bins - first};
}

sp_share sp_transpose_traces(const sp_transpose *t) {
  return sp_share_blocks(t->n_traces, t->ranks.size, t->ranks.rank);
}

sp_share sp_transpose_bins(const sp_transpose *t, uint32_t chunk) {
  const sp_share all = sp_transpose_chunk(t, chunk);
  sp_share own = sp_share_blocks(all.count, t->ranks.size, t->ranks.rank);
  own.first += all.first;
  return own;
}

size_t sp_transpose_buffer(const sp_transpose *t) {
  return t->buffer;
}

static const shape *shape_of(const sp_transpose *t, uint32_t chunk) {
  return chunk + 1 < t->n_chunks ? &t->usual : &t->last;
}

sp_status sp_transpose_to_planes(const sp_transpose *t, uint32_t chunk, void *traces, void *planes) {
  move(shape_of(t, chunk)->to_planes, traces, planes);
  return SP_SUCCESS;
}

sp_status sp_transpose_to_traces(const sp_transpose *t, uint32_t chunk, void *planes, void *traces) {
  move(shape_of(t, chunk)->to_traces, planes, traces);
  return SP_SUCCESS;
}
