/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker hands over of a cube: piece by piece what fkk leaves of its traces, through the steps after it, into
 * slots of the node's window.
 *
 * Rows of a piece are known by three names: `raw`, what the file has; `in`, what fkk got of it; `result`, what goes on
 * from there. Without steps before fkk the first two are the same. */
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/crc32c.h"
#include "seisproc/log.h"
#include "seisproc/row_writer.h"
#include "src/base/fault.h"
#include "src/flow/volume/volume_worker.h"

typedef struct piece_rows {
  sp_volume_worker *w;
  const sp_volume_piece *piece;
  float *in;           /* of the piece's first item; only rows in the share and hidden ones are looked at */
  const float *raw;    /* NULL: not wanted, and read row by row where it is */
  const float *result; /* NULL: `in` less what is removed */
  float *left;         /* what fkk leaves, for the steps after it */
  /* the slot */
  float *traces, *noise; /* [count][n_samples]; noise may be NULL */
  uint32_t *crc;
  uint8_t *status;
} piece_rows;

/* --- reasons ------------------------------------------------------------------------------------------------------ */

static sp_reason reason_of(const sp_volume_worker *w, uint64_t item) {
  const sp_volume_item *i = sp_volume_item_at(w, item);
  if (i->flags & SP_VOLUME_UNREADABLE) return SP_REASON_UNREADABLE;
  if (w->set_aside != SP_REASON_OK) return w->set_aside;
  if (i->flags & SP_VOLUME_SKIPPED) return SP_REASON_OK;
  if (i->reason != SP_REASON_OK) return (sp_reason)i->reason;
  if (!sp_volume_is_in(w->share, item)) return (sp_reason)w->border.tail_reason[item - w->border.tail_first];
  const sp_item_state state = sp_cube_filter_state(w->filter, item - w->share.first);
  if (state == SP_ITEM_NOT_FINITE || i->flags & SP_VOLUME_REPAIRED) return SP_REASON_BAD_TRACES;
  if (state == SP_ITEM_LIVE) return SP_REASON_OK;
  return !w->before.engine || i->flags & SP_VOLUME_EMPTY ? SP_REASON_DEAD_TRACES : SP_REASON_OK;
}

