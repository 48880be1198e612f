/* Before the first trace: what the file is, which keys it has, whether it seems ordered, and the empty output. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/quote.h"
#include "src/segy/importer.h"
#include "src/segy/output_check.h"
#include "src/segy/segy_bytes.h"

enum { LOOK_TRACES = 1024, MAX_DATASETS = SP_SEGY_MAX_COLUMNS + 9, PATH_LENGTH = 48, COPY_BYTES = 1 << 20 };

/* --- checks ------------------------------------------------------------------------------------------------------ */

static sp_status find_key(const sp_importer *im, const char *name, int *column) {
  *column = sp_segy_column_find(im->layout, name);
  if (*column >= 0) return SP_SUCCESS;
  char near[SP_QUOTE_SIZE], quoted[SP_QUOTE_SIZE];
  sp_header_nearest(name, near, sizeof near);
  if (sp_header_name(name)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: %s files have no header word '%s'", im->options->input,
                    im->layout->kind == SP_KIND_SU ? "SU" : "such SEG-Y", sp_quote(name, quoted));
  }
  return SP_RAISE(SP_ERR_USAGE, "no header word '%s'%s%s%s", sp_quote(name, quoted), *near ? "; did you mean " : "",
                  near, *near ? "?" : "");
}

static sp_status find_keys(sp_importer *im) {
  const sp_import_options *o = im->options;
  for (int k = 0; k < o->n_gather; k++) SP_TRY(find_key(im, o->gather[k], &im->key_column[im->n_keys++]));
  im->n_gather_keys = im->n_keys;
  for (int k = 0; k < o->n_sort; k++) SP_TRY(find_key(im, o->sort[k], &im->key_column[im->n_keys++]));
  for (int a = 0; a < im->n_keys; a++) {
    for (int b = 0; b < a; b++) {
      if (im->key_column[a] != im->key_column[b]) continue;
      return SP_RAISE(SP_ERR_USAGE, "header word %s is asked for twice", im->layout->columns[im->key_column[a]].name);
    }
  }
  return SP_SUCCESS;
}

/* --- derived offsets --------------------------------------------------------------------------------------------- */

static sp_status set_derived(sp_importer *im) {
  im->offset_column = -1;
  if (!im->options->derive_offset) return SP_SUCCESS;
  static const char *const names[] = {"sx", "sy", "gx", "gy"};
  for (int i = 0; i < 4; i++) {
    im->coordinate[i] = sp_segy_column_find(im->layout, names[i]);
    if (im->coordinate[i] >= 0) continue;
    return SP_RAISE(SP_ERR_INPUT, "%s: no header word %s to derive offsets from", im->options->input, names[i]);
  }
  im->offset_column = sp_segy_column_find(im->layout, "offset");
  if (im->offset_column < 0 && im->layout->n_columns == SP_SEGY_MAX_COLUMNS) {
    return SP_RAISE(SP_ERR_INPUT, "%s: more than %d header words", im->options->input, SP_SEGY_MAX_COLUMNS);
  }
  if (im->offset_column < 0) im->offset_column = (int)im->layout->n_columns++;
  sp_segy_column *column = &im->layout->columns[im->offset_column];
  strcpy(column->name, "offset");
  memcpy(column->unit, im->layout->columns[im->coordinate[0]].unit, sizeof column->unit);
  column->real = true;
  column->scalar = -1;
  column->wide_at = 0;
  return SP_SUCCESS;
}

/* --- a first look ------------------------------------------------------------------------------------------------ */

sp_status sp_import_read_header(const sp_importer *im, uint64_t trace, void *header) {
  const sp_segy_layout *layout = im->layout;
  return sp_segy_read_at(im->fd, im->options->input, layout->first_trace + trace * layout->trace_bytes,
                         layout->header_bytes, header);
}

/* Whether the first traces stand in gather order and no key is 0 in all of them: then traces are written on the first
 * way through the file. */
static sp_status look(sp_importer *im) {
  const sp_segy_layout *layout = im->layout;
  const uint32_t n = layout->n_traces < LOOK_TRACES ? (uint32_t)layout->n_traces : LOOK_TRACES;
  sp_key keys[SP_MAX_IMPORT_KEYS] = {0};
  double *values = NULL;
  uint8_t *header = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc((size_t)n * SP_MAX_IMPORT_KEYS, sizeof *values, "keys", (void **)&values));
  SP_TRY_GOTO(out, sp_alloc(layout->header_bytes, "a trace header", (void **)&header));
  bool zero[SP_MAX_IMPORT_KEYS];
  for (int k = 0; k < im->n_keys; k++) {
    keys[k] = (sp_key){.values = values + (size_t)k * n, .real = true};
    zero[k] = true;
  }
  for (uint32_t i = 0; i < n; i++) {
    SP_TRY_GOTO(out, sp_import_read_header(im, i, header));
    for (int k = 0; k < im->n_keys; k++) {
      const double v = sp_import_value(im, im->key_column[k], header);
      values[(size_t)k * n + i] = v;
      zero[k] &= v == 0;
    }
  }
  im->order_expected = sp_order_seems_kept(keys, im->n_gather_keys, im->n_keys, n);
  for (int k = 0; k < im->n_keys; k++) im->order_expected &= !zero[k];
