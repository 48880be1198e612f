/* SPDX-License-Identifier: BSD-3-Clause */
/* Sources and sinks of traces: which form a dataset has, and the calls that go to it. */
#include "seisproc/trace_store.h"

#include "src/store/trace_form.h"

sp_status sp_trace_source_open(sp_survey *survey, const char *path, sp_trace_source **out) {
  return sp_contiguous_source_open(survey, path, out);
}

void sp_trace_source_close(sp_trace_source *source) {
  if (source) source->form->close(source);
}

uint64_t sp_trace_source_traces(const sp_trace_source *source) {
  return source->n_traces;
}

uint32_t sp_trace_source_samples(const sp_trace_source *source) {
  return source->n_samples;
}

sp_status sp_trace_source_read(sp_trace_source *source, sp_global first, sp_local n, float *rows) {
  return source->form->read(source, true, first, n, rows);
}

sp_status sp_trace_source_read_independent(sp_trace_source *source, sp_global first, sp_local n, float *rows) {
  return source->form->read(source, false, first, n, rows);
}

sp_dataset *sp_trace_source_dataset(sp_trace_source *source) {
  return source->form->dataset ? source->form->dataset(source) : NULL;
}

void sp_trace_source_prefetch(sp_trace_source *source, sp_global first, sp_local n) {
  source->form->prefetch(source, first, n);
}

sp_status sp_trace_sink_open(sp_survey *survey, const char *path, bool direct, sp_trace_sink **out) {
  return sp_contiguous_sink_open(survey, path, direct, out);
}

void sp_trace_sink_close(sp_trace_sink *sink) {
  if (sink) sink->form->close(sink);
}

sp_status sp_trace_sink_write(sp_trace_sink *sink, sp_global first, sp_local n, const float *rows) {
  return sink->form->write(sink, true, first, n, rows);
}

sp_status sp_trace_sink_write_independent(sp_trace_sink *sink, sp_global first, sp_local n, const float *rows) {
  return sink->form->write(sink, false, first, n, rows);
}

sp_dataset *sp_trace_sink_dataset(sp_trace_sink *sink) {
  return sink->form->dataset ? sink->form->dataset(sink) : NULL;
}
