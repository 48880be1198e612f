/* SPDX-License-Identifier: BSD-3-Clause */
/* An I/O rank: writes whichever of its workers' slots is full, and reports each once it is on the disk.
 *
 * Each by itself, or all together: then they meet in steps, each with a slot or with nothing, and a step with nothing
 * to write moves nothing. Where aggregators write for the others, what is on the disk is only what all have synced:
 * there slots are numbered by steps, and a slot is reported when every I/O rank is past its step. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/backoff.h"
#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/fault.h"
#include "src/run/chunk_file.h"
#include "src/run/messages.h"
#include "src/run/plane.h"
#include "src/run/run_context.h"
#include "src/run/space_thread.h"
#include "src/run/sync_thread.h"

/* Slots that are written but not yet on the disk: more than these, and writing waits for the disk. It does so, too,
 * when the disk would need longer than BACKLOG_S for what is waiting, so that a job on a slow disk stops soon when it
 * is asked to, and loses little when it is cut off. How fast the disk is tells the first sync, which comes at once;
 * until it has ended no more than UNKNOWN_BYTES wait. */
enum { MAX_PENDING = 64, BACKLOG_S = 3, UNKNOWN_BYTES = 512 << 20 };

/* A slot that was written, waiting to be durable. Its message lies in the outbox under the same number. */
typedef struct pending {
  uint64_t sequence; /* 0: this place is free */
  bool sent;
  uint32_t n_units, n_chunks;
} pending;

/* How much waits for the disk, and how fast that takes it. */
typedef struct backlog {
  uint64_t written, covered, durable; /* bytes, as the sequence numbers below */
  double recent_bytes, recent_s;      /* of the last syncs, each with half the weight of the next */
  double seconds;                     /* in all syncs that ended */
} backlog;

typedef struct io_rank {
  sp_run_context *run;
  const sp_roles *roles;
  sp_survey *survey;
  sp_plane planes[SP_MAX_PLANES];
  sp_chunk_file *chunks; /* NULL: nothing is packed */
  int lock_fd;           /* marks this rank as a writer */
  int *workers;          /* [n_workers]: world ranks of those it serves */
  uint64_t *n_slots;     /* [n_workers]: written so far of each */
  int n_workers;
  int last_served; /* of these */
  sp_io_order order;
  sp_sync_thread *sync;
  sp_space_thread *space; /* of the first of them; NULL at the others */
  double synced_at;
  uint64_t sequence, synced, durable; /* slots written; covered by the sync under way or done; on the disk */
  sp_collective *together;            /* NULL: each writes by itself */
  sp_io_hints hints;
  bool stays;           /* any I/O rank takes another step */
  uint64_t all_durable; /* step up to which all that the I/O ranks wrote is on the disk */
  backlog backlog;
  pending pending[MAX_PENDING];
  sp_outbox *durable_messages;
  size_t record_bytes;
} io_rank;

/* --- making and unmaking --------------------------------------------------------------------------------- */

static sp_status find_workers(io_rank *io) {
  const sp_roles *roles = io->roles;
  void *ranks = NULL, *slabs = NULL;
  SP_TRY(sp_calloc((size_t)roles->n_workers, sizeof(int), "the workers of an I/O rank", &ranks));
  io->workers = ranks;
  SP_TRY(sp_calloc((size_t)roles->n_workers, sizeof(uint64_t), "the workers of an I/O rank", &slabs));
  io->n_slots = slabs;
  for (int r = 0; r < roles->world.size; r++) {
    if (roles->members[r].io_rank == roles->world.rank) io->workers[io->n_workers++] = r;
  }
  return SP_SUCCESS;
}

/* One of them takes the space for all. What is packed takes less, and how much is not known. */
static sp_status reserve_space(io_rank *io) {
  sp_space_region regions[SP_MAX_PLANES];
  size_t n = 0;
  const sp_window_shape *window = &io->run->plan.shape.window;
  if (io->roles->members[io->roles->world.rank].index != 0) return SP_SUCCESS;
  for (int p = 0; p < window->n_planes; p++) {
    const sp_dataset *d = sp_plane_dataset(&io->planes[p]);
    if (!window->chunk_rows[p]) regions[n++] = (sp_space_region){sp_dataset_file_offset(d), sp_dataset_file_bytes(d)};
  }
  return n ? sp_space_thread_create(io->run->part_path, regions, n, &io->space) : SP_SUCCESS;
}

