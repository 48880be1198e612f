/* SPDX-License-Identifier: BSD-3-Clause */
/* A survey of another's shape, with its headers: what a program begins with that writes what it made of traces. */
#include <stdio.h>
#include <string.h>

#include "seisproc/file_identity.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "seisproc/survey_file.h"
#include "src/store/h5.h"

enum { BLOCK_TRACES = 1 << 16 };

typedef struct copier {
  sp_survey *from, *to;
} copier;

static sp_status copy_rows(sp_dataset *from, sp_dataset *to) {
  const uint64_t rows = sp_dataset_rows(from);
  const size_t row_bytes = sp_dataset_row_length(from) * sp_type_size(sp_dataset_type(from));
  void *block = NULL;
  SP_TRY(sp_alloc(row_bytes * (rows < BLOCK_TRACES ? (size_t)rows : BLOCK_TRACES), "trace headers", &block));
  sp_status status = SP_SUCCESS;
  SP_EACH_PIECE (piece, 0, rows, BLOCK_TRACES) {
    SP_TRY_GOTO(out, sp_dataset_read(from, piece.first, (sp_local)piece.count, block));
    SP_TRY_GOTO(out, sp_dataset_write(to, piece.first, (sp_local)piece.count, block));
  }
out:
  sp_free(block);
  return status;
}

static sp_status copy_dataset(const char *path, void *context) {
  const copier *c = context;
  sp_dataset *from = NULL, *to = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_dataset_open(c->from, path, &from));
  SP_TRY_GOTO(out, sp_dataset_open(c->to, path, &to));
  status = copy_rows(from, to);
out:
  sp_dataset_close(to);
  sp_dataset_close(from);
  return status;
}

/* What was done before, and a paragraph on what is done now. */
static sp_status write_history(const sp_survey_info *source, const char *what, char **out) {
  static const char form[] = "%s%sinput %s: %s";
  const size_t size = sizeof form + strlen(source->history) + strlen(source->uuid) + strlen(what) + 4;
  SP_TRY(sp_alloc(size, "the history", out));
  snprintf(*out, size, form, source->history, source->history[0] ? "\n\n" : "", source->uuid, what);
  return SP_SUCCESS;
}

static sp_status create(const sp_survey *source, const char *path, const char *content, const char *what,
                        uint32_t n_samples) {
  sp_survey_info info = *sp_survey_get_info(source);
  info.n_samples = n_samples;
  SP_TRY(write_history(sp_survey_get_info(source), what, &info.history));
  sp_uuid_create(info.uuid);
  snprintf(info.created_by, sizeof info.created_by, "libseisproc " SP_VERSION);
  snprintf(info.content, sizeof info.content, "%s", content);
  const sp_dataset_spec traces = {"/traces", SP_FLOAT32, info.n_traces, info.n_samples, NULL};
  const sp_attribute_spec origin = {"/", "input_uuid", SP_ATTR_TEXT, .text = sp_survey_get_info(source)->uuid};
  const sp_status status = sp_survey_derive(source, path, &info, &traces, 1, &origin, 1);
  sp_free(info.history);
  return status;
}

sp_status sp_survey_create_like(sp_survey *source, const char *path, const char *content, const char *what,
                                sp_survey **out) {
  return sp_survey_create_shorter(source, path, content, what, sp_survey_get_info(source)->n_samples, out);
}

sp_status sp_survey_create_shorter(sp_survey *source, const char *path, const char *content, const char *what,
                                   uint32_t n_samples, sp_survey **out) {
  if (strcmp(content, "input") && strcmp(content, "processed") && strcmp(content, "noise")) {
    return SP_RAISE(SP_ERR_USAGE, "%s: content '%s', allowed are input, processed and noise", path, content);
  }
  if (sp_is_one_file(source->path, path)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: is the survey that is read; allowed is another file", path);
  }
  SP_TRY(create(source, path, content, what, n_samples));
  copier c = {.from = source};
  SP_TRY(sp_survey_open_independent(path, true, &c.to));
  const sp_status status = sp_survey_each_trace_dataset(c.to, copy_dataset, &c);
  if (status == SP_SUCCESS) {
    *out = c.to;
  } else {
    sp_survey_close(c.to);
  }
  return status;
}
