/* The coordinator: deals ranges in rounds, a few rounds ahead of what is computed; keeps count of what is on the disk;
 * shows how far the job is. It touches no sample. */
#include <string.h>

#include "seisproc/deal.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/stop.h"
#include "src/base/fault.h"
#include "src/run/deadline.h"
#include "src/run/history.h"
#include "src/run/messages.h"
#include "src/run/progress.h"
#include "src/run/quarantine.h"
#include "src/run/run_context.h"

typedef struct coordinator {
  sp_run_context *run;
  const sp_roles *roles;
  const sp_gather_index *index; /* borrowed */
  sp_journal *journal;          /* borrowed; NULL: none is kept */
  bool journal_durable;
  sp_inflight *inflight; /* borrowed */
  sp_dealer *dealer;
  sp_alone alone;                   /* gathers that are dealt one by one */
  int *worker_ranks;                /* [n_workers]: world rank by worker's index */
  double *speed;                    /* [n_workers], traces/s; 0: not known */
  sp_range *ranges;                 /* [n_workers] of the round being dealt */
  sp_reason *set_aside;             /* [n_workers], of these ranges */
  sp_stage_times *times;            /* [n_workers], as last reported */
  uint64_t n_dealt;                 /* rounds, without the last, empty one */
  uint64_t n_computed;              /* rounds that every worker has computed */
  int outstanding[SP_ROUNDS_AHEAD]; /* reports that are still to come of a dealt round */
  bool ended;                       /* the last round was dealt */
  sp_outbox *deals;                 /* a buffer a rank and round ahead, one more for the last */
  void *inbox;
  size_t inbox_bytes;
  sp_global dealt_gathers, durable_gathers, durable_traces; /* with those of earlier runs */
  sp_gather_result *results;                                /* [n_gathers]; borrowed */
  sp_progress progress;
  sp_deadline deadline;
  sp_status verdict; /* why dealing stopped early */
  double stopped_at; /* when the verdict was SP_STOPPED */
} coordinator;

enum { N_BUFFERS = SP_ROUNDS_AHEAD + 1 };

/* A job that was asked to stop takes so long, and a commit interval, for what is in flight; what is not on the disk by
 * then is given up. */
static const double stop_s = 9;

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

/* A gather ends the job only where the job says so. */
static void check_result(coordinator *c, sp_global gather, const sp_gather_result *result) {
  if (c->run->job->settings.on_error != SP_ON_ERROR_ABORT || c->verdict != SP_SUCCESS) return;
  if (result->reason <= SP_REASON_DEAD_TRACES) return;
  c->verdict = SP_RAISE(SP_ERR_INPUT, "gather %llu (key %lld) cannot be processed: %s; on_error is abort",
                        (unsigned long long)gather, c->index->key ? (long long)c->index->key[gather] : 0LL,
                        sp_reason_name((sp_reason)result->reason));
}

static void count_earlier(coordinator *c, const sp_journal_contents *earlier) {
  c->dealt_gathers = c->durable_gathers = earlier->n_done;
  for (sp_global g = 0; earlier->n_done && g < c->index->n_gathers; g++) {
    if (!earlier->done[g]) continue;
    c->durable_traces += c->index->first_trace[g + 1] - c->index->first_trace[g];
    check_result(c, g, &earlier->results[g]);
  }
}

static sp_status create_dealer(coordinator *c, const sp_beginning *start) {
  const sp_run_shape *shape = &c->run->shape;
  uint8_t *done = NULL;
  SP_TRY(sp_calloc(c->index->n_gathers + 1, 1, "the gathers done", (void **)&done));
  if (start->earlier.done) memcpy(done, start->earlier.done, c->index->n_gathers);
  sp_status status = sp_alone_find(c->run->history_path, c->index, done, &c->alone);
  const sp_deal_config config = {.n_workers = c->roles->n_workers,
                                 .max_traces = shape->slab_traces,
                                 .max_gathers = shape->slab_gathers,
                                 .min_traces = shape->slab_traces / 8};
  if (status == SP_SUCCESS) status = sp_dealer_create(c->index, &config, done, &c->dealer);
  sp_free(done);
  return status;
}

