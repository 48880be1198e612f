/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces as the rows of one contiguous dataset: HDF5 reads them, and writes them where a transfer is collective; a rank
 * that writes by itself goes around it (row_writer.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/memory.h"
#include "seisproc/row_writer.h"
#include "seisproc/share.h"
#include "src/base/scaled.h"
#include "src/store/h5.h"
#include "src/store/trace_form.h"

typedef struct contiguous_source {
  sp_trace_source base; /* first */
  sp_dataset *dataset;
  int fd; /* for prefetching; -1: not to be had */
} contiguous_source;

typedef struct contiguous_sink {
  sp_trace_sink base; /* first */
  sp_dataset *dataset;
  sp_row_writer *writer;
  /* where samples are stored in 16 bits */
  sp_dataset *factor_data;
  sp_row_writer *factor_writer;
  sp_local piece; /* traces */
  char *codes;    /* [piece] rows, and a page before them, so that they lie in memory as in the file */
  float *factors; /* [piece] */
} contiguous_sink;

/* Rows are encoded piece by piece. */
enum { PIECE_BYTES = 4 << 20 };

/* A sink takes counts (uint32), too: contributions to samples of an image. */
static sp_status check_traces(const sp_survey *survey, const sp_dataset *dataset, bool counts) {
  const sp_survey_info *info = sp_survey_get_info(survey);
  const sp_type type = sp_dataset_type(dataset);
  if ((type == SP_FLOAT32 || (counts && type == SP_UINT32)) && sp_dataset_rows(dataset) == info->n_traces &&
      sp_dataset_row_length(dataset) == info->n_samples) {
    return SP_SUCCESS;
  }
  return SP_RAISE(SP_ERR_INPUT, "%s: %s does not hold traces of the survey", sp_dataset_file(dataset),
                  sp_dataset_path(dataset));
}

/* --- the source ------------------------------------------------------------------------------------------------- */

static sp_status read_traces(sp_trace_source *base, bool collective, sp_global first, sp_local n, float *rows) {
  contiguous_source *source = (contiguous_source *)base;
  return collective ? sp_dataset_read(source->dataset, first, n, rows)
                    : sp_dataset_read_independent(source->dataset, first, n, rows);
}

static sp_dataset *source_dataset(sp_trace_source *base) {
  return ((contiguous_source *)base)->dataset;
}

static void prefetch(sp_trace_source *base, sp_global first, sp_local n) {
  const contiguous_source *source = (contiguous_source *)base;
  const uint64_t row = sp_dataset_file_row_bytes(source->dataset);
  if (source->fd < 0) return;
  for (sp_local at = 0; at < n;) {
    const sp_selection_run run = sp_dataset_run(source->dataset, first + at, n - at);
    posix_fadvise(source->fd, (off_t)(sp_dataset_file_offset(source->dataset) + run.source * row), (off_t)(run.n * row),
                  POSIX_FADV_WILLNEED);
    at += run.n;
  }
}

static void close_source(sp_trace_source *base) {
  contiguous_source *source = (contiguous_source *)base;
  if (source->fd >= 0) close(source->fd);
  sp_dataset_close(source->dataset);
  sp_free(source);
}

static const sp_source_form source_form = {"contiguous", read_traces, source_dataset, prefetch, close_source};

sp_status sp_contiguous_source_open(sp_survey *survey, const char *path, sp_trace_source **out) {
  contiguous_source *source = NULL;
  sp_status status;
  SP_TRY(sp_survey_forward(survey, sp_calloc(1, sizeof *source, "a source of traces", &source)));
  source->fd = -1;
  source->base.form = &source_form;
  SP_TRY_GOTO(fail, sp_dataset_open(survey, path, &source->dataset));
  SP_TRY_GOTO(fail, check_traces(survey, source->dataset, false));
  source->fd = open(sp_dataset_file(source->dataset), O_RDONLY | O_CLOEXEC);
  source->base.n_traces = sp_dataset_rows(source->dataset);
  source->base.n_samples = (uint32_t)sp_dataset_row_length(source->dataset);
  *out = &source->base;
  return SP_SUCCESS;
fail:
  close_source(&source->base);
  return status;
}

/* --- the sink --------------------------------------------------------------------------------------------------- */

static sp_status write_piece(contiguous_sink *sink, sp_global first, sp_local n, const float *rows) {
  const bool half = sp_dataset_samples(sink->dataset) == SP_SAMPLES_FLOAT16_SCALED;
  const uint64_t n_samples = sp_dataset_row_length(sink->dataset), row_bytes = n_samples * SP_CODE_BYTES;
  char *const at = sink->codes + sp_row_page_offset(first, row_bytes);
  for (sp_local i = 0; i < n; i++) {
    const float *row = rows + i * n_samples;
    sink->factors[i] = sp_scaled_factor(half, row, n_samples);
    sp_scaled_encode(half, sink->factors[i], row, n_samples, (uint16_t *)(void *)(at + i * row_bytes));
  }
  SP_TRY(sp_row_writer_write(sink->writer, first, n, at));
  return sp_row_writer_write(sink->factor_writer, first, n, sink->factors);
}

static sp_status write_scaled(contiguous_sink *sink, sp_global first, sp_local n, const float *rows) {
  SP_EACH_PIECE (p, 0, n, sink->piece) {
    SP_TRY(
        write_piece(sink, first + p.first, (sp_local)p.count, rows + p.first * sp_dataset_row_length(sink->dataset)));
  }
  return SP_SUCCESS;
}

static sp_status write_traces(sp_trace_sink *base, bool collective, sp_global first, sp_local n, const float *rows) {
  contiguous_sink *sink = (contiguous_sink *)base;
  if (sink->codes && !collective) return write_scaled(sink, first, n, rows);
  return collective ? sp_dataset_write(sink->dataset, first, n, rows)
                    : sp_row_writer_write(sink->writer, first, n, rows);
}

static sp_dataset *sink_dataset(sp_trace_sink *base) {
  return ((contiguous_sink *)base)->dataset;
}

static void close_sink(sp_trace_sink *base) {
  contiguous_sink *sink = (contiguous_sink *)base;
  sp_row_writer_destroy(sink->factor_writer);
  sp_dataset_close(sink->factor_data);
  sp_free(sink->factors);
  sp_free(sink->codes);
  sp_row_writer_destroy(sink->writer);
  sp_dataset_close(sink->dataset);
  sp_free(sink);
}

static const sp_sink_form sink_form = {"contiguous", write_traces, sink_dataset, close_sink};

static sp_status open_scaled(contiguous_sink *sink, sp_survey *survey, const char *path) {
  char factors[64];
  if (sp_dataset_samples(sink->dataset) == SP_SAMPLES_FLOAT32) return SP_SUCCESS;
  const uint64_t row_bytes = sp_dataset_file_row_bytes(sink->dataset), fits = PIECE_BYTES / row_bytes;
  sink->piece = (sp_local)(fits ? fits : 1);
  snprintf(factors, sizeof factors, SP_SCALE_GROUP "%s", path);
  SP_TRY(sp_dataset_open(survey, factors, &sink->factor_data));
  SP_TRY(sp_row_writer_create(sink->factor_data, false, &sink->factor_writer));
  SP_TRY(sp_alloc(sink->piece * sizeof(float), "factors of traces", &sink->factors));
  return sp_alloc(sink->piece * row_bytes + SP_PAGE, "codes of traces", &sink->codes);
}

sp_status sp_contiguous_sink_open(sp_survey *survey, const char *path, bool direct, sp_trace_sink **out) {
  contiguous_sink *sink = NULL;
  sp_status status;
  SP_TRY(sp_survey_forward(survey, sp_calloc(1, sizeof *sink, "a sink of traces", &sink)));
  sink->base.form = &sink_form;
  SP_TRY_GOTO(fail, sp_dataset_open(survey, path, &sink->dataset));
  SP_TRY_GOTO(fail, check_traces(survey, sink->dataset, true));
  SP_TRY_GOTO(fail, sp_row_writer_create(sink->dataset, direct, &sink->writer));
  SP_TRY_GOTO(fail, open_scaled(sink, survey, path));
  *out = &sink->base;
  return SP_SUCCESS;
fail:
  sp_survey_forward(survey, status);
  close_sink(&sink->base);
  return status;
}
