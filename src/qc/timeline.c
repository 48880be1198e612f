/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/qc/timeline.h"

#include <math.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/side_file.h"

enum { ROW = 110, LEFT = 62 };

static const double stall_s = 25; /* two ticks without a byte */

const char *const sp_stage_words[SP_N_STAGES] = {"read", "wait", "compute", "slot wait", "write", "flush"};

static void begin_run(sp_timeline *t, const char *line) {
  sp_run_line run = {.first_tick = t->n_ticks};
  if (sscanf(line, "run %23s %11s %lf/%lf ranks=%d workers=%d io=%d", run.begun, run.kind, &run.done, &run.units,
             &run.ranks, &run.workers, &run.io) < 4) {
    return;
  }
  if (t->n_runs == SP_MAX_RUNS) {
    memmove(t->runs, t->runs + 1, (SP_MAX_RUNS - 1) * sizeof *t->runs);
    t->n_runs--;
    t->n_left_out++;
  }
  t->runs[t->n_runs++] = run;
}

static sp_status add_tick(sp_timeline *t, const sp_tick *tick) {
  if (t->n_ticks == t->room) {
    const size_t room = t->room ? 2 * t->room : 256;
    sp_tick *more = NULL;
    SP_TRY(sp_calloc(room, sizeof *more, "a history", &more));
    if (t->n_ticks) memcpy(more, t->ticks, t->n_ticks * sizeof *more);
    sp_free(t->ticks);
    t->ticks = more;
    t->room = room;
  }
  t->ticks[t->n_ticks++] = *tick;
  return SP_SUCCESS;
}

static sp_status parse_line(sp_timeline *t, const char *line) {
  sp_tick tick = {0};
  if (!strncmp(line, "run ", 4)) begin_run(t, line);
  if (t->n_runs == 0) return SP_SUCCESS;
  sp_run_line *run = &t->runs[t->n_runs - 1];
  double *s = run->stages;
  if (sscanf(line, "tick %lf %lf %lf %39[^\n]", &tick.t, &tick.units, &tick.bytes, tick.waiting) >= 3) {
    if (!isfinite(tick.t) || !isfinite(tick.bytes)) return SP_SUCCESS;
    run->n_ticks++;
    return add_tick(t, &tick);
  }
  run->crashes += !strncmp(line, "crash ", 6);
  run->nodes += !strncmp(line, "node ", 5);
  if (!run->end[0]) sscanf(line, "end %23s %15s", run->ended, run->end);
  sscanf(line, "stages wall=%lf cpu=%lf gpu=%lf read=%lf wait=%lf compute=%lf slot=%lf write=%lf flush=%lf", &run->wall,
         &run->cpu, &run->gpu, &s[0], &s[1], &s[2], &s[3], &s[4], &s[5]);
  double all = run->wall + run->cpu + run->gpu;
  for (int k = 0; k < SP_N_STAGES; k++) all += s[k] < 0 ? NAN : s[k];
  if (isfinite(all)) return SP_SUCCESS;
  run->wall = run->cpu = run->gpu = 0;
  memset(run->stages, 0, sizeof run->stages);
  return SP_SUCCESS;
}

sp_status sp_timeline_read(const char *output, sp_timeline *out) {
  char *path = NULL, line[512];
  sp_status status = SP_SUCCESS;
  SP_TRY(sp_side_path(output, SP_SIDE_RUNS, &path));
  FILE *file = sp_side_read(path);
  while (file && status == SP_SUCCESS && fgets(line, sizeof line, file)) status = parse_line(out, line);
  if (file) fclose(file);
  sp_free(path);
  return status;
}

void sp_timeline_free(sp_timeline *t) {
  sp_free(t->ticks);
  *t = (sp_timeline){0};
}

/* --- drawing ----------------------------------------------------------------------------------------------------- */

static double longest_of(const sp_timeline *t, double *fastest) {
  double longest = 1;
  *fastest = 1e-3;
  for (size_t r = 0; r < t->n_runs; r++) {
    const sp_run_line *run = &t->runs[r];
    longest = fmax(longest, run->wall);
    for (size_t i = 0; i < run->n_ticks; i++) {
      const sp_tick *tick = &t->ticks[run->first_tick + i], *before = i ? tick - 1 : NULL;
      const double dt = tick->t - (before ? before->t : 0), bytes = tick->bytes - (before ? before->bytes : 0);
      longest = fmax(longest, tick->t);
      if (dt > 0) *fastest = fmax(*fastest, 1e-6 * bytes / dt);
    }
  }
  return longest;
}

