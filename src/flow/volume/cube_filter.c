/* Spectra lie by chunk, then item, then bin: a chunk is one block, which is what the exchange moves and what a scratch
 * file is read and written by.
 *
 * Filling gaps takes the same road with all bins of another padding, once an iteration: its projections replace the
 * absent items, from which the next iteration starts. */
#include "src/flow/volume/cube_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels/fk/plane_stage.h"
#include "kernels/fk/trace_stage.h"
#include "kernels/fkk/cuda.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"

/* One way through the three steps: the filter's, or that of filling gaps. */
typedef struct passage {
  sp_fk_time_axis time;
  sp_fk_trace_stage *stage;
  sp_fk_plane plane;
  sp_fk_plane_plans plans;
  sp_transpose *transpose;
  uint64_t chunk_stride; /* complex numbers from chunk to chunk of the spectra */
} passage;

/* What the threads' loops are about. */
typedef struct loop {
  sp_cube_filter *cube;
  const passage *way;
  const float *traces;
  float *samples;
  uint64_t first;
  uint32_t chunk;
  sp_share bins;
  float limit;
  float *largest; /* [n_threads] */
} loop;

struct sp_cube_filter {
  sp_cube_spec spec;
  sp_fk_filter filter;
  uint64_t n_items;
  sp_share share;
  passage filtering, filling;
  sp_fk_cells cells; /* of all items */
  uint32_t *cell;    /* [n_items], where there are more items than traces */
  float *cell_share; /* [n_items], where traces may share a cell */
  uint8_t *state;    /* [share.count] sp_item_state */
  float *samples;    /* [share.count][n_samples], for filling gaps */
  sp_fk_complex *spectra;
  size_t spectra_bytes;
  bool mapped;
  sp_fk_complex *planes; /* a chunk after the exchange */
  size_t work_bytes;     /* a thread */
  char *work;
  sp_fk_complex *rows; /* [n_threads][most bins] */
  uint32_t most_bins;
  float *largest; /* [n_threads] */
  loop loop;
  sp_fkk_cuda *on_gpu; /* NULL: the threads compute */
  sp_status failed;    /* of the GPU, since the last wait */
};

/* --- size --------------------------------------------------------------------------------------------------------- */

static uint64_t cells_with_traces(const sp_cube_spec *spec, uint8_t *held) {
  uint64_t n = 0;
  for (uint64_t t = 0; t < spec->n_traces; t++) {
    n += !held[spec->cell[t]];
    held[spec->cell[t]] = 1;
  }
  return n;
}

uint64_t sp_cube_items(const sp_cube_spec *spec) {
  if (spec->filter->fill == 0) return spec->n_traces;
  const uint64_t n_cells = (uint64_t)spec->nx * spec->ny;
  void *held;
  if (sp_calloc(n_cells, 1, "the cells of a cube", &held) != SP_SUCCESS) return spec->n_traces + n_cells;
  const uint64_t n = spec->n_traces + n_cells - cells_with_traces(spec, held);
  sp_free(held);
  return n;
}

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

sp_cube_memory sp_cube_memory_of(const sp_fk_filter *f, uint64_t n_items, uint32_t nx, uint32_t ny, int size,
                                 int n_threads) {
  sp_fk_axis x, y;
  sp_fk_axis_set(f, nx, &x);
  sp_fk_axis_set(f, ny, &y);
  const sp_fk_time_axis fill = sp_fk_fill_time_axis(f->n_samples);
  const uint32_t n_bins = f->fill && fill.n_bins > f->n_bins ? fill.n_bins : f->n_bins;
  const uint64_t items = sp_share_of(n_items, size, 0).count;
  const uint32_t chunk = sp_transpose_chunk_bins(n_items, n_bins, size, (uint32_t)n_threads);
  const size_t plane = larger(sp_fk_plane_work(x.padded, y.padded),
                              f->fill ? sp_fk_plane_work(sp_fk_fill_length(nx), sp_fk_fill_length(ny)) : 0);
  return (sp_cube_memory){.spectra = items * n_bins * sizeof(sp_fk_complex),
                          .chunk = items * chunk * sizeof(sp_fk_complex),
                          .planes = plane * (size_t)n_threads,
                          .samples = f->fill ? items * f->n_samples * sizeof(float) : 0};
}

/* --- making ------------------------------------------------------------------------------------------------------- */

