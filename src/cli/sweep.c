/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc sweep: one start for several values of a parameter, on some gathers; nothing is written. */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/json.h"
#include "seisproc/memory.h"
#include "seisproc/report_file.h"
#include "src/cli/command.h"
#include "src/cli/option.h"
#include "src/cli/sweep_trial.h"
#include "src/flow/gather/chain.h"
#include "src/qc/ladder_page.h"

enum { KEY_GATHER = 256, MAX_OVERRIDES = 64, MAX_VALUES = 256, VALUE_SIZE = 128, OVERRIDE_SIZE = 256 };

typedef enum goal_kind { NO_GOAL, BEST_SNR, LEAST_SIMILARITY, REMOVED_NEAR } goal_kind;

typedef struct arguments {
  const char *job_path, *clean, *ladder, *shown;
  const char *overrides[MAX_OVERRIDES + 2]; /* room for gathers and the value */
  size_t n_overrides;
  char gathers[SP_GATHERS_OVERRIDE];
  char key[OVERRIDE_SIZE - VALUE_SIZE], values[MAX_VALUES][VALUE_SIZE];
  size_t n_values;
  goal_kind goal;
  double goal_removed; /* share */
  int threads;         /* 0: from the job, else the cores */
  bool json;
} arguments;

typedef struct sweep {
  const arguments *args;
  char *text;
  sp_job *jobs[MAX_VALUES];
  sp_sweep_figures figures[MAX_VALUES];
  sp_run_plan plan;
  sp_survey *clean;
  double snr_before;
  sp_sweep_trial *trial;
  sp_view_source view; /* for the ladder */
  sp_ladder_page page;
  sp_global shown;
} sweep;

/* --- the command line ------------------------------------------------------------------------------------------ */

static const struct argp_option options[] = {
    {"vary", 'y', "KEY=A,B,C", 0, "The parameter and its values, such as chain.0.dwt.k=1,2,3", 0},
    {"gathers", 'g', "WHICH", 0, SP_GATHERS_HELP, 0},
    {"clean", 'c', "CLEAN.h5", 0, "The survey without noise, of the same shape: tells the SNR", 0},
    {"goal", 'o', "GOAL", 0,
     "Name the best value: snr (the largest), similarity (of removed and kept, nearest to 0) or removed=PERCENT (of "
     "the energy, the nearest)",
     0},
    {"ladder", 'l', "FILE.html", 0,
     "Write a page: the noise of one gather for each value, side by side, and energy and similarity along the values",
     0},
    {"gather", KEY_GATHER, "KEY", 0, "The gather that --ladder shows, of those tried: 840, fldr=840 or #12 (#0)", 0},
    {"set", 's', "KEY=VALUE", 0, "Set a key of the job file; may be given again", 0},
    {"threads", 't', "N", 0, "Threads that compute; as the job says, else as many as there are cores", 0},
    {"json", 'j', NULL, 0, "Print one JSON object", 0},
    {0}};

/* The first comma that is not within brackets or quotes; the end where there is none. */
static const char *next_comma(const char *at) {
  int depth = 0;
  bool quoted = false;
  for (; *at && (*at != ',' || depth > 0 || quoted); at++) {
    if (*at == '"') quoted = !quoted;
    if (*at == '[' || *at == '{') depth++;
    if (*at == ']' || *at == '}') depth--;
  }
  return at;
}

static void parse_vary(struct argp_state *state, arguments *args, const char *text) {
  const char *equals = strchr(text, '=');
  if (args->n_values) argp_error(state, "--vary: one parameter, found another: %s", text);
  if (!equals || equals == text || (size_t)(equals - text) >= sizeof args->key || !equals[1]) {
    argp_error(state, "--vary: found '%s', allowed is KEY=A,B,C, such as chain.0.dwt.k=1,2,3", text);
    return;
  }
  snprintf(args->key, sizeof args->key, "%.*s", (int)(equals - text), text);
  for (const char *at = equals + 1, *end;; at = end + 1) {
    end = next_comma(at);
    const int length = (int)(end - at);
    if (length == 0 || length >= VALUE_SIZE) {
      argp_error(state, "--vary: found '%s', with a value that is empty or longer than %d bytes", text, VALUE_SIZE - 1);
    }
    if (args->n_values == MAX_VALUES) argp_error(state, "--vary: more than %d values", MAX_VALUES);
    snprintf(args->values[args->n_values++], VALUE_SIZE, "%.*s", length, at);
    if (!*end) return;
  }
}