static sp_status open_planes(io_rank *io) {
  const sp_flow_shape *shape = &io->run->plan.shape;
  for (int p = 0; p < shape->window.n_planes; p++) {
    SP_TRY(sp_plane_open(io->survey, shape->plane[p], io->run->job->settings.direct_io, &io->planes[p]));
  }
  SP_TRY(sp_sync_thread_create(io->run->part_path, sp_window_packs(&shape->window) ? io->run->packed_path : NULL,
                               &io->sync));
  return reserve_space(io);
}

static sp_status open_output(io_rank *io) {
  sp_status status = sp_lock_join(io->run->lock_path, &io->lock_fd);
  SP_AGREE(io->roles->peers.comm, status);
  io->hints = sp_transfer_write_hints(io->run->job, &io->run->plan.shape, io->roles->n_io);
  status = sp_survey_open_hinted(io->roles->peers.comm, io->run->part_path, true, &io->hints, &io->survey);
  SP_AGREE(io->roles->peers.comm, status);
  SP_AGREE(io->roles->peers.comm, open_planes(io));
  if (!sp_window_packs(&io->run->plan.shape.window)) return SP_SUCCESS; /* alike */
  return sp_chunk_file_open(io->roles->peers.comm, io->run->packed_path, io->run->packed_end, &io->chunks);
}

static sp_status while_waiting(void *io);

static sp_status create_together(io_rank *io) {
  const sp_collective_config config = {.comm = io->roles->peers.comm,
                                       .writes = true,
                                       .most_waiting = INFINITY,
                                       .cycle_bytes = io->hints.cycle_bytes,
                                       .aggregators = io->hints.aggregators,
                                       .activity = &io->run->activity,
                                       .idle = while_waiting,
                                       .context = io};
  return io->run->transfer.writes_together ? sp_collective_create(&config, &io->together) : SP_SUCCESS;
}

static sp_status create(io_rank *io, sp_run_context *run) {
  io->run = run;
  io->roles = run->roles;
  io->lock_fd = -1;
  SP_AGREE(io->roles->peers.comm, find_workers(io));
  SP_ALIKE(open_output(io));
  SP_ALIKE(create_together(io));
  io->synced_at = sp_now();
  io->record_bytes = run->plan.flow->figures->bytes;
  const sp_window_shape *window = &run->plan.shape.window;
  const size_t bytes = sp_durable_bytes(window->max_chunks, window->max_units, io->record_bytes);
  return sp_outbox_create(run->roles->world.comm, SP_TAG_DURABLE, MAX_PENDING, bytes, &io->durable_messages);
}

static void destroy(io_rank *io) {
  if (io->together) io->run->write_cost = sp_collective_get_cost(io->together);
  sp_collective_destroy(io->together);
  sp_outbox_destroy(io->durable_messages);
  if (io->sync) {
    sp_stage_times *times = &io->run->times;
    times->seconds[SP_STAGE_FLUSH] = sp_sync_thread_seconds(io->sync);
    times->count[SP_STAGE_FLUSH] = sp_sync_thread_count(io->sync);
  }
  sp_sync_thread_destroy(io->sync);
  sp_space_thread_destroy(io->space);
  sp_chunk_file_close(io->chunks);
  for (int p = 0; p < SP_MAX_PLANES; p++) sp_plane_close(&io->planes[p]);
  sp_survey_close(io->survey);
  if (io->lock_fd >= 0) close(io->lock_fd);
  sp_free(io->n_slots);
  sp_free(io->workers);
}

/* --- commit ---------------------------------------------------------------------------------------------- */

/* Sends what may be told of, forgets what was sent. */
static sp_status report_durable(io_rank *io, uint64_t durable) {
  for (int i = 0; i < MAX_PENDING; i++) {
    pending *p = &io->pending[i];
    if (p->sent && sp_outbox_is_free(io->durable_messages, (size_t)i)) *p = (pending){0};
    if (p->sequence == 0 || p->sent || p->sequence > durable) continue;
    const size_t bytes = sp_durable_bytes(p->n_chunks, p->n_units, io->record_bytes);
    SP_FAULT_POINT("before_report");
    SP_TRY(sp_outbox_send(io->durable_messages, (size_t)i, bytes, 0));
    SP_FAULT_POINT("after_report");
    p->sent = true;
  }
  return SP_SUCCESS;
}

