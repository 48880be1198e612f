/* SPDX-License-Identifier: BSD-3-Clause */
/* As kernels/fkk/cuda.cu: spectra of the share's items stay on the device; a chunk of bins is packed by bin in a block
 * for each member, exchanged, filtered plane by plane, and goes the same way back. */
#include "src/flow/volume/mock_cube.h"

#include <string.h>

#include "kernels/fk/plane_stage.h"
#include "kernels/fk/trace_stage.h"
#include "seisproc/memory.h"
#include "src/device/mock.h"
#include "src/dist/transpose.h"

enum { CHUNKS = 3, MAX_MEMBERS = 64 };

/* Blocks of a chunk, in bytes: by item, the bins of each member for the items of this one; by bin, the items of each
 * member for the bins of this one. */
typedef struct blocks {
  size_t at_item[MAX_MEMBERS], item_bytes[MAX_MEMBERS];
  size_t at_bin[MAX_MEMBERS], bin_bytes[MAX_MEMBERS];
} blocks;

struct sp_fkk_cuda {
  sp_device *device;
  sp_stream stream;
  sp_fk_filter filter;
  sp_fk_time_axis time;
  sp_fk_trace_stage *stage;
  sp_fk_plane plane;
  sp_fk_plane_plans plans;
  sp_fk_cells cells;
  const sp_block_exchange *exchange;
  int rank, size;
  uint32_t n_items, slab_rows, chunk_bins;
  sp_share share;
  uint32_t *cell;
  sp_fk_complex *spectra; /* [share.count][n_bins] */
  uint8_t *state;         /* [share.count] */
  float *traces, *removed;
  sp_fk_complex *by_item, *by_bin, *row; /* blocks to send, received; one value an item */
  void *work;
};

typedef struct launch {
  sp_fkk_cuda *cube;
  uint32_t first, count;
  sp_share chunk;
  bool back;
} launch;

/* --- making -------------- */

static void destroy(sp_fkk_cuda *c) {
  if (!c) return;
  if (c->device) c->device->ops->quiesce(c->device);
  if (c->stream) c->device->ops->destroy_stream(c->device, c->stream);
  sp_fk_trace_stage_destroy(c->stage);
  sp_fk_plane_plans_destroy(&c->plans);
  void *const memory[] = {c->cell, c->spectra, c->state, c->traces, c->removed, c->by_item, c->by_bin, c->row, c->work};
  for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) sp_free(memory[i]);
  if (c->device) c->device->ops->close(c->device);
  sp_free(c);
}

static sp_share bins_of(const sp_fkk_cuda *c, sp_share chunk, int rank) {
  sp_share own = sp_share_blocks(chunk.count, c->size, rank);
  own.first += chunk.first;
  return own;
}

static uint32_t n_chunks(const sp_fkk_cuda *c) {
  return c->chunk_bins ? (c->time.n_bins + c->chunk_bins - 1) / c->chunk_bins : 0;
}

static sp_share chunk_at(const sp_fkk_cuda *c, uint32_t k) {
  const uint32_t first = k * c->chunk_bins, left = c->time.n_bins - first;
  return (sp_share){.first = first, .count = left < c->chunk_bins ? left : c->chunk_bins};
}

static sp_status alloc_on_device(const sp_fkk_cuda *c, size_t bytes, void *out) {
  void *block = NULL;
  SP_TRY(c->device->ops->alloc(c->device, bytes ? bytes : 1, &block));
  memcpy(out, &block, sizeof block);
  return SP_SUCCESS;
}

static sp_status allocate(sp_fkk_cuda *c) {
  const size_t slab = (size_t)c->slab_rows * c->time.n_samples * sizeof(float), number = sizeof(sp_fk_complex);
  const size_t items = sp_share_blocks(c->n_items, c->size, 0).count,
               bins = sp_share_blocks(c->chunk_bins, c->size, 0).count;
  const size_t there = items * c->chunk_bins, here = c->n_items * bins, most = there > here ? there : here;
  const size_t work = sp_fk_trace_stage_work(c->stage), plane = sp_fk_plane_work(c->plane.x.padded, c->plane.y.padded);
  SP_TRY(sp_mock_device.create_stream(c->device, &c->stream));
  SP_TRY(alloc_on_device(c, c->n_items * sizeof *c->cell, &c->cell));
  SP_TRY(alloc_on_device(c, c->share.count * c->time.n_bins * number, &c->spectra));
  SP_TRY(alloc_on_device(c, c->share.count, &c->state));
  SP_TRY(alloc_on_device(c, slab, &c->traces));
  SP_TRY(alloc_on_device(c, slab, &c->removed));
  SP_TRY(alloc_on_device(c, most * number, &c->by_item));
  SP_TRY(alloc_on_device(c, most * number, &c->by_bin));
  SP_TRY(alloc_on_device(c, c->n_items * number, &c->row));
  return alloc_on_device(c, work > plane ? work : plane, &c->work);
}

