/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc import: SEG-Y or SU in. Under a launcher it is one of the ranks, else it works alone. */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/import.h"
#include "src/cli/command.h"
#include "src/cli/option.h"

enum { MAX_WORDS = 32 };

typedef struct arguments {
  sp_import_options options;
  sp_segy_word words[MAX_WORDS];
  bool one_gather; /* --gather none */
} arguments;

enum {
  KEY_GATHER = 'g',
  KEY_SORT = 's',
  KEY_QUIET = 'q',
  KEY_TRUNCATED = 256,
  KEY_AS,
  KEY_FORMAT,
  KEY_ORDER,
  KEY_SAMPLES,
  KEY_INTERVAL,
  KEY_FIELD,
  KEY_DERIVE,
  KEY_SAMPLE_ORDER,
  KEY_LENGTH_UNIT,
  KEY_SPOOL_LIMIT,
  KEY_WEIGHTS,
};

static const struct argp_option options[] = {
    {"gather", KEY_GATHER, "KEY", 0,
     "Header word that makes a gather, by SU's or SEG-Y's name: fldr, cdp, iline, FieldRecord, ...; a second one may "
     "be "
     "given; none: the file is one gather",
     0},
    {"sort", KEY_SORT, "KEY", 0, "Sort traces within gathers by this header word; may be given again", 0},
    {"allow-truncated", KEY_TRUNCATED, NULL, 0, "Take the whole traces of a file that ends inside one", 0},
    {"spool-limit", KEY_SPOOL_LIMIT, "GB", 0,
     "Most that is taken from a pipe, which is kept beside the output meanwhile; half of what is free there unless "
     "told",
     0},
    {"quiet", KEY_QUIET, NULL, 0, "No progress and no closing line", 0},
    {NULL, 0, NULL, 0, "Where the file's headers are wrong:", 1},
    {"as", KEY_AS, "segy|su", 0, "What kind of file it is", 1},
    {"format", KEY_FORMAT, "N", 0, "Sample format by SEG-Y's code: 1, 2, 3, 5, 6, 8, 10, 11 or 16", 1},
    {"byte-order", KEY_ORDER, "big|little", 0, "Byte order", 1},
    {"sample-endian", KEY_SAMPLE_ORDER, "big|little", 0,
     "Byte order of the samples, where it is not that of the headers", 1},
    {"length-unit", KEY_LENGTH_UNIT, "m|ft", 0, "Unit of coordinates, offsets and elevations", 1},
    {"samples", KEY_SAMPLES, "N", 0, "Samples a trace", 1},
    {"interval-ms", KEY_INTERVAL, "DT", 0, "Sample interval in milliseconds", 1},
    {"field", KEY_FIELD, "NAME=BYTE[:TYPE]", 0,
     "Where a header word stands, such as iline=9 or sx=73:f4; types are i1, u1, i2, u2, i4, u4, i8, u8, f4, f8 and "
     "ibm",
     1},
    {"ignore-weights", KEY_WEIGHTS, NULL, 0,
     "Take integers as they are stored, without the weighting factors of their traces (bytes 169-170)", 1},
    {"derive", KEY_DERIVE, "offset", 0, "Take the header word offset from the coordinates sx, sy, gx, gy", 1},
    {0},
};

static long parse_integer(struct argp_state *state, const char *option, const char *text, long min, long max) {
  char *end;
  const long value = strtol(text, &end, 10);
  if (end == text || *end || value < min || value > max) {
    argp_error(state, "--%s: found '%.40s', allowed is an integer from %ld to %ld", option, text, min, max);
  }
  return value;
}

static double parse_interval(struct argp_state *state, const char *text) {
  char *end;
  const double ms = strtod(text, &end);
  if (end == text || *end || !(ms >= 1e-6) || !(ms <= 1e6)) {
    argp_error(state, "--interval-ms: found '%.40s', allowed is a number from 1e-6 to 1e6", text);
  }
  return ms * 1e3;
}

static int parse_choice(struct argp_state *state, const char *option, const char *text, const char *first,
                        const char *second) {
  if (!strcmp(text, first)) return 1;
  if (!strcmp(text, second)) return 2;
  argp_error(state, "--%s: found '%.40s', allowed is %s or %s", option, text, first, second);
  return 0;
}

static sp_field_type standard_type(const char *name) {
  const sp_header_field *field = sp_header_field_find(SP_BLOCK_STANDARD, name);
  if (!field) field = sp_header_field_find(SP_BLOCK_SU, name);
  return field ? field->type : SP_FIELD_INT32;
}

static bool is_column_name(const char *name, size_t n) {
  if (n == 0 || n >= sizeof((sp_segy_word *)0)->name || (name[0] >= '0' && name[0] <= '9')) return false;
  return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") >= n;
}

