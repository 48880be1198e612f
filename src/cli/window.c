/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc window: some gathers, traces and times of a survey as a survey of its own. One process. */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/file_identity.h"
#include "seisproc/header_column.h"
#include "seisproc/lock.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/share.h"
#include "seisproc/trace_store.h"
#include "src/cli/command.h"
#include "src/cli/option.h"

enum { BLOCK_BYTES = 8 << 20, WHAT_SIZE = 512, FILL = 1024 };

typedef struct arguments {
  const char *input, *output, *gathers;
  double time[2]; /* ms; NAN: no limit */
  uint64_t step;  /* of traces */
} arguments;

/* What is taken of each trace. */
typedef struct cut {
  uint32_t first, n;   /* samples */
  bool has_delay;      /* the survey has a column of delays */
  double delay, start; /* ms: of the first sample, before and after */
} cut;

static const struct argp_option options[] = {
    {"gathers", 'g', "WHICH", 0, SP_GATHERS_HELP, 0},
    {"time", 't', "T0-T1", 0, "Only the samples of these times, in ms, both ends with them", 0},
    {"traces", 'n', "every:N", 0, "Only every N-th trace of each gather, from its first on", 0},
    {0}};

static void parse_time(struct argp_state *state, arguments *args, const char *text) {
  char *end, *last = NULL;
  args->time[0] = strtod(text, &end);
  if (end != text && *end == '-') args->time[1] = strtod(end + 1, &last);
  if (!last || last == end + 1 || *last || !(args->time[0] <= args->time[1])) {
    argp_error(state, "--time: found '%s', allowed is T0-T1 in ms, such as 0-2000", text);
  }
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case 'g':
    args->gathers = sp_option_check_gathers(state, value);
    return 0;
  case 't':
    parse_time(state, args, value);
    return 0;
  case 'n':
    if (strncmp(value, "every:", 6)) argp_error(state, "--traces: found '%s', allowed is every:N", value);
    args->step = sp_option_count(state, "--traces every", value + 6, 1, 1000000000);
    return 0;
  case ARGP_KEY_END:
    if (!args->output) argp_error(state, "a survey to read and the name of one to write are needed");
    return 0;
  default:
    return sp_option_conversion(key, value, state, &args->input, &args->output, NULL);
  }
}

/* Times begin at the delay recording time, which must be one for all traces. */
static sp_status find_delay(sp_survey *survey, const char *path, cut *c) {
  sp_header_column *column = NULL;
  const sp_global n_traces = sp_survey_get_info(survey)->n_traces;
  sp_global first_nan = n_traces;
  double least = 0, most = 0;
  c->has_delay = sp_survey_has(survey, "/headers/delrt");
  if (!c->has_delay) return SP_SUCCESS;
  SP_TRY(sp_header_column_check_time(survey, "delrt"));
  SP_TRY(sp_header_column_open(survey, "delrt", &column));
  const sp_status status = sp_header_column_range(column, &least, &most, &first_nan);
  sp_header_column_close(column);
  SP_TRY(status);
  if (first_nan < n_traces) {
    return SP_RAISE(SP_ERR_INPUT, "%s: trace %llu has delrt nan, --time takes a survey whose traces start at a time",
                    path, (unsigned long long)first_nan);
  }
  if (least < most) {
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: traces start at %g to %g ms (delrt), --time takes a survey where all start alike", path, least,
                    most);
  }
  c->delay = least;
  return SP_SUCCESS;
}

