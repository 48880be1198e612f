/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers that begin in the share of one member of a team and end in that of another: each sends what it has of a
 * gather that began before its share, its head, to the member that has the first trace. A head is less than a gather,
 * and has one receiver; a gather longer than shares has several senders. */
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "src/flow/volume/volume_worker.h"

enum { TAG_ROWS = 31, TAG_REASONS = 32 };

static bool is_needed(const sp_volume_worker *w) {
  return w->site->roles->team.size > 1 && w->shared->gathers_at;
}

sp_status sp_volume_border_open(sp_volume_worker *w) {
  sp_volume_border *b = &w->border;
  const size_t rows = w->shared->max_gather, bytes = rows * w->shape->n_samples * sizeof(float);
  void *block;
  b->row = MPI_DATATYPE_NULL;
  if (!is_needed(w)) return SP_SUCCESS;
  SP_TRY(sp_alloc(bytes, "a gather at the end of a share", &block));
  b->head = block;
  SP_TRY(sp_alloc(bytes, "a gather at the end of a share", &block));
  b->tail = block;
  SP_TRY(sp_calloc(rows, 1, "a gather at the end of a share", &block));
  b->head_reason = block;
  SP_TRY(sp_calloc(rows, 1, "a gather at the end of a share", &block));
  b->tail_reason = block;
  SP_TRY(sp_calloc(2 * (size_t)w->site->roles->team.size + 2, sizeof *b->requests, "messages", &block));
  b->requests = block;
  w->site->buffers += 2 * bytes;
  SP_TRY(SP_MPI(MPI_Type_contiguous(sp_mpi_count(w->shape->n_samples), MPI_FLOAT, &b->row)));
  return SP_MPI(MPI_Type_commit(&b->row));
}

void sp_volume_border_close(sp_volume_border *b) {
  if (b->requests && b->row != MPI_DATATYPE_NULL) MPI_Type_free(&b->row);
  sp_free(b->head);
  sp_free(b->tail);
  sp_free(b->head_reason);
  sp_free(b->tail_reason);
  sp_free(b->requests);
}

/* Items of a member; those behind the cube's traces are no rows. */
static sp_share share_of(const sp_volume_worker *w, int member) {
  sp_share s = sp_cube_filter_share_of(w->filter, member);
  const uint64_t n = w->cube->grid.n_traces, end = s.first + s.count;
  s.count = end <= n ? s.count : n > s.first ? n - s.first : 0;
  return s;
}

void sp_volume_border_receive(sp_volume_worker *w) {
  sp_volume_border *b = &w->border;
  const sp_ranks *team = &w->site->roles->team;
  const uint64_t end = w->owned.first + w->owned.count;
  b->n_requests = 0;
  b->tail_first = w->share.first + w->share.count;
  b->tail_count = w->owned.count && end > b->tail_first ? end - b->tail_first : 0;
  for (int r = team->rank + 1; b->tail_count && r < team->size; r++) {
    const sp_share s = share_of(w, r);
    if (s.count == 0 || s.first >= end) break;
    const uint64_t stop = s.first + s.count < end ? s.first + s.count : end, at = s.first - b->tail_first;
    const int n = sp_mpi_count(stop - s.first);
    SP_MPI_ALL(MPI_Irecv(b->tail + at * w->shape->n_samples, n, b->row, r, TAG_ROWS, team->comm,
                         &b->requests[b->n_requests++]));
    SP_MPI_ALL(MPI_Irecv(b->tail_reason + at, n, MPI_BYTE, r, TAG_REASONS, team->comm, &b->requests[b->n_requests++]));
  }
}

/* The member whose share has the first trace of the gather that the head belongs to. */
static int owner_of_head(const sp_volume_worker *w) {
  int rank = w->site->roles->team.rank;
  while (rank > 0 && !sp_volume_is_in(share_of(w, rank), w->range.first)) rank--;
  return rank;
}

void sp_volume_border_send(sp_volume_worker *w) {
  sp_volume_border *b = &w->border;
  const sp_ranks *team = &w->site->roles->team;
  const int n = sp_mpi_count(b->head_count), owner = owner_of_head(w);
  SP_MPI_ALL(MPI_Isend(b->head, n, b->row, owner, TAG_ROWS, team->comm, &b->requests[b->n_requests++]));
  SP_MPI_ALL(MPI_Isend(b->head_reason, n, MPI_BYTE, owner, TAG_REASONS, team->comm, &b->requests[b->n_requests++]));
}

void sp_volume_border_wait(sp_volume_worker *w) {
  sp_volume_border *b = &w->border;
  if (b->n_requests == 0) return; // alike
  sp_activity_set(w->site->activity, "waits for the traces of a gather from its team");
  SP_MPI_ALL(MPI_Waitall(b->n_requests, b->requests, MPI_STATUSES_IGNORE));
  b->n_requests = 0;
}
