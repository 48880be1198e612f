/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc regroup: a survey in other gathers. Under a launcher all ranks take part, else this process works alone.
 *
 * Ranks take units by turns and meet at commits: all sync, then rank 0 writes down what is on the disk. A rank holds
 * one unit, and 4 bytes a trace for the order. */
#include <argp.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/file_identity.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/meter.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "seisproc/stop.h"
#include "src/base/fault.h"
#include "src/cli/command.h"
#include "src/cli/option.h"
#include "src/cli/regroup_output.h"

enum { ROUNDS_A_COMMIT = 4, KEY_RESTART = 256 };

typedef struct regrouping {
  const sp_regroup_options *options;
  sp_ranks ranks;
  sp_regroup_order order;
  sp_regroup_output output; /* rank 0 */
  sp_survey *from, *to;
  sp_plane_list *planes;
  sp_mover *mover;
  uint64_t *todo; /* [n_todo] units */
  uint64_t n_todo, n_units;
  bool complete;
  sp_meter meter;
} regrouping;

static const struct argp_option options[] = {
    {"gather", 'g', "KEY", 0, "Header column that makes a gather; a second one may be given", 0},
    {"sort", 's', "KEY", 0, "Sort traces within gathers by this header column; may be given again", 0},
    {"restart", KEY_RESTART, NULL, 0, "Begin anew, whatever an earlier command left", 0},
    {"quiet", 'q', NULL, 0, "No progress and no closing line", 0},
    {0}};

static error_t parse_option(int key, char *value, struct argp_state *state) {
  sp_regroup_options *o = state->input;
  switch (key) {
  case 'g':
    if (o->n_gather == SP_MAX_GATHER_KEYS) argp_error(state, "more than %d --gather", SP_MAX_GATHER_KEYS);
    o->gather[o->n_gather++] = value;
    return 0;
  case 's':
    if (o->n_sort == SP_MAX_ORDER_KEYS - SP_MAX_GATHER_KEYS) argp_error(state, "too many --sort");
    o->sort[o->n_sort++] = value;
    return 0;
  case KEY_RESTART:
    o->restart = true;
    return 0;
  case ARGP_KEY_END:
    if (!o->output) argp_error(state, "a survey to read and the name of one to write are needed");
    if (!o->n_gather) argp_error(state, "--gather KEY is needed");
    return 0;
  default:
    return sp_option_conversion(key, value, state, &o->input, &o->output, &o->quiet);
  }
}

/* --- rank 0 prepares ---------------------------------------------------------------------------------------------- */

static sp_status prepare(regrouping *r) {
  const sp_regroup_options *o = r->options;
  sp_survey *survey = NULL;
  sp_status status;
  if (sp_is_one_file(o->input, o->output)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: is the survey to be read; write to another file", o->output);
  }
  SP_TRY_GOTO(out, sp_survey_open_independent(o->input, false, &survey));
  SP_TRY_GOTO(out, sp_regroup_make_order(survey, o, &r->order));
  SP_TRY_GOTO(out, sp_regroup_fill_order(sp_survey_get_info(survey)->n_traces, &r->order));
  SP_TRY_GOTO(out, sp_regroup_list_planes(survey, r->order.order.source, r->planes));
  SP_TRY_GOTO(out, sp_regroup_output_begin(survey, o, &r->order, r->planes, &r->output));
  r->complete = r->output.complete;
  status = sp_survey_check_unchanged(survey);
out:
  sp_regroup_clear_planes(r->planes);
  sp_survey_close(survey);
  return status;
}

/* Which units are not on the disk, on all ranks. */
static sp_status share_todo(regrouping *r) {
  uint8_t *done = NULL;
  sp_status status = sp_calloc(r->planes->n_units + 1, 1, "units", &done);
  if (status == SP_SUCCESS) status = sp_alloc((r->planes->n_units + 1) * sizeof *r->todo, "units", &r->todo);
  if (status == SP_SUCCESS && r->ranks.rank == 0) memcpy(done, r->output.earlier.done, r->planes->n_units);
  status = sp_ranks_agree(&r->ranks, status);
  if (status == SP_SUCCESS) status = sp_ranks_broadcast(&r->ranks, done, r->planes->n_units);
  for (uint64_t u = 0; status == SP_SUCCESS && u < r->planes->n_units; u++) {
    if (!done[u]) r->todo[r->n_todo++] = u;
  }
  sp_free(done);
  return status;
}

static sp_status share_name(regrouping *r, char **part) {
  *part = NULL;
  if (r->ranks.rank == 0) *part = r->output.part;
  return r->ranks.comm == MPI_COMM_NULL ? SP_SUCCESS : sp_comm_share_text(r->ranks.comm, 0, part);
}

static sp_status open_all(regrouping *r, const char *part) {
  const MPI_Comm comm = r->ranks.comm;
  SP_ALIKE(sp_survey_open(comm, r->options->input, false, &r->from));
  SP_ALIKE(sp_survey_open(comm, part, true, &r->to));
  SP_ALIKE(sp_regroup_share_order(&r->ranks, sp_survey_get_info(r->from)->n_traces, &r->order));
  SP_ALIKE(sp_ranks_agree(&r->ranks, sp_regroup_list_planes(r->from, r->order.order.source, r->planes)));
  SP_ALIKE(sp_ranks_agree(&r->ranks, sp_mover_create(r->planes, r->from, r->to, &r->mover)));
  return share_todo(r);
}

/* --- all move ----------------------------------------------------------------------------------------------------- */