static sp_status create(coordinator *c, sp_run_context *run, sp_beginning *start) {
  const sp_roles *roles = run->roles;
  const sp_run_shape *shape = &run->shape;
  const size_t n = (size_t)roles->n_workers;
  c->run = run;
  c->roles = roles;
  c->index = start->index;
  c->journal = start->journal;
  c->journal_durable = true;
  c->results = start->results;
  count_earlier(c, &start->earlier);
  c->inflight = start->inflight;
  SP_TRY(create_dealer(c, start));
  SP_TRY(sp_calloc(n, sizeof(int), "the workers' ranks", (void **)&c->worker_ranks));
  SP_TRY(sp_calloc(n, sizeof(double), "the workers' speeds", (void **)&c->speed));
  SP_TRY(sp_calloc(n, sizeof(sp_range), "a round", (void **)&c->ranges));
  SP_TRY(sp_calloc(n, sizeof(sp_reason), "a round", (void **)&c->set_aside));
  SP_TRY(sp_calloc(n, sizeof(sp_stage_times), "the workers' times", (void **)&c->times));
  for (int r = 0; r < roles->size; r++) {
    if (roles->members[r].role == SP_ROLE_WORKER) c->worker_ranks[roles->members[r].index] = r;
  }
  const size_t deal_bytes = larger(sizeof(sp_deal_message) + (shape->slab_gathers + 1) * sizeof(sp_local),
                                   sizeof(sp_round_message) + n * sizeof(sp_range));
  SP_TRY(sp_outbox_create(roles->world, SP_TAG_DEAL, (size_t)roles->size * N_BUFFERS, deal_bytes, &c->deals));
  c->inbox_bytes =
      larger(sizeof(sp_report_message), sizeof(sp_durable_message) + shape->slab_gathers * sizeof(sp_gather_result));
  return sp_alloc(c->inbox_bytes, "messages", &c->inbox);
}

static void destroy(coordinator *c) {
  sp_outbox_destroy(c->deals);
  sp_dealer_destroy(c->dealer);
  sp_alone_free(&c->alone);
  sp_free(c->worker_ranks);
  sp_free(c->speed);
  sp_free(c->ranges);
  sp_free(c->set_aside);
  sp_free(c->times);
  sp_free(c->inbox);
}

/* --- dealing --------------------------------------------------------------------------------------------- */

/* The buffer for a rank's next message. */
static size_t next_buffer(const coordinator *c, int rank) {
  return (size_t)rank * N_BUFFERS + c->n_dealt % N_BUFFERS;
}

/* Whether the buffers of the next round have all left since their last use. Dealing never waits for that: whoever is
 * slow to receive may itself be waiting to be heard. */
static bool buffers_are_free(coordinator *c) {
  for (int r = 1; r < c->roles->size; r++) {
    if (!sp_outbox_is_free(c->deals, next_buffer(c, r))) return false;
  }
  return true;
}

static sp_status send_deal(coordinator *c, int worker, bool alone, bool last) {
  const int rank = c->worker_ranks[worker];
  const size_t i = next_buffer(c, rank);
  const sp_range range = c->ranges[worker];
  sp_deal_message *deal = sp_outbox_buffer(c->deals, i);
  *deal = (sp_deal_message){
      .round = c->n_dealt, .last = last, .alone = alone, .set_aside = c->set_aside[worker], .range = range};
  sp_local *first_trace = (sp_local *)(deal + 1);
  first_trace[0] = 0;
  for (sp_local g = 1; g <= range.n_gathers; g++) {
    first_trace[g] = (sp_local)(c->index->first_trace[range.first_gather + g] - range.first_trace);
  }
  return sp_outbox_send(c->deals, i, sizeof *deal + (range.n_gathers + 1) * sizeof(sp_local), rank);
}

/* An I/O rank hears of the ranges of its own workers. */
static sp_status send_round(coordinator *c, int rank, bool last) {
  const size_t i = next_buffer(c, rank);
  sp_round_message *round = sp_outbox_buffer(c->deals, i);
  sp_range *ranges = (sp_range *)(round + 1);
  *round = (sp_round_message){.round = c->n_dealt, .last = last};
  for (int w = 0; w < c->roles->n_workers; w++) {
    if (c->roles->members[c->worker_ranks[w]].io_rank == rank) ranges[round->n_ranges++] = c->ranges[w];
  }
  return sp_outbox_send(c->deals, i, sizeof *round + (size_t)round->n_ranges * sizeof(sp_range), rank);
}

/* A round of gathers that are dealt one by one; false when none is left. */
static bool deal_alone(coordinator *c) {
  bool any = false;
  memset(c->ranges, 0, (size_t)c->roles->n_workers * sizeof(sp_range));
  for (int w = 0; w < c->roles->n_workers && c->alone.next < c->alone.n; w++) {
    const sp_alone_gather *gather = &c->alone.gathers[c->alone.next++];
    c->ranges[w] = sp_gather_index_range(c->index, gather->gather, 1);
    c->set_aside[w] = gather->set_aside;
    any = true;
  }
  return any;
}

