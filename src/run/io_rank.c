/* An I/O rank: warms the file cache for the ranges to come, writes its workers' slots behind them, and reports ranges
 * once they are on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/survey_file.h"
#include "seisproc/trace_store.h"
#include "src/base/fault.h"
#include "src/run/messages.h"
#include "src/run/run_context.h"
#include "src/run/sync_thread.h"

/* Ranges that are written but not yet on the disk: more than these, and writing waits for the disk. It does so, too,
 * when the disk would need longer than BACKLOG_S for what is waiting, so that a job on a slow disk stops soon when it
 * is asked to, and loses little when it is cut off. How fast the disk is tells the first sync, which comes at once;
 * until it has ended no more than UNKNOWN_BYTES wait. */
enum { MAX_PENDING = 64, BACKLOG_S = 3, UNKNOWN_BYTES = 512 << 20 };

/* A range that was written, waiting to be durable. Its message lies in the outbox under the same number. */
typedef struct pending {
  uint64_t sequence; /* 0: this place is free */
  bool sent;
  sp_local n_gathers;
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
  sp_trace_sink *traces, *noise;
  int lock_fd; /* marks this rank as a writer */
  sp_survey *input;
  sp_trace_source *input_traces; /* for read-ahead; NULL: none */
  int *workers;                  /* [n_workers]: world ranks of those it serves */
  uint64_t *n_slabs;             /* [n_workers]: written so far of each */
  int n_workers;
  char *rounds; /* messages received and not yet written, a ring */
  uint64_t ring;
  size_t round_bytes;
  uint64_t n_received, n_written; /* rounds */
  sp_sync_thread *sync;
  double synced_at;
  uint64_t sequence, synced, durable; /* ranges written; covered by the sync under way or done; on the disk */
  backlog backlog;
  pending pending[MAX_PENDING];
  sp_outbox *durable_messages;
} io_rank;

/* --- making and unmaking --------------------------------------------------------------------------------- */

static sp_status find_workers(io_rank *io) {
  const sp_roles *roles = io->roles;
  void *ranks = NULL, *slabs = NULL;
  SP_TRY(sp_calloc((size_t)roles->n_workers, sizeof(int), "the workers of an I/O rank", &ranks));
  io->workers = ranks;
  SP_TRY(sp_calloc((size_t)roles->n_workers, sizeof(uint64_t), "the workers of an I/O rank", &slabs));
  io->n_slabs = slabs;
  for (int r = 0; r < roles->size; r++) {
    if (roles->members[r].io_rank == roles->rank) io->workers[io->n_workers++] = r;
  }
  return SP_SUCCESS;
}

static sp_status open_output(io_rank *io) {
  sp_status status = sp_lock_join(io->run->lock_path, &io->lock_fd);
  SP_TRY(sp_agree(io->roles->peers, status));
  status = sp_survey_open(io->roles->peers, io->run->part_path, true, &io->survey);
  SP_TRY(sp_agree(io->roles->peers, status));
  const bool direct = io->run->job->settings.direct_io;
  SP_TRY(sp_trace_sink_open(io->survey, "/traces", direct, &io->traces));
  if (io->run->job->settings.mode == SP_MODE_BOTH) {
    SP_TRY(sp_trace_sink_open(io->survey, "/noise", direct, &io->noise));
  }
  return sp_sync_thread_create(io->run->part_path, &io->sync);
}

/* Read-ahead is a help, not a need: without it the job runs all the same. */
static void open_read_ahead(io_rank *io) {
  if (sp_survey_open(MPI_COMM_NULL, io->run->job->input, false, &io->input) != SP_SUCCESS) return;
  if (sp_trace_source_open(io->input, "/traces", &io->input_traces) != SP_SUCCESS) io->input_traces = NULL;
}

static sp_status create(io_rank *io, sp_run_context *run) {
  io->run = run;
  io->roles = run->roles;
  io->lock_fd = -1;
  open_read_ahead(io);
  SP_TRY(find_workers(io));
  SP_TRY(open_output(io));
  io->ring = (uint64_t)run->shape.n_slots + SP_ROUNDS_AHEAD + 1;
  io->round_bytes = sizeof(sp_round_message) + (size_t)io->n_workers * sizeof(sp_range);
  SP_TRY(sp_calloc(io->ring, io->round_bytes, "rounds", (void **)&io->rounds));
  io->synced_at = sp_now();
  const size_t bytes = sizeof(sp_durable_message) + run->shape.slab_gathers * sizeof(sp_gather_result);
  return sp_outbox_create(run->roles->world, SP_TAG_DURABLE, MAX_PENDING, bytes, &io->durable_messages);
}

