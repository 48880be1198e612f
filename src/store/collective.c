/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of collective transfers; see collective.h.
 *
 * Invariant: between the first agreement of a step and its end every rank makes the same number of collective calls,
 * whatever becomes of its own transfer. */
#include "seisproc/collective.h"

#include <math.h>

#include "seisproc/backoff.h"
#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/ranks.h"
#include "src/base/activity.h"
#include "src/store/h5.h"

struct sp_collective {
  sp_collective_config config;
  sp_ranks ranks; /* a duplicate */
  uint64_t step;  /* agreements so far */
  uint64_t moved; /* steps in which something was */
  bool in_force;
  double ended_at; /* when the last step had ended, here */
  double waited;   /* in the first agreement of this step, and in the last one of the step before */
  double waited_after;
  struct {
    double waited, elapsed;
  } window[SP_COLLECTIVE_WINDOW]; /* sums over the group */
  sp_collective_cost cost;
};

/* What the ranks tell each other before a transfer. The largest of each counts. */
enum { STEP, MINUS_STEP, PIECES, STAYS, MINUS_DURABLE, MINUS_FIRST, END, N_BEFORE };

/* And after it; sums. */
enum { FAILED, WAITED_NS, ELAPSED_NS, N_AFTER };

sp_status sp_collective_create(const sp_collective_config *config, sp_collective **out) {
  sp_collective *c = NULL;
  SP_ALIKE(sp_calloc_together(config->comm, 1, sizeof *c, "collective transfers", &c));
  c->config = *config;
  MPI_Comm comm;
  SP_MPI_ALL(MPI_Comm_dup(config->comm, &comm));
  c->ranks = sp_ranks_of(comm);
  c->in_force = true;
  c->ended_at = sp_now();
  *out = c;
  return SP_SUCCESS;
}

void sp_collective_destroy(sp_collective *c) {
  if (!c) return;
  sp_ranks_free(&c->ranks);
  sp_free(c);
}

bool sp_collective_is_in_force(const sp_collective *c) {
  return c->in_force;
}

sp_collective_cost sp_collective_get_cost(const sp_collective *c) {
  return c->cost;
}

/* --- agreeing --------------------------------------------------------------------------------------------------- */

/* Asleep while the others are not there. */
static sp_status reduce(sp_collective *c, int64_t *values, int n, MPI_Op op) {
  MPI_Request request;
  sp_backoff backoff = {0};
  SP_MPI_ALL(MPI_Iallreduce(MPI_IN_PLACE, values, n, MPI_INT64_T, op, c->ranks.comm, &request));
  for (int done = 0;;) {
    SP_MPI_ALL(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
    if (done) return SP_SUCCESS;
    if (c->config.idle) SP_TRY(c->config.idle(c->config.context)); /* one rank that fails here ends the job */
    sp_backoff_sleep(&backoff);
  }
}

/* A rank that has something, but no rows of it, takes a step all the same. */
static sp_local count_pieces(const sp_collective_rows *own) {
  if (own->n == 0) return own->plane[0].rows != NULL;
  const sp_local a_piece = sp_dataset_rows_a_transfer(own->plane[0].dataset);
  return own->n / a_piece + (own->n % a_piece != 0);
}

static uint64_t row_bytes(const sp_collective_rows *own) {
  const sp_dataset *d = own->plane[0].dataset;
  return sp_dataset_row_length(d) * sp_type_size(sp_dataset_type(d));
}

/* Until all have come. */
static sp_status agree_before(sp_collective *c, const sp_collective_rows *own, const sp_collective_news *news,
                              int64_t values[N_BEFORE]) {
  const double start = sp_now();
  const int64_t step = (int64_t)++c->step;
  values[STEP] = step;
  values[MINUS_STEP] = -step;
  values[PIECES] = count_pieces(own);
  values[STAYS] = news->stays;
  values[MINUS_DURABLE] = -(int64_t)news->durable;
  values[MINUS_FIRST] = own->n ? -(int64_t)(own->first * row_bytes(own)) : INT64_MIN;
  values[END] = own->n ? (int64_t)((own->first + own->n) * row_bytes(own)) : 0;
  atomic_store(&c->config.activity->collective, c->step);
  const sp_status status = reduce(c, values, N_BEFORE, MPI_MAX);
  c->waited = sp_now() - start + c->waited_after;
  c->waited_after = 0;
  SP_TRY(status);
  if (values[STEP] == -values[MINUS_STEP]) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INTERNAL, "ranks meet at steps %lld to %lld of collective transfers",
                  (long long)-values[MINUS_STEP], (long long)values[STEP]);
}

/* --- moving ----------------------------------------------------------------------------------------------------- */

/* One plane, `pieces` transfers of each rank. *good becomes false where one failed. */
static sp_status move_plane(sp_collective *c, const sp_collective_rows *own, int p, int64_t pieces, bool *good) {
  sp_dataset *dataset = own->plane[p].dataset;
  const sp_local a_piece = sp_dataset_rows_a_transfer(own->plane[0].dataset);
  const size_t row = sp_dataset_row_length(dataset) * sp_type_size(sp_dataset_type(dataset));
  for (int64_t i = 0; i < pieces; i++) {
    const uint64_t at = (uint64_t)i * a_piece, left = at < own->n ? own->n - at : 0;
    const sp_local n = !*good ? 0 : left < a_piece ? (sp_local)left : a_piece;
    char *rows = n ? (char *)own->plane[p].rows + at * row : NULL;
    bool moved = true;
    SP_TRY(sp_dataset_transfer(dataset, c->config.writes, n ? own->first + at : 0, n, rows, &moved));
    *good = *good && moved;
  }
  return SP_SUCCESS;
}