/* Deals one round to everybody; the last one is empty. */
static sp_status deal_round(coordinator *c) {
  SP_FAULT_POINT("before_deal");
  memset(c->set_aside, 0, (size_t)c->roles->n_workers * sizeof(sp_reason));
  const bool goes_on = c->verdict == SP_SUCCESS, dealt = goes_on && sp_dealer_next(c->dealer, c->speed, c->ranges);
  const bool alone = goes_on && !dealt && deal_alone(c), last = !dealt && !alone;
  if (last) memset(c->ranges, 0, (size_t)c->roles->n_workers * sizeof(sp_range));
  for (int w = 0; w < c->roles->n_workers; w++) sp_inflight_deal(c->inflight, c->worker_ranks[w], &c->ranges[w]);
  sp_inflight_flush(c->inflight);
  for (int w = 0; w < c->roles->n_workers; w++) SP_TRY(send_deal(c, w, alone, last));
  for (int r = 0; r < c->roles->size; r++) {
    if (c->roles->members[r].role == SP_ROLE_IO) SP_TRY(send_round(c, r, last));
  }
  if (last) {
    c->ended = true;
    return SP_SUCCESS;
  }
  int *outstanding = &c->outstanding[c->n_dealt % SP_ROUNDS_AHEAD];
  *outstanding = 0;
  for (int w = 0; w < c->roles->n_workers; w++) {
    *outstanding += c->ranges[w].n_gathers > 0;
    c->dealt_gathers += c->ranges[w].n_gathers;
  }
  sp_debug("dealt round %llu, %llu gathers so far", (unsigned long long)c->n_dealt,
           (unsigned long long)c->dealt_gathers);
  c->n_dealt++;
  sp_deadline_dealt(&c->deadline, c->dealt_gathers);
  return SP_SUCCESS;
}

/* Deals as far ahead as the workers' progress allows. */
static sp_status deal_ahead(coordinator *c) {
  while (c->n_computed < c->n_dealt && c->outstanding[c->n_computed % SP_ROUNDS_AHEAD] == 0) c->n_computed++;
  while (!c->ended && c->n_dealt - c->n_computed < SP_ROUNDS_AHEAD && buffers_are_free(c)) SP_TRY(deal_round(c));
  return SP_SUCCESS;
}

/* --- what comes back ------------------------------------------------------------------------------------- */

static void take_report(coordinator *c, int from) {
  const sp_report_message *report = c->inbox;
  const int worker = c->roles->members[from].index;
  c->outstanding[report->round % SP_ROUNDS_AHEAD]--;
  c->times[worker] = report->times;
  if (report->compute_s <= 0) return;
  /* the mean of now and before: one disturbed round does not upset the deal */
  const double speed = (double)report->n_traces / report->compute_s;
  c->speed[worker] = c->speed[worker] > 0 ? 0.5 * (c->speed[worker] + speed) : speed;
}

static sp_status take_durable(coordinator *c) {
  const sp_durable_message *message = c->inbox;
  const sp_range *range = &message->range;
  const sp_gather_result *results = (const sp_gather_result *)(message + 1);
  memcpy(c->results + range->first_gather, results, range->n_gathers * sizeof *results);
  for (sp_local g = 0; g < range->n_gathers; g++) check_result(c, range->first_gather + g, &results[g]);
  c->durable_gathers += range->n_gathers;
  c->durable_traces += range->n_traces;
  sp_deadline_durable(&c->deadline, c->durable_gathers);
  if (c->journal) {
    c->journal_durable = false;
    SP_FAULT_POINT("before_append");
    SP_TRY(sp_journal_append(c->journal, range, results));
    SP_FAULT_POINT("after_append");
  }
  sp_inflight_done(c->inflight, range);
  return SP_SUCCESS;
}

static sp_status receive(coordinator *c, bool *any) {
  int from;
  SP_TRY(sp_message_poll(c->roles->world, MPI_ANY_SOURCE, SP_TAG_REPORT, c->inbox, c->inbox_bytes, &from));
  if (from >= 0) {
    take_report(c, from);
    *any = true;
  }
  SP_TRY(sp_message_poll(c->roles->world, MPI_ANY_SOURCE, SP_TAG_DURABLE, c->inbox, c->inbox_bytes, &from));
  if (from >= 0) {
    SP_TRY(take_durable(c));
    *any = true;
  }
  return SP_SUCCESS;
}

