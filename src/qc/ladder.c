/* SPDX-License-Identifier: BSD-3-Clause */
/* A ladder: the same gather of outputs whose jobs differ in a parameter, and what each removed. */
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/report_file.h"
#include "src/qc/figures_of.h"
#include "src/qc/ladder_page.h"
#include "src/qc/report.h"

/* The value of "key: value" in a canonical job; NULL where it has no such key. */
static const char *find_value(const char *job, const char *key, size_t key_length) {
  for (const char *line = job; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
    if (!strncmp(line, key, key_length) && line[key_length] == ':' && line[key_length + 1] == ' ') {
      return line + key_length + 2;
    }
  }
  return NULL;
}

static bool varies(const char *const *jobs, size_t n, const char *key, size_t length) {
  const char *first = find_value(jobs[0], key, length);
  for (size_t i = 1; i < n; i++) {
    const char *value = find_value(jobs[i], key, length);
    if (!value) return true;
    const size_t a = strcspn(first, "\n"), b = strcspn(value, "\n");
    if (a != b || strncmp(first, value, a)) return true;
  }
  return false;
}

/* The key in which canonical jobs differ, and the value that each has: "chain.0.dwt.k". Empty where there is none. */
static void find_variation(const char *const *jobs, size_t n, char key[SP_LADDER_VALUE],
                           char values[][SP_LADDER_VALUE]) {
  key[0] = '\0';
  for (const char *line = jobs[0]; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n')) {
    const size_t length = strcspn(line, ":\n");
    if (line[length] != ':' || !varies(jobs, n, line, length)) continue;
    snprintf(key, SP_LADDER_VALUE, "%.*s", (int)length, line);
    for (size_t i = 0; i < n; i++) {
      const char *value = find_value(jobs[i], line, length);
      snprintf(values[i], SP_LADDER_VALUE, "%.*s", value ? (int)strcspn(value, "\n") : 3, value ? value : "not");
    }
    return;
  }
}

typedef struct rung {
  sp_view_source source;
  sp_gather_figures_of figures;
  char *job, *input_uuid;
  double total, correlation; /* share removed, median correlation */
} rung;

typedef struct ladder {
  rung rungs[SP_MAX_LADDER];
  sp_ladder_page page; /* n: rungs that are open */
  const sp_report_options *options;
} ladder;

static sp_status open_rung(ladder *l, const char *path) {
  rung *r = &l->rungs[l->page.n++];
  SP_TRY(sp_view_open(path, NULL, l->options->against, &r->source));
  SP_TRY(sp_survey_find_text(r->source.survey, "/", "job", &r->job));
  SP_TRY(sp_survey_find_text(r->source.survey, "/", "input_uuid", &r->input_uuid));
  const rung *first = &l->rungs[0];
  if (!r->job || !r->input_uuid) return SP_RAISE(SP_ERR_INPUT, "%s is no output of a job", path);
  if (strcmp(r->input_uuid, first->input_uuid) || r->source.index->n_gathers != first->source.index->n_gathers) {
    return SP_RAISE(SP_ERR_INPUT, "%s and %s have not the same input", path, first->source.path);
  }
  SP_TRY(sp_figures_read(&r->source, l->options->every, &r->figures));
  r->total = sp_figures_total(&r->figures);
  return sp_value_quantile(r->figures.quality[SP_XCORR], r->figures.n, 0.5, &r->correlation);
}

static sp_status draw_rung(sp_ladder_page *page, const rung *r, sp_global gather) {
  sp_gather_view view;
  SP_TRY(sp_view_load(&r->source, gather, &view));
  sp_status status = SP_SUCCESS;
  if (!view.noise) status = SP_RAISE(SP_ERR_INPUT, "%s: its noise is not at hand: --against", r->source.path);
  if (status == SP_SUCCESS) status = sp_ladder_page_draw(page, &view, sp_view_removed(&view));
  sp_view_free(&view);
  return status;
}

static sp_status write_ladder(ladder *l, sp_global gather, const char *path) {
  sp_ladder_page *page = &l->page;
  char name[SP_GATHER_TEXT], line[SP_LADDER_VALUE + 160];
  const sp_gather_index *index = l->rungs[0].source.index;
  for (size_t i = 0; i < page->n; i++) {
    page->removed[i] = l->rungs[i].total;
    page->correlation[i] = l->rungs[i].correlation;
    if (!page->values[i][0]) snprintf(page->values[i], SP_LADDER_VALUE, "%.60s", l->rungs[i].source.path);
  }
  snprintf(line, sizeof line, "%zu outputs of one input (%.40s)%s%s.", page->n, l->rungs[0].input_uuid,
           page->key[0] ? ", by " : "; their jobs do not differ", page->key);
  SP_TRY(sp_ladder_page_begin(page, sp_gather_key_text(index->key_name, index->key[gather], name)));
  for (size_t i = 0; i < page->n; i++) SP_TRY(draw_rung(page, &l->rungs[i], gather));
  return sp_ladder_page_write(page, line, path);
}

static sp_status make_ladder(ladder *l, const char *const *paths, size_t n, const char *gather, const char *page_path) {
  const char *jobs[SP_MAX_LADDER];
  sp_global number = 0;
  SP_TRY(sp_report_file_check(page_path));
  for (size_t i = 0; i < n; i++) SP_TRY(open_rung(l, paths[i]));
  for (size_t i = 0; i < n; i++) jobs[i] = l->rungs[i].job;
  find_variation(jobs, n, l->page.key, l->page.values);
  SP_TRY(sp_view_find(&l->rungs[0].source, gather ? gather : "#0", &number));
  return write_ladder(l, number, page_path);
}

sp_status sp_ladder_write(const char *const *paths, size_t n, const sp_report_options *options, const char *gather,
                          const char *page_path) {
  ladder *l = NULL;
  if (n > SP_MAX_LADDER) return SP_RAISE(SP_ERR_USAGE, "a ladder of %zu, allowed are up to %d", n, SP_MAX_LADDER);
  SP_TRY(sp_calloc(1, sizeof *l, "a ladder", &l));
  l->options = options;
  l->page.correlation_of = "median of gathers";
  const sp_status status = make_ladder(l, paths, n, gather, page_path);
  for (size_t i = 0; i < l->page.n; i++) {
    sp_figures_free(&l->rungs[i].figures);
    sp_view_close(&l->rungs[i].source);
    sp_free(l->rungs[i].job);
    sp_free(l->rungs[i].input_uuid);
  }
  sp_ladder_page_free(&l->page);
  sp_free(l);
  return status;
}