/* Whether others write what this rank has. */
static bool has_aggregators(const io_rank *io) {
  return io->together && io->hints.aggregators;
}

/* Up to where slots are on the disk. */
static uint64_t reportable(const io_rank *io) {
  return has_aggregators(io) ? io->all_durable : io->durable;
}

static sp_status look_at_sync(io_rank *io) {
  uint64_t durable;
  SP_TRY(sp_sync_thread_poll(io->sync, &durable));
  if (durable == io->durable) return SP_SUCCESS;
  io->durable = durable;
  backlog *b = &io->backlog;
  const double seconds = sp_sync_thread_seconds(io->sync);
  b->recent_bytes = 0.5 * b->recent_bytes + (double)(b->covered - b->durable);
  b->recent_s = 0.5 * b->recent_s + seconds - b->seconds;
  b->seconds = seconds;
  b->durable = b->covered;
  return SP_SUCCESS;
}

/* Starts a sync when one is due, or at once where `now` says so, and when this rank was asked to stop: its launcher may
 * kill it soon. Reports what earlier ones made durable. */
static sp_status commit(io_rank *io, bool now) {
  const bool no_commit = io->run->options->no_commit;
  SP_TRY(sp_pass_stop_on(io->run));
  now |= io->run->stop_passed_on && !no_commit;
  if (io->space) SP_TRY(sp_space_thread_poll(io->space));
  SP_TRY(look_at_sync(io));
  SP_TRY(report_durable(io, no_commit ? io->sequence : reportable(io)));
  const double time = sp_now();
  const bool first = io->backlog.recent_bytes == 0 && io->backlog.seconds == 0;
  const double interval = no_commit ? INFINITY : first ? 0 : io->run->job->settings.commit_interval;
  if (io->sequence == io->synced || (!now && time - io->synced_at < interval)) return SP_SUCCESS;
  if (sp_sync_thread_start(io->sync, io->sequence)) {
    io->synced = io->sequence;
    io->synced_at = time;
    io->backlog.covered = io->backlog.written;
  }
  return SP_SUCCESS;
}

/* Whether the disk is behind by more than it may be. One slot may always wait while another is being synced. */
static bool is_behind(const io_rank *io) {
  const backlog *b = &io->backlog;
  const double waiting = (double)(b->written - b->durable);
  if (io->run->options->no_commit || io->sequence < io->durable + 2) return false;
  if (b->recent_bytes == 0) return waiting > UNKNOWN_BYTES;
  /* a sync may find that the one before has done its work: one alone does not tell the disk's rate */
  return waiting * b->recent_s > BACKLOG_S * b->recent_bytes;
}

static sp_status while_waiting(void *io_) {
  io_rank *io = io_;
  return commit(io, io->order != SP_IO_GO_ON);
}

/* A place for a slot; -1: all are taken, or the disk is behind. */
static int find_place(const io_rank *io) {
  for (int i = 0; i < MAX_PENDING && !is_behind(io); i++) {
    if (!io->pending[i].sequence) return i;
  }
  return -1;
}

/* Takes a place for a slot that was written, waiting for the disk while all are taken or it is behind. */
static sp_status reserve_place(io_rank *io, int *place) {
  sp_backoff backoff = {0};
  sp_activity_set(&io->run->activity, "waits for the disk");
  while ((*place = find_place(io)) < 0) {
    SP_TRY(commit(io, !io->run->options->no_commit));
    sp_backoff_sleep(&backoff);
  }
  return SP_SUCCESS;
}

static sp_status note_written(io_rank *io, sp_slot *slot, uint64_t bytes) {
  int i = 0;
  SP_TRY(reserve_place(io, &i));
  sp_durable_message *message = sp_outbox_buffer(io->durable_messages, (size_t)i);
  *message = (sp_durable_message){
      .task = slot->task, .first_unit = slot->first_unit, .n_units = slot->n_units, .n_chunks = slot->n_chunks};
  sp_chunk *chunks = (sp_chunk *)(message + 1);
  memcpy(chunks, sp_slot_chunks(io->run->window, slot), slot->n_chunks * sizeof *chunks);
  memcpy(chunks + slot->n_chunks, sp_slot_figures(io->run->window, slot), slot->n_units * io->record_bytes);
  if (!has_aggregators(io)) io->sequence++;
  io->pending[i] = (pending){.sequence = io->sequence, .n_units = slot->n_units, .n_chunks = slot->n_chunks};
  io->backlog.written += bytes;
  return SP_SUCCESS;
}

