/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/repair.h"

#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/meter.h"
#include "seisproc/share.h"
#include "seisproc/side_file.h"
#include "seisproc/stop.h"
#include "src/base/fault.h"
#include "src/flow/left_work.h"
#include "src/index/spots.h"
#include "src/run/deadline.h"
#include "src/run/history.h"

/* What an earlier run left, open to be read again. */
typedef struct left_output {
  sp_left_work work;
  char *packed_path;
  sp_left_reader *reader;
} left_output;

static void close_left(left_output *o) {
  if (o->reader) o->reader->close(o->reader);
  sp_free(o->packed_path);
}

/* Borrows all. Where it fails, *o is to be closed too. */
static sp_status open_left(const sp_flow_plan *plan, const char *part_path, const sp_journal_contents *journal,
                           sp_activity *activity, left_output *o) {
  *o = (left_output){0};
  SP_TRY(sp_side_path(plan->job->output, SP_SIDE_PACKED, &o->packed_path));
  o->work = (sp_left_work){.part_path = part_path,
                           .packed_path = o->packed_path,
                           .done = journal->done,
                           .figures = journal->figures,
                           .chunks = journal->chunks,
                           .n_chunks = journal->n_chunks,
                           .chunk_rows = journal->chunk_rows,
                           .activity = activity};
  return plan->flow->open_left(plan, &o->work, &o->reader);
}

/* --- a few units --------------------------------------------------------------------------------------------- */

/* What reading units again has shown. */
typedef struct tally {
  uint64_t n_read, n_differ, first; /* first: unit that differs */
  char what[SP_RECHECK_WHAT];       /* is wrong with that; "": another rank knows */
} tally;

static sp_status check_tally(const sp_flow_plan *plan, const char *part_path, const tally *t) {
  char name[64];
  if (2 * t->n_differ < t->n_read || t->n_differ == 0) return SP_SUCCESS;
  plan->flow->describe(plan, t->first, name, sizeof name);
  return SP_RAISE(SP_ERR_INPUT,
                  "%s: %s is not what the job's journal says of it%s%s%s; so it is with %llu of the %llu %ss that were "
                  "compared, and the file is another one or was changed since; with the right file back the same "
                  "command goes on, --restart starts over",
                  part_path, name, t->what[0] ? " (" : "", t->what, t->what[0] ? ")" : "",
                  (unsigned long long)t->n_differ, (unsigned long long)t->n_read, plan->shape.unit);
}

static uint64_t bytes_of_unit(const void *reader_, uint64_t unit) {
  const sp_left_reader *reader = reader_;
  return reader->bytes(reader, unit, false);
}

static void check_spots(sp_left_reader *reader, const uint8_t *done, uint64_t n_units, tally *t) {
  uint64_t units[SP_SPOTS];
  const uint64_t n = n_units - reader->first_unit;
  const int n_spots = sp_spots(done, reader->first_unit, n, bytes_of_unit, reader, units);
  for (int i = 0; i < n_spots; i++) {
    sp_left_finding found;
    reader->check(reader, units[i], false, &found);
    t->n_read++;
    if (!found.differs) continue;
    if (t->n_differ++ > 0) continue;
    t->first = units[i];
    memcpy(t->what, found.what, sizeof t->what);
  }
}

sp_status sp_repair_look(const sp_flow_plan *plan, const char *part_path, const sp_journal_contents *found,
                         bool *damaged) {
  tally t = {0};
  left_output o;
  *damaged = false;
  if (!plan->flow->open_left || found->n_done == 0) return SP_SUCCESS;
  /* chunks of another size are refused when the file is opened */
  if (found->n_chunks && found->chunk_rows != plan->shape.window.chunk_rows[0]) return SP_SUCCESS;
  sp_status status = open_left(plan, part_path, found, NULL, &o);
  if (status == SP_SUCCESS) {
    check_spots(o.reader, found->done, plan->shape.n_units, &t);
    status = check_tally(plan, part_path, &t);
  }
  close_left(&o);
  *damaged = t.n_differ > 0;
  return status;
}

/* --- all units ----------------------------------------------------------------------------------------------- */

/* All that is done, compared by all ranks: in turns, so that none goes on for long where one is asked to stop. */
typedef struct comparison {
  sp_run_context *run;
  const sp_ranks *world;
  sp_journal_contents journal; /* as this rank reads it */
  left_output output;
  uint8_t *differs;     /* [n_units] */
  uint64_t next, left;  /* the next unit to look at; units of this rank's share that are to be compared */
  uint64_t all, done;   /* units of all ranks; that are compared */
  uint64_t bytes, read; /* read by this rank; by all */
  sp_meter meter;
  sp_deadline deadline;
} comparison;

static const double turn_s = 1;

/* This rank's share of the units that are done: consecutive ones, but for those that are not. */
static void set_share(comparison *c) {
  const uint64_t n = c->run->plan.shape.n_units, first_unit = c->output.reader->first_unit;
  const uint8_t *done = c->journal.done;
  for (uint64_t u = first_unit; u < n; u++) c->all += done[u] != 0;
  const sp_share share = sp_ranks_share(c->world, c->all);
  c->left = share.count;
  c->next = first_unit;
  for (uint64_t before = 0; before < share.first; c->next++) before += done[c->next] != 0;
}

