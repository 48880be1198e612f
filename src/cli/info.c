/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc info: what a file is and holds, without reading its samples. */
#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/header_column.h"
#include "seisproc/json.h"
#include "seisproc/memory.h"
#include "seisproc/processor.h"
#include "seisproc/ranks.h"
#include "seisproc/segy.h"
#include "seisproc/share.h"
#include "seisproc/side_file.h"
#include "seisproc/survey_file.h"
#include "src/cli/command.h"
#include "src/cli/info.h"
#include "src/cli/option.h"

enum { PIECE_ROWS = 1 << 20, MAX_COLUMNS = 256 };

typedef struct column {
  char name[SP_NAME_LENGTH + 1], units[SP_NAME_LENGTH + 1];
  sp_type type;
  double min, max; /* NAN where no value is finite, or they were not asked for */
} column;

typedef struct report {
  const sp_survey_info *info; /* borrowed from the survey */
  sp_gather_index *index;
  sp_local least_traces;
  sp_global n_empty;
  bool two_keys;
  int64_t least_key[2], most_key[2]; /* of the first key, and of the second where there are two */
  column columns[MAX_COLUMNS];
  size_t n_columns;
  bool has_noise, has_sort_map, has_integrity;
  unsigned char *text;     /* SEG-Y's textual header as the file had it; NULL */
  sp_global n_status[256]; /* gathers by what became of them */
  char *job;               /* canonical text; NULL */
  bool complete;           /* not in the making */
  sp_info_packing packing; /* of /traces */
} report;

/* --- gathering ------------------------------------------------------------------------------------------------- */

static void count_gathers(report *r) {
  const sp_gather_index *index = r->index;
  r->least_traces = index->max_traces;
  r->two_keys = strchr(index->key_name, '+') != NULL;
  for (sp_global g = 0; g < index->n_gathers; g++) {
    const sp_local n = (sp_local)(index->first_trace[g + 1] - index->first_trace[g]);
    if (n < r->least_traces) r->least_traces = n;
    if (n == 0) r->n_empty++;
    int64_t key[2] = {index->key[g], 0};
    if (r->two_keys) sp_gather_key_split(index->key[g], &key[0], &key[1]);
    for (int k = 0; k < 2; k++) {
      if (g == 0 || key[k] < r->least_key[k]) r->least_key[k] = key[k];
      if (g == 0 || key[k] > r->most_key[k]) r->most_key[k] = key[k];
    }
  }
}

static sp_status add_column(const char *name, sp_type type, const char *units, void *context) {
  report *r = context;
  if (r->n_columns == MAX_COLUMNS) return SP_SUCCESS;
  column *c = &r->columns[r->n_columns++];
  *c = (column){.type = type, .min = (double)NAN, .max = (double)NAN};
  snprintf(c->name, sizeof c->name, "%s", name);
  snprintf(c->units, sizeof c->units, "%s", units ? units : "");
  return SP_SUCCESS;
}

/* Ranges are of scaled values, in the column's unit. */
static sp_status measure_columns(sp_survey *survey, report *r) {
  for (size_t i = 0; i < r->n_columns; i++) {
    sp_header_column *values;
    SP_TRY(sp_header_column_open(survey, r->columns[i].name, &values));
    const sp_status status = sp_header_column_range(values, &r->columns[i].min, &r->columns[i].max, NULL);
    sp_header_column_close(values);
    SP_TRY(status);
  }
  return SP_SUCCESS;
}

static sp_status count_status(sp_survey *survey, report *r) {
  sp_dataset *data;
  void *rows = NULL;
  SP_TRY(sp_dataset_open(survey, "/integrity/status", &data));
  const sp_global n = sp_dataset_rows(data);
  sp_status status = SP_SUCCESS;
  if (sp_dataset_type(data) != SP_UINT8 || n != r->index->n_gathers) {
    status = SP_RAISE(SP_ERR_INPUT, "%s is not one byte a gather", "/integrity/status");
  }
  if (status == SP_SUCCESS) status = sp_alloc(PIECE_ROWS, "the status of gathers", &rows);
  SP_EACH_PIECE (part, 0, n, PIECE_ROWS) {
    if (status != SP_SUCCESS) break;
    const uint64_t first = part.first;
    const sp_local piece = (sp_local)part.count;
    status = sp_dataset_read_independent(data, first, piece, rows);
    for (sp_local i = 0; i < piece && status == SP_SUCCESS; i++) r->n_status[((uint8_t *)rows)[i]]++;
  }
  sp_free(rows);
  sp_dataset_close(data);
  return status;
}