/* --- slots ----------------------------------------------------------------------------------------------- */

/* Of a plane whose whole chunks are packed, the rows before the first and behind the last of them. */
static sp_status write_seams(io_rank *io, sp_slot *slot, int p, uint64_t *bytes) {
  const sp_window_shape *window = &io->run->plan.shape.window;
  const sp_box box = *sp_slot_boxes(io->run->window, slot);
  const char *rows = sp_slot_rows(io->run->window, slot, p);
  const uint64_t length = window->chunk_rows[p], end = box.first_row + box.n_rows;
  uint64_t first;
  const uint64_t whole = sp_whole_chunks(length, box.first_row, box.n_rows, &first);
  const uint64_t head = whole ? first * length : end, tail = whole ? (first + whole) * length : end;
  if (head > box.first_row) {
    SP_TRY(sp_plane_write(&io->planes[p], box.first_row, (sp_local)(head - box.first_row), rows));
  }
  if (end > tail) {
    const char *from = rows + (tail - box.first_row) * window->row_bytes[p];
    SP_TRY(sp_plane_write(&io->planes[p], tail, (sp_local)(end - tail), from));
  }
  *bytes += (head - box.first_row + end - tail) * window->row_bytes[p];
  return SP_SUCCESS;
}

/* Writes the rows of a plane where they belong. */
static sp_status write_plane(io_rank *io, sp_slot *slot, int p, uint64_t *bytes) {
  const sp_node_window *window = io->run->window;
  const sp_box *boxes = sp_slot_boxes(window, slot);
  const char *rows = sp_slot_rows(window, slot, p);
  const uint64_t stored = sp_dataset_file_row_bytes(sp_plane_dataset(&io->planes[p]));
  if (io->run->plan.shape.window.chunk_rows[p] && slot->n_boxes) return write_seams(io, slot, p, bytes);
  for (uint32_t b = 0; b < slot->n_boxes; b++) {
    const uint64_t first = boxes[b].first_row;
    const uint32_t n = boxes[b].n_rows;
    SP_TRY(sp_plane_write(&io->planes[p], first, n, rows));
    rows += n * io->run->plan.shape.window.row_bytes[p];
    *bytes += n * stored;
  }
  return SP_SUCCESS;
}

static sp_status write_planes(io_rank *io, sp_slot *slot, uint64_t *bytes) {
  sp_activity_set(&io->run->activity, "writes");
  SP_FAULT_POINT("before_write");
  for (int p = 0; p < io->run->plan.shape.window.n_planes; p++) {
    if (p) SP_FAULT_POINT("between_writes");
    SP_TRY(write_plane(io, slot, p, bytes));
  }
  for (uint32_t i = 0; i < slot->n_chunks; i++) *bytes += sp_slot_chunks(io->run->window, slot)[i].bytes;
  return io->chunks ? sp_chunk_file_write(io->chunks, io->run->window, slot) : SP_SUCCESS;
}

/* The slot was written, from `start` on: it is free again. */
static sp_status end_slot(io_rank *io, sp_slot *slot, double start, uint64_t bytes) {
  sp_stage_add(&io->run->times, SP_STAGE_WRITE, sp_now() - start, bytes);
  SP_FAULT_POINT("after_write");
  SP_TRY(note_written(io, slot, bytes));
  sp_slot_set_full(slot, false);
  return SP_SUCCESS;
}

static sp_status write_slot(io_rank *io, sp_slot *slot) {
  const double start = sp_now();
  uint64_t bytes = 0;
  SP_TRY(write_planes(io, slot, &bytes));
  return end_slot(io, slot, start, bytes);
}

/* A slot that is full, of each worker in turn; NULL where none is. A worker fills its slots in order. */
static sp_slot *find_full(io_rank *io) {
  for (int i = 1; i <= io->n_workers; i++) {
    const int k = (io->last_served + i) % io->n_workers;
    sp_slot *slot = sp_node_window_slot(io->run->window, io->workers[k], io->n_slots[k]);
    if (!sp_slot_is_full(slot)) continue;
    io->n_slots[k]++;
    io->last_served = k;
    return slot;
  }
  return NULL;
}

