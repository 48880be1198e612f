/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the volume flow's worker share: opening and the course of a cube (volume_worker.c), reading
 * (volume_read.c), the gather processors beside fkk (volume_steps.c), results into slots (volume_result.c) and the
 * gathers at the borders of shares (volume_border.c). Private to these. */
#ifndef SEISPROC_SRC_FLOW_VOLUME_VOLUME_WORKER_H
#define SEISPROC_SRC_FLOW_VOLUME_VOLUME_WORKER_H

#include "seisproc/engine.h"
#include "seisproc/header_column.h"
#include "seisproc/trace_store.h"
#include "src/flow/volume/volume_flow.h"
#include "src/flow/volume/volume_gpus.h"

/* Items of a cube that are read, computed and written at once: whole gathers where steps look at these, else any. */
typedef struct sp_volume_piece {
  uint64_t first; /* item of the cube */
  uint32_t count;
  sp_local n_gathers;
  sp_local *first_trace; /* [n_gathers + 1], room for slab_rows + 1; NULL where no step is beside fkk */
  float *samples;        /* [slab_rows][n_samples], or where the rows of `kept` are */
} sp_volume_piece;

/* The gather processors before or after fkk, and what they work in. */
typedef struct sp_volume_side {
  sp_engine *engine; /* NULL: there are none */
  sp_chain_step *chain;
  size_t n_headers;
  sp_header_column *column_data[SP_MAX_CHAIN_HEADERS]; /* NULL: optional, and not there */
  double *columns[SP_MAX_CHAIN_HEADERS];               /* [slab_rows] each */
  float *out;                                          /* [slab_rows][n_samples]: their result */
  uint32_t *set_aside;                                 /* [slab_rows] sp_reason, by gather */
  unsigned char *skip;                                 /* [slab_rows] */
  sp_gather_result *results;                           /* [slab_rows] */
  sp_slab slab;
} sp_volume_side;

/* What is known of an item beside what the filter says of it. */
enum {
  SP_VOLUME_UNREADABLE = 1,
  SP_VOLUME_SKIPPED = 2,  /* not seismic: absent, stays as it is */
  SP_VOLUME_REPAIRED = 4, /* samples that are not finite were made zero */
  SP_VOLUME_BAD = 8,      /* some of its samples are not finite */
  SP_VOLUME_EMPTY = 16    /* all zero as it was read; only where a step comes before fkk */
};

typedef struct sp_volume_item {
  uint8_t flags;
  uint8_t reason; /* sp_reason of a step, or of the gather; not OK: handled as on_error says, absent before fkk */
} sp_volume_item;

/* Rows of gathers that two or more members of a team have parts of: whoever has the first trace computes what comes
 * after fkk. */
typedef struct sp_volume_border {
  float *head, *tail; /* [largest gather][n_samples]: sent to the one before, received from those behind */
  uint8_t *head_reason, *tail_reason;
  uint64_t head_count; /* of the share's first items */
  uint64_t tail_first; /* item that the tail begins with: the end of the share */
  uint64_t tail_count;
  MPI_Datatype row;
  MPI_Request *requests; /* [2 * members] */
  int n_requests;
} sp_volume_border;

typedef struct sp_volume_worker {
  sp_flow_site *site;
  const sp_flow_plan *plan;
  const sp_flow_shape *shape;
  const sp_volume_shared *shared;
  sp_survey *survey;
  sp_trace_source *traces;
  sp_dataset *trid; /* NULL: all traces are seismic */
  void *trid_rows;
  double *trid_values; /* [slab_rows] */
  sp_thread_team *team;
  sp_task tasks[2];
  uint32_t n_slots[2];       /* handed over for the task */
  sp_volume_piece pieces[2]; /* one is read while the other is computed */
  float *slabs[2];           /* [slab_rows][n_samples]: of the pieces */
  float *kept;               /* [share of the largest cube][n_samples] that fkk gets, or NULL */
  float *removed;            /* [slab_rows][n_samples] */
  sp_volume_item *items;     /* [share of the largest cube and the gathers at its ends], from range.first on */
  sp_volume_side before, after;
  sp_volume_border border;
  char steps[SP_STEPS_TEXT];
  sp_volume_gpus gpus;
  /* of the cube in hand */
  const sp_volume_cube *cube;
  sp_cube_filter *filter;
  sp_share share; /* of its traces; items without one are the filter's business */
  sp_share range; /* what is read for it: the gathers that it has traces of */
  sp_share owned; /* what is written here: the gathers that begin in it */
  sp_reason set_aside;
} sp_volume_worker;

static inline sp_volume_item *sp_volume_item_at(const sp_volume_worker *w, uint64_t item) {
  return &w->items[item - w->range.first];
}

static inline bool sp_volume_is_in(sp_share share, uint64_t item) {
  return item >= share.first && item - share.first < share.count;
}

/* The items of a piece that are in the share. */
static inline sp_share sp_volume_in_share(const sp_volume_worker *w, const sp_volume_piece *piece) {
  const uint64_t end = w->share.first + w->share.count, last = piece->first + piece->count;
  const uint64_t first = piece->first > w->share.first ? piece->first : w->share.first;
  const uint64_t stop = last < end ? last : end;
  return (sp_share){first, stop > first ? stop - first : 0};
}

/* --- volume_read.c ------------------------------------------------------------------------------------------------ */

/* Items that follow each other in the file, from `item` on, at most n. */
uint32_t sp_volume_run_length(const sp_volume_worker *w, uint64_t item, uint32_t n);

/* range and owned, from the share of the cube in hand. */
void sp_volume_set_ranges(sp_volume_worker *w);

/* The piece from *at on, of a range that ends before `end`: its items and gathers. *at is moved behind it; false where
 * nothing is left. */
bool sp_volume_next_piece(const sp_volume_worker *w, uint64_t *at, uint64_t end, sp_volume_piece *piece);

/* Reads a piece's samples and marks its items. */
void sp_volume_piece_read(sp_volume_worker *w, sp_volume_piece *piece);

/* One item anew, where `row` is to be what the file has. */
void sp_volume_item_read(sp_volume_worker *w, uint64_t item, float *row);

/* Makes rows of items that are absent zero. */
void sp_volume_hide(const sp_volume_worker *w, uint64_t first, uint32_t count, float *rows);

/* --- volume_steps.c ----------------------------------------------------------------------------------------------- */

/* Opens both sides. Collective over the peers. */
sp_status sp_volume_steps_open(sp_volume_worker *w);
void sp_volume_steps_close(sp_volume_worker *w);

/* Takes a piece's rows, which may be overwritten, to side->out. */
sp_status sp_volume_side_submit(sp_volume_worker *w, sp_volume_side *side, const sp_volume_piece *piece, float *rows);

/* Waits for that and marks the items of gathers that failed. */
sp_status sp_volume_side_finish(sp_volume_worker *w, sp_volume_side *side, const sp_volume_piece *piece);

/* --- volume_border.c ---------------------------------------------------------------------------------------------- */

sp_status sp_volume_border_open(sp_volume_worker *w);
void sp_volume_border_close(sp_volume_border *border);

/* Begins to receive the tail and, with the head's rows in place, to send these; waits for both, for the one or the
 * other. */
void sp_volume_border_receive(sp_volume_worker *w);
void sp_volume_border_send(sp_volume_worker *w);
void sp_volume_border_wait(sp_volume_worker *w);

/* --- volume_result.c ---------------------------------------------------------------------------------------------- */

/* The cube's results into slots, after the filter has run. */
sp_status sp_volume_fill_slots(sp_volume_worker *w, int k);

#endif