static sp_status read_text(sp_survey *survey, report *r) {
  sp_dataset *data;
  void *text = NULL;
  SP_TRY(sp_dataset_open(survey, "/segy/text_header", &data));
  const sp_global n = sp_dataset_rows(data);
  sp_status status = SP_SUCCESS;
  if (sp_dataset_type(data) != SP_UINT8 || n != SP_SEGY_TEXT_BYTES) {
    status = SP_RAISE(SP_ERR_INPUT, "%s is not %d bytes", "/segy/text_header", SP_SEGY_TEXT_BYTES);
  }
  if (status == SP_SUCCESS) status = sp_alloc(SP_SEGY_TEXT_BYTES, "the textual header", &text);
  if (status == SP_SUCCESS) status = sp_dataset_read_independent(data, 0, SP_SEGY_TEXT_BYTES, text);
  r->text = text;
  sp_dataset_close(data);
  return status;
}

static sp_status gather(sp_survey *survey, const sp_info_request *args, report *r) {
  r->info = sp_survey_get_info(survey);
  /* a part knows nothing yet of what became of its gathers */
  r->complete = !sp_side_is(args->path, SP_SIDE_PART) && !sp_side_is(args->path, SP_SIDE_PLAIN);
  SP_TRY(sp_survey_read_index(survey, true, &r->index));
  count_gathers(r);
  SP_TRY(sp_survey_each_header(survey, add_column, r));
  if (args->ranges) SP_TRY(measure_columns(survey, r));
  r->has_noise = sp_survey_has(survey, "/noise");
  r->has_sort_map = sp_survey_has(survey, "/sort_map");
  r->has_integrity = r->complete && sp_survey_has(survey, "/integrity/status");
  if (r->has_integrity) SP_TRY(count_status(survey, r));
  SP_TRY(sp_info_find_packing(survey, &r->packing));
  if (args->text && sp_survey_has(survey, "/segy/text_header")) SP_TRY(read_text(survey, r));
  if (strcmp(r->info->content, "input") != 0) SP_TRY(sp_survey_get_text(survey, "/", "job", &r->job));
  return SP_SUCCESS;
}

/* --- text ------------------------------------------------------------------------------------------------------ */

static uint64_t trace_bytes(const report *r) {
  return r->info->n_traces * r->info->n_samples * sizeof(float) * (r->has_noise ? 2 : 1);
}

/* Prints lines of text, each after `margin`. */
static void print_indented(const char *text, const char *margin) {
  while (*text) {
    const int n = (int)strcspn(text, "\n");
    if (n) printf("%s%.*s\n", margin, n, text);
    text += n + (text[n] == '\n');
  }
}

static void print_columns(const report *r, bool ranges) {
  printf("  headers    %zu columns", r->n_columns);
  if (!ranges) {
    int at = 90;
    for (size_t i = 0; i < r->n_columns; i++) {
      if (at + (int)strlen(r->columns[i].name) > 88) at = printf("\n%12s", "") - 1;
      at += printf(" %s", r->columns[i].name);
    }
    printf("\n");
    return;
  }
  printf(": least and largest value\n");
  for (size_t i = 0; i < r->n_columns; i++) {
    const column *c = &r->columns[i];
    printf("             %-10s %14.10g %14.10g %s\n", c->name, c->min, c->max, c->units);
  }
}

static void print_status(const report *r) {
  printf("  integrity  %" PRIu64 " gathers ok", r->n_status[SP_REASON_OK]);
  for (int reason = 1; reason < 256; reason++) {
    if (!r->n_status[reason]) continue;
    printf(", %" PRIu64 " %s", r->n_status[reason],
           reason < SP_REASON_COUNT ? sp_reason_name((sp_reason)reason) : "of an unknown status");
  }
  printf("\n");
}

static void print_gathers(const report *r) {
  const char *name = r->info->gather_key[0] ? r->info->gather_key : "key", *plus = strchr(name, '+');
  if (plus) {
    printf(" by %.*s (%" PRId64 " to %" PRId64 ") and %s (%" PRId64 " to %" PRId64 ")", (int)(plus - name), name,
           r->least_key[0], r->most_key[0], plus + 1, r->least_key[1], r->most_key[1]);
  } else {
    printf(" by %s (%" PRId64 " to %" PRId64 ")", name, r->least_key[0], r->most_key[0]);
  }
  printf(", %u to %u traces, %.1f on the mean", r->least_traces, r->index->max_traces,
         (double)r->info->n_traces / (double)r->info->n_gathers);
}