out:
  sp_free(header);
  sp_free(values);
  return status;
}

static sp_status open_input(sp_importer *im) {
  im->fd = open(im->options->input, O_RDONLY | O_CLOEXEC);
  if (im->fd < 0) {
    return SP_RAISE(SP_ERR_INPUT, "%s: cannot be opened: %s", im->options->input, strerror(errno));
  }
  return SP_SUCCESS;
}

static sp_status prepare_first(sp_importer *im) {
  SP_TRY(sp_segy_identify(im->options->input, &im->options->hints, im->layout));
  SP_TRY(sp_output_check(im->options->input, im->options->output));
  SP_TRY(sp_part_begin(im->options->output, &im->part_path, &im->lock));
  SP_TRY(set_derived(im));
  SP_TRY(find_keys(im));
  SP_TRY(open_input(im));
  return look(im);
}

typedef struct told {
  int n_gather_keys, n_keys, key_column[SP_MAX_IMPORT_KEYS], offset_column, coordinate[4];
  bool order_expected;
} told;

static sp_status tell(sp_importer *im) {
  told t = {im->n_gather_keys, im->n_keys, {0}, im->offset_column, {0}, im->order_expected};
  memcpy(t.key_column, im->key_column, sizeof t.key_column);
  memcpy(t.coordinate, im->coordinate, sizeof t.coordinate);
  SP_TRY(sp_team_share(&im->team, &t, sizeof t));
  im->n_gather_keys = t.n_gather_keys;
  im->n_keys = t.n_keys;
  im->offset_column = t.offset_column;
  im->order_expected = t.order_expected;
  memcpy(im->key_column, t.key_column, sizeof t.key_column);
  memcpy(im->coordinate, t.coordinate, sizeof t.coordinate);
  return sp_team_share(&im->team, im->layout, sizeof *im->layout);
}

static sp_status allocate_keys(sp_importer *im) {
  const uint64_t n = im->team.rank ? im->end - im->first : im->layout->n_traces;
  for (int k = 0; k < im->n_keys; k++) {
    SP_TRY(sp_alloc(n * sp_import_column_bytes(im, im->key_column[k]), "header keys", &im->keys[k]));
  }
  return sp_calloc((im->end - im->first) / 8 + 1, 1, "marks of traces", (void **)&im->inexact);
}

sp_status sp_import_prepare(sp_importer *im) {
  im->fd = -1;
  SP_TRY(sp_team_agree(&im->team, sp_calloc(1, sizeof *im->layout, "a layout", (void **)&im->layout)));
  SP_TRY(sp_team_agree(&im->team, im->team.rank ? SP_SUCCESS : prepare_first(im)));
  SP_TRY(tell(im));
  im->first = sp_team_share_start(&im->team, im->layout->n_traces, im->team.rank);
  im->end = sp_team_share_start(&im->team, im->layout->n_traces, im->team.rank + 1);
  sp_status status = im->team.rank ? open_input(im) : SP_SUCCESS;
  if (status == SP_SUCCESS) status = allocate_keys(im);
  return sp_team_agree(&im->team, status);
}

/* --- the output -------------------------------------------------------------------------------------------------- */

static const char *kind_name(const sp_segy_layout *layout) {
  return layout->kind == SP_KIND_SU ? "su" : "segy";
}

static void set_history(const sp_importer *im, char *text, size_t size) {
  const sp_segy_layout *layout = im->layout;
  const char *slash = strrchr(im->options->input, '/');
  size_t n = (size_t)snprintf(text, size, "import: %.200s, ", slash ? slash + 1 : im->options->input);
  if (layout->kind == SP_KIND_SEGY) {
    n += (size_t)snprintf(text + n, size - n, "SEG-Y rev %d.%d, ", layout->revision_major, layout->revision_minor);
  } else {
    n += (size_t)snprintf(text + n, size - n, "SU, ");
  }
  n += (size_t)snprintf(text + n, size - n, "%s-endian, %s", layout->order == SP_ORDER_BIG ? "big" : "little",
                        sp_segy_format_name(layout->format));
  for (int k = 0; k < im->n_keys; k++) {
    const char *before = k == 0 && im->n_gather_keys ? ", gathers by " : k == im->n_gather_keys ? ", sorted by " : ", ";
    n += (size_t)snprintf(text + n, size - n, "%s%s", before, layout->columns[im->key_column[k]].name);
  }
  if (im->offset_column >= 0) snprintf(text + n, size - n, ", offset derived from coordinates");
}

