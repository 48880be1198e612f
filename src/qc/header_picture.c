/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/qc/header_picture.h"

#include <math.h>
#include <string.h>

#include "seisproc/memory.h"

enum { LEFT = 80, RIGHT = 20, TOP = 40, STRIP = 64, BETWEEN = 22, BELOW = 50 };

typedef struct strips {
  const sp_view_source *source;
  sp_picture *p;
  sp_global first;
  sp_local n;
  double y, end, width;
  size_t n_constant, n_left_out;
} strips;

static sp_status draw_column(const char *name, sp_type type, const char *units, void *context) {
  strips *s = context;
  double *values = NULL, *x = NULL, least = INFINITY, most = -INFINITY;
  char title[SP_NAME_LENGTH + 40];
  SP_TRY(sp_view_column(s->source, name, s->first, s->n, &values));
  for (sp_local i = 0; values && i < s->n; i++) {
    least = fmin(least, values[i]);
    most = fmax(most, values[i]);
  }
  if (!(most > least) || s->y + STRIP > s->end) {
    s->n_constant += !(most > least);
    s->n_left_out += most > least;
    sp_free(values);
    return SP_SUCCESS;
  }
  snprintf(title, sizeof title, "%s%s%s", name, units ? ", " : "", units ? units : "");
  const sp_frame f = {.x = LEFT,
                      .y = s->y,
                      .width = s->width,
                      .height = STRIP,
                      .across = {0.5, s->n + 0.5, s->y + 2 * STRIP + BETWEEN > s->end ? "trace" : NULL, false},
                      .down = {most, least, "", false},
                      .title = title};
  const sp_status status = sp_calloc(s->n, sizeof *x, "a column", &x);
  if (status == SP_SUCCESS) {
    for (sp_local i = 0; i < s->n; i++) x[i] = i + 1;
    sp_frame_curve(s->p, &f, x, values, s->n, (sp_stroke){SP_BLACK, 1, 0});
    sp_frame_draw(s->p, &f, true);
  }
  sp_free(x);
  sp_free(values);
  s->y += STRIP + BETWEEN;
  return status;
}

sp_status sp_draw_headers(const sp_view_source *source, sp_global gather, const sp_panel_options *o, sp_picture **out) {
  const sp_gather_index *index = source->index;
  char name[SP_GATHER_TEXT], title[SP_GATHER_TEXT + 80];
  strips s = {.source = source,
              .first = index->first_trace[gather],
              .n = (sp_local)(index->first_trace[gather + 1] - index->first_trace[gather]),
              .y = TOP + 14,
              .end = o->height - BELOW,
              .width = o->width - LEFT - RIGHT};
  sp_gather_key_text(index->key_name, index->key[gather], name);
  if (s.n == 0) return SP_RAISE(SP_ERR_USAGE, "%s: %s has no traces", source->path, name);
  snprintf(title, sizeof title, "%s: headers of %u traces", name, s.n);
  SP_TRY(sp_picture_create(o->width, o->height, title, &s.p));
  const sp_status status = sp_survey_each_header(source->survey, draw_column, &s);
  if (status != SP_SUCCESS) {
    sp_picture_free(s.p);
    return status;
  }
  snprintf(title, sizeof title, "%zu columns are the same in all traces%s", s.n_constant,
           s.n_left_out ? "; others do not fit the picture" : "");
  sp_picture_text(s.p, LEFT, 20, 13, SP_LEFT, false, s.p->title);
  sp_picture_text(s.p, LEFT, 36, 10, SP_LEFT, false, title);
  sp_picture_text(s.p, o->width - 6, o->height - 6, 10, SP_RIGHT, false, o->footer);
  *out = s.p;
  return SP_SUCCESS;
}
