/* SPDX-License-Identifier: BSD-3-Clause */
/* Making the filter of a cube: sizes, plans and memory, on a GPU or for the threads. Ranks of the group agree after
 * each step, so that a filter is there on all of them or on none. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/flow/volume/cube_parts.h"

/* --- size --------------------------------------------------------------------------------------------------------- */

static uint64_t cells_with_traces(const sp_cube_spec *spec, uint8_t *held) {
  uint64_t n = 0;
  for (uint64_t t = 0; t < spec->n_traces; t++) {
    n += !held[spec->cell[t]];
    held[spec->cell[t]] = 1;
  }
  return n;
}

/* Its traces, and where gaps are filled the cells without one. */
static uint64_t count_items(const sp_cube_spec *spec) {
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
  const uint64_t items = sp_share_blocks(n_items, size, 0).count;
  const uint32_t chunk = sp_transpose_chunk_bins(n_items, n_bins, size, (uint32_t)n_threads);
  const size_t plane = larger(sp_fk_plane_work(x.padded, y.padded),
                              f->fill ? sp_fk_plane_work(sp_fk_fill_length(nx), sp_fk_fill_length(ny)) : 0);
  return (sp_cube_memory){.spectra = items * n_bins * sizeof(sp_fk_complex),
                          .chunk = items * chunk * sizeof(sp_fk_complex),
                          .planes = plane * (size_t)n_threads,
                          .samples = f->fill ? items * f->n_samples * sizeof(float) : 0};
}

/* --- making ------------------------------------------------------------------------------------------------------- */

static void destroy_passage(sp_cube_passage *w) {
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

/* Plans of one sp_cube_passage; the axes and time are set. Collective. */
static sp_status plan_passage(sp_cube_filter *c, sp_cube_passage *w) {
  const sp_cube_spec *s = &c->spec;
  sp_status status = sp_fk_trace_stage_create(&w->time, &w->stage);
  if (status == SP_SUCCESS) status = sp_fk_plane_plans_create(w->plane.x.padded, w->plane.y.padded, &w->plans);
  SP_AGREE(s->ranks.comm, status);
  w->plane.plans = &w->plans;
  w->plane.grid = (sp_fk_grid){.mt = w->time.padded,
                               .mx = w->plane.x.padded,
                               .my = w->plane.y.padded,
                               .dt = c->filter.dt,
                               .dx = s->dx,
                               .dy = s->dy};
  const uint32_t least = (uint32_t)sp_thread_team_size(s->team);
  const uint32_t chunk = sp_transpose_chunk_bins(c->n_items, w->time.n_bins, s->ranks.size, least);
  SP_TRY(sp_transpose_create(&s->ranks, c->n_items, w->time.n_bins, chunk, &w->transpose));
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
  const sp_cube_passage *a = &c->filtering, *b = &c->filling;
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
  status = sp_agree(s->ranks.comm, status);
  if (status == SP_SUCCESS) return status;
  s->gpu->destroy(c->on_gpu);
  c->on_gpu = NULL;
  if (status != SP_ERR_GATHER) return status;
  sp_warn("fkk: a GPU has no room for its share of a cube, %.2f GB, or no kernel for it: the CPU computes it",
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

sp_status sp_cube_filter_create(const sp_cube_spec *spec, sp_cube_filter **out) {
  sp_cube_filter *c = NULL;
  SP_ALIKE(sp_calloc_together(spec->ranks.comm, 1, sizeof *c, "the filter of a cube", &c));
  c->spec = *spec;
  c->filter = *spec->filter;
  c->n_items = count_items(spec);
  c->share = sp_share_blocks(c->n_items, spec->ranks.size, spec->ranks.rank);
  sp_status status = list_cells(c);
  if (status == SP_SUCCESS) status = allocate_states(c);
  status = sp_agree(spec->ranks.comm, status);
  if (status == SP_SUCCESS) status = try_gpu(c);
  if (status == SP_SUCCESS && !c->on_gpu) status = plan_passages(c);
  if (status == SP_SUCCESS && !c->on_gpu) status = sp_agree(spec->ranks.comm, allocate(c));
  if (status != SP_SUCCESS) {
    sp_cube_filter_destroy(c);
    return status;
  }
  *out = c;
  return SP_SUCCESS;
}
