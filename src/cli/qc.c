/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc qc: the report on an output. */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/cli/command.h"
#include "src/cli/option.h"
#include "src/qc/report.h"

typedef struct arguments {
  const char *paths[SP_MAX_LADDER];
  size_t n_paths;
  const char *output, *gather;
  bool ladder, quiet;
  sp_report_options options;
} arguments;

enum {
  KEY_OUTPUT = 'o',
  KEY_GATHER = 'g',
  KEY_QUIET = 'q',
  KEY_AGAINST = 256,
  KEY_SHOW,
  KEY_EVERY,
  KEY_WINDOW,
  KEY_OFFSETS,
  KEY_MAX_MB,
  KEY_JSON,
  KEY_PNG,
  KEY_LADDER
};

static const struct argp_option options[] = {
    {"output", KEY_OUTPUT, "FILE", 0, "The page; OUT.qc.html unless told", 0},
    {"against", KEY_AGAINST, "IN.h5", 0, "The input of the job, where it is not found by itself", 0},
    {"show", KEY_SHOW, "N", 0, "Gathers that are drawn, at most (12)", 0},
    {"every", KEY_EVERY, "N", 0, "Where the job took no figures: measure every N-th gather now (50)", 0},
    {"window", KEY_WINDOW, "T0,T1", 0, "Draw only these times, in ms", 0},
    {"offsets", KEY_OFFSETS, "X0,X1", 0, "Draw only traces with these offsets", 0},
    {"max-mb", KEY_MAX_MB, "MB", 0, "Size of the page, at most (10): pictures shrink", 0},
    {"json", KEY_JSON, "FILE", 0, "Write the numbers behind the pictures", 0},
    {"png", KEY_PNG, "FOLDER", 0, "Write the gathers drawn as PNG, too", 0},
    {"ladder", KEY_LADDER, NULL, 0, "Several outputs of one input, side by side: how a parameter is chosen", 0},
    {"gather", KEY_GATHER, "KEY", 0, "The gather of a ladder, as in `seisproc view`", 0},
    {"quiet", KEY_QUIET, NULL, 0, "Print nothing but errors", 0},
    {0}};

static void check(struct argp_state *state, const arguments *args) {
  if (args->n_paths == 0) argp_error(state, "a survey is missing");
  if (args->n_paths > 1 && !args->ladder) argp_error(state, "one survey, found another: %s", args->paths[1]);
  if (args->ladder && args->n_paths < 2) argp_error(state, "--ladder needs several outputs");
  if (args->ladder && !args->output) argp_error(state, "--ladder needs -o FILE");
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  sp_report_options *o = &args->options;
  switch (key) {
  case KEY_OUTPUT:
    args->output = value;
    return 0;
  case KEY_GATHER:
    args->gather = value;
    return 0;
  case KEY_AGAINST:
    o->against = value;
    return 0;
  case KEY_SHOW:
    o->n_gathers = (size_t)sp_option_count(state, "--show", value, 0, 40);
    return 0;
  case KEY_EVERY:
    o->every = (size_t)sp_option_count(state, "--every", value, 1, 1000000000);
    return 0;
  case KEY_WINDOW:
    sp_option_pair(state, "--window", value, 1e-3, o->window);
    return 0;
  case KEY_OFFSETS:
    sp_option_pair(state, "--offsets", value, 1, o->offsets);
    return 0;
  case KEY_MAX_MB:
    o->max_mb = sp_option_number(state, "--max-mb", value, 0.1, 1000);
    return 0;
  case KEY_JSON:
    o->json_path = value;
    return 0;
  case KEY_PNG:
    o->png_folder = value;
    return 0;
  case KEY_LADDER:
    args->ladder = true;
    return 0;
  case KEY_QUIET:
    args->quiet = true;
    return 0;
  case ARGP_KEY_ARG:
    if (args->n_paths == SP_MAX_LADDER) argp_error(state, "more than %d surveys", SP_MAX_LADDER);
    args->paths[args->n_paths++] = value;
    return 0;
  case ARGP_KEY_END:
    check(state, args);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

/* OUT.qc.html of OUT.h5; the caller owns *name. */
static sp_status name_page(const char *path, char **name) {
  const size_t length = strlen(path), stem = length > 3 && !strcmp(path + length - 3, ".h5") ? length - 3 : length;
  SP_TRY(sp_alloc(length + 16, "a name", name));
  snprintf(*name, length + 16, "%.*s.qc.html", (int)stem, path);
  return SP_SUCCESS;
}

static sp_status report(const arguments *args) {
  char *name = NULL;
  if (args->ladder) {
    return sp_ladder_write(args->paths, args->n_paths, &args->options, args->gather, args->output);
  }
  SP_TRY(name_page(args->paths[0], &name));
  const char *output = args->output ? args->output : name;
  const sp_status status = sp_report_write(args->paths[0], &args->options, output);
  if (status == SP_SUCCESS && !args->quiet) sp_info("%s: the report on %s, for any browser", output, args->paths[0]);
  sp_free(name);
  return status;
}

const struct argp sp_argp_qc = {
    options,
    parse_option,
    "OUT.h5\n--ladder A.h5 B.h5...",
    "Writes a report on what a job did as one HTML file without script, which needs no network: gathers before and "
    "after, spectra, maps over the survey, gathers that stand out, fold and offsets, the runs.\v"
    "It reads the figures that the job took (qc: gather), and of samples only the gathers that it draws. The same "
    "survey and history give the same bytes.",
    NULL,
    NULL,
    NULL};

int sp_cli_qc(int argc, char **argv) {
  arguments args = {
      .options = {.n_gathers = 12, .every = 50, .window = {NAN, NAN}, .offsets = {NAN, NAN}, .max_mb = 10}};
  sp_option_parse(&sp_argp_qc, argc, argv, 0, &args);
  return sp_status_look_code(sp_status_exit_code(report(&args)));
}