static void destroy_passage(passage *w) {
  sp_fk_trace_stage_destroy(w->stage);
  sp_fk_plane_plans_destroy(&w->plans);
  sp_transpose_destroy(w->transpose);
}

void sp_cube_filter_destroy(sp_cube_filter *c) {
  if (!c) return;
  sp_thread_team_wait(c->spec.team);
  if (c->on_gpu) c->spec.gpu->destroy(c->on_gpu);
  destroy_passage(&c->filtering);
  destroy_passage(&c->filling);
  if (c->mapped) {
    munmap(c->spectra, c->spectra_bytes);
  } else {
    sp_free(c->spectra);
  }
  sp_free(c->cell);
  sp_free(c->cell_share);
  sp_free(c->state);
  sp_free(c->samples);
  sp_free(c->planes);
  sp_free(c->work);
  sp_free(c->rows);
  sp_free(c->largest);
  sp_free(c);
}

/* Plans of one passage; the axes and time are set. Collective. */
static sp_status plan_passage(sp_cube_filter *c, passage *w) {
  const sp_cube_spec *s = &c->spec;
  int size;
  MPI_Comm_size(s->comm, &size);
  sp_status status = sp_fk_trace_stage_create(&w->time, &w->stage);
  if (status == SP_SUCCESS) status = sp_fk_plane_plans_create(w->plane.x.padded, w->plane.y.padded, &w->plans);
  SP_AGREE(s->comm, status);
  w->plane.plans = &w->plans;
  w->plane.grid = (sp_fk_grid){.mt = w->time.padded,
                               .mx = w->plane.x.padded,
                               .my = w->plane.y.padded,
                               .dt = c->filter.dt,
                               .dx = s->dx,
                               .dy = s->dy};
  const uint32_t least = (uint32_t)sp_thread_team_size(s->team);
  const uint32_t chunk = sp_transpose_chunk_bins(c->n_items, w->time.n_bins, size, least);
  SP_TRY(sp_transpose_create(s->comm, c->n_items, w->time.n_bins, chunk, &w->transpose));
  w->chunk_stride = sp_aligned(sp_transpose_buffer(w->transpose) * sizeof(sp_fk_complex)) / sizeof(sp_fk_complex);
  return SP_SUCCESS;
}

static sp_status plan_passages(sp_cube_filter *c) {
  const sp_cube_spec *s = &c->spec;
  c->filtering.time = sp_fk_filter_time_axis(&c->filter);
  sp_fk_axis_set(&c->filter, s->nx, &c->filtering.plane.x);
  sp_fk_axis_set(&c->filter, s->ny, &c->filtering.plane.y);
  SP_TRY(plan_passage(c, &c->filtering));
  if (c->filter.fill == 0) return SP_SUCCESS;
  c->filling.time = sp_fk_fill_time_axis(c->filter.n_samples);
  c->filling.plane.x = (sp_fk_axis){.n = s->nx, .padded = sp_fk_fill_length(s->nx)};
  c->filling.plane.y = (sp_fk_axis){.n = s->ny, .padded = sp_fk_fill_length(s->ny)};
  return plan_passage(c, &c->filling);
}

/* Cells of all items: those of the traces, then those that no trace has. */
static sp_status list_cells(sp_cube_filter *c) {
  const sp_cube_spec *s = &c->spec;
  void *block;
  c->cells = (sp_fk_cells){.n_traces = (uint32_t)c->n_items, .cell = s->cell};
  if (c->n_items > UINT32_MAX) return SP_RAISE(SP_ERR_INPUT, "a cube of more than %u cells", UINT32_MAX);
  if (s->mean) {
    SP_TRY(sp_calloc(c->n_items, sizeof *c->cell_share, "the cells of a cube", &block));
    c->cell_share = block;
    c->cells.share = c->cell_share;
  }
  if (c->n_items == s->n_traces) return SP_SUCCESS;
  SP_TRY(sp_alloc(c->n_items * sizeof *c->cell, "the cells of a cube", &block));
  c->cell = block;
  SP_TRY(sp_calloc((size_t)s->nx * s->ny, 1, "the cells of a cube", &block));
  uint8_t *held = block;
  memcpy(c->cell, s->cell, s->n_traces * sizeof *c->cell);
  cells_with_traces(s, held);
  uint64_t n = s->n_traces;
  for (uint32_t i = 0; i < s->nx * s->ny; i++) {
    if (!held[i]) c->cell[n++] = i;
  }
  sp_free(held);
  c->cells.cell = c->cell;
  return SP_SUCCESS;
}