static sp_status plan(const sp_fkk_cuda_spec *spec, sp_fkk_cuda *c) {
  SP_TRY(sp_mock_device.open(spec->device, &c->device));
  SP_TRY(sp_fk_trace_stage_create(&c->time, &c->stage));
  SP_TRY(sp_fk_plane_plans_create(c->plane.x.padded, c->plane.y.padded, &c->plans));
  SP_TRY(allocate(c));
  memcpy(c->cell, spec->cell, c->n_items * sizeof *c->cell);
  c->plane.plans = &c->plans;
  c->cells = (sp_fk_cells){.n_traces = c->n_items, .cell = c->cell};
  return SP_SUCCESS;
}

static sp_status create(const sp_fkk_cuda_spec *spec, sp_fkk_cuda **out) {
  sp_fkk_cuda *c = NULL;
  const int size = spec->exchange ? spec->exchange->size : 1;
  if (spec->filter->fill || size > MAX_MEMBERS) return SP_ERR_USAGE;
  SP_TRY(sp_calloc(1, sizeof *c, "a cube on a device", &c));
  c->filter = *spec->filter;
  c->time = sp_fk_filter_time_axis(&c->filter);
  sp_fk_axis_set(&c->filter, spec->nx, &c->plane.x);
  sp_fk_axis_set(&c->filter, spec->ny, &c->plane.y);
  c->plane.grid = (sp_fk_grid){.mt = c->time.padded,
                               .mx = c->plane.x.padded,
                               .my = c->plane.y.padded,
                               .dt = c->filter.dt,
                               .dx = spec->dx,
                               .dy = spec->dy};
  c->exchange = spec->exchange;
  c->size = size;
  c->rank = spec->exchange ? spec->exchange->rank : 0;
  c->n_items = spec->n_items;
  c->slab_rows = spec->slab_rows;
  c->share = sp_share_blocks(c->n_items, size, c->rank);
  c->chunk_bins = (c->time.n_bins + CHUNKS - 1) / CHUNKS;
  const sp_status status = plan(spec, c);
  if (status == SP_SUCCESS) {
    *out = c;
  } else {
    destroy(c);
  }
  return status;
}

static size_t bytes(const sp_fkk_cuda_spec *spec) {
  return (size_t)spec->n_items * spec->filter->n_bins * sizeof(sp_fk_complex);
}

/* --- along time -------------- */

static uint8_t look_at(const float *samples, uint32_t n) {
  bool alive = false;
  for (uint32_t i = 0; i < n; i++) {
    if (samples[i] - samples[i] != 0) return 2;
    alive = alive || samples[i] != 0;
  }
  return alive ? 0 : 1;
}

static void transform(void *argument) {
  const launch *l = argument;
  sp_fkk_cuda *c = l->cube;
  for (uint32_t i = 0; i < l->count; i++) {
    const uint32_t item = l->first + i;
    const float *samples = c->traces + (size_t)i * c->time.n_samples;
    sp_fk_complex *bins = c->spectra + (size_t)item * c->time.n_bins;
    c->state[item] = look_at(samples, c->time.n_samples);
    if (c->state[item] == 0) {
      sp_fk_trace_forward(c->stage, c->work, samples, bins);
    } else {
      memset(bins, 0, c->time.n_bins * sizeof *bins);
    }
  }
}

static sp_status forward(sp_fkk_cuda *c, uint32_t first, uint32_t count, const float *traces) {
  const launch l = {.cube = c, .first = first, .count = count};
  const size_t size = (size_t)count * c->time.n_samples * sizeof *traces;
  SP_TRY(sp_mock_device.copy(c->stream, c->traces, traces, size, SP_TO_DEVICE));
  return sp_mock_launch(c->stream, transform, &l, sizeof l);
}

static void transform_back(void *argument) {
  const launch *l = argument;
  const sp_fkk_cuda *c = l->cube;
  const uint32_t n = c->time.n_samples;
  for (uint32_t i = 0; i < l->count; i++) {
    const uint32_t item = l->first + i;
    float *removed = c->removed + (size_t)i * n;
    if (c->state[item] == 0) {
      sp_fk_trace_back(c->stage, c->work, c->traces + (size_t)i * n, c->spectra + (size_t)item * c->time.n_bins,
                       removed);
    } else {
      memset(removed, 0, n * sizeof *removed);
    }
  }
}

static sp_status back(sp_fkk_cuda *c, uint32_t first, uint32_t count, const float *traces, float *removed) {
  const launch l = {.cube = c, .first = first, .count = count};
  const size_t size = (size_t)count * c->time.n_samples * sizeof *traces;
  sp_mock_device.spoil(removed, size);
  SP_TRY(sp_mock_device.copy(c->stream, c->traces, traces, size, SP_TO_DEVICE));
  SP_TRY(sp_mock_launch(c->stream, transform_back, &l, sizeof l));
  SP_TRY(sp_mock_device.deliver(c->stream));
  return sp_mock_device.copy(c->stream, removed, c->removed, size, SP_TO_HOST);
}