static sp_status open_comparison(comparison *c) {
  const sp_flow_plan *plan = &c->run->plan;
  const uint64_t n = plan->shape.n_units;
  SP_TRY(sp_calloc(n + 1, 1, "units that differ", &c->differs));
  SP_TRY(sp_journal_read(c->run->journal_path, plan->flow->figures, n, &c->journal));
  if (!c->journal.done) return SP_RAISE(SP_ERR_INPUT, "%s: cannot be read any more", c->run->journal_path);
  SP_TRY(open_left(plan, c->run->part_path, &c->journal, &c->run->activity, &c->output));
  set_share(c);
  return SP_SUCCESS;
}

static void close_comparison(comparison *c) {
  close_left(&c->output);
  sp_journal_contents_free(&c->journal);
  sp_free(c->differs);
}

static void compare_units(comparison *c) {
  const double until = sp_now() + turn_s;
  sp_left_reader *reader = c->output.reader;
  for (; c->left && !sp_stop_signal() && sp_now() < until; c->next++) {
    sp_left_finding found;
    if (!c->journal.done[c->next]) continue;
    reader->check(reader, c->next, true, &found);
    c->differs[c->next] = found.differs;
    c->bytes += found.bytes;
    c->left--;
    if (found.differs) {
      sp_debug("%s: %s %llu: %s", c->run->part_path, c->run->plan.shape.unit, (unsigned long long)c->next, found.what);
    }
    sp_activity_step(&c->run->activity);
  }
}

static void show(comparison *c) {
  char parts[2][SP_METER_PART];
  const double seconds = sp_now() - c->meter.started_at;
  if (!sp_meter_is_due(&c->meter)) return;
  snprintf(parts[0], SP_METER_PART, "compared %llu/%llu %ss that are done", (unsigned long long)c->done,
           (unsigned long long)c->all, c->run->plan.shape.unit);
  snprintf(parts[1], SP_METER_PART, "%.2f GB/s", seconds > 0 ? 1e-9 * (double)c->read / seconds : 0);
  sp_meter_show(&c->meter, 2, (const char(*)[SP_METER_PART])parts);
}

static sp_status compare_all(comparison *c) {
  const bool first = c->world->rank == 0;
  for (;;) {
    compare_units(c);
    SP_FAULT_POINT("compared");
    uint64_t sums[] = {c->left, c->bytes, sp_stop_signal() || (first && sp_deadline_is_near(&c->deadline))};
    SP_ALIKE(sp_ranks_sum(c->world, sums, 3));
    c->done = c->all - sums[0];
    c->read = sums[1];
    if (first) show(c);
    if (sums[2]) return SP_STOPPED; // alike
    if (sums[0] == 0) break;
  }
  SP_EACH_PIECE (p, 0, c->run->plan.shape.n_units, 1 << 30) {
    SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, c->differs + p.first, (int)p.count, MPI_UINT8_T, MPI_MAX, c->world->comm));
  }
  return SP_SUCCESS;
}

/* --- undoing ------------------------------------------------------------------------------------------------- */

/* Whether the units are gathers whose chunks stand in the journal. */
static bool packs(const sp_run_context *run) {
  return sp_window_packs(&run->plan.shape.window);
}

/* Up to how many units, done all of them, from `first` on are a line of the journal, as a task of them would be. */
static uint32_t count_run(const comparison *c, const sp_gather_index *index, uint64_t first) {
  const sp_flow_shape *shape = &c->run->plan.shape;
  const uint64_t most = first + shape->task_units < shape->n_units ? first + shape->task_units : shape->n_units;
  uint64_t end = first + 1;
  while (end < most && c->journal.done[end]) {
    if (packs(c->run) && index->first_trace[end + 1] - index->first_trace[first] > shape->window.max_rows) break;
    end++;
  }
  return (uint32_t)(end - first);
}

/* A line with each chunk that holds rows of these units, since it says of them all that is on the disk. */
static sp_status append_run(comparison *c, const sp_coordinator_state *start, sp_journal *journal, uint64_t first,
                            uint32_t n) {
  const sp_flow_plan *plan = &c->run->plan;
  const sp_chunk *chunks = NULL;
  size_t n_chunks = 0;
  if (packs(c->run)) {
    const uint64_t *first_trace = start->plan.index->first_trace, rows = plan->shape.window.chunk_rows[0];
    const uint64_t whole = plan->shape.n_traces / rows * rows, from = first_trace[first] / rows * rows;
    const uint64_t to = (first_trace[first + n] + rows - 1) / rows * rows, end = to < whole ? to : whole;
    if (from < end) n_chunks = sp_chunk_places_find(start->places, from, end - from, &chunks);
  }
  return sp_journal_append(journal, first, n, sp_figures_at(plan->flow->figures, c->journal.figures, first), chunks,
                           n_chunks);
}

