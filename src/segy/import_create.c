/* SPDX-License-Identifier: BSD-3-Clause */
/* The empty output of an import: its datasets, what it says of the file that it comes from, the file's own headers. */
#include <stdio.h>
#include <string.h>

#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "src/segy/importer.h"

enum { MAX_DATASETS = SP_SEGY_MAX_COLUMNS + 9, PATH_LENGTH = 48, COPY_BYTES = 1 << 20 };

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

/* Attributes of the new file, as many as a block holds. */
typedef struct attribute_list {
  sp_attribute_spec specs[4 * SP_SEGY_MAX_COLUMNS + 16];
  size_t n;
} attribute_list;

static void add_text(attribute_list *list, const char *object, const char *name, const char *text) {
  list->specs[list->n++] = (sp_attribute_spec){.object = object, .name = name, .kind = SP_ATTR_TEXT, .text = text};
}

static void add_int(attribute_list *list, const char *object, const char *name, int64_t value) {
  list->specs[list->n++] = (sp_attribute_spec){.object = object, .name = name, .kind = SP_ATTR_INT, .integer = value};
}

static const char *order_name(sp_byte_order order) {
  return order == SP_ORDER_BIG ? "big" : "little";
}

static void describe_file(const sp_segy_layout *layout, const char *revision, attribute_list *list) {
  add_text(list, "/segy", "kind", kind_name(layout));
  add_text(list, "/segy", "byte_order", order_name(layout->order));
  add_text(list, "/segy", "sample_byte_order", order_name(layout->sample_order));
  add_text(list, "/segy", "revision", revision);
  add_text(list, "/segy", "length_unit", layout->length_unit);
  add_int(list, "/segy", "format", layout->format);
  add_int(list, "/segy", "n_traces", (int64_t)layout->n_traces);
  add_int(list, "/segy", "n_samples", layout->n_samples);
  list->specs[list->n++] = (sp_attribute_spec){
      .object = "/segy", .name = "sample_interval_us", .kind = SP_ATTR_REAL, .real = layout->sample_interval_us};
}

/* Where each column stands in a trace header, and which one scales it. */
static void describe_columns(const sp_importer *im, char (*paths)[PATH_LENGTH], attribute_list *list) {
  const sp_segy_layout *layout = im->layout;
  for (size_t c = 0; c < layout->n_columns; c++) {
    const sp_segy_column *column = &layout->columns[c];
    const bool derived = (int)c == im->offset_column;
    if (!derived || im->has_recorded_offset) {
      add_int(list, paths[c], "byte", column->at + 1);
      add_text(list, paths[c], "type", sp_field_type_name((sp_field_type)column->type));
    }
    if (derived) add_text(list, paths[c], "derived", "from coordinates");
    if (column->wide_at) {
      add_int(list, paths[c], "wide_byte", column->wide_at + 1);
      add_text(list, paths[c], "wide_type", sp_field_type_name((sp_field_type)column->wide_type));
    }
    if (column->scalar >= 0) {
      add_text(list, paths[c], SP_SCALAR_ATTRIBUTE, layout->columns[column->scalar].name);
    }
  }
}

static sp_status create_file(const sp_importer *im) {
  const sp_segy_layout *layout = im->layout;
  char(*paths)[PATH_LENGTH] = NULL;
  sp_dataset_spec *specs = NULL;
  attribute_list *attributes = NULL;
  char history[512], revision[32];
  sp_survey_info info;
  sp_status status;
  set_history(im, history, sizeof history);
  set_info(im, &info, history);
  snprintf(revision, sizeof revision, "%d.%d", layout->revision_major, layout->revision_minor);
  SP_TRY_GOTO(out, sp_calloc(SP_SEGY_MAX_COLUMNS, sizeof *paths, "names", &paths));
  SP_TRY_GOTO(out, sp_calloc(MAX_DATASETS, sizeof *specs, "datasets", &specs));
  SP_TRY_GOTO(out, sp_calloc(1, sizeof *attributes, "attributes", &attributes));
  const size_t n = list_datasets(layout, specs, paths);
  describe_file(layout, revision, attributes);
  describe_columns(im, paths, attributes);
  status = sp_survey_create(im->part_path, &info, specs, n, attributes->specs, attributes->n);
out:
  sp_free(attributes);
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
  const sp_status status = im->ranks.rank ? sp_part_path(im->options->output, &im->part_path) : create_and_head(im);
  return sp_ranks_agree(&im->ranks, status);
}

sp_status sp_import_open(sp_importer *im) {
  SP_TRY(sp_survey_open(im->ranks.comm, im->part_path, true, &im->survey));
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
