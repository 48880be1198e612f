/* SPDX-License-Identifier: BSD-3-Clause */
/* A form that traces have in a file, as a table of functions. Private to src/store.
 *
 * A source or sink of a form begins with the struct of its kind below, filled in by the form's open function; the
 * functions of the table are given it back. To add a form: one file with its two tables, and a line in trace_store.c
 * that says which datasets have it.
 */
#ifndef SEISPROC_SRC_STORE_TRACE_FORM_H
#define SEISPROC_SRC_STORE_TRACE_FORM_H

#include "seisproc/trace_store.h"

typedef struct sp_source_form {
  const char *name;
  sp_status (*read)(sp_trace_source *source, bool collective, sp_global first, sp_local n, float *rows);
  sp_dataset *(*dataset)(sp_trace_source *source); /* NULL: it does not lie in one as it is */
  void (*prefetch)(sp_trace_source *source, sp_global first, sp_local n);
  void (*close)(sp_trace_source *source); /* frees it as well */
} sp_source_form;

struct sp_trace_source {
  const sp_source_form *form;
  uint64_t n_traces;
  uint32_t n_samples;
};

typedef struct sp_sink_form {
  const char *name;
  sp_status (*write)(sp_trace_sink *sink, bool collective, sp_global first, sp_local n, const float *rows);
  sp_dataset *(*dataset)(sp_trace_sink *sink);
  void (*close)(sp_trace_sink *sink); /* frees it as well */
} sp_sink_form;

struct sp_trace_sink {
  const sp_sink_form *form;
};

/* Rows of one contiguous dataset (contiguous.c). */
sp_status sp_contiguous_source_open(sp_survey *survey, const char *path, sp_trace_source **out);
sp_status sp_contiguous_sink_open(sp_survey *survey, const char *path, bool direct, sp_trace_sink **out);

#endif