static void parse_goal(struct argp_state *state, arguments *args, const char *text) {
  if (!strcmp(text, "snr")) {
    args->goal = BEST_SNR;
  } else if (!strcmp(text, "similarity")) {
    args->goal = LEAST_SIMILARITY;
  } else if (!strncmp(text, "removed=", 8)) {
    args->goal = REMOVED_NEAR;
    args->goal_removed = 0.01 * sp_option_number(state, "--goal removed", text + 8, 0, 100);
  } else {
    argp_error(state, "--goal: found '%s', allowed are snr, similarity and removed=PERCENT", text);
  }
}

static void check(struct argp_state *state, const arguments *args) {
  if (!args->job_path) argp_error(state, "a job file is missing");
  if (!args->n_values) argp_error(state, "--vary is missing: which parameter, and its values");
  if (args->goal == BEST_SNR && !args->clean) argp_error(state, "--goal snr needs --clean, the survey without noise");
  if (args->shown && !args->ladder) argp_error(state, "--gather says what --ladder shows, which is missing");
  if (args->ladder && args->n_values > SP_MAX_LADDER) {
    argp_error(state, "--ladder: %zu values, allowed are up to %d", args->n_values, SP_MAX_LADDER);
  }
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case 'y':
    parse_vary(state, args, value);
    return 0;
  case 'g':
    sp_option_gathers(state, value, args->gathers);
    return 0;
  case 'c':
    args->clean = value;
    return 0;
  case 'o':
    parse_goal(state, args, value);
    return 0;
  case 's':
    if (args->n_overrides == MAX_OVERRIDES) argp_error(state, "more than %d values set", MAX_OVERRIDES);
    args->overrides[args->n_overrides++] = value;
    return 0;
  case 't':
    args->threads = (int)sp_option_count(state, "--threads", value, 1, 1024);
    return 0;
  case 'j':
    args->json = true;
    return 0;
  case 'l':
    args->ladder = value;
    return 0;
  case KEY_GATHER:
    args->shown = value;
    return 0;
  case ARGP_KEY_ARG:
    if (args->job_path) argp_error(state, "one job file, found another: %s", value);
    args->job_path = value;
    return 0;
  case ARGP_KEY_END:
    check(state, args);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

/* --- trying ---------------------------------------------------------------------------------------------------- */

/* All jobs, before anything is computed: a value that cannot be is refused at once. */
static sp_status parse_jobs(sweep *s) {
  const arguments *args = s->args;
  const char *overrides[MAX_OVERRIDES + 2];
  char varied[OVERRIDE_SIZE];
  size_t n = args->n_overrides;
  memcpy(overrides, args->overrides, n * sizeof *overrides);
  if (args->gathers[0]) overrides[n++] = args->gathers;
  overrides[n++] = varied;
  SP_TRY(sp_job_read_text(args->job_path, &s->text));
  for (size_t i = 0; i < args->n_values; i++) {
    snprintf(varied, sizeof varied, "%s=%s", args->key, args->values[i]);
    SP_TRY(sp_job_parse(args->job_path, s->text, overrides, n, &s->jobs[i]));
    if (sp_flow_of(s->jobs[i]) == &sp_flow_gather) continue;
    return SP_RAISE(SP_ERR_USAGE, "%s: sweep tries processors of gathers, not a chain that takes the whole survey",
                    args->job_path);
  }
  if (strcmp(args->key, "input") && strcmp(args->key, "output") && strcmp(args->key, "gathers")) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "--vary %s: allowed are keys that say how gathers are processed", args->key);
}

/* Whether a job undoes one of its first n steps after them. */
static bool any_undoes_within(const sweep *s, size_t n) {
  for (size_t k = 0; k < s->args->n_values; k++) {
    if (sp_steps_undo_within(s->jobs[k]->chain, s->jobs[k]->n_steps, n)) return true;
  }
  return false;
}

/* Steps that come before the varied one, the same in all jobs and complete without what follows. */
static int count_shared(const sweep *s) {
  if (strncmp(s->args->key, "chain", 5)) return SP_SWEEP_NOTHING_SHARED;
  if (s->args->key[5] != '.') return 0;
  size_t n = strtoul(s->args->key + 6, NULL, 10);
  while (n > 0 && any_undoes_within(s, n)) n--;
  return (int)n;
}