static sp_status wait(sp_fkk_cuda *c) {
  return sp_mock_finish(c->stream);
}

static sp_status states(sp_fkk_cuda *c, uint32_t first, uint32_t count, uint8_t *state) {
  SP_TRY(sp_mock_device.copy(c->stream, state, c->state + first, count, SP_TO_HOST));
  return sp_mock_finish(c->stream);
}

/* --- across traces -------------- */

static void lay_out_blocks(const sp_fkk_cuda *c, sp_share chunk, blocks *b) {
  const sp_share own = bins_of(c, chunk, c->rank);
  size_t item = 0, bin = 0;
  for (int r = 0; r < c->size; r++) {
    b->at_item[r] = item;
    b->item_bytes[r] = bins_of(c, chunk, r).count * c->share.count * sizeof(sp_fk_complex);
    item += b->item_bytes[r];
    b->at_bin[r] = bin;
    b->bin_bytes[r] = own.count * sp_share_blocks(c->n_items, c->size, r).count * sizeof(sp_fk_complex);
    bin += b->bin_bytes[r];
  }
}

/* A chunk's spectra by bin, in a block for each member; or back. */
static void pack(void *argument) {
  const launch *l = argument;
  const sp_fkk_cuda *c = l->cube;
  sp_fk_complex *to = c->by_item;
  for (int r = 0; r < c->size; r++) {
    const sp_share bins = bins_of(c, l->chunk, r);
    for (uint64_t b = bins.first; b < bins.first + bins.count; b++) {
      for (uint64_t i = 0; i < c->share.count; i++, to++) {
        sp_fk_complex *spectrum = c->spectra + i * c->time.n_bins + b;
        if (l->back) *spectrum = *to;
        if (!l->back) *to = *spectrum;
      }
    }
  }
}

/* Where bin b of this member's lies for the items of member r. */
static sp_fk_complex *piece(const sp_fkk_cuda *c, const blocks *at, int r, uint64_t b) {
  const uint64_t items = sp_share_blocks(c->n_items, c->size, r).count;
  return (sp_fk_complex *)((char *)c->by_bin + at->at_bin[r]) + b * items;
}

static void copy_row(const sp_fkk_cuda *c, const blocks *at, uint64_t b, bool back) {
  for (int r = 0; r < c->size; r++) {
    const sp_share items = sp_share_blocks(c->n_items, c->size, r);
    sp_fk_complex *there = piece(c, at, r, b), *here = c->row + items.first;
    memcpy(back ? there : here, back ? here : there, items.count * sizeof *here);
  }
}

static void filter_planes(void *argument) {
  const launch *l = argument;
  const sp_fkk_cuda *c = l->cube;
  const sp_share own = bins_of(c, l->chunk, c->rank);
  blocks at;
  lay_out_blocks(c, l->chunk, &at);
  for (uint64_t b = 0; b < own.count; b++) {
    copy_row(c, &at, b, false);
    sp_fk_plane_filter(&c->plane, &c->filter.zone, c->time.first_bin + (uint32_t)(own.first + b), c->work, &c->cells,
                       c->row);
    copy_row(c, &at, b, true);
  }
}

static sp_status exchange(sp_fkk_cuda *c, const blocks *b, bool back_again) {
  const sp_block_exchange *x = c->exchange;
  if (c->size == 1) {
    sp_fk_complex *from = back_again ? c->by_bin : c->by_item, *to = back_again ? c->by_item : c->by_bin;
    return sp_mock_device.copy(c->stream, to, from, b->item_bytes[0], SP_WITHIN_DEVICE);
  }
  return back_again ? x->all_to_all(x->context, c->by_bin, b->at_bin, b->bin_bytes, c->by_item, b->at_item,
                                    b->item_bytes, c->stream)
                    : x->all_to_all(x->context, c->by_item, b->at_item, b->item_bytes, c->by_bin, b->at_bin,
                                    b->bin_bytes, c->stream);
}

static sp_status filter_chunk(sp_fkk_cuda *c, sp_share chunk) {
  launch l = {.cube = c, .chunk = chunk};
  blocks b;
  lay_out_blocks(c, chunk, &b);
  SP_TRY(sp_mock_launch(c->stream, pack, &l, sizeof l));
  SP_TRY(exchange(c, &b, false));
  SP_TRY(sp_mock_launch(c->stream, filter_planes, &l, sizeof l));
  SP_TRY(exchange(c, &b, true));
  l.back = true;
  return sp_mock_launch(c->stream, pack, &l, sizeof l);
}

static sp_status filter(sp_fkk_cuda *c) {
  for (uint32_t k = 0; k < n_chunks(c); k++) SP_TRY(filter_chunk(c, chunk_at(c, k)));
  return SP_SUCCESS;
}

const sp_fkk_cuda_ops sp_mock_cube = {bytes, create, destroy, forward, filter, back, wait, states};