static void print_text(const report *r, const sp_info_request *args) {
  const sp_survey_info *info = r->info;
  char size[SP_SIZE_TEXT];
  printf("%s: survey, format %d, uuid %s%s\n", args->path, SP_FORMAT_VERSION, info->uuid,
         r->complete ? "" : ", in the making");
  printf("  traces     %" PRIu64 " of %u samples at %.10g ms (%.6g s), %s%s%s; %s\n", info->n_traces, info->n_samples,
         info->sample_interval_us * 1e-3, info->n_samples * info->sample_interval_us * 1e-6, info->content,
         r->has_noise ? " and noise" : "", r->has_sort_map ? ", sorted" : "", sp_info_size(trace_bytes(r), size));
  sp_info_print_packing(&r->packing, info);
  printf("  gathers    %" PRIu64, info->n_gathers);
  if (info->n_gathers) print_gathers(r);
  if (r->n_empty) printf(", %" PRIu64 " empty", r->n_empty);
  printf("\n");
  print_columns(r, args->ranges);
  if (r->has_integrity) print_status(r);
  printf("  made by    %s\n", info->created_by);
  if (info->history[0]) {
    printf("  history\n");
    print_indented(info->history, "    ");
  }
  if (r->text) {
    printf("  text\n");
    sp_info_print_text(r->text, "    ");
  }
}

/* --- JSON ------------------------------------------------------------------------------------------------------ */

/* One number, or a list of two. */
static void json_key(sp_json *json, const char *name, const int64_t key[2], bool two) {
  if (!two) {
    sp_json_int(json, name, key[0]);
    return;
  }
  sp_json_open(json, name, '[');
  sp_json_int(json, NULL, key[0]);
  sp_json_int(json, NULL, key[1]);
  sp_json_close(json, ']');
}

static void json_gathers(sp_json *json, const report *r) {
  sp_json_open(json, "gathers", '{');
  sp_json_text(json, "key", r->info->gather_key);
  if (r->info->n_gathers) {
    json_key(json, "least_key", r->least_key, r->two_keys);
    json_key(json, "largest_key", r->most_key, r->two_keys);
  }
  sp_json_count(json, "least_traces", r->least_traces);
  sp_json_count(json, "largest_traces", r->index->max_traces);
  sp_json_real(json, "mean_traces", (double)r->info->n_traces / (double)r->info->n_gathers);
  sp_json_count(json, "empty", r->n_empty);
  sp_json_close(json, '}');
}

static void json_columns(sp_json *json, const report *r, bool ranges) {
  sp_json_open(json, "headers", '[');
  for (size_t i = 0; i < r->n_columns; i++) {
    const column *c = &r->columns[i];
    sp_json_open(json, NULL, '{');
    sp_json_text(json, "name", c->name);
    sp_json_text(json, "type", c->type == SP_FLOAT64 ? "float64" : c->type == SP_INT32 ? "int32" : "other");
    sp_json_text(json, "units", c->units[0] ? c->units : NULL);
    if (ranges) {
      sp_json_real(json, "min", c->min);
      sp_json_real(json, "max", c->max);
    }
    sp_json_close(json, '}');
  }
  sp_json_close(json, ']');
}

static void json_status(sp_json *json, const report *r) {
  if (!r->has_integrity) {
    sp_json_text(json, "integrity", NULL);
    return;
  }
  sp_json_open(json, "integrity", '{');
  for (int reason = 0; reason < 256; reason++) {
    char name[16];
    snprintf(name, sizeof name, "status %d", reason);
    if (reason < SP_REASON_COUNT) {
      sp_json_count(json, sp_reason_name((sp_reason)reason), r->n_status[reason]);
    } else if (r->n_status[reason]) {
      sp_json_count(json, name, r->n_status[reason]);
    }
  }
  sp_json_close(json, '}');
}