/* A file in the scratch folder, without a name from its first instant, mapped. */
static sp_status map_scratch(sp_cube_filter *c) {
  char path[4096];
  snprintf(path, sizeof path, "%s/seisproc-spectra-XXXXXX", c->spec.scratch);
  const int fd = mkostemp(path, O_CLOEXEC);
  if (fd < 0) return SP_RAISE(SP_ERR_IO, "%s: cannot make a file: %s", c->spec.scratch, strerror(errno));
  unlink(path);
  const int error = posix_fallocate(fd, 0, (off_t)c->spectra_bytes);
  void *memory = MAP_FAILED;
  if (!error) memory = mmap(NULL, c->spectra_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const int why = error ? error : errno;
  close(fd);
  if (memory == MAP_FAILED) {
    return SP_RAISE(SP_ERR_IO, "%s: no room for %.2f GB of spectra: %s", c->spec.scratch,
                    1e-9 * (double)c->spectra_bytes, strerror(why));
  }
  c->spectra = memory;
  c->mapped = true;
  return SP_SUCCESS;
}

static sp_status allocate(sp_cube_filter *c) {
  const passage *a = &c->filtering, *b = &c->filling;
  const bool fills = c->filter.fill > 0;
  const size_t n_threads = (size_t)sp_thread_team_size(c->spec.team), items = c->share.count;
  void *block;
  size_t numbers = a->chunk_stride * sp_transpose_n_chunks(a->transpose), chunk = a->chunk_stride;
  size_t work = larger(sp_fk_trace_stage_work(a->stage), sp_fk_plane_work(a->plane.x.padded, a->plane.y.padded));
  c->most_bins = a->time.n_bins;
  if (fills) {
    numbers = larger(numbers, b->chunk_stride * sp_transpose_n_chunks(b->transpose));
    chunk = larger(chunk, b->chunk_stride);
    work = larger(work, sp_fk_trace_stage_work(b->stage));
    work = larger(work, sp_fk_plane_work(b->plane.x.padded, b->plane.y.padded));
    c->most_bins = b->time.n_bins > c->most_bins ? b->time.n_bins : c->most_bins;
    SP_TRY(sp_calloc(items * c->filter.n_samples, sizeof(float), "traces of a cube", &block));
    c->samples = block;
  }
  c->work_bytes = sp_aligned(work);
  c->spectra_bytes = larger(numbers, 1) * sizeof *c->spectra;
  if (c->spec.scratch) {
    SP_TRY(map_scratch(c));
  } else {
    SP_TRY(sp_alloc(c->spectra_bytes, "the spectra of a cube", &block));
    c->spectra = block;
  }
  SP_TRY(sp_alloc(larger(chunk, 1) * sizeof *c->planes, "planes of a cube", &block));
  c->planes = block;
  SP_TRY(sp_alloc(n_threads * c->work_bytes, "work of a cube", &block));
  c->work = block;
  SP_TRY(sp_alloc(n_threads * sp_aligned(c->most_bins * sizeof *c->rows), "work of a cube", &block));
  c->rows = block;
  SP_TRY(sp_calloc(n_threads, sizeof *c->largest, "work of a cube", &block));
  c->largest = block;
  return SP_SUCCESS;
}

/* --- on a GPU ----------------------------------------------------------------------------------------------------- */

bool sp_cube_filter_on_gpu(const sp_cube_filter *c) {
  return c->on_gpu != NULL;
}

/* On all ranks of the group, or on none. */
static sp_status try_gpu(sp_cube_filter *c) {
  const sp_cube_spec *s = &c->spec;
  if (!s->gpu || c->filter.fill || s->mean) return SP_SUCCESS; // alike
  const sp_fkk_cuda_spec spec = {.filter = &c->filter,
                                 .nx = s->nx,
                                 .ny = s->ny,
                                 .dx = s->dx,
                                 .dy = s->dy,
                                 .n_items = (uint32_t)c->n_items,
                                 .cell = c->cells.cell,
                                 .slab_rows = s->slab_rows,
                                 .device = s->device,
                                 .exchange = s->gpus};
  sp_status status = s->gpu->create(&spec, &c->on_gpu);
  if (status == SP_ERR_USAGE || status == SP_ERR_MEMORY) status = SP_ERR_GATHER; /* the CPU will do */
  status = sp_agree(s->comm, status);
  if (status == SP_SUCCESS) return status;
  s->gpu->destroy(c->on_gpu);
  c->on_gpu = NULL;
  if (status != SP_ERR_GATHER) return status;
  sp_warn("fkk: a GPU has no room for its share of a cube, %.2f GB: the CPU computes it",
          1e-9 * (double)s->gpu->bytes(&spec));
  return SP_SUCCESS;
}

static sp_status allocate_states(sp_cube_filter *c) {
  void *block;
  SP_TRY(sp_alloc(c->share.count, "traces of a cube", &block));
  c->state = block;
  memset(c->state, SP_ITEM_DEAD, c->share.count);
  return SP_SUCCESS;
}

/* Keeps the first error until it is asked for. */
static void note(sp_cube_filter *c, sp_status status) {
  if (c->failed == SP_SUCCESS) c->failed = status;
}

sp_status sp_cube_filter_create(const sp_cube_spec *spec, sp_cube_filter **out) {
  void *block = NULL;
  int size, rank;
  sp_status status = sp_agree(spec->comm, sp_calloc(1, sizeof(sp_cube_filter), "the filter of a cube", &block));
  if (status != SP_SUCCESS) {
    sp_free(block);
    return status; /* alike */
  }
  sp_cube_filter *c = block;
  c->spec = *spec;
  c->filter = *spec->filter;
  c->n_items = sp_cube_items(spec);
  MPI_Comm_size(spec->comm, &size);
  MPI_Comm_rank(spec->comm, &rank);
  c->share = sp_share_of(c->n_items, size, rank);
  status = list_cells(c);
  if (status == SP_SUCCESS) status = allocate_states(c);
  status = sp_agree(spec->comm, status);
  if (status == SP_SUCCESS) status = try_gpu(c);
  if (status == SP_SUCCESS && !c->on_gpu) status = plan_passages(c);
  if (status == SP_SUCCESS && !c->on_gpu) status = sp_agree(spec->comm, allocate(c));
  if (status != SP_SUCCESS) {
    sp_cube_filter_destroy(c);
    return status;
  }
  *out = c;
  return SP_SUCCESS;
}

sp_share sp_cube_filter_share(const sp_cube_filter *c) {
  return c->share;
}

sp_item_state sp_cube_filter_state(const sp_cube_filter *c, uint64_t item) {
  return (sp_item_state)c->state[item];
}

sp_status sp_cube_filter_wait(sp_cube_filter *c) {
  sp_thread_team_wait(c->spec.team);
  if (c->on_gpu) note(c, c->spec.gpu->wait(c->on_gpu));
  const sp_status status = c->failed;
  c->failed = SP_SUCCESS;
  return status;
}

/* --- along time --------------------------------------------------------------------------------------------------- */

static sp_fk_complex *row_of(const sp_cube_filter *c, int thread) {
  return (sp_fk_complex *)((char *)c->rows + (size_t)thread * sp_aligned(c->most_bins * sizeof *c->rows));
}

static void *work_of(const sp_cube_filter *c, int thread) {
  return c->work + (size_t)thread * c->work_bytes;
}

/* Where an item's bins of a chunk lie. */
static sp_fk_complex *piece(const sp_cube_filter *c, const passage *w, uint32_t chunk, uint64_t item, uint64_t bins) {
  return c->spectra + chunk * w->chunk_stride + item * bins;
}

static void put_row(const sp_cube_filter *c, const passage *w, uint64_t item, const sp_fk_complex *row) {
  for (uint32_t k = 0; k < sp_transpose_n_chunks(w->transpose); k++) {
    const sp_share bins = sp_transpose_chunk(w->transpose, k);
    memcpy(piece(c, w, k, item, bins.count), row + bins.first, bins.count * sizeof *row);
  }
}

static void get_row(const sp_cube_filter *c, const passage *w, uint64_t item, sp_fk_complex *row) {
  for (uint32_t k = 0; k < sp_transpose_n_chunks(w->transpose); k++) {
    const sp_share bins = sp_transpose_chunk(w->transpose, k);
    memcpy(row + bins.first, piece(c, w, k, item, bins.count), bins.count * sizeof *row);
  }
}

/* Transforms `samples` (NULL: zeros). */
static void transform_item(const sp_cube_filter *c, const passage *w, int thread, uint64_t item, const float *samples) {
  sp_fk_complex *row = row_of(c, thread);
  if (samples) {
    sp_fk_trace_forward(w->stage, work_of(c, thread), samples, row);
  } else {
    memset(row, 0, w->time.n_bins * sizeof *row);
  }
  put_row(c, w, item, row);
}

static sp_item_state look_at(const float *samples, uint32_t n) {
  float least = 0, most = 0, sum = 0; /* NaN and infinity stay in the sum of x - x */
  for (uint32_t i = 0; i < n; i++) {
    sum += samples[i] - samples[i];
    least = samples[i] < least ? samples[i] : least;
    most = samples[i] > most ? samples[i] : most;
  }
  if (!(sum == 0)) return SP_ITEM_NOT_FINITE;
  return least == 0 && most == 0 ? SP_ITEM_DEAD : SP_ITEM_LIVE;
}

static void forward_item(void *context, int thread, uint64_t i) {
  const loop *l = context;
  sp_cube_filter *c = l->cube;
  const uint32_t n = c->filter.n_samples;
  const uint64_t item = l->first + i;
  const float *samples = l->traces ? l->traces + i * n : NULL;
  const sp_item_state state = samples ? look_at(samples, n) : SP_ITEM_DEAD;
  c->state[item] = (uint8_t)state;
  if (c->samples && state == SP_ITEM_LIVE) memcpy(c->samples + item * n, samples, n * sizeof *samples);
  if (!c->samples) transform_item(c, &c->filtering, thread, item, state == SP_ITEM_LIVE ? samples : NULL);
}

void sp_cube_filter_forward(sp_cube_filter *c, uint64_t first, uint64_t count, const float *traces) {
  if (c->on_gpu) {
    note(c, c->spec.gpu->forward(c->on_gpu, (uint32_t)first, (uint32_t)count, traces));
    return;
  }
  sp_thread_team_wait(c->spec.team);
  c->loop = (loop){.cube = c, .first = first, .traces = traces};
  sp_thread_team_start(c->spec.team, count, 4, forward_item, &c->loop);
}

static void back_item(void *context, int thread, uint64_t i) {
  const loop *l = context;
  const sp_cube_filter *c = l->cube;
  const uint32_t n = c->filter.n_samples;
  const uint64_t item = l->first + i;
  float *removed = l->samples + i * n;
  if (c->state[item] != SP_ITEM_LIVE) {
    memset(removed, 0, n * sizeof *removed);
    return;
  }
  sp_fk_complex *row = row_of(c, thread);
  get_row(c, &c->filtering, item, row);
  sp_fk_trace_back(c->filtering.stage, work_of(c, thread), l->traces + i * n, row, removed);
}

void sp_cube_filter_back(sp_cube_filter *c, uint64_t first, uint64_t count, const float *traces, float *removed) {
  if (c->on_gpu) {
    note(c, c->spec.gpu->back(c->on_gpu, (uint32_t)first, (uint32_t)count, traces, removed));
    return;
  }
  sp_thread_team_wait(c->spec.team);
  c->loop = (loop){.cube = c, .first = first, .traces = traces, .samples = removed};
  sp_thread_team_start(c->spec.team, count, 4, back_item, &c->loop);
}

/* --- across traces ------------------------------------------------------------------------------------------------ */

static void filter_plane(void *context, int thread, uint64_t i) {
  const loop *l = context;
  const sp_cube_filter *c = l->cube;
  sp_fk_plane_filter(&l->way->plane, &c->filter.zone, l->way->time.first_bin + (uint32_t)(l->bins.first + i),
                     work_of(c, thread), &c->cells, c->planes + i * c->n_items);
}

static void look_at_plane(void *context, int thread, uint64_t i) {
  const loop *l = context;
  const sp_cube_filter *c = l->cube;
  const float found = sp_fk_plane_largest(&l->way->plane, work_of(c, thread), &c->cells, c->planes + i * c->n_items);
  if (found > l->largest[thread]) l->largest[thread] = found;
}

static void project_plane(void *context, int thread, uint64_t i) {
  const loop *l = context;
  const sp_cube_filter *c = l->cube;
  sp_fk_plane_project(&l->way->plane, work_of(c, thread), &c->cells, l->limit, c->planes + i * c->n_items);
}

/* Every chunk to planes, `what` with each of these, and back unless only looked at. Collective. */
static sp_status each_plane(sp_cube_filter *c, const passage *w, float limit, sp_team_item what) {
  for (uint32_t k = 0; k < sp_transpose_n_chunks(w->transpose); k++) {
    sp_fk_complex *traces = c->spectra + k * w->chunk_stride;
    SP_TRY(sp_transpose_to_planes(w->transpose, k, traces, c->planes));
    const sp_share bins = sp_transpose_bins(w->transpose, k);
    c->loop = (loop){.cube = c, .way = w, .chunk = k, .bins = bins, .limit = limit, .largest = c->largest};
    sp_thread_team_start(c->spec.team, bins.count, 1, what, &c->loop);
    sp_thread_team_wait(c->spec.team);
    SP_TRY(sp_transpose_to_traces(w->transpose, k, c->planes, traces));
  }
  return SP_SUCCESS;
}

/* --- filling gaps ------------------------------------------------------------------------------------------------- */

static void transform_kept(void *context, int thread, uint64_t item) {
  const loop *l = context;
  const sp_cube_filter *c = l->cube;
  transform_item(c, l->way, thread, item, c->samples + item * c->filter.n_samples);
}

static void replace_absent(void *context, int thread, uint64_t item) {
  const loop *l = context;
  const sp_cube_filter *c = l->cube;
  if (c->state[item] == SP_ITEM_LIVE) return;
  sp_fk_complex *row = row_of(c, thread);
  float *samples = c->samples + item * c->filter.n_samples;
  get_row(c, l->way, item, row);
  sp_fk_trace_back(l->way->stage, work_of(c, thread), samples, row, samples);
}

static void each_item(sp_cube_filter *c, const passage *w, sp_team_item what) {
  c->loop = (loop){.cube = c, .way = w};
  sp_thread_team_start(c->spec.team, c->share.count, 4, what, &c->loop);
  sp_thread_team_wait(c->spec.team);
}

static sp_status fill_gaps(sp_cube_filter *c) {
  const passage *w = &c->filling;
  const int n_threads = sp_thread_team_size(c->spec.team);
  float largest = 0;
  for (uint32_t step = 0; step < c->filter.fill; step++) {
    each_item(c, w, transform_kept);
    if (step == 0) {
      SP_ALIKE(each_plane(c, w, 0, look_at_plane));
      for (int i = 0; i < n_threads; i++) largest = c->largest[i] > largest ? c->largest[i] : largest;
      SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_FLOAT, MPI_MAX, c->spec.comm));
    }
    SP_TRY(each_plane(c, w, sp_fk_fill_limit(largest, step, c->filter.fill), project_plane));
    each_item(c, w, replace_absent);
  }
  return SP_SUCCESS;
}

