/* SPDX-License-Identifier: BSD-3-Clause */
/* What an export writes: the kind, order and format that the survey came with or that are asked for. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "seisproc/share.h"
#include "src/segy/exporter.h"
#include "src/segy/header_value.h"
#include "src/segy/segy_probe.h"

enum { SCAN_BYTES = 4 << 20 };

/* Reads a dataset of bytes behind those of *bytes; nothing where the survey has none. */
static sp_status append(const sp_exporter *ex, const char *path, uint8_t **bytes, uint64_t *n) {
  if (!sp_survey_has(ex->survey, path)) return SP_SUCCESS;
  sp_dataset *dataset;
  SP_TRY(sp_dataset_open(ex->survey, path, &dataset));
  const uint64_t more = sp_dataset_rows(dataset);
  void *both = NULL;
  sp_status status = sp_alloc(*n + more, "file headers", &both);
  if (status == SP_SUCCESS) {
    if (*n) memcpy(both, *bytes, *n);
    status = sp_dataset_read_independent(dataset, 0, (sp_local)more, (uint8_t *)both + *n);
    sp_free(*bytes);
    *bytes = both;
    *n += more;
  }
  sp_dataset_close(dataset);
  return status;
}

static sp_status keep_file_headers(sp_exporter *ex) {
  SP_TRY(append(ex, "/segy/storage_label", &ex->file_header, &ex->file_header_bytes));
  ex->text_at = ex->file_header_bytes;
  SP_TRY(append(ex, "/segy/text_header", &ex->file_header, &ex->file_header_bytes));
  SP_TRY(append(ex, "/segy/binary_header", &ex->file_header, &ex->file_header_bytes));
  if (ex->file_header_bytes - ex->text_at != SP_SEGY_FILE_HEADER_BYTES ||
      (ex->text_at && ex->text_at != SP_STORAGE_LABEL_BYTES)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: /segy holds %llu bytes of file headers, allowed is %d", ex->options->input,
                    (unsigned long long)(ex->file_header_bytes - ex->text_at), SP_SEGY_FILE_HEADER_BYTES);
  }
  return append(ex, "/segy/extended_text", &ex->file_header, &ex->file_header_bytes);
}

/* What /segy says of the file that the survey came from. */
static sp_status read_origin(sp_exporter *ex, int64_t *format) {
  char *kind = NULL, *order = NULL, *sample_order = NULL;
  int64_t n_samples = 0, n_traces = 0, weighted = 0;
  double interval_us = 0;
  sp_status status;
  SP_TRY_GOTO(out, sp_survey_get_text(ex->survey, "/segy", "kind", &kind));
  SP_TRY_GOTO(out, sp_survey_get_text(ex->survey, "/segy", "byte_order", &order));
  SP_TRY_GOTO(out, sp_survey_find_text(ex->survey, "/segy", "sample_byte_order", &sample_order));
  SP_TRY_GOTO(out, sp_survey_get_int(ex->survey, "/segy", "format", format));
  SP_TRY_GOTO(out, sp_survey_get_int(ex->survey, "/segy", "n_samples", &n_samples));
  SP_TRY_GOTO(out, sp_survey_find_int(ex->survey, "/segy", "n_traces", 0, &n_traces));
  SP_TRY_GOTO(out, sp_survey_find_int(ex->survey, "/segy", SP_WEIGHTED_ATTRIBUTE, 0, &weighted));
  SP_TRY_GOTO(out, sp_survey_get_real(ex->survey, "/segy", "sample_interval_us", &interval_us));
  ex->weighted = weighted != 0;
  ex->kind = strcmp(kind, "su") ? SP_KIND_SEGY : SP_KIND_SU;
  ex->order = strcmp(order, "little") ? SP_ORDER_BIG : SP_ORDER_LITTLE;
  ex->sample_order = !sample_order ? ex->order : strcmp(sample_order, "little") ? SP_ORDER_BIG : SP_ORDER_LITTLE;
  ex->set_shape = n_samples != ex->n_samples || interval_us != ex->interval_us;
  ex->kept_samples = n_samples > 0 && n_samples <= UINT32_MAX ? (uint32_t)n_samples : 0;
  ex->is_subset = n_traces > 0 ? (uint64_t)n_traces != ex->n_traces : ex->options->gathers != NULL;
out:
  sp_free(sample_order);
  sp_free(order);
  sp_free(kind);
  return status;
}

static sp_status open_exact(sp_exporter *ex) {
  if (!sp_survey_has(ex->survey, SP_EXACT_GROUP "/traces")) return SP_SUCCESS;
  SP_TRY(sp_dataset_open(ex->survey, SP_EXACT_GROUP "/traces", &ex->exact_traces));
  SP_TRY(sp_dataset_open(ex->survey, SP_EXACT_GROUP "/samples", &ex->exact_samples));
  const bool fit = sp_dataset_rows(ex->exact_traces) == sp_dataset_rows(ex->exact_samples) &&
                   sp_dataset_row_length(ex->exact_samples) == ex->n_samples * sp_segy_format_bytes(ex->format);
  return fit ? SP_SUCCESS : SP_RAISE(SP_ERR_INPUT, "%s: " SP_EXACT_GROUP " is of another shape", ex->options->input);
}

