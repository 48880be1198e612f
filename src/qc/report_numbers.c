/* SPDX-License-Identifier: BSD-3-Clause */
/* Which gathers a report draws, and its numbers for programs. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "seisproc/json.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/report_file.h"
#include "src/qc/page.h"
#include "src/qc/report_state.h"

const char *sp_report_name(const sp_qc_report *r, sp_global gather, char text[SP_GATHER_TEXT]) {
  return sp_gather_key_text(r->source.index->key_name, r->source.index->key[gather], text);
}

/* --- which gathers ----------------------------------------------------------------------------------------------- */

static void show(sp_qc_report *r, sp_global gather, const char *why) {
  const size_t most = r->options->n_gathers < SP_MOST_SHOWN ? r->options->n_gathers : SP_MOST_SHOWN;
  if (gather >= r->figures.n || r->figures.fold[gather] == 0 || r->n_shown == most) return;
  for (size_t i = 0; i < r->n_shown; i++) {
    if (r->gathers[i].gather == gather) return;
  }
  r->gathers[r->n_shown++] = (sp_shown){.gather = gather, .why = why};
}

/* splitmix64 (Steele, Lea and Flood 2014) of the survey's uuid. */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

typedef struct ranked {
  double removed;
  sp_global gather;
} ranked;

static int by_removed(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->removed != y->removed) return x->removed < y->removed ? 1 : -1;
  return (x->gather > y->gather) - (x->gather < y->gather);
}

static sp_status show_by_removed(sp_qc_report *r) {
  ranked *all = NULL;
  size_t n = 0;
  SP_TRY(sp_calloc(r->figures.n, sizeof *all, "the report", &all));
  for (size_t g = 0; g < r->figures.n; g++) {
    const double removed = (double)r->figures.quality[SP_REMOVED][g];
    if (isfinite(removed)) all[n++] = (ranked){removed, g};
  }
  qsort(all, n, sizeof *all, by_removed);
  for (size_t i = 0; i < 3 && i < n; i++) show(r, all[i].gather, "most energy removed");
  for (size_t i = n / 2; i < n / 2 + 3 && i < n; i++) show(r, all[i].gather, "median energy removed");
  sp_free(all);
  return SP_SUCCESS;
}

sp_status sp_report_choose(sp_qc_report *r) {
  const size_t n = r->figures.n;
  uint64_t state = 0;
  for (const char *c = sp_survey_get_info(r->source.survey)->uuid; *c; c++) state = state * 31 + (unsigned char)*c;
  if (n == 0) return SP_SUCCESS;
  show(r, 0, "first");
  show(r, n / 2, "middle");
  show(r, n - 1, "last");
  SP_TRY(show_by_removed(r));
  for (int i = 0; i < 3; i++) show(r, next_random(&state) % n, "at random");
  for (size_t i = 0; i < r->n_outliers; i++) show(r, r->outliers[i].gather, "outlier");
  return SP_SUCCESS;
}

/* --- numbers ----------------------------------------------------------------------------------------------------- */

static void write_gather_numbers(const sp_qc_report *r, sp_json *json, const sp_shown *of) {
  char name[SP_GATHER_TEXT];
  sp_json_open(json, NULL, '{');
  sp_json_count(json, "gather", of->gather);
  sp_json_text(json, "name", sp_report_name(r, of->gather, name));
  sp_json_text(json, "why", of->why);
  sp_json_real(json, "clip", of->numbers.clip);
  sp_json_real(json, "gain", of->numbers.gain);
  sp_json_real(json, "removed_fraction", of->numbers.removed);
  sp_json_real(json, "xcorr", of->numbers.correlation);
  sp_json_close(json, '}');
}

static void write_numbers(const sp_qc_report *r, FILE *stream) {
  static const char *const kinds[] = {"before", "after", "noise"};
  sp_json json = sp_json_begin(stream);
  sp_json_open(&json, NULL, '{');
  sp_json_int(&json, "schema", 1);
  sp_json_text(&json, "uuid", sp_survey_get_info(r->source.survey)->uuid);
  sp_json_count(&json, "n_gathers", r->figures.n);
  sp_json_real(&json, "removed_total", sp_figures_total(&r->figures));
  sp_json_count(&json, "measured_every", r->figures.every);
  for (int q = 0; q < SP_N_QUALITIES; q++) {
    sp_json_open(&json, sp_quality_name((sp_quality)q), '[');
    for (size_t g = 0; g < r->figures.n; g++) sp_json_real(&json, NULL, (double)r->figures.quality[q][g]);
    sp_json_close(&json, ']');
  }
  sp_json_open(&json, "outliers", '[');
  for (size_t i = 0; i < r->n_outliers; i++) {
    sp_json_open(&json, NULL, '{');
    sp_json_count(&json, "gather", r->outliers[i].gather);
    sp_json_text(&json, "why", r->outliers[i].why);
    sp_json_real(&json, "score", r->outliers[i].score);
    sp_json_close(&json, '}');
  }
  sp_json_close(&json, ']');
  sp_json_open(&json, "gathers", '[');
  for (size_t i = 0; i < r->n_shown; i++) write_gather_numbers(r, &json, &r->gathers[i]);
  sp_json_close(&json, ']');
  sp_json_open(&json, "spectra", '{');
  sp_json_real(&json, "nyquist", r->spectra->nyquist);
  for (int kind = 0; kind < 3; kind++) {
    double mean[SP_SPECTRUM_BINS];
    sp_spectra_mean(r->spectra, kind, mean);
    sp_json_open(&json, kinds[kind], '[');
    for (size_t k = 0; r->spectra->has[kind] && k < SP_SPECTRUM_BINS; k++) sp_json_real(&json, NULL, mean[k]);
    sp_json_close(&json, ']');
  }
  sp_json_close(&json, '}');
  sp_survey_spectra_numbers(&r->survey_spectra, &json);
  sp_json_close(&json, '}');
}

sp_status sp_report_numbers(const sp_qc_report *r) {
  FILE *stream = NULL;
  if (!r->options->json_path) return SP_SUCCESS;
  SP_TRY(sp_report_file_open(r->options->json_path, &stream));
  write_numbers(r, stream);
  return sp_report_file_close(r->options->json_path, stream, SP_SUCCESS);
}

static sp_status write_png(const sp_qc_report *r, const sp_shown *of) {
  char path[4096];
  sp_gather_view view;
  sp_picture *picture = NULL;
  FILE *stream = NULL;
  const sp_panel_options look = {
      .width = SP_REPORT_WIDTH, .height = 620, .share = 0.98, .unit = r->source.unit, .footer = r->footer};
  snprintf(path, sizeof path, "%s/gather-%06" PRIu64 ".png", r->options->png_folder, of->gather);
  SP_TRY(sp_view_load(&r->source, of->gather, &view));
  sp_status status = sp_draw_gather(&view, &look, NULL, &picture);
  sp_view_free(&view);
  if (status == SP_SUCCESS) status = sp_report_file_open(path, &stream);
  if (status == SP_SUCCESS) status = sp_report_file_close(path, stream, sp_picture_write_png(picture, stream));
  sp_picture_free(picture);
  return status;
}

sp_status sp_report_pngs(const sp_qc_report *r) {
  if (!r->options->png_folder) return SP_SUCCESS;
  if (mkdir(r->options->png_folder, 0777) && errno != EEXIST) {
    return SP_RAISE(SP_ERR_USAGE, "%s: cannot be made: %s", r->options->png_folder, strerror(errno));
  }
  for (size_t i = 0; i < r->n_shown; i++) SP_TRY(write_png(r, &r->gathers[i]));
  return SP_SUCCESS;
}