/* The new journal: the header of this run, which is that of the old one, and the units that are still done. */
static sp_status replace_journal(comparison *c, sp_coordinator_state *start) {
  const sp_flow_shape *shape = &c->run->plan.shape;
  sp_journal *journal = NULL;
  SP_TRY(sp_journal_begin(c->run->journal_path, &start->plan.header, shape->task_units, &shape->window, &journal));
  sp_status status = SP_SUCCESS;
  for (uint64_t u = 0; u < shape->n_units && status == SP_SUCCESS;) {
    const uint32_t n = c->journal.done[u] ? count_run(c, start->plan.index, u) : 0;
    if (n) status = append_run(c, start, journal, u, n);
    u += n ? n : 1;
  }
  SP_FAULT_POINT("undoing");
  if (status == SP_SUCCESS) status = sp_journal_put(journal);
  sp_journal_close(journal);
  SP_TRY(status);
  sp_journal_contents_free(&start->plan.earlier);
  return sp_journal_read(c->run->journal_path, c->run->plan.flow->figures, shape->n_units, &start->plan.earlier);
}

/* " 12 40-43": units that differ, as many as there is room for; "..." for others. */
static void list_units(const uint8_t *differs, uint64_t n, char *text, size_t size) {
  enum { ONE = 48 };
  size_t used = 0;
  text[0] = '\0';
  for (uint64_t u = 0; u < n; u++) {
    if (!differs[u]) continue;
    const uint64_t first = u;
    while (u + 1 < n && differs[u + 1]) u++;
    if (size - used < ONE) {
      snprintf(text + used, size - used, " ...");
      return;
    }
    used += (size_t)snprintf(text + used, size - used, u > first ? " %llu-%llu" : " %llu", (unsigned long long)first,
                             (unsigned long long)u);
  }
}

static void report_undone(const comparison *c, const tally *t) {
  char list[320];
  const sp_flow_shape *shape = &c->run->plan.shape;
  list_units(c->differs, shape->n_units, list, sizeof list);
  sp_history_add(c->run->history_path, "undone %llu%s", (unsigned long long)t->n_differ, list);
  sp_warn("%s: %llu %ss that were done are not on the disk as they were written, and are computed again:%s",
          c->run->part_path, (unsigned long long)t->n_differ, shape->unit, list);
}

/* Rank 0, with what all ranks have found. */
static sp_status undo(comparison *c, sp_coordinator_state *start, bool *undone) {
  const uint64_t n = c->run->plan.shape.n_units;
  tally t = {.n_read = c->all};
  for (uint64_t u = n; u-- > 0;) {
    if (!c->differs[u]) continue;
    t.n_differ++;
    t.first = u;
    c->journal.done[u] = 0;
  }
  if (!c->run->options->quiet) {
    sp_info("compared %llu %ss that are done, %.2f GB, in %.2f s", (unsigned long long)c->all, c->run->plan.shape.unit,
            1e-9 * (double)c->read, sp_now() - c->meter.started_at);
  }
  if (t.n_differ == 0) return SP_SUCCESS;
  SP_TRY(check_tally(&c->run->plan, c->run->part_path, &t));
  SP_TRY(replace_journal(c, start));
  report_undone(c, &t);
  start->undone = c->differs;
  c->differs = NULL;
  *undone = true;
  return SP_SUCCESS;
}

static sp_status compare_and_undo(comparison *c, sp_coordinator_state *start, bool *undone) {
  const bool first = c->world->rank == 0;
  SP_ALIKE(sp_ranks_agree(c->world, open_comparison(c)));
  if (first) sp_deadline_start(&c->deadline, c->run->job->settings.max_time);
  c->meter = sp_meter_start(first && !c->run->options->quiet);
  const sp_status status = compare_all(c);
  if (first) sp_meter_end(&c->meter, false);
  if (status == SP_STOPPED && first) sp_info("stopped as what is done was compared; the same command goes on");
  SP_ALIKE(status);
  return SP_ON_RANK_0(c->world, undo(c, start, undone));
}

sp_status sp_repair(sp_run_context *run, sp_coordinator_state *start, bool *undone) {
  comparison c = {.run = run, .world = &run->roles->world};
  bool asked = start->plan.compares_all && run->plan.flow->open_left && start->plan.earlier.n_done > 0;
  *undone = false;
  SP_MPI_ALL(MPI_Bcast(&asked, sizeof asked, MPI_BYTE, 0, c.world->comm));
  if (!asked) return SP_SUCCESS;
  sp_activity_set(&run->activity, "compares what is done with its checksums");
  const sp_status status = compare_and_undo(&c, start, undone);
  close_comparison(&c);
  return status;
}

void sp_repair_report(sp_json *json, const sp_run_context *run, const sp_coordinator_state *start) {
  if (!start->undone) return;
  sp_json_open(json, "computed_again", '[');
  for (uint64_t u = 0; u < run->plan.shape.n_units; u++) {
    if (start->undone[u]) sp_json_count(json, NULL, u);
  }
  sp_json_close(json, ']');
}