/* A survey that was imported: its own headers, and its own format unless another one is asked for. */
static sp_status prepare_kept(sp_exporter *ex) {
  const sp_export_options *o = ex->options;
  int64_t format;
  SP_TRY(read_origin(ex, &format));
  SP_TRY(sp_dataset_open(ex->survey, "/segy/trace_headers", &ex->raw_headers));
  ex->kept_header_bytes = (uint32_t)sp_dataset_row_length(ex->raw_headers);
  if (sp_dataset_rows(ex->raw_headers) != ex->n_traces || ex->kept_header_bytes < SP_TRACE_HEADER_BYTES ||
      sp_dataset_type(ex->raw_headers) != SP_UINT8 || !sp_segy_format_bytes((int)format)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: /segy holds no headers that belong to its traces", o->input);
  }
  const sp_segy_kind kept_kind = ex->kind;
  if (o->kind) ex->kind = o->kind;
  ex->cut_headers = ex->kind != kept_kind;
  if (ex->cut_headers) ex->sample_order = ex->order; /* no other file can say that they differ */
  ex->header_bytes = ex->cut_headers ? SP_TRACE_HEADER_BYTES : ex->kept_header_bytes;
  ex->format = o->format ? o->format : ex->cut_headers ? SP_FORMAT_FLOAT32 : (int)format;
  if (ex->kind == SP_KIND_SU) ex->format = SP_FORMAT_FLOAT32;
  ex->set_format = ex->format != format; /* the declared one may be wrong, and import was told so */
  ex->set_shape |= ex->cut_headers;
  if (ex->format == format && (ex->options->scale == 0 || ex->options->scale == 1)) SP_TRY(open_exact(ex));
  if (ex->kind == SP_KIND_SU || ex->cut_headers) return SP_SUCCESS;
  if (sp_survey_has(ex->survey, "/segy/trailer")) {
    sp_dataset *trailer;
    SP_TRY(sp_dataset_open(ex->survey, "/segy/trailer", &trailer));
    ex->trailer_bytes = sp_dataset_rows(trailer);
    sp_dataset_close(trailer);
  }
  return keep_file_headers(ex);
}

static sp_status prepare_made(sp_exporter *ex) {
  const sp_export_options *o = ex->options;
  ex->kind = o->kind ? o->kind : SP_KIND_SEGY;
  ex->order = ex->sample_order = SP_ORDER_BIG;
  ex->format = o->format ? o->format : SP_FORMAT_FLOAT32;
  ex->header_bytes = SP_TRACE_HEADER_BYTES;
  ex->set_shape = true;
  return SP_SUCCESS;
}

static sp_status check_options(const sp_exporter *ex) {
  const sp_export_options *o = ex->options;
  char quoted[SP_QUOTE_SIZE];
  if (strcmp(o->dataset, "traces") && strcmp(o->dataset, "noise")) {
    return SP_RAISE(SP_ERR_USAGE, "--dataset: found '%s', allowed is traces or noise", sp_quote(o->dataset, quoted));
  }
  if (o->format && !sp_segy_format_bytes(o->format)) {
    const char *name = sp_segy_format_name(o->format);
    return SP_RAISE(SP_ERR_USAGE, "--format: found %d%s%s%s, allowed are 1, 2, 3, 5, 6, 8, 10, 11, 16", o->format,
                    name ? " (" : "", name ? name : "", name ? ")" : "");
  }
  return SP_SUCCESS;
}

static sp_status check_shape(const sp_exporter *ex) {
  const sp_export_options *o = ex->options;
  if (ex->kind == SP_KIND_SU && o->format && o->format != SP_FORMAT_FLOAT32) {
    return SP_RAISE(SP_ERR_USAGE, "--format: found %d, allowed in an SU file is 5", o->format);
  }
  if (ex->kind == SP_KIND_SU && ex->n_samples > UINT16_MAX) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %u samples a trace, allowed in an SU file are %d", o->input, ex->n_samples,
                    UINT16_MAX);
  }
  return SP_SUCCESS;
}

static sp_status open_samples(sp_exporter *ex) {
  const sp_export_options *o = ex->options;
  char path[16];
  snprintf(path, sizeof path, "/%s", o->dataset);
  if (!sp_survey_has(ex->survey, path)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: has no %s; `mode: both` in a job writes it", o->input, path);
  }
  SP_TRY(sp_dataset_open(ex->survey, path, &ex->samples));
  if (sp_dataset_type(ex->samples) == SP_FLOAT32 && sp_dataset_rows(ex->samples) == ex->n_traces &&
      sp_dataset_row_length(ex->samples) == ex->n_samples) {
    return SP_SUCCESS;
  }
  return SP_RAISE(SP_ERR_INPUT, "%s: %s is of another shape than /traces", o->input, path);
}