static void set_info(const sp_importer *im, sp_survey_info *info, char *history) {
  *info = (sp_survey_info){.n_traces = im->layout->n_traces,
                           .n_gathers = 1,
                           .n_samples = im->layout->n_samples,
                           .sample_interval_us = im->layout->sample_interval_us,
                           .content = "input",
                           .history = history};
  sp_uuid_create(info->uuid);
  snprintf(info->created_by, sizeof info->created_by, "seisproc %s import", SP_VERSION);
  sp_import_gather_name(im, info->gather_key);
}

void sp_import_gather_name(const sp_importer *im, char name[SP_NAME_LENGTH + 1]) {
  size_t n = 0;
  snprintf(name, SP_NAME_LENGTH + 1, "none");
  for (int k = 0; k < im->n_gather_keys; k++) {
    n += (size_t)snprintf(name + n, SP_NAME_LENGTH + 1 - n, "%s%s", k ? "+" : "",
                          im->layout->columns[im->key_column[k]].name);
  }
}

/* Bytes between the binary header and the first trace. */
static uint64_t extended_bytes(const sp_segy_layout *layout) {
  return layout->kind == SP_KIND_SU ? 0 : layout->first_trace - layout->label_bytes - SP_SEGY_FILE_HEADER_BYTES;
}

static size_t list_datasets(const sp_segy_layout *layout, sp_dataset_spec *specs, char (*paths)[PATH_LENGTH]) {
  const uint64_t n = layout->n_traces, texts = extended_bytes(layout);
  size_t k = 0;
  specs[k++] = (sp_dataset_spec){"/traces", SP_FLOAT32, n, layout->n_samples, NULL};
  specs[k++] = (sp_dataset_spec){"/gathers/first_trace", SP_UINT64, 2, 0, NULL};
  specs[k++] = (sp_dataset_spec){"/gathers/key", SP_INT64, 1, 0, NULL};
  specs[k++] = (sp_dataset_spec){"/segy/trace_headers", SP_UINT8, n, layout->header_bytes, NULL};
  if (layout->kind == SP_KIND_SEGY) {
    specs[k++] = (sp_dataset_spec){"/segy/text_header", SP_UINT8, SP_SEGY_TEXT_BYTES, 0, NULL};
    specs[k++] = (sp_dataset_spec){"/segy/binary_header", SP_UINT8, SP_SEGY_BINARY_BYTES, 0, NULL};
  }
  if (layout->label_bytes) {
    specs[k++] = (sp_dataset_spec){"/segy/storage_label", SP_UINT8, layout->label_bytes, 0, NULL};
  }
  if (texts) specs[k++] = (sp_dataset_spec){"/segy/extended_text", SP_UINT8, texts, 0, NULL};
  if (layout->trailer_bytes) {
    specs[k++] = (sp_dataset_spec){"/segy/trailer", SP_UINT8, layout->trailer_bytes, 0, NULL};
  }
  for (size_t c = 0; c < layout->n_columns; c++) {
    const sp_segy_column *column = &layout->columns[c];
    snprintf(paths[c], PATH_LENGTH, "/headers/%s", column->name);
    specs[k++] =
        (sp_dataset_spec){paths[c], column->real ? SP_FLOAT64 : SP_INT32, n, 0, column->unit[0] ? column->unit : NULL};
  }
  return k;
}

static sp_status create_file(const sp_importer *im) {
  const sp_segy_layout *layout = im->layout;
  char(*paths)[PATH_LENGTH] = NULL;
  sp_dataset_spec *specs = NULL;
  char history[512], revision[16];
  sp_survey_info info;
  sp_status status;
  set_history(im, history, sizeof history);
  set_info(im, &info, history);
  snprintf(revision, sizeof revision, "%d.%d", layout->revision_major, layout->revision_minor);
  const sp_attribute_spec attributes[] = {
      {.object = "/segy", .name = "kind", .kind = SP_ATTR_TEXT, .text = kind_name(layout)},
      {.object = "/segy",
       .name = "byte_order",
       .kind = SP_ATTR_TEXT,
       .text = layout->order == SP_ORDER_BIG ? "big" : "little"},
      {.object = "/segy",
       .name = "sample_byte_order",
       .kind = SP_ATTR_TEXT,
       .text = layout->sample_order == SP_ORDER_BIG ? "big" : "little"},
      {.object = "/segy", .name = "revision", .kind = SP_ATTR_TEXT, .text = revision},
      {.object = "/segy", .name = "format", .kind = SP_ATTR_INT, .integer = layout->format},
      {.object = "/segy", .name = "n_samples", .kind = SP_ATTR_INT, .integer = layout->n_samples},
      {.object = "/segy", .name = "sample_interval_us", .kind = SP_ATTR_REAL, .real = layout->sample_interval_us},
  };
  SP_TRY_GOTO(out, sp_calloc(SP_SEGY_MAX_COLUMNS, sizeof *paths, "names", (void **)&paths));
  SP_TRY_GOTO(out, sp_calloc(MAX_DATASETS, sizeof *specs, "datasets", (void **)&specs));
  const size_t n = list_datasets(layout, specs, paths);
  status = sp_survey_create(im->part_path, &info, specs, n, attributes, sizeof attributes / sizeof attributes[0]);
out:
  sp_free(specs);
  sp_free(paths);
  return status;
}