/* The first sample may lie a few before T0: the new delay is a whole number of ms, as the header word is. */
static sp_status find_cut(sp_survey *survey, const arguments *args, cut *c) {
  const sp_survey_info *info = sp_survey_get_info(survey);
  const double dt = 1e-3 * info->sample_interval_us, n = info->n_samples;
  *c = (cut){.n = info->n_samples};
  if (isnan(args->time[0])) return SP_SUCCESS;
  SP_TRY(find_delay(survey, args->input, c));
  double first = fmax(0, ceil((args->time[0] - c->delay) / dt - 1e-6));
  const double last = fmin(n - 1, floor((args->time[1] - c->delay) / dt + 1e-6));
  if (first > last) {
    return SP_RAISE(SP_ERR_USAGE, "--time: no sample of %s lies there, its times are %g to %g ms", args->input,
                    c->delay, c->delay + (n - 1) * dt);
  }
  while (first > 0 && fabs(c->delay + first * dt - round(c->delay + first * dt)) > 1e-6) first--;
  c->first = (uint32_t)first;
  c->n = (uint32_t)(last - first) + 1;
  c->start = c->delay + first * dt;
  if (c->first == 0 || c->has_delay) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: has no header column delrt to say that traces start later; allowed is a T0 of 0",
                  args->input);
}

#define FILL_WITH(c_type)                                                                                              \
  for (size_t i = 0; i < FILL; i++) ((c_type *)rows)[i] = (c_type)value;                                               \
  break

/* One whole number for all traces. */
static sp_status fill_column(sp_dataset *column, uint64_t n, double value) {
  double room[FILL];
  void *rows = room;
  switch (sp_dataset_type(column)) {
  case SP_UINT8:
    FILL_WITH(uint8_t);
  case SP_INT32:
    FILL_WITH(int32_t);
  case SP_UINT32:
    FILL_WITH(uint32_t);
  case SP_INT64:
    FILL_WITH(int64_t);
  case SP_UINT64:
    FILL_WITH(uint64_t);
  case SP_FLOAT32:
    FILL_WITH(float);
  case SP_FLOAT64:
    FILL_WITH(double);
  case SP_FLOAT16_SCALED:
  case SP_INT16_SCALED:
    break; /* never in memory */
  }
  SP_EACH_PIECE (piece, 0, n, FILL) {
    SP_TRY(sp_dataset_write_independent(column, piece.first, (sp_local)piece.count, rows));
  }
  return SP_SUCCESS;
}

/* Fewer samples, and a column that counts them. */
static sp_status write_count(sp_survey *survey, const cut *c, uint32_t n_samples) {
  sp_dataset *counts = NULL;
  if (c->n == n_samples || !sp_survey_has(survey, "/headers/ns")) return SP_SUCCESS;
  SP_TRY(sp_dataset_open(survey, "/headers/ns", &counts));
  const sp_status status = fill_column(counts, sp_survey_get_info(survey)->n_traces, c->n);
  sp_dataset_close(counts);
  return status;
}

/* Where times are scaled (scalt), the column has other numbers than milliseconds. */
static sp_status write_delay(sp_survey *survey, const cut *c, const char *path) {
  const uint64_t n = sp_survey_get_info(survey)->n_traces;
  sp_dataset *delays = NULL;
  int32_t value = 0;
  double raw = 0;
  sp_status status = SP_SUCCESS;
  if (c->first == 0 || n == 0) return SP_SUCCESS;
  SP_TRY(sp_dataset_open(survey, "/headers/delrt", &delays));
  if (sp_dataset_type(delays) != SP_INT32) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: delrt is no column of int32", path);
  }
  if (status == SP_SUCCESS) status = sp_dataset_read_independent(delays, 0, 1, &value);
  if (status == SP_SUCCESS) sp_rows_to_double(SP_INT32, &value, 1, &raw);
  if (status == SP_SUCCESS && raw != c->delay) {
    status =
        SP_RAISE(SP_ERR_INPUT, "%s: delrt is scaled by another header word; allowed is a T0 of %g ms", path, c->delay);
  }
  if (status == SP_SUCCESS) status = fill_column(delays, n, round(c->start));
  sp_dataset_close(delays);
  return status;
}