static sp_status receive_orders(io_rank *io) {
  for (int from = 0; from >= 0;) {
    sp_io_message message;
    SP_TRY(sp_message_poll(io->roles->world.comm, 0, SP_TAG_DEAL, &message, sizeof message, &from));
    if (from >= 0) io->order = (sp_io_order)message.order;
  }
  return SP_SUCCESS;
}

/* A step with a slot, or with NULL. */
static sp_status write_step(io_rank *io, sp_slot *slot) {
  const double start = sp_now();
  const bool on_disk = io->durable == io->sequence && reportable(io) == io->sequence;
  sp_collective_news news = {.stays = slot || io->order != SP_IO_END || !on_disk, .durable = io->durable};
  const sp_box box = slot && slot->n_boxes ? *sp_slot_boxes(io->run->window, slot) : (sp_box){0};
  sp_collective_rows own = {.n_planes = io->run->plan.shape.window.n_planes, .first = box.first_row, .n = box.n_rows};
  bool independent;
  for (int p = 0; p < own.n_planes; p++) {
    own.plane[p].dataset = sp_plane_dataset(&io->planes[p]);
    own.plane[p].rows = slot ? sp_slot_rows(io->run->window, slot, p) : NULL;
  }
  sp_activity_set(&io->run->activity, slot ? "writes with the other I/O ranks" : "meets the other I/O ranks");
  if (slot) SP_FAULT_POINT("before_write");
  SP_TRY(sp_collective_write(io->together, &own, &news, &independent));
  io->stays = news.stays;
  io->all_durable = news.durable;
  uint64_t bytes = 0;
  if (slot && independent) {
    SP_TRY(write_planes(io, slot, &bytes));
  } else {
    for (int p = 0; p < own.n_planes; p++) bytes += own.n * sp_dataset_file_row_bytes(own.plane[p].dataset);
  }
  if (has_aggregators(io) && news.step) io->sequence = news.step;
  return slot ? end_slot(io, slot, start, bytes) : SP_SUCCESS;
}

/* Steps, until all I/O ranks are at the end. */
static sp_status write_together(io_rank *io) {
  sp_backoff backoff = {0};
  double idle_since = sp_now();
  while (true) {
    SP_TRY(receive_orders(io));
    sp_slot *slot = find_place(io) >= 0 ? find_full(io) : NULL;
    if (slot) sp_stage_add(&io->run->times, SP_STAGE_WAIT, sp_now() - idle_since, 0);
    SP_TRY(write_step(io, slot));
    SP_TRY(commit(io, !slot && io->order != SP_IO_GO_ON));
    if (!io->stays) return SP_SUCCESS;
    if (slot) {
      idle_since = sp_now();
      sp_backoff_reset(&backoff);
    } else {
      sp_backoff_sleep(&backoff);
    }
  }
}

/* Until rank 0 says that it is the end, which it does when it has heard of all, and all is on the disk. */
static sp_status write_slots(io_rank *io) {
  sp_backoff backoff = {0};
  double idle_since = sp_now();
  while (true) {
    SP_TRY(receive_orders(io));
    sp_slot *slot = find_full(io);
    if (slot) {
      sp_stage_add(&io->run->times, SP_STAGE_WAIT, sp_now() - idle_since, 0);
      SP_TRY(write_slot(io, slot));
      SP_TRY(commit(io, false));
      idle_since = sp_now();
      sp_backoff_reset(&backoff);
      continue;
    }
    if (io->order == SP_IO_END && io->durable == io->sequence) return SP_SUCCESS;
    const bool drains = io->order != SP_IO_GO_ON;
    sp_activity_set(&io->run->activity, drains && io->sequence > io->durable
                                            ? "waits for the disk to have the last of it"
                                            : "waits for a worker's results");
    SP_TRY(commit(io, drains));
    sp_backoff_sleep(&backoff);
  }
}

sp_status sp_write_behind(sp_run_context *run) {
  io_rank io = {0};
  sp_status status = create(&io, run);
  status = sp_agree(run->roles->world.comm, status);
  if (status == SP_SUCCESS) {
    status = io.together ? write_together(&io) : write_slots(&io);
    if (status != SP_SUCCESS) sp_run_abort(run, status); /* the others would wait for ever */
  }
  destroy(&io);
  return status;
}