static sp_status prepare_this_rank(sp_exporter *ex) {
  SP_TRY(open_samples(ex));
  if (sp_survey_has(ex->survey, "/segy/trace_headers")) {
    SP_TRY(prepare_kept(ex));
  } else {
    SP_TRY(prepare_made(ex));
  }
  SP_TRY(check_shape(ex));
  SP_TRY(sp_export_open_columns(ex));
  ex->trace_bytes = ex->header_bytes + (uint64_t)ex->n_samples * sp_segy_format_bytes(ex->format);
  return SP_SUCCESS;
}

/* --- scale -------------------------------------------------------------------------------------------------------- */

static sp_status find_largest(sp_exporter *ex, double *out) {
  float *samples;
  double largest = 0;
  const uint64_t fit = SCAN_BYTES / (ex->n_samples * sizeof(float) + 1), block = fit ? fit : 1;
  const sp_share share = sp_export_share(ex);
  SP_TRY(sp_alloc(block * ex->n_samples * sizeof(float), "samples", &samples));
  sp_status status = SP_SUCCESS;
  SP_EACH_PIECE (p, share.first, share.first + share.count, block) {
    if (status != SP_SUCCESS) break;
    status = sp_dataset_read_independent(ex->samples, p.first, (sp_local)p.count, samples);
    for (size_t i = 0; i < (size_t)p.count * ex->n_samples && status == SP_SUCCESS; i++) {
      const double size = fabs((double)samples[i]);
      if (size > largest && isfinite(size)) largest = size;
    }
  }
  sp_free(samples);
  *out = largest;
  return status;
}

/* --scale auto: the largest power of two with which all samples fit an integer format; a float format needs none. A
 * positive double orders as its bits do. */
static sp_status find_scale(sp_exporter *ex) {
  static const double most[] = {
      [2] = INT32_MAX, [3] = INT16_MAX, [8] = INT8_MAX, [10] = UINT32_MAX, [11] = UINT16_MAX, [16] = UINT8_MAX};
  double largest = 0;
  uint64_t bits;
  ex->scale = ex->options->scale > 0 ? ex->options->scale : 1;
  if (ex->options->scale >= 0) return SP_SUCCESS;                                                    /* alike */
  if (ex->format >= (int)(sizeof most / sizeof most[0]) || most[ex->format] == 0) return SP_SUCCESS; /* alike */
  SP_ALIKE(sp_ranks_agree(&ex->ranks, find_largest(ex, &largest)));
  double inverse = largest > 0 ? 1 / largest : (double)INFINITY;
  memcpy(&bits, &inverse, sizeof bits);
  SP_ALIKE(sp_ranks_least(&ex->ranks, &bits, 1));
  memcpy(&inverse, &bits, sizeof inverse);
  if (!isfinite(inverse)) return SP_SUCCESS;
  int exponent = (int)floor(log2(most[ex->format] * inverse));
  exponent = exponent > 100 ? 100 : exponent < -100 ? -100 : exponent;
  ex->scale = ldexp(1, exponent);
  return SP_SUCCESS;
}

sp_status sp_export_prepare(sp_exporter *ex) {
  SP_ALIKE(sp_ranks_agree(&ex->ranks, ex->ranks.rank ? SP_SUCCESS : check_options(ex)));
  SP_ALIKE(sp_survey_open(ex->ranks.comm, ex->options->input, false, &ex->survey));
  SP_ALIKE(sp_survey_select(ex->survey, ex->options->gathers));
  const sp_survey_info *info = sp_survey_get_info(ex->survey);
  ex->n_traces = info->n_traces;
  ex->n_samples = info->n_samples;
  ex->interval_us = info->sample_interval_us;
  SP_ALIKE(sp_ranks_agree(&ex->ranks, prepare_this_rank(ex)));
  SP_ALIKE(find_scale(ex));
  return sp_ranks_agree(&ex->ranks, sp_export_set_file_headers(ex));
}

void sp_export_close(sp_exporter *ex) {
  for (size_t i = 0; i < SP_SEGY_MAX_COLUMNS; i++) {
    sp_dataset_close(ex->columns[i].dataset);
    ex->columns[i].dataset = NULL;
  }
  sp_free(ex->layout);
  ex->layout = NULL;
  sp_dataset_close(ex->exact_samples);
  sp_dataset_close(ex->exact_traces);
  sp_dataset_close(ex->raw_headers);
  sp_dataset_close(ex->samples);
  sp_survey_close(ex->survey);
  ex->exact_samples = ex->exact_traces = ex->raw_headers = ex->samples = NULL;
  ex->survey = NULL;
}
