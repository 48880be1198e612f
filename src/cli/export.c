/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc export: SEG-Y or SU out. Under a launcher it is one of the ranks, else it works alone. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/export.h"
#include "src/cli/command.h"
#include "src/cli/option.h"

enum {
  KEY_DATASET = 'd',
  KEY_QUIET = 'q',
  KEY_FORMAT = 'f',
  KEY_AS = 256,
  KEY_SCALE,
  KEY_MAP,
  KEY_KEEP_TEXT,
  KEY_GATHERS
};
enum { MAX_MAPS = 16 };

typedef struct arguments {
  sp_export_options options;
  const char *maps[MAX_MAPS];
} arguments;

static const struct argp_option options[] = {
    {"dataset", KEY_DATASET, "traces|noise", 0, "What to export; traces unless told", 0},
    {"format", KEY_FORMAT, "N", 0,
     "Sample format by SEG-Y's code: 1, 2, 3, 5, 6, 8, 10, 11 or 16; as imported unless told", 0},
    {"as", KEY_AS, "segy|su", 0, "The kind of file; as imported unless told", 0},
    {"scale", KEY_SCALE, "auto|FACTOR", 0,
     "Multiply samples by this; auto: by the largest power of 2 with which all fit an integer format", 0},
    {"map", KEY_MAP, "NAME=WORD", 0,
     "Write this column into another header word, which must be free; may be given again", 0},
    {"gathers", KEY_GATHERS, "WHICH", 0, SP_GATHERS_HELP, 0},
    {"keep-text", KEY_KEEP_TEXT, NULL, 0, "Leave the textual header as it is: it does not say what was done", 0},
    {"quiet", KEY_QUIET, NULL, 0, "No progress and no closing line", 0},
    {0},
};

static int parse_format(struct argp_state *state, const char *text) {
  char *end;
  const long value = strtol(text, &end, 10);
  if (end == text || *end || value < 1 || value > 16) {
    argp_error(state, "--format: found '%.40s', allowed are 1, 2, 3, 5, 6, 8, 10, 11, 16", text);
  }
  return (int)value;
}

static sp_segy_kind parse_kind(struct argp_state *state, const char *text) {
  if (!strcmp(text, "segy")) return SP_KIND_SEGY;
  if (strcmp(text, "su")) argp_error(state, "--as: found '%.40s', allowed is segy or su", text);
  return SP_KIND_SU;
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  sp_export_options *o = &args->options;
  switch (key) {
  case KEY_DATASET:
    o->dataset = value;
    return 0;
  case KEY_FORMAT:
    o->format = parse_format(state, value);
    return 0;
  case KEY_AS:
    o->kind = parse_kind(state, value);
    return 0;
  case KEY_SCALE:
    o->scale = strcmp(value, "auto") ? sp_option_number(state, "--scale", value, 1e-30, 1e30) : SP_SCALE_AUTO;
    return 0;
  case KEY_MAP:
    if (o->n_maps == MAX_MAPS) argp_error(state, "more than %d --map", MAX_MAPS);
    args->maps[o->n_maps++] = value;
    return 0;
  case KEY_GATHERS:
    o->gathers = sp_option_check_gathers(state, value);
    return 0;
  case KEY_KEEP_TEXT:
    o->keep_text = true;
    return 0;
  case ARGP_KEY_END:
    if (!o->input) argp_error(state, "a survey to export is missing");
    if (!o->output) argp_error(state, "the name of the file to write is missing");
    return 0;
  default:
    return sp_option_conversion(key, value, state, &o->input, &o->output, &o->quiet);
  }
}

const struct argp sp_argp_export = {
    options,
    parse_option,
    "IN.h5 OUT.sgy|-",
    "Exports a survey as a SEG-Y or SU file, with the headers it was imported with and what its columns say.\v"
    "A survey that was imported and neither changed nor sorted gives the identical bytes. Under mpirun or srun all "
    "ranks take part.\n\n"
    "Exit status: 0 complete; 1 usage or input; 75 a write that failed. After an error no output is left.",
    NULL,
    NULL,
    NULL};

int sp_cli_export(int argc, char **argv) {
  arguments args = {.options = {.dataset = "traces"}};
  args.options.maps = args.maps;
  sp_option_parse(&sp_argp_export, argc, argv, 0, &args);
  if (!sp_comm_launched()) return sp_status_exit_code(sp_export(MPI_COMM_NULL, &args.options));
  sp_status status = sp_comm_start(&argc, &argv);
  if (status == SP_SUCCESS) status = sp_export(MPI_COMM_WORLD, &args.options);
  sp_comm_finish();
  return sp_status_exit_code(status);
}