static void destroy(io_rank *io) {
  sp_outbox_destroy(io->durable_messages);
  if (io->sync) {
    sp_stage_times *times = &io->run->times;
    times->seconds[SP_STAGE_FLUSH] = sp_sync_thread_seconds(io->sync);
    times->count[SP_STAGE_FLUSH] = sp_sync_thread_count(io->sync);
  }
  sp_sync_thread_destroy(io->sync);
  sp_trace_sink_close(io->noise);
  sp_trace_sink_close(io->traces);
  sp_survey_close(io->survey);
  sp_trace_source_close(io->input_traces);
  sp_survey_close(io->input);
  if (io->lock_fd >= 0) close(io->lock_fd);
  sp_free(io->rounds);
  sp_free(io->n_slabs);
  sp_free(io->workers);
}

/* --- commit ---------------------------------------------------------------------------------------------- */

/* Sends what may be told of, forgets what was sent. */
static sp_status report_durable(io_rank *io, uint64_t durable) {
  for (int i = 0; i < MAX_PENDING; i++) {
    pending *p = &io->pending[i];
    if (p->sent && sp_outbox_is_free(io->durable_messages, (size_t)i)) *p = (pending){0};
    if (p->sequence == 0 || p->sent || p->sequence > durable) continue;
    const size_t bytes = sizeof(sp_durable_message) + p->n_gathers * sizeof(sp_gather_result);
    SP_FAULT_POINT("before_report");
    SP_TRY(sp_outbox_send(io->durable_messages, (size_t)i, bytes, 0));
    SP_FAULT_POINT("after_report");
    p->sent = true;
  }
  return SP_SUCCESS;
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

/* Starts a sync when one is due, or at once where `now` says so; reports what earlier ones made durable. */
static sp_status commit(io_rank *io, bool now) {
  const bool no_commit = io->run->options->no_commit;
  SP_TRY(sp_pass_stop_on(io->run));
  SP_TRY(look_at_sync(io));
  SP_TRY(report_durable(io, no_commit ? io->sequence : io->durable));
  const double time = sp_now();
  const bool first = io->backlog.recent_bytes == 0;
  const double interval = no_commit ? INFINITY : first ? 0 : io->run->job->settings.commit_interval;
  if (io->sequence == io->synced || (!now && time - io->synced_at < interval)) return SP_SUCCESS;
  if (sp_sync_thread_start(io->sync, io->sequence)) {
    io->synced = io->sequence;
    io->synced_at = time;
    io->backlog.covered = io->backlog.written;
  }
  return SP_SUCCESS;
}

/* Whether the disk is behind by more than it may be. One range may always wait while another is being synced. */
static bool is_behind(const io_rank *io) {
  const backlog *b = &io->backlog;
  const double waiting = (double)(b->written - b->durable);
  if (io->run->options->no_commit || io->sequence < io->durable + 2) return false;
  if (b->recent_bytes == 0) return waiting > UNKNOWN_BYTES;
  /* a sync may find that the one before has done its work: one alone does not tell the disk's rate */
  return waiting * b->recent_s > BACKLOG_S * b->recent_bytes;
}

/* Takes a place for a range that was written, waiting for the disk while all are taken or it is behind. */
static sp_status take_place(io_rank *io, int *place) {
  sp_backoff backoff = {0};
  sp_watch_doing(io->run->watch, "waits for the disk");
  while (true) {
    for (int i = 0; i < MAX_PENDING && !is_behind(io); i++) {
      if (io->pending[i].sequence) continue;
      *place = i;
      return SP_SUCCESS;
    }
    SP_TRY(commit(io, !io->run->options->no_commit));
    sp_backoff_sleep(&backoff);
  }
}

/* Bytes that a range has in the output. */
static uint64_t slab_bytes(const io_rank *io, const sp_range *range) {
  return (uint64_t)range->n_traces * io->run->shape.n_samples * sizeof(float) * (io->noise ? 2 : 1);
}

static sp_status note_written(io_rank *io, sp_slot *slot) {
  int i = 0;
  SP_TRY(take_place(io, &i));
  sp_durable_message *message = sp_outbox_buffer(io->durable_messages, (size_t)i);
  message->range = slot->range;
  memcpy(message + 1, sp_slot_results(io->run->window, slot), slot->range.n_gathers * sizeof(sp_gather_result));
  io->pending[i] = (pending){.sequence = ++io->sequence, .n_gathers = slot->range.n_gathers};
  io->backlog.written += slab_bytes(io, &slot->range);
  return SP_SUCCESS;
}

/* --- rounds ---------------------------------------------------------------------------------------------- */

static sp_round_message *round_at(const io_rank *io, uint64_t i) {
  return (sp_round_message *)(io->rounds + io->round_bytes * (i % io->ring));
}

/* Takes in the rounds that have been dealt. */
static sp_status receive_rounds(io_rank *io, bool *last) {
  for (int from = 0; from >= 0 && io->n_received - io->n_written < io->ring;) {
    sp_round_message *round = round_at(io, io->n_received);
    SP_TRY(sp_message_poll(io->roles->world, 0, SP_TAG_DEAL, round, io->round_bytes, &from));
    if (from < 0) break;
    io->n_received++;
    *last |= round->last != 0;
    const sp_range *ranges = (const sp_range *)(round + 1);
    for (int i = 0; io->input_traces && i < round->n_ranges; i++) {
      sp_trace_source_prefetch(io->input_traces, ranges[i].first_trace, ranges[i].n_traces);
    }
  }
  return SP_SUCCESS;
}

/* Waits until worker k's slot is full. */
static sp_status wait_for_slot(io_rank *io, int k, sp_slot **out, bool *last) {
  const double start = sp_now();
  sp_slot *slot = sp_node_window_slot(io->run->window, io->workers[k], io->n_slabs[k]++);
  sp_backoff backoff = {0};
  sp_watch_doing(io->run->watch, "waits for a worker's results");
  while (!sp_slot_is_full(slot)) {
    SP_TRY(receive_rounds(io, last));
    SP_TRY(commit(io, false));
    sp_backoff_sleep(&backoff);
  }
  sp_stage_add(&io->run->times, SP_STAGE_WAIT, sp_now() - start, 0);
  *out = slot;
  return SP_SUCCESS;
}

static sp_status write_slot(io_rank *io, sp_slot *slot) {
  const double start = sp_now();
  const sp_range *range = &slot->range;
  sp_watch_doing(io->run->watch, "writes");
  const sp_node_window *window = io->run->window;
  SP_FAULT_POINT("before_write");
  SP_TRY(
      sp_trace_sink_write_independent(io->traces, range->first_trace, range->n_traces, sp_slot_traces(window, slot)));
  SP_FAULT_POINT("between_writes");
  if (io->noise) {
    SP_TRY(
        sp_trace_sink_write_independent(io->noise, range->first_trace, range->n_traces, sp_slot_noise(window, slot)));
  }
  sp_stage_add(&io->run->times, SP_STAGE_WRITE, sp_now() - start, slab_bytes(io, range));
  return SP_SUCCESS;
}

static sp_status write_round(io_rank *io, const sp_round_message *round, bool *last) {
  const sp_range *ranges = (const sp_range *)(round + 1);
  for (int k = 0; k < io->n_workers; k++) {
    if (ranges[k].n_gathers == 0) continue;
    sp_slot *slot = NULL;
    SP_TRY(wait_for_slot(io, k, &slot, last));
    SP_TRY(write_slot(io, slot));
    SP_FAULT_POINT("after_write");
    SP_TRY(note_written(io, slot));
    sp_slot_set_full(slot, false);
    SP_TRY(commit(io, false));
  }
  return SP_SUCCESS;
}

static bool all_reported(const io_rank *io) {
  if (io->durable < io->sequence) return false;
  for (int i = 0; i < MAX_PENDING; i++) {
    if (io->pending[i].sequence) return false;
  }
  return true;
}

static sp_status run_rounds(io_rank *io) {
  sp_backoff backoff = {0};
  bool last = false;
  while (!last || io->n_written < io->n_received) {
    SP_TRY(receive_rounds(io, &last));
    if (io->n_written == io->n_received) {
      sp_watch_doing(io->run->watch, "waits to hear of a round");
      SP_TRY(commit(io, false));
      sp_backoff_sleep(&backoff);
      continue;
    }
    sp_backoff_reset(&backoff);
    const sp_round_message *round = round_at(io, io->n_written);
    if (!round->last) SP_TRY(write_round(io, round, &last));
    io->n_written++;
  }
  sp_watch_doing(io->run->watch, "waits for the disk to have the last of it");
  while (!all_reported(io)) {
    SP_TRY(commit(io, true));
    sp_backoff_sleep(&backoff);
  }
  return SP_SUCCESS;
}

sp_status sp_write_behind(sp_run_context *run) {
  io_rank io = {0};
  sp_status status = create(&io, run);
  status = sp_agree(run->roles->world, status);
  if (status == SP_SUCCESS) {
    status = run_rounds(&io);
    if (status != SP_SUCCESS) sp_run_abort(run, status); /* the others would wait for ever */
  }
  destroy(&io);
  return status;
}