/* Units from ... end - 1 of the list, a rank every size-th of them; then they are on the disk. */
static sp_status move_some(regrouping *r, const char *part, uint64_t from, uint64_t end) {
  sp_status status = SP_SUCCESS;
  for (uint64_t i = from + (uint64_t)r->ranks.rank; i < end && status == SP_SUCCESS; i += (uint64_t)r->ranks.size) {
    status = sp_mover_move(r->mover, r->todo[i]);
    SP_FAULT_POINT("regroup_moved");
    if (status == SP_SUCCESS && sp_stop_signal()) status = SP_STOPPED;
  }
  if (status == SP_SUCCESS) status = sp_survey_check_unchanged(r->from);
  SP_ALIKE(sp_ranks_agree(&r->ranks, status));
  SP_ALIKE(sp_ranks_agree(&r->ranks, sp_survey_sync(r->to)));
  SP_ALIKE(sp_ranks_agree(&r->ranks, sp_sync_file(part)));
  return SP_ON_RANK_0(&r->ranks, sp_regroup_output_commit(&r->output, r->todo + from, end - from));
}

static sp_status move_all(regrouping *r, const char *part) {
  const sp_survey_info *info = sp_survey_get_info(r->from);
  const uint64_t step = (uint64_t)r->ranks.size * ROUNDS_A_COMMIT;
  const size_t trace_bytes = (size_t)(r->planes->bytes / info->n_traces);
  r->meter = sp_meter_start(r->ranks.rank == 0 && !r->options->quiet);
  SP_EACH_PIECE (p, 0, r->n_todo, step) {
    const uint64_t end = p.first + p.count;
    SP_ALIKE(move_some(r, part, p.first, end));
    sp_meter_show_traces(&r->meter, "regroup", (double)end / (double)r->n_todo, info->n_traces, trace_bytes);
  }
  return SP_SUCCESS;
}

static sp_status share_complete(regrouping *r) {
  return sp_ranks_broadcast(&r->ranks, &r->complete, sizeof r->complete);
}

static void close_all(regrouping *r) {
  sp_mover_destroy(r->mover);
  sp_survey_close(r->to);
  sp_survey_close(r->from);
  r->mover = NULL;
  r->to = r->from = NULL;
}

static void log_done(const regrouping *r, double seconds) {
  const sp_survey_info *info = sp_survey_get_info(r->from);
  sp_info("%s: %llu traces in %llu gathers by %s, %.3g GB in %.1f s", r->options->output,
          (unsigned long long)info->n_traces, (unsigned long long)r->order.order.n_gathers, r->order.name,
          1e-9 * (double)r->planes->bytes, seconds);
}

static sp_status work(regrouping *r, char **part) {
  SP_ALIKE(SP_ON_RANK_0(&r->ranks, prepare(r)));
  SP_ALIKE(share_complete(r));
  if (r->complete) {
    if (r->ranks.rank == 0) sp_info("%s: is complete already", r->options->output);
    return SP_SUCCESS; /* alike */
  }
  SP_ALIKE(share_name(r, part));
  SP_ALIKE(open_all(r, *part));
  if (r->ranks.rank == 0 && r->output.n_done) {
    sp_info("%s: goes on, %llu of %llu units are there", r->options->output, (unsigned long long)r->output.n_done,
            (unsigned long long)r->planes->n_units);
  }
  SP_ALIKE(move_all(r, *part));
  const double seconds = sp_meter_end(&r->meter, false);
  if (r->ranks.rank == 0 && !r->options->quiet) log_done(r, seconds);
  close_all(r);
  return SP_ON_RANK_0(&r->ranks, sp_regroup_output_publish(&r->output, r->options));
}

static sp_status regroup(const sp_ranks *ranks, const sp_regroup_options *o) {
  regrouping r = {.options = o, .ranks = *ranks};
  char *part = NULL;
  sp_stop_install();
  SP_ALIKE(sp_ranks_agree(ranks, sp_calloc(1, sizeof *r.planes, "datasets", &r.planes)));
  const sp_status status = work(&r, &part);
  close_all(&r);
  if (status == SP_STOPPED && ranks->rank == 0) sp_warn("%s: stopped; the same command goes on", o->output);
  if (ranks->rank) sp_free(part);
  sp_regroup_clear_planes(r.planes);
  sp_free(r.planes);
  sp_free(r.todo);
  sp_regroup_clear_order(&r.order);
  sp_regroup_output_end(&r.output);
  return status;
}

const struct argp sp_argp_regroup = {
    options,
    parse_option,
    "IN.h5 OUT.h5",
    "Writes a survey in other gathers: --gather cdp --sort offset. Traces, noise, header columns and what an export "
    "needs come along; figures and checksums of the old gathers do not. Where a gather's traces stand together "
    "already, gathers keep their order; else they come by ascending key. Under mpirun or srun all ranks take part; "
    "the "
    "same command goes on with what was cut off.\v"
    "Memory a rank: 0.3 GB, and 4 bytes a trace; on rank 0 at most 16 more a trace, and 8 a key.\n\n"
    "Exit status: 0 complete; 1 usage or input; 75 stopped early, the same command goes on.",
    NULL,
    NULL,
    NULL};

int sp_cli_regroup(int argc, char **argv) {
  sp_regroup_options o = {.input = NULL};
  sp_ranks ranks;
  sp_option_parse(&sp_argp_regroup, argc, argv, 0, &o);
  sp_status status = sp_ranks_start(&argc, &argv, &ranks);
  if (status == SP_SUCCESS) status = regroup(&ranks, &o);
  return sp_ranks_finish(&ranks, status);
}
