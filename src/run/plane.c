/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/plane.h"

#include <string.h>

static bool holds_traces(const char *path) {
  return !strcmp(path, "/traces") || !strcmp(path, "/noise");
}

sp_status sp_plane_open(sp_survey *survey, const char *path, bool direct, sp_plane *out) {
  if (holds_traces(path)) return sp_trace_sink_open(survey, path, direct, &out->traces);
  SP_TRY(sp_dataset_open(survey, path, &out->dataset));
  return sp_row_writer_create(out->dataset, direct, &out->writer);
}

void sp_plane_close(sp_plane *plane) {
  sp_trace_sink_close(plane->traces);
  sp_row_writer_destroy(plane->writer);
  sp_dataset_close(plane->dataset);
}

sp_dataset *sp_plane_dataset(const sp_plane *plane) {
  return plane->traces ? sp_trace_sink_dataset(plane->traces) : plane->dataset;
}

sp_status sp_plane_write(const sp_plane *plane, sp_global first, sp_local n, const void *rows) {
  return plane->traces ? sp_trace_sink_write_independent(plane->traces, first, n, rows)
                       : sp_row_writer_write(plane->writer, first, n, rows);
}