static sp_status move_all(sp_collective *c, const sp_collective_rows *own, int64_t pieces, bool *good) {
  *good = true;
  for (int p = 0; p < own->n_planes; p++) SP_TRY(move_plane(c, own, p, pieces, good));
  return SP_SUCCESS;
}

/* Whether the group waits too much, by what all of it has waited in the window. One that is not full yet is filled with
 * steps like those that were, in which nobody waits: who has waited too much even then need not go on. The first step
 * is not counted: there the ranks meet from wherever they have started. */
static void look_at_waiting(sp_collective *c, double waited, double elapsed) {
  if (c->moved < 2 || !isfinite(c->config.most_waiting)) return;
  const uint64_t n = c->moved - 1 < SP_COLLECTIVE_WINDOW ? c->moved - 1 : SP_COLLECTIVE_WINDOW;
  c->window[c->moved % SP_COLLECTIVE_WINDOW].waited = waited;
  c->window[c->moved % SP_COLLECTIVE_WINDOW].elapsed = elapsed;
  double sums[2] = {0};
  for (int i = 0; i < SP_COLLECTIVE_WINDOW; i++) {
    sums[0] += c->window[i].waited;
    sums[1] += c->window[i].elapsed;
  }
  if (sums[0] <= c->config.most_waiting * sums[1] * SP_COLLECTIVE_WINDOW / (double)n) return;
  c->in_force = false;
  c->cost.left_at = sums[0] / sums[1];
  c->cost.left_after = n;
}

/* Tells each other how it went. */
static sp_status agree_after(sp_collective *c, bool good, double began) {
  const double start = sp_now(), elapsed = start - c->ended_at;
  int64_t values[N_AFTER] = {
      [FAILED] = !good, [WAITED_NS] = (int64_t)(1e9 * c->waited), [ELAPSED_NS] = (int64_t)(1e9 * elapsed)};
  SP_TRY(reduce(c, values, N_AFTER, MPI_SUM));
  c->ended_at = sp_now();
  c->waited_after = c->ended_at - start;
  c->moved++;
  c->cost.steps++;
  c->cost.failed += values[FAILED] != 0;
  c->cost.waited += c->waited;
  c->cost.seconds += c->ended_at - began;
  look_at_waiting(c, 1e-9 * (double)values[WAITED_NS], 1e-9 * (double)values[ELAPSED_NS]);
  return SP_SUCCESS;
}

/* --- steps ------------------------------------------------------------------------------------------------------ */

static sp_status read_step(sp_collective *c, const sp_collective_rows *own, bool *moved) {
  const sp_collective_news none = {0};
  const double began = sp_now();
  int64_t values[N_BEFORE];
  SP_TRY(agree_before(c, own, &none, values));
  if (values[PIECES] == 0) return SP_SUCCESS;
  SP_TRY(move_all(c, own, values[PIECES], moved));
  return agree_after(c, *moved, began);
}

sp_status sp_collective_read(sp_collective *c, const sp_collective_rows *own, bool *moved) {
  *moved = false;
  if (!c->in_force) return SP_SUCCESS;
  const sp_status status = read_step(c, own, moved);
  atomic_store(&c->config.activity->collective, 0);
  return status;
}

/* Whether each aggregator is done in one cycle of its buffer: ROMIO deals the bytes from the first to the last one
 * among them. */
static bool fits_one_cycle(const sp_collective *c, const int64_t values[N_BEFORE]) {
  if (c->config.aggregators == 0 || values[END] == 0) return true;
  const int n = c->config.aggregators < c->ranks.size ? c->config.aggregators : c->ranks.size;
  const uint64_t span = (uint64_t)(values[END] + values[MINUS_FIRST]);
  return span / (uint64_t)n + 1 <= c->config.cycle_bytes;
}

static sp_status write_step(sp_collective *c, const sp_collective_rows *own, sp_collective_news *news,
                            bool *independent) {
  const double began = sp_now();
  int64_t values[N_BEFORE];
  SP_TRY(agree_before(c, own, news, values));
  news->stays = values[STAYS] != 0;
  news->durable = (uint64_t)-values[MINUS_DURABLE];
  if (values[PIECES] == 0) return SP_SUCCESS;
  *independent = !fits_one_cycle(c, values);
  bool good = true;
  if (!*independent) SP_TRY(move_all(c, own, values[PIECES], &good));
  SP_TRY(agree_after(c, good, began));
  news->step = c->moved;
  return good ? SP_SUCCESS : SP_ERR_IO; /* said already */
}

sp_status sp_collective_write(sp_collective *c, const sp_collective_rows *own, sp_collective_news *news,
                              bool *independent) {
  *independent = false;
  news->step = 0;
  const sp_status status = write_step(c, own, news, independent);
  atomic_store(&c->config.activity->collective, 0);
  return status;
}