/* Whether an item's result is what was computed; else it is as on_error says, or as it was. */
static bool is_computed(const sp_volume_worker *w, uint64_t item) {
  const sp_volume_item *i = sp_volume_item_at(w, item);
  if (i->flags & SP_VOLUME_SKIPPED) return false;
  const sp_reason reason = reason_of(w, item);
  return reason <= SP_REASON_DEAD_TRACES || (reason == SP_REASON_BAD_TRACES && i->flags & SP_VOLUME_REPAIRED);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static void subtract_row(void *context, int thread, uint64_t i) {
  const piece_rows *r = context;
  const sp_volume_worker *w = r->w;
  const size_t n = w->shape->n_samples;
  const uint64_t item = r->piece->first + i;
  float *left = r->left + i * n;
  if (!sp_volume_is_in(w->share, item)) {
    memcpy(left, w->border.tail + (item - w->border.tail_first) * n, n * sizeof *left);
    return;
  }
  const sp_share mine = sp_volume_in_share(w, r->piece);
  const float *removed = w->removed + (item - mine.first) * n, *in = r->in + i * n;
  for (size_t k = 0; k < n; k++) left[k] = in[k] - removed[k];
}

/* The processed trace y and the noise, raw - y, rounded once. */
static void finish_row(void *context, int thread, uint64_t i) {
  const piece_rows *r = context;
  const sp_volume_worker *w = r->w;
  const sp_job_settings *settings = &w->plan->job->settings;
  const size_t n = w->shape->n_samples, at = i * n;
  const uint64_t item = r->piece->first + i;
  const sp_reason reason = reason_of(w, item);
  const bool fine = is_computed(w, item);
  const bool zero = !fine && !sp_reason_is_processed(reason) && settings->on_error == SP_ON_ERROR_ZERO;
  const float *raw = (r->raw ? r->raw : r->in) + at, *in = r->in + at;
  float *y = r->traces + at;
  if (fine && !r->result) {
    const float *removed = w->removed + (item - sp_volume_in_share(w, r->piece).first) * n;
    for (size_t k = 0; k < n; k++) y[k] = in[k] - removed[k];
  } else {
    const float *from = fine ? r->result + at : raw;
    for (size_t k = 0; k < n; k++) y[k] = zero ? 0 : from[k];
  }
  float *noise = settings->mode == SP_MODE_NOISE ? y : r->noise ? r->noise + at : NULL;
  for (size_t k = 0; noise && k < n; k++) noise[k] = fine ? raw[k] - y[k] : 0;
  uint32_t *crc = r->crc + i * (r->noise ? 2 : 1);
  crc[0] = sp_crc32c(0, y, n * sizeof *y);
  if (r->noise) crc[1] = sp_crc32c(0, noise, n * sizeof *noise);
  r->status[i] = (uint8_t)reason;
}

/* Rows that stay as they are, where what fkk got is not that: they are read again, there are few. */
static void show(piece_rows *r) {
  sp_volume_worker *w = r->w;
  if (r->raw && r->raw != r->in) return;
  for (uint32_t i = 0; i < r->piece->count; i++) {
    const uint64_t item = r->piece->first + i;
    const sp_volume_item *found = sp_volume_item_at(w, item);
    const bool hidden = found->flags & SP_VOLUME_SKIPPED || found->reason != SP_REASON_OK;
    if (hidden || (!r->raw && !is_computed(w, item))) {
      sp_volume_item_read(w, item, r->in + (size_t)i * w->shape->n_samples);
    }
  }
}

/* Whether the output holds differences from the file's samples, and these are not what fkk got. */
static bool needs_raw(const sp_volume_worker *w) {
  return w->before.engine && w->plan->job->settings.mode != SP_MODE_PROCESSED;
}

/* `in` and `raw` of a piece: read, or kept; and computed again where that is not kept. */
static sp_status load_rows(sp_volume_worker *w, sp_volume_piece *piece, piece_rows *r) {
  const size_t n = w->shape->n_samples;
  *r = (piece_rows){.w = w, .piece = piece};
  const sp_share mine = sp_volume_in_share(w, piece);
  const bool whole = mine.count == piece->count, kept = w->kept && w->filter;
  piece->samples = w->slabs[0];
  if (kept && whole && !needs_raw(w)) {
    r->in = w->kept + (piece->first - w->share.first) * n;
    r->raw = w->before.engine ? NULL : r->in;
    return SP_SUCCESS;
  }
  sp_volume_piece_read(w, piece);
  r->in = piece->samples;
  r->raw = r->in;
  if (!w->before.engine || !w->filter) {
    sp_volume_hide(w, piece->first, piece->count, r->in);
    return SP_SUCCESS;
  }
  float *made = w->slabs[1];
  memcpy(made, piece->samples, piece->count * n * sizeof *made);
  r->in = made;
  if (kept) {
    memcpy(made + (mine.first - piece->first) * n, w->kept + (mine.first - w->share.first) * n,
           mine.count * n * sizeof *made);
    return SP_SUCCESS;
  }
  SP_TRY(sp_volume_side_submit(w, &w->before, piece, made));
  SP_TRY(sp_volume_side_finish(w, &w->before, piece));
  memcpy(made, w->before.out, piece->count * n * sizeof *made);
  sp_volume_hide(w, piece->first, piece->count, made);
  return SP_SUCCESS;
}

static void each_row(const sp_volume_worker *w, piece_rows *r, sp_team_item what) {
  sp_thread_team_start(w->team, r->piece->count, 16, what, r);
  sp_thread_team_wait(w->team);
}

/* A row that the filter leaves finite stands; samples near the largest float32 overflow in its sums. */
static void check_row(void *context, int thread, uint64_t i) {
  const piece_rows *r = context;
  const sp_volume_worker *w = r->w;
  const size_t n = w->shape->n_samples;
  const uint64_t item = r->piece->first + i;
  if (!sp_volume_is_in(w->share, item)) return;
  const float *removed = w->removed + (item - sp_volume_in_share(w, r->piece).first) * n, *in = r->in + i * n;
  float sum = 0; /* NaN and infinity stay in the sum of x - x */
  for (size_t k = 0; k < n; k++) {
    const float left = in[k] - removed[k];
    sum += left - left;
  }
  if (sum == 0 || sp_cube_filter_state(w->filter, item - w->share.first) != SP_ITEM_LIVE) return;
  sp_volume_item_at(w, item)->reason = SP_REASON_OVERFLOW;
}

/* What is removed of the piece's items that are in the share, into w->removed. */
static sp_status filter_back(sp_volume_worker *w, piece_rows *r) {
  const sp_share mine = sp_volume_in_share(w, r->piece);
  sp_activity_set(w->site->activity, "computes");
  if (!w->filter || mine.count == 0) return SP_SUCCESS;
  sp_cube_filter_back(w->filter, mine.first - w->share.first, mine.count,
                      r->in + (mine.first - r->piece->first) * w->shape->n_samples, w->removed);
  SP_TRY(sp_cube_filter_wait(w->filter));
  each_row(w, r, check_row);
  return SP_SUCCESS;
}

/* What fkk leaves, the tail's from the others, through the steps after it. */
static sp_status step_on(sp_volume_worker *w, piece_rows *r) {
  r->left = w->slabs[1];
  each_row(w, r, subtract_row);
  r->result = r->left;
  if (!w->after.engine) return SP_SUCCESS;
  SP_TRY(sp_volume_side_submit(w, &w->after, r->piece, r->left));
  SP_TRY(sp_volume_side_finish(w, &w->after, r->piece));
  r->result = w->after.out;
  return SP_SUCCESS;
}

/* --- slots -------------------------------------------------------------------------------------------------------- */

static void count_reasons(const piece_rows *r, sp_volume_result *result) {
  *result = (sp_volume_result){.faint = r->w->filter ? sp_cube_filter_faint(r->w->filter) : 0};
  for (uint32_t i = 0; i < r->piece->count; i++) {
    result->reason = r->status[i] > result->reason ? r->status[i] : result->reason;
    result->dead += r->status[i] == SP_REASON_DEAD_TRACES;
    result->not_finite += r->status[i] == SP_REASON_BAD_TRACES || r->status[i] == SP_REASON_NOT_FINITE;
    result->unreadable += r->status[i] == SP_REASON_UNREADABLE;
  }
}

static sp_slot *claim_slot(sp_volume_worker *w, const sp_task *task, const sp_volume_piece *piece) {
  const double start = sp_now();
  sp_node_window *window = w->site->window;
  sp_activity_set(w->site->activity, "waits for the I/O rank to free a slot");
  sp_slot *slot = sp_node_window_claim(window);
  sp_box *boxes = sp_slot_boxes(window, slot);
  slot->task = task->id;
  slot->first_unit = task->first_unit;
  slot->n_units = 1;
  slot->n_boxes = 0;
  for (uint32_t i = 0; i < piece->count;) {
    const uint32_t n = sp_volume_run_length(w, piece->first + i, piece->count - i);
    boxes[slot->n_boxes++] = (sp_box){.first_row = sp_volume_trace(w->plan, w->cube, piece->first + i), .n_rows = n};
    i += n;
  }
  slot->page_offset = (uint32_t)sp_row_page_offset(boxes[0].first_row, w->shape->n_samples * sizeof(float));
  sp_stage_add(w->site->times, SP_STAGE_SLOT, sp_now() - start, 0);
  return slot;
}

static sp_status fill_slot(sp_volume_worker *w, int k, sp_volume_piece *piece) {
  const sp_node_window *window = w->site->window;
  piece_rows r;
  SP_TRY(load_rows(w, piece, &r));
  sp_slot *slot = claim_slot(w, &w->tasks[k], piece);
  const int n_planes = w->shape->window.n_planes;
  const double start = sp_now();
  SP_TRY(filter_back(w, &r));
  if (w->filter && (w->after.engine || w->shared->gathers_at)) SP_TRY(step_on(w, &r));
  show(&r);
  r.traces = sp_slot_rows(window, slot, 0);
  r.noise = n_planes == 4 ? sp_slot_rows(window, slot, 1) : NULL;
  r.crc = sp_slot_rows(window, slot, n_planes - 2);
  r.status = sp_slot_rows(window, slot, n_planes - 1);
  each_row(w, &r, finish_row);
  count_reasons(&r, sp_slot_figures(window, slot));
  sp_stage_add(w->site->times, SP_STAGE_COMPUTE, sp_now() - start, 0);
  SP_FAULT_POINT("before_slot_full");
  sp_slot_set_full(slot, true);
  SP_FAULT_POINT("after_slot_full");
  w->n_slots[k]++;
  return SP_SUCCESS;
}

/* --- a cube ------------------------------------------------------------------------------------------------------- */

/* The rows in the share of the gather that began before it, to the member that it began with. */
static sp_status give_head(sp_volume_worker *w) {
  sp_volume_border *b = &w->border;
  const size_t n = w->shape->n_samples;
  sp_volume_piece *piece = &w->pieces[0];
  piece_rows r;
  b->head_count = 0;
  if (w->share.count == 0 || w->range.first == w->share.first) return SP_SUCCESS;
  uint64_t at = w->range.first;
  sp_volume_next_piece(w, &at, at + 1, piece); /* that gather alone */
  SP_TRY(load_rows(w, piece, &r));
  SP_TRY(filter_back(w, &r));
  const sp_share mine = sp_volume_in_share(w, piece);
  const float *in = r.in + (mine.first - piece->first) * n;
  for (size_t k = 0; k < mine.count * n; k++) b->head[k] = in[k] - w->removed[k];
  for (uint64_t i = 0; i < mine.count; i++) b->head_reason[i] = (uint8_t)reason_of(w, mine.first + i);
  b->head_count = mine.count;
  sp_volume_border_send(w);
  return SP_SUCCESS;
}

sp_status sp_volume_fill_slots(sp_volume_worker *w, int k) {
  const bool borders = w->border.requests && w->filter;
  if (borders) {
    sp_volume_border_receive(w);
    SP_TRY(give_head(w));
  }
  const uint64_t end = w->owned.first + w->owned.count;
  sp_volume_piece *piece = &w->pieces[0];
  uint64_t at = w->owned.first;
  while (sp_volume_next_piece(w, &at, end, piece)) {
    if (borders && sp_volume_in_share(w, piece).count < piece->count) sp_volume_border_wait(w);
    SP_TRY(fill_slot(w, k, piece));
  }
  if (borders) sp_volume_border_wait(w);
  return SP_SUCCESS;
}