static void draw_ticks(const sp_timeline *t, const sp_run_line *run, sp_picture *p, const sp_frame *f) {
  char text[64];
  double last = 0, last_bytes = 0;
  if (run->n_ticks == 0) {
    sp_picture_text(p, f->x + 6, f->y + 14, 10, SP_LEFT, false,
                    "no rates: the run was shorter than the time between two of them");
  }
  for (size_t i = 0; i < run->n_ticks; i++) {
    const sp_tick *tick = &t->ticks[run->first_tick + i];
    const double x0 = sp_frame_x(f, last), x1 = sp_frame_x(f, tick->t);
    const double rate = tick->t > last ? 1e-6 * (tick->bytes - last_bytes) / (tick->t - last) : 0;
    const double y = fmax(sp_frame_y(f, rate), f->y);
    sp_picture_rect(p, x0, y, fmax(x1 - x0, 0.5), f->y + f->height - y, 0x0072b2, 0.6);
    if (rate <= 0 && tick->t - last >= stall_s) {
      sp_picture_rect(p, x0, f->y, x1 - x0, f->height, 0xd55e00, 0.3);
      snprintf(text, sizeof text, "waiting for %s", tick->waiting);
      sp_picture_text(p, x0 + 2, f->y + 12, 10, SP_LEFT, false, text);
    }
    last = tick->t;
    last_bytes = tick->bytes;
  }
}

static void draw_stages(const sp_run_line *run, sp_picture *p, double x, double y, double width) {
  double all = 0, at = x;
  char text[48];
  for (int k = 0; k < SP_N_STAGES; k++) all += run->stages[k];
  if (!(all > 0)) return;
  for (int k = 0; k < SP_N_STAGES; k++) {
    const double share = run->stages[k] / all;
    sp_picture_rect(p, at, y, share * width, 10, sp_hue((size_t)k + 1), 1);
    if (share * width > 90) {
      snprintf(text, sizeof text, "%s %.0f %%", sp_stage_words[k], 100 * share);
      sp_picture_text(p, at + 2, y + 21, 10, SP_LEFT, false, text);
    }
    at += share * width;
  }
}

/* Which colour is which stage. */
static void draw_legend(sp_picture *p, double x, double y) {
  for (int k = 0; k < SP_N_STAGES; k++, x += 110) {
    sp_picture_rect(p, x, y - 8, 10, 10, sp_hue((size_t)k + 1), 1);
    sp_picture_text(p, x + 14, y, 10, SP_LEFT, false, sp_stage_words[k]);
  }
}

sp_status sp_timeline_draw(const sp_timeline *t, double width, sp_picture **out) {
  const size_t shown = t->n_runs < 12 ? t->n_runs : 12, first = t->n_runs - shown;
  sp_picture *p = NULL;
  char title[128];
  double fastest;
  const double longest = longest_of(t, &fastest);
  SP_TRY(sp_picture_create(width, 60 + (double)shown * (ROW + 30), "throughput and stages of the runs", &p));
  for (size_t r = 0; r < shown; r++) {
    const sp_run_line *run = &t->runs[first + r];
    snprintf(title, sizeof title, "%s, %s from %.0f of %.0f, %d ranks on %d node%s: %s", run->begun, run->kind,
             run->done, run->units, run->ranks, run->nodes, run->nodes == 1 ? "" : "s",
             run->end[0] ? run->end : "killed");
    const sp_frame f = {.x = LEFT,
                        .y = 24 + (double)r * (ROW + 30),
                        .width = width - LEFT - 20,
                        .height = ROW - 50,
                        .across = {0, longest, r + 1 == shown ? "s since the run began to deal" : NULL, false},
                        .down = {1.05 * fastest, 0, "MB/s", false},
                        .title = title};
    draw_ticks(t, run, p, &f);
    sp_frame_draw(p, &f, true);
    if (r + 1 < shown) draw_stages(run, p, LEFT, f.y + f.height + 6, f.width);
    if (r + 1 == shown) draw_stages(run, p, LEFT, f.y + f.height + 40, f.width);
  }
  draw_legend(p, LEFT, p->height - 12);
  *out = p;
  return SP_SUCCESS;
}