static sp_status copy_traces(sp_survey *from, sp_survey *to, const cut *c) {
  const sp_survey_info *info = sp_survey_get_info(from);
  const uint64_t fits = BLOCK_BYTES / (info->n_samples * sizeof(float)), block = fits ? fits : 1;
  sp_trace_source *source = NULL;
  sp_trace_sink *sink = NULL;
  float *rows = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_trace_source_open(from, "/traces", &source));
  SP_TRY_GOTO(out, sp_trace_sink_open(to, "/traces", false, &sink));
  SP_TRY_GOTO(out, sp_alloc(block * info->n_samples * sizeof(float), "traces", &rows));
  SP_EACH_PIECE (piece, 0, info->n_traces, block) {
    const sp_local n = (sp_local)piece.count;
    SP_TRY_GOTO(out, sp_trace_source_read_independent(source, piece.first, n, rows));
    for (sp_local i = 0; i < n && c->n < info->n_samples; i++) {
      memmove(rows + (size_t)i * c->n, rows + (size_t)i * info->n_samples + c->first, c->n * sizeof *rows);
    }
    SP_TRY_GOTO(out, sp_trace_sink_write_independent(sink, piece.first, n, rows));
  }
out:
  sp_free(rows);
  sp_trace_sink_close(sink);
  sp_trace_source_close(source);
  return status;
}

static sp_status write_part(sp_survey *from, const arguments *args, const cut *c, const char *part) {
  char what[WHAT_SIZE];
  sp_survey *to = NULL;
  const sp_survey_info *info = sp_survey_get_info(from);
  snprintf(what, sizeof what, "seisproc " SP_VERSION " window: gathers %s, every %llu. trace, samples %u to %u",
           args->gathers ? args->gathers : "all", (unsigned long long)args->step, c->first, c->first + c->n - 1);
  SP_TRY(sp_survey_create_shorter(from, part, info->content, what, c->n, &to));
  sp_status status = write_delay(to, c, args->input);
  if (status == SP_SUCCESS) status = write_count(to, c, info->n_samples);
  if (status == SP_SUCCESS) status = sp_survey_write_times(to);
  if (status == SP_SUCCESS) status = copy_traces(from, to, c);
  if (status == SP_SUCCESS) status = sp_survey_sync(to);
  sp_survey_close(to);
  return status;
}

static sp_status refuse_same_file(const arguments *args) {
  if (!sp_is_one_file(args->input, args->output)) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "%s: is the survey to be read; write to another file", args->output);
}

static sp_status window(const arguments *args) {
  sp_survey *from = NULL;
  char *part = NULL;
  sp_lock *lock = NULL;
  cut c;
  sp_status status;
  SP_TRY_GOTO(out, refuse_same_file(args));
  SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, args->input, false, &from));
  SP_TRY_GOTO(out, sp_survey_select(from, args->gathers));
  if (args->step > 1) SP_TRY_GOTO(out, sp_survey_thin(from, args->step));
  SP_TRY_GOTO(out, find_cut(from, args, &c));
  SP_TRY_GOTO(out, sp_part_begin(args->output, &part, &lock));
  status = write_part(from, args, &c, part);
  if (status == SP_SUCCESS) status = sp_part_publish(part, args->output);
  if (status != SP_SUCCESS) sp_part_discard(part);
out:
  sp_lock_release(lock);
  sp_free(part);
  sp_survey_close(from);
  return status;
}

const struct argp sp_argp_window = {
    options,
    parse_option,
    "IN.h5 OUT.h5",
    "Writes some gathers, traces and times of a survey as a survey of its own: /traces, "
    "headers and what it needs to be exported; no /noise and no checksums.",
    NULL,
    NULL,
    NULL};

int sp_cli_window(int argc, char **argv) {
  arguments args = {.time = {(double)NAN, (double)NAN}, .step = 1};
  sp_option_parse(&sp_argp_window, argc, argv, 0, &args);
  return sp_status_exit_code(window(&args));
}