static void add_word(struct argp_state *state, arguments *args, const char *text) {
  const size_t k = args->options.hints.n_words;
  if (k == MAX_WORDS) argp_error(state, "more than %d --field", MAX_WORDS);
  sp_segy_word *word = &args->words[k];
  const char *equals = strchr(text, '='), *colon = equals ? strchr(equals, ':') : NULL;
  char name[64], byte[16];
  snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - text) : 0, text);
  const char *column = sp_header_name(name) ? sp_header_name(name) : name;
  if (!equals || !is_column_name(column, strlen(column))) {
    argp_error(state, "--field: found '%.60s', allowed is NAME=BYTE or NAME=BYTE:TYPE, such as iline=9:i4", text);
    return;
  }
  strcpy(word->name, column);
  snprintf(byte, sizeof byte, "%.*s", colon ? (int)(colon - equals - 1) : 15, equals + 1);
  word->byte = (uint16_t)parse_integer(state, "field", byte, 1, UINT16_MAX);
  word->type = standard_type(column);
  if (colon && !sp_field_type_parse(colon + 1, &word->type)) {
    argp_error(state, "--field: found type '%.20s', allowed are i1, u1, i2, u2, i4, u4, i8, u8, f4, f8 and ibm",
               colon + 1);
  }
  args->options.hints.n_words++;
}

static void add_gather(struct argp_state *state, arguments *args, const char *name) {
  sp_import_options *o = &args->options;
  if (!strcmp(name, "none")) {
    args->one_gather = true;
  } else if (o->n_gather == SP_IMPORT_MAX_GATHER_KEYS) {
    argp_error(state, "more than %d --gather", SP_IMPORT_MAX_GATHER_KEYS);
  } else {
    o->gather[o->n_gather++] = name;
  }
}

static void check_arguments(struct argp_state *state, const arguments *args) {
  const sp_import_options *o = &args->options;
  if (!o->input) argp_error(state, "a file to import is missing");
  if (!o->output) argp_error(state, "the name of the survey file to write is missing");
  if (!o->n_gather && !args->one_gather) argp_error(state, "--gather is missing; --gather none makes one gather");
  if (o->n_gather && args->one_gather) argp_error(state, "--gather none, and another key");
}

static error_t parse_header_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  sp_segy_hints *hints = &args->options.hints;
  switch (key) {
  case KEY_AS:
    hints->kind = (sp_segy_kind)parse_choice(state, "as", value, "segy", "su");
    return 0;
  case KEY_FORMAT:
    hints->format = (int)parse_integer(state, "format", value, 1, 16);
    return 0;
  case KEY_ORDER:
    hints->order = (sp_byte_order)parse_choice(state, "byte-order", value, "big", "little");
    return 0;
  case KEY_SAMPLE_ORDER:
    hints->sample_order = (sp_byte_order)parse_choice(state, "sample-endian", value, "big", "little");
    return 0;
  case KEY_LENGTH_UNIT:
    hints->measurement = parse_choice(state, "length-unit", value, "m", "ft");
    return 0;
  case KEY_SAMPLES:
    hints->n_samples = (uint32_t)parse_integer(state, "samples", value, 1, INT32_MAX);
    return 0;
  case KEY_INTERVAL:
    hints->sample_interval_us = parse_interval(state, value);
    return 0;
  case KEY_FIELD:
    add_word(state, args, value);
    return 0;
  case KEY_WEIGHTS:
    args->options.ignore_weights = true;
    return 0;
  case KEY_DERIVE:
    if (strcmp(value, "offset")) argp_error(state, "--derive: found '%.40s', allowed is offset", value);
    args->options.derive_offset = true;
    return 0;
  default:
    return sp_option_conversion(key, value, state, &args->options.input, &args->options.output, &args->options.quiet);
  }
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  sp_import_options *o = &args->options;
  switch (key) {
  case KEY_GATHER:
    add_gather(state, args, value);
    return 0;
  case KEY_SORT:
    if (o->n_sort == SP_IMPORT_MAX_SORT_KEYS) argp_error(state, "more than %d --sort", SP_IMPORT_MAX_SORT_KEYS);
    o->sort[o->n_sort++] = value;
    return 0;
  case KEY_TRUNCATED:
    o->hints.allow_truncated = true;
    return 0;
  case KEY_SPOOL_LIMIT:
    o->spool_limit = (uint64_t)(1e9 * sp_option_number(state, "--spool-limit", value, 1e-9, 1e9));
    return 0;
  case ARGP_KEY_END:
    check_arguments(state, args);
    return 0;
  default:
    return parse_header_option(key, value, state);
  }
}

const struct argp sp_argp_import = {
    options,
    parse_option,
    "IN|- OUT.h5",
    "Imports a SEG-Y (revisions 0 to 2.1) or SU file as a survey.\v"
    "Traces that are not ordered by gather are sorted; those of one gather keep their order. What the headers say "
    "against the file is reported with what is used instead. Under mpirun or srun all ranks take part.\n\n"
    "Exit status: 0 complete; 1 usage or input; 75 a write that failed. After an error no output is left.",
    NULL,
    NULL,
    NULL};

int sp_cli_import(int argc, char **argv) {
  arguments args = {0};
  args.options.hints.words = args.words;
  sp_option_parse(&sp_argp_import, argc, argv, 0, &args);
  if (!sp_comm_launched()) return sp_status_exit_code(sp_import(MPI_COMM_NULL, &args.options));
  sp_status status = sp_comm_start(&argc, &argv);
  if (status == SP_SUCCESS) status = sp_import(MPI_COMM_WORLD, &args.options);
  sp_comm_finish();
  return sp_status_exit_code(status);
}