static sp_status open_clean(sweep *s) {
  const sp_survey_info *in = sp_survey_get_info(s->plan.survey);
  sp_survey *whole = NULL;
  if (!s->args->clean) return SP_SUCCESS;
  SP_TRY(sp_survey_open(MPI_COMM_NULL, s->args->clean, false, &s->clean));
  SP_TRY(sp_survey_open(MPI_COMM_NULL, s->jobs[0]->input, false, &whole));
  const uint64_t n_traces = sp_survey_get_info(whole)->n_traces, n_gathers = sp_survey_get_info(whole)->n_gathers;
  sp_survey_close(whole);
  const sp_survey_info *clean = sp_survey_get_info(s->clean);
  if (clean->n_traces != n_traces || clean->n_gathers != n_gathers || clean->n_samples != in->n_samples) {
    return SP_RAISE(SP_ERR_INPUT, "%s: has another shape than %s", s->args->clean, s->jobs[0]->input);
  }
  SP_TRY(sp_survey_select_same(s->clean, s->plan.survey));
  if (sp_survey_get_info(s->clean)->n_traces != in->n_traces) {
    return SP_RAISE(SP_ERR_INPUT, "%s: has other gathers than %s", s->args->clean, s->jobs[0]->input);
  }
  return SP_SUCCESS;
}

/* --- the ladder ------------------------------------------------------------------------------------------------- */

static sp_status begin_ladder(sweep *s) {
  const arguments *args = s->args;
  const sp_gather_index *index = s->plan.index;
  char name[SP_GATHER_TEXT];
  if (!args->ladder) return SP_SUCCESS;
  SP_TRY(sp_report_file_check(args->ladder));
  if (index->n_gathers == 0) return SP_RAISE(SP_ERR_USAGE, "--ladder: there is no gather to show");
  SP_TRY(sp_view_open(s->jobs[0]->input, s->jobs[0]->settings.gathers.text, NULL, &s->view));
  SP_TRY(sp_view_find(&s->view, args->shown ? args->shown : "#0", &s->shown));
  s->page.n = args->n_values;
  s->page.correlation_of = "all gathers";
  snprintf(s->page.key, sizeof s->page.key, "%.63s", args->key);
  for (size_t i = 0; i < args->n_values; i++) snprintf(s->page.values[i], SP_LADDER_VALUE, "%.63s", args->values[i]);
  const sp_gather_index *keys = s->view.index;
  return sp_ladder_page_begin(&s->page, sp_gather_key_text(keys->key_name, keys->key[s->shown], name));
}

static sp_status draw_rung(sweep *s, size_t i) {
  const sp_sweep_figures *f = &s->figures[i];
  const sp_local *order;
  const float *noise = sp_sweep_noise(s->trial, &order);
  sp_gather_view view;
  if (!s->args->ladder) return SP_SUCCESS;
  s->page.removed[i] = f->removed;
  s->page.correlation[i] = f->similarity;
  SP_TRY(sp_view_of_noise(&s->view, s->shown, noise, order, &view));
  const sp_status status = sp_ladder_page_draw(&s->page, &view, f->shown_removed);
  sp_view_free(&view);
  return status;
}

static sp_status write_ladder(sweep *s) {
  char line[SP_LADDER_VALUE + 400];
  if (!s->args->ladder) return SP_SUCCESS;
  snprintf(line, sizeof line, "%zu values of %s, tried on %llu gathers of %.200s (%s).", s->page.n, s->page.key,
           (unsigned long long)s->plan.index->n_gathers, s->jobs[0]->input, sp_survey_get_info(s->plan.survey)->uuid);
  return sp_ladder_page_write(&s->page, line, s->args->ladder);
}

static sp_status try_all(sweep *s) {
  const arguments *args = s->args;
  SP_TRY(parse_jobs(s));
  SP_TRY(sp_run_plan_open(s->jobs[0], &sp_flow_gather, &s->plan));
  SP_TRY(open_clean(s));
  SP_TRY(begin_ladder(s));
  const int64_t shown = args->ladder ? (int64_t)s->shown : SP_SWEEP_NONE_SHOWN;
  SP_TRY(sp_sweep_open(&s->plan, s->clean, shown, count_shared(s), &s->trial));
  SP_TRY(sp_sweep_snr_before(s->trial, &s->snr_before));
  for (size_t i = 0; i < args->n_values; i++) {
    const int wanted = s->jobs[i]->settings.threads;
    const int n_threads = args->threads ? args->threads : wanted != SP_PARAM_AUTO ? wanted : s->plan.machine.n_cores;
    s->plan.job = s->jobs[i];
    s->plan.note = i == 0 ? sp_note_warn : NULL;
    SP_TRY(sp_sweep_try(s->trial, &s->plan, n_threads, &s->figures[i]));
    SP_TRY(draw_rung(s, i));
  }
  return write_ladder(s);
}

/* How far a value is from the goal; NAN: it does not say. */
static double distance(const sweep *s, size_t i) {
  const sp_sweep_figures *f = &s->figures[i];
  switch (s->args->goal) {
  case NO_GOAL:
    break;
  case BEST_SNR:
    return -f->snr;
  case LEAST_SIMILARITY:
    return fabs(f->similarity);
  case REMOVED_NEAR:
    return fabs(f->removed - s->args->goal_removed);
  }
  return (double)NAN;
}