static void print_json(const report *r, const sp_info_request *args) {
  const sp_survey_info *info = r->info;
  sp_json json = sp_json_begin(stdout);
  sp_json_open(&json, NULL, '{');
  sp_json_text(&json, "path", args->path);
  sp_json_text(&json, "format", "seisproc");
  sp_json_int(&json, "format_version", SP_FORMAT_VERSION);
  sp_json_text(&json, "uuid", info->uuid);
  sp_json_bool(&json, "complete", r->complete);
  sp_json_count(&json, "n_traces", info->n_traces);
  sp_json_count(&json, "n_samples", info->n_samples);
  sp_json_real(&json, "sample_interval_us", info->sample_interval_us);
  sp_json_text(&json, "content", info->content);
  sp_json_bool(&json, "noise", r->has_noise);
  sp_json_bool(&json, "sort_map", r->has_sort_map);
  sp_json_count(&json, "trace_bytes", trace_bytes(r));
  sp_json_count(&json, "n_gathers", info->n_gathers);
  json_gathers(&json, r);
  json_columns(&json, r, args->ranges);
  sp_info_json_packing(&json, &r->packing, r->info);
  json_status(&json, r);
  sp_json_text(&json, "created_by", info->created_by);
  sp_json_text(&json, "history", info->history);
  sp_json_text(&json, "job", r->job);
  sp_json_close(&json, '}');
}

/* --- the command ----------------------------------------------------------------------------------------------- */

static sp_status print_survey(const sp_info_request *args) {
  sp_survey *survey = NULL;
  report *r = NULL;
  sp_status status;
  void *block;
  SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, args->path, false, &survey));
  SP_TRY_GOTO(out, sp_survey_select(survey, args->gathers));
  SP_TRY_GOTO(out, sp_calloc(1, sizeof(report), "the report", &block));
  r = block;
  SP_TRY_GOTO(out, gather(survey, args, r));
  if (args->json) {
    print_json(r, args);
  } else {
    print_text(r, args);
  }
out:
  if (r) {
    sp_gather_index_destroy(r->index);
    sp_free(r->text);
    sp_free(r->job);
    sp_free(r);
  }
  sp_survey_close(survey);
  return status;
}

/* Whether the file is for HDF5 to open, or to refuse: its signature may stand at byte 0, 512, 1024, 2048, ... */
static bool is_for_hdf5(const char *path) {
  static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  struct stat entry;
  if (stat(path, &entry) || !S_ISREG(entry.st_mode) || entry.st_size == 0) return true;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  bool found = fd < 0;
  char bytes[8];
  for (off_t at = 0; !found && at < entry.st_size; at = at ? 2 * at : 512) {
    found = pread(fd, bytes, sizeof bytes, at) == sizeof bytes && !memcmp(bytes, signature, sizeof bytes);
  }
  if (fd >= 0) close(fd);
  return found;
}

static sp_status print_file(const sp_info_request *args) {
  if (is_for_hdf5(args->path)) return print_survey(args);
  if (args->gathers) return SP_RAISE(SP_ERR_USAGE, "--gathers: %s has none, that takes a survey", args->path);
  return sp_info_segy(args);
}

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print one JSON object", 0},
    {"headers", 'H', NULL, 0, "Read all trace headers and tell the least and largest value of each", 0},
    {"gathers", 'g', "WHICH", 0, SP_GATHERS_HELP, 0},
    {"text", 't', NULL, 0, "Print SEG-Y's textual header", 0},
    {0},
};

static error_t parse_option(int key, char *value, struct argp_state *state) {
  sp_info_request *args = state->input;
  switch (key) {
  case 'j':
    args->json = true;
    return 0;
  case 'H':
    args->ranges = true;
    return 0;
  case 'g':
    args->gathers = sp_option_check_gathers(state, value);
    return 0;
  case 't':
    args->text = true;
    return 0;
  case ARGP_KEY_ARG:
    if (args->path) argp_error(state, "one file, found another: %s", value);
    args->path = value;
    return 0;
  case ARGP_KEY_END:
    if (!args->path) argp_error(state, "a file is missing");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

const struct argp sp_argp_info = {options,
                                  parse_option,
                                  "FILE",
                                  "Tells what a survey is and holds: shape, gathers, header columns, what became of "
                                  "its gathers, where it comes from; and what a SEG-Y or SU file is. Samples are not "
                                  "read.",
                                  NULL,
                                  NULL,
                                  NULL};

int sp_cli_info(int argc, char **argv) {
  sp_info_request args = {0};
  sp_option_parse(&sp_argp_info, argc, argv, 0, &args);
  sp_ranks ranks;
  const sp_status started = sp_ranks_start(&argc, &argv, &ranks);
  if (started != SP_SUCCESS) return sp_status_look_code(sp_status_exit_code(started)); /* alike */
  return sp_status_look_code(sp_ranks_finish(&ranks, SP_ON_RANK_0(&ranks, print_file(&args))));
}