/* --- traces that share a cell ------------------------------------------------------------------------------------- */

/* 1 / (present traces of the cell) by item; absent ones count for nothing. */
static sp_status share_cells(sp_cube_filter *c) {
  void *block = NULL;
  int size;
  MPI_Comm_size(c->spec.comm, &size);
  SP_AGREE(c->spec.comm, sp_calloc((size_t)c->spec.nx * c->spec.ny, sizeof(uint32_t), "a cube", &block));
  uint32_t *count = block;
  for (uint64_t i = 0; i < c->share.count; i++) {
    count[c->cells.cell[c->share.first + i]] += c->state[i] == SP_ITEM_LIVE;
  }
  const int n = sp_mpi_count((uint64_t)c->spec.nx * c->spec.ny);
  const sp_status status = SP_MPI(MPI_Allreduce(MPI_IN_PLACE, count, n, MPI_UINT32_T, MPI_SUM, c->spec.comm));
  for (uint64_t i = 0; i < c->n_items; i++) {
    const uint32_t present = count[c->cells.cell[i]];
    c->cell_share[i] = present > 1 ? 1 / (float)present : 1;
  }
  sp_free(count);
  return status;
}

sp_status sp_cube_filter_run(sp_cube_filter *c) {
  if (c->on_gpu) {
    SP_TRY(c->spec.gpu->states(c->on_gpu, 0, (uint32_t)c->share.count, c->state));
    SP_TRY(c->spec.gpu->filter(c->on_gpu));
    return c->spec.gpu->wait(c->on_gpu);
  }
  if (c->spec.mean) SP_TRY(share_cells(c));
  if (c->filter.fill > 0) {
    SP_TRY(fill_gaps(c));
    each_item(c, &c->filtering, transform_kept);
  }
  return each_plane(c, &c->filtering, 0, filter_plane);
}