/* The first of the nearest; n_values: none. */
static size_t find_best(const sweep *s) {
  size_t best = s->args->n_values;
  for (size_t i = 0; i < s->args->n_values; i++) {
    const double d = distance(s, i);
    if (!isnan(d) && (best == s->args->n_values || d < distance(s, best))) best = i;
  }
  return best;
}

/* --- telling --------------------------------------------------------------------------------------------------- */

static void print_table(const sweep *s) {
  const arguments *args = s->args;
  const size_t best = find_best(s);
  const sp_survey_info *info = sp_survey_get_info(s->plan.survey);
  printf("%s: %llu gathers, %llu traces of %u samples\n", s->jobs[0]->input, (unsigned long long)info->n_gathers,
         (unsigned long long)info->n_traces, info->n_samples);
  if (s->clean) printf("SNR before %.2f dB\n", s->snr_before);
  printf("%-24s %9s %9s %9s %10s%s %9s\n", args->key, "removed %", "least", "most", "similarity",
         s->clean ? "   SNR dB" : "", "failed");
  for (size_t i = 0; i < args->n_values; i++) {
    const sp_sweep_figures *f = &s->figures[i];
    printf("%-24s %9.3f %9.3f %9.3f %10.4f", args->values[i], 100 * f->removed, 100 * f->least, 100 * f->most,
           f->similarity);
    if (s->clean) printf(" %8.2f", f->snr);
    printf(" %9llu%s\n", (unsigned long long)f->n_failed, i == best ? "  <-" : "");
  }
  if (best < args->n_values) printf("best: %s=%s\n", args->key, args->values[best]);
}

static void print_json(const sweep *s) {
  const size_t best = find_best(s);
  sp_json json = sp_json_begin(stdout);
  sp_json_open(&json, NULL, '{');
  sp_json_int(&json, "schema", 1);
  sp_json_text(&json, "key", s->args->key);
  sp_json_count(&json, "gathers", s->plan.index->n_gathers);
  sp_json_real(&json, "snr_before_db", s->clean ? s->snr_before : (double)NAN);
  sp_json_open(&json, "values", '[');
  for (size_t i = 0; i < s->args->n_values; i++) {
    const sp_sweep_figures *f = &s->figures[i];
    sp_json_open(&json, NULL, '{');
    sp_json_text(&json, "value", s->args->values[i]);
    sp_json_real(&json, "removed", f->removed);
    sp_json_real(&json, "least", f->least);
    sp_json_real(&json, "most", f->most);
    sp_json_real(&json, "similarity", f->similarity);
    sp_json_real(&json, "snr_db", f->snr);
    sp_json_count(&json, "failed", f->n_failed);
    sp_json_real(&json, "compute_s", f->seconds);
    sp_json_count(&json, "recalled", f->n_recalled);
    sp_json_close(&json, '}');
  }
  sp_json_close(&json, ']');
  sp_json_text(&json, "best", best < s->args->n_values ? s->args->values[best] : NULL);
  sp_json_close(&json, '}');
}

const struct argp sp_argp_sweep = {
    options,
    parse_option,
    "JOB.yaml --vary KEY=A,B,C",
    "Tries values of one parameter of a job on some of its gathers, in memory, and tells of each what it removes: "
    "share of the energy (of all gathers, of the one with the least and the most), and the correlation of what is "
    "removed with what is kept, which is far from 0 where signal is lost. Writes nothing but a page with --ladder.\v"
    "The numbers are those that a run of the job with that value and these gathers would have.",
    NULL,
    NULL,
    NULL};

int sp_cli_sweep(int argc, char **argv) {
  arguments *args = NULL;
  sweep *s = NULL;
  sp_status status = sp_calloc(1, sizeof *args, "the command line", &args);
  if (status == SP_SUCCESS) status = sp_calloc(1, sizeof *s, "a sweep", &s);
  if (status == SP_SUCCESS) {
    sp_option_parse(&sp_argp_sweep, argc, argv, 0, args);
    s->args = args;
    status = try_all(s);
    if (status == SP_SUCCESS) (args->json ? print_json : print_table)(s);
    sp_sweep_close(s->trial);
    sp_ladder_page_free(&s->page);
    sp_view_close(&s->view);
    sp_survey_close(s->clean);
    sp_run_plan_close(&s->plan);
    for (size_t i = 0; i < args->n_values; i++) sp_job_destroy(s->jobs[i]);
    sp_free(s->text);
  }
  sp_free(s);
  sp_free(args);
  return sp_status_look_code(sp_status_exit_code(status));
}