/* Copies bytes of the input to a dataset of bytes. */
static sp_status copy_bytes(sp_importer *im, const char *path, uint64_t offset, uint64_t bytes) {
  sp_dataset *dataset;
  void *buffer = NULL;
  SP_TRY(sp_dataset_open(im->survey, path, &dataset));
  sp_status status = sp_alloc(COPY_BYTES, "file headers", &buffer);
  for (uint64_t at = 0; at < bytes && status == SP_SUCCESS;) {
    const size_t n = bytes - at < COPY_BYTES ? (size_t)(bytes - at) : COPY_BYTES;
    status = sp_segy_read_at(im->fd, im->options->input, offset + at, n, buffer);
    if (status == SP_SUCCESS) status = sp_dataset_write_independent(dataset, at, (sp_local)n, buffer);
    at += n;
  }
  sp_free(buffer);
  sp_dataset_close(dataset);
  return status;
}

static sp_status copy_file_headers(sp_importer *im) {
  const sp_segy_layout *layout = im->layout;
  if (layout->kind == SP_KIND_SEGY) {
    const uint64_t text = layout->label_bytes;
    if (text) SP_TRY(copy_bytes(im, "/segy/storage_label", 0, text));
    SP_TRY(copy_bytes(im, "/segy/text_header", text, SP_SEGY_TEXT_BYTES));
    SP_TRY(copy_bytes(im, "/segy/binary_header", text + SP_SEGY_TEXT_BYTES, SP_SEGY_BINARY_BYTES));
  }
  const uint64_t texts = extended_bytes(layout);
  if (texts) SP_TRY(copy_bytes(im, "/segy/extended_text", layout->label_bytes + SP_SEGY_FILE_HEADER_BYTES, texts));
  if (!layout->trailer_bytes) return SP_SUCCESS;
  return copy_bytes(im, "/segy/trailer", layout->first_trace + layout->n_traces * layout->trace_bytes,
                    layout->trailer_bytes);
}

/* File headers are copied by rank 0 alone: not through the file that all ranks open. */
static sp_status create_and_head(sp_importer *im) {
  SP_TRY(create_file(im));
  SP_TRY(sp_survey_open(MPI_COMM_NULL, im->part_path, true, &im->survey));
  const sp_status status = copy_file_headers(im);
  sp_survey_close(im->survey);
  im->survey = NULL;
  return status;
}

sp_status sp_import_create(sp_importer *im) {
  const sp_status status = im->team.rank ? sp_part_path(im->options->output, &im->part_path) : create_and_head(im);
  return sp_team_agree(&im->team, status);
}

sp_status sp_import_open(sp_importer *im) {
  SP_TRY(sp_survey_open(im->team.comm, im->part_path, true, &im->survey));
  SP_TRY(sp_dataset_open(im->survey, "/traces", &im->traces));
  SP_TRY(sp_dataset_open(im->survey, "/segy/trace_headers", &im->raw_headers));
  for (size_t c = 0; c < im->layout->n_columns; c++) {
    char path[PATH_LENGTH];
    snprintf(path, sizeof path, "/headers/%s", im->layout->columns[c].name);
    SP_TRY(sp_dataset_open(im->survey, path, &im->columns[c]));
  }
  return SP_SUCCESS;
}

void sp_import_close(sp_importer *im) {
  for (size_t c = 0; c < SP_SEGY_MAX_COLUMNS; c++) {
    sp_dataset_close(im->columns[c]);
    im->columns[c] = NULL;
  }
  sp_dataset_close(im->raw_headers);
  sp_dataset_close(im->traces);
  im->raw_headers = im->traces = NULL;
  sp_survey_close(im->survey);
  im->survey = NULL;
}