/* Which stage the workers have spent most of their time waiting for. */
static const char *bottleneck(const coordinator *c) {
  static const sp_stage stages[] = {SP_STAGE_READ, SP_STAGE_COMPUTE, SP_STAGE_HAND_OVER};
  static const char *const names[] = {"read", "compute", "write"};
  double most = 0;
  const char *name = "the first slab";
  for (int i = 0; i < 3; i++) {
    double sum = 0;
    for (int w = 0; w < c->roles->n_workers; w++) sum += c->times[w].seconds[stages[i]];
    if (sum <= most) continue;
    most = sum;
    name = names[i];
  }
  return name;
}

/* A rank that ends the job has the launcher send signals to the others: those ask for nothing. */
static bool is_ending(const coordinator *c) {
  sp_last_run run;
  sp_history_last(c->run->history_path, 0, &run);
  return run.end != SP_END_NONE;
}

static void stop(coordinator *c) {
  c->verdict = SP_STOPPED;
  c->stopped_at = sp_now();
}

/* A stop that was asked for here, or that another rank was asked for and passed on; or one since time is up. */
static sp_status look_for_stop(coordinator *c) {
  int from, signal = sp_stop_signal();
  if (!signal) SP_TRY(sp_message_poll(c->roles->world, MPI_ANY_SOURCE, SP_TAG_STOP, &signal, sizeof signal, &from));
  if (c->verdict != SP_SUCCESS) return SP_SUCCESS;
  if (signal) {
    if (!is_ending(c)) {
      sp_info("asked to stop (signal %d): what is in flight is finished; the same command goes on", signal);
    }
    stop(c);
  } else if (!c->ended && sp_deadline_is_near(&c->deadline)) {
    sp_info("time is nearly up: what is in flight is finished; the same command goes on");
    stop(c);
  }
  return SP_SUCCESS;
}

/* A stop is not to take for ever, whatever the disk and the engines do. */
static void give_up_in_time(const coordinator *c) {
  if (c->verdict != SP_STOPPED) return;
  const double seconds = sp_now() - c->stopped_at;
  if (seconds < stop_s + c->run->job->settings.commit_interval) return;
  sp_info("%llu gathers are not on the disk %.0f s after the stop was asked for, and are given up",
          (unsigned long long)(c->dealt_gathers - c->durable_gathers), seconds);
  sp_run_abort(c->run, SP_STOPPED);
}

static sp_status run_rounds(coordinator *c) {
  sp_backoff backoff = {0};
  while (!c->ended || c->durable_gathers < c->dealt_gathers || !c->journal_durable) {
    bool any = false;
    SP_TRY(look_for_stop(c));
    give_up_in_time(c);
    SP_TRY(deal_ahead(c));
    SP_TRY(receive(c, &any));
    if (c->journal) SP_TRY(sp_journal_poll(c->journal, &c->journal_durable));
    if (any) sp_watch_progress(c->run->watch);
    sp_progress_show(&c->progress, c->durable_gathers, c->durable_traces, bottleneck(c));
    if (any) {
      sp_backoff_reset(&backoff);
    } else {
      sp_inflight_flush(c->inflight);
      sp_backoff_sleep(&backoff);
    }
  }
  return SP_SUCCESS;
}

sp_status sp_coordinate(sp_run_context *run, sp_beginning *start) {
  coordinator c = {0};
  sp_status status = create(&c, run, start);
  status = sp_agree(run->roles->world, status);
  if (status == SP_SUCCESS) {
    const double out = run->job->settings.mode == SP_MODE_BOTH ? 2 : 1;
    sp_progress_start(&c.progress, run->options->quiet, c.index->n_gathers, c.index->n_traces, c.durable_gathers,
                      c.durable_traces, (1 + out) * run->shape.n_samples * sizeof(float));
    sp_deadline_start(&c.deadline, run->job->settings.max_time);
    sp_watch_doing(run->watch, "waits for what is in flight");
    status = run_rounds(&c);
    sp_progress_end(&c.progress, c.durable_gathers, c.durable_traces);
    if (status != SP_SUCCESS) sp_run_abort(run, status); /* the others would wait for ever */
    /* a stop that came when all was done is none; an abort stands */
    if (c.verdict != SP_STOPPED || c.durable_gathers < c.index->n_gathers) status = c.verdict;
  }
  start->n_durable = c.durable_gathers;
  destroy(&c);
  return status;
}
