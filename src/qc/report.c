/* SPDX-License-Identifier: BSD-3-Clause */
/* The report, section by section. It is written into memory, and again with lower pictures where it is too large. */
#include "src/qc/report_state.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/processor.h"
#include "seisproc/report_file.h"
#include "src/qc/maps.h"
#include "src/qc/page.h"

enum { N_FK = 3, LEAST_HEIGHT = 320 };

/* --- sections ---------------------------------------------------------------------------------------------------- */

static bool offset_is_zero(const sp_qc_report *r) {
  sp_header_column *column = NULL;
  double least = NAN, most = NAN;
  if (!sp_survey_has(r->source.survey, "/headers/offset")) return true;
  if (sp_header_column_open(r->source.survey, "offset", &column) != SP_SUCCESS) return false;
  if (sp_header_column_range(column, &least, &most, NULL) != SP_SUCCESS) least = NAN;
  sp_header_column_close(column);
  return least == 0 && most == 0;
}

static void write_worries(const sp_qc_report *r, FILE *page) {
  size_t counts[SP_REASON_COUNT] = {0}, without = 0;
  for (size_t g = 0; g < r->figures.n; g++) counts[r->figures.status[g] < SP_REASON_COUNT ? r->figures.status[g] : 0]++;
  for (unsigned k = 1; k < SP_REASON_COUNT; k++) {
    if (!counts[k]) continue;
    sp_page_line(page, "worry", "%zu of %zu gathers %s: %s", counts[k], r->figures.n,
                 sp_reason_is_processed(k) ? "processed in part" : "not processed", sp_reason_name((sp_reason)k));
  }
  if (r->job && strstr(r->job, ": mute\n") && offset_is_zero(r)) {
    sp_page_line(page, "worry", "mute used offset 0 for every trace");
  }
  for (size_t g = 0; g < r->figures.n; g++) without += r->figures.fold[g] == 0;
  if (without) sp_page_line(page, "worry", "%zu gathers have no traces", without);
  if (!r->figures.known && r->figures.taken) {
    sp_page_line(page, "worry", "No gather was measured: none has traces that could be processed.");
  } else if (!r->figures.known) {
    sp_page_line(page, "worry", "%s",
                 r->source.is_input ? "This survey is no output of a job: there is nothing that was removed."
                                    : "The job took no figures of quality, and its input is not at hand (--against): "
                                      "what was removed is not known.");
  } else if (r->figures.every) {
    sp_page_line(page, "worry", "The job took no figures of quality: they were measured now, of one gather in %zu.",
                 r->figures.every);
  }
  if (!r->figures.x) {
    sp_page_line(page, "worry",
                 "The survey tells no places (coordinates are zero or not there), so that maps go by the number of the "
                 "gather. seisproc import brings them in: --field, --derive.");
  }
}

static void write_summary(const sp_qc_report *r, FILE *page) {
  const sp_survey_info *info = sp_survey_get_info(r->source.survey);
  const double total = sp_figures_total(&r->figures);
  const float *removed = r->figures.quality[SP_REMOVED];
  char least[SP_GATHER_TEXT], most[SP_GATHER_TEXT];
  size_t at_least = SIZE_MAX, at_most = SIZE_MAX;
  sp_page_heading(page, "summary", "Summary");
  sp_page_line(page, NULL, "%" PRIu64 " gathers by %s, %" PRIu64 " traces of %u samples at %g ms. It holds %s.",
               info->n_gathers, r->source.index->key_name[0] ? r->source.index->key_name : "key", info->n_traces,
               info->n_samples, 1e-3 * info->sample_interval_us,
               r->source.is_input      ? "an input"
               : r->source.holds_noise ? "the noise that a job took away"
                                       : "what a job left");
  for (size_t g = 0; g < r->figures.n; g++) {
    if (!isfinite(removed[g])) continue;
    if (at_least == SIZE_MAX || removed[g] < removed[at_least]) at_least = g;
    if (at_most == SIZE_MAX || removed[g] > removed[at_most]) at_most = g;
  }
  if (at_least != SIZE_MAX && isfinite(total)) {
    sp_page_line(page, NULL, "Removed %.3g %% of the energy: least %.3g %% in %s, most %.3g %% in %s.", 100 * total,
                 100 * (double)removed[at_least], sp_report_name(r, at_least, least), 100 * (double)removed[at_most],
                 sp_report_name(r, at_most, most));
  }
  write_worries(r, page);
  if (!r->job) return;
  fputs("<details><summary>Job</summary>\n<pre>", page);
  sp_write_escaped(page, r->job);
  fputs("</pre></details>\n", page);
}

/* The picture of a gather that is shown, and its place in the page. */
static sp_status write_gather(sp_qc_report *r, FILE *page, sp_shown *of) {
  sp_gather_view view;
  sp_picture *picture = NULL;
  char name[SP_GATHER_TEXT], caption[SP_GATHER_TEXT + 200];
  const sp_report_options *o = r->options;
  const sp_panel_options look = {.width = SP_REPORT_WIDTH,
                                 .height = r->height,
                                 .share = 0.98,
                                 .similarity = r->source.noise || r->source.against,
                                 .unit = r->source.unit,
                                 .footer = r->footer};
  SP_TRY(sp_view_load(&r->source, of->gather, &view));
  sp_status status = SP_SUCCESS;
  if (!isnan(o->window[0]) || !isnan(o->window[1]) || !isnan(o->offsets[0]) || !isnan(o->offsets[1])) {
    status = sp_view_crop(&view, o->window[0], o->window[1], o->offsets[0], o->offsets[1]);
  }
  if (status == SP_SUCCESS) status = sp_spectra_add(r->spectra, &view);
  if (status == SP_SUCCESS) status = sp_draw_gather(&view, &look, &of->numbers, &picture);
  if (status == SP_SUCCESS) {
    fprintf(page, "<section id=\"gather-%" PRIu64 "\">\n", of->gather);
    snprintf(caption, sizeof caption, "%s, gather %" PRIu64 " of %zu: %s. %u traces.",
             sp_report_name(r, of->gather, name), of->gather, r->figures.n, of->why, view.n_traces * view.step);
    status = sp_page_picture(page, picture, caption);
    picture = NULL;
  }
  if (status == SP_SUCCESS && r->n_drawn < N_FK) {
    status = sp_draw_fk(&view, &look, &of->numbers, &picture);
    if (status == SP_SUCCESS) status = sp_page_picture(page, picture, NULL);
  }
  fputs("</section>\n", page);
  r->n_drawn++;
  sp_view_free(&view);
  return status;
}

static sp_status write_gathers(sp_qc_report *r, FILE *page) {
  sp_page_heading(page, "gathers", "Gathers");
  sp_page_line(
      page, NULL,
      "One clip for all panels of a gather, the 98th percent of its samples before; \"noise x G\" is the noise "
      "times a power of two. Black is positive. Similarity of noise and after is high where signal was taken.");
  r->n_drawn = 0;
  r->spectra->n = 0;
  for (size_t i = 0; i < r->n_shown; i++) SP_TRY(write_gather(r, page, &r->gathers[i]));
  return SP_SUCCESS;
}

static sp_status write_spectra(const sp_qc_report *r, FILE *page) {
  sp_picture *picture = NULL;
  char title[96];
  sp_page_heading(page, "spectra", "Spectra");
  snprintf(title, sizeof title, "amplitude spectra of the %zu gathers above, dB re the peak of the first curve",
           r->spectra->n);
  if (r->spectra->n > 0) {
    SP_TRY(sp_spectra_draw(r->spectra, SP_REPORT_WIDTH, 420, title, r->footer, &picture));
    SP_TRY(sp_page_picture(page, picture, NULL));
  }
  if (r->survey_spectra.n == 0) return SP_SUCCESS;
  SP_TRY(sp_survey_spectra_draw(&r->survey_spectra, SP_REPORT_WIDTH, 320, r->footer, &picture));
  return sp_page_picture(page, picture, NULL);
}

static sp_status write_maps(const sp_qc_report *r, FILE *page) {
  sp_picture *picture = NULL;
  size_t marks[SP_MAX_RUNS], n_marks = 0;
  sp_page_heading(page, "maps", "Over the survey");
  if (r->figures.n == 0) return SP_SUCCESS;
  SP_TRY(sp_draw_maps(&r->figures, SP_REPORT_WIDTH, &picture));
  SP_TRY(sp_page_picture(page, picture, NULL));
  for (size_t i = 0; i < r->timeline.n_runs; i++) {
    if (r->timeline.runs[i].done > 0 && r->timeline.runs[i].done < (double)r->figures.n)
      marks[n_marks++] = (size_t)r->timeline.runs[i].done;
  }
  SP_TRY(sp_draw_removed(&r->figures, marks, n_marks, SP_REPORT_WIDTH, &picture));
  SP_TRY(sp_page_picture(page, picture, NULL));
  SP_TRY(sp_draw_fold(&r->source, &r->figures, SP_REPORT_WIDTH, &picture));
  return sp_page_picture(page, picture, NULL);
}

static void write_percent(FILE *page, double value) {
  if (isfinite(value)) {
    fprintf(page, "<td>%.3g</td>", value);
  } else {
    fputs("<td>-</td>", page);
  }
}

static void write_outliers(const sp_qc_report *r, FILE *page) {
  char name[SP_GATHER_TEXT];
  sp_page_heading(page, "outliers", "Gathers that stand out");
  if (r->n_outliers == 0) {
    sp_page_line(page, NULL, "None.");
    return;
  }
  fputs("<div class=\"table\"><table>\n<tr><th>gather</th><th>because of</th><th>robust z</th><th>removed, %</th>"
        "<th>correlation</th><th>status</th></tr>\n",
        page);
  for (size_t i = 0; i < r->n_outliers; i++) {
    const sp_outlier *o = &r->outliers[i];
    bool drawn = false;
    for (size_t k = 0; k < r->n_shown; k++) drawn = drawn || r->gathers[k].gather == o->gather;
    fputs("<tr><td>", page);
    if (drawn) fprintf(page, "<a href=\"#gather-%" PRIu64 "\">", o->gather);
    sp_write_escaped(page, sp_report_name(r, o->gather, name));
    fprintf(page, "%s</td><td>%s</td>", drawn ? "</a>" : "", o->why);
    write_percent(page, o->score);
    write_percent(page, 100 * (double)r->figures.quality[SP_REMOVED][o->gather]);
    write_percent(page, (double)r->figures.quality[SP_XCORR][o->gather]);
    const unsigned reason = r->figures.status[o->gather];
    fprintf(page, "<td>%s</td></tr>\n", reason && reason < SP_REASON_COUNT ? sp_reason_name((sp_reason)reason) : "ok");
  }
  fputs("</table></div>\n", page);
}

static sp_status write_runs(const sp_qc_report *r, FILE *page) {
  const sp_timeline *t = &r->timeline;
  sp_picture *picture = NULL;
  double cpu = 0, gpu = 0;
  int crashes = 0;
  sp_page_heading(page, "run", "Runs");
  if (t->n_runs == 0) {
    sp_page_line(page, NULL, "No history is beside the output (.runs).");
    return SP_SUCCESS;
  }
  for (size_t i = 0; i < t->n_runs; i++) {
    cpu += t->runs[i].cpu;
    gpu += t->runs[i].gpu;
    crashes += t->runs[i].crashes;
  }
  sp_page_line(page, NULL, "%zu run%s, %zu restart%s, %d crash%s, %.3g core-hours, %.3g GPU-hours.",
               t->n_runs + t->n_left_out, t->n_runs + t->n_left_out == 1 ? "" : "s", t->n_runs + t->n_left_out - 1,
               t->n_runs + t->n_left_out == 2 ? "" : "s", crashes, crashes == 1 ? "" : "es", cpu / 3600, gpu / 3600);
  SP_TRY(sp_timeline_draw(t, SP_REPORT_WIDTH, &picture));
  SP_TRY(sp_page_picture(page, picture, NULL));
  fputs("<details><summary>Seconds of all ranks by stage</summary>\n<div class=\"table\"><table>\n<tr><th>run</th>",
        page);
  for (int k = 0; k < SP_N_STAGES; k++) fprintf(page, "<th>%s</th>", sp_stage_words[k]);
  fputs("<th>wall</th></tr>\n", page);
  for (size_t i = 0; i < t->n_runs; i++) {
    fputs("<tr><td>", page);
    sp_write_escaped(page, t->runs[i].begun);
    fputs("</td>", page);
    for (int k = 0; k < SP_N_STAGES; k++) write_percent(page, t->runs[i].stages[k]);
    write_percent(page, t->runs[i].wall);
    fputs("</tr>\n", page);
  }
  fputs("</table></div></details>\n", page);
  return SP_SUCCESS;
}

static void write_provenance(const sp_qc_report *r, FILE *page) {
  const sp_survey_info *info = sp_survey_get_info(r->source.survey);
  char *input = NULL;
  sp_page_heading(page, "provenance", "Provenance");
  sp_page_line(page, NULL, "Survey %s, made by %s.", info->uuid[0] ? info->uuid : "without uuid", info->created_by);
  if (sp_survey_find_text(r->source.survey, "/", "input_uuid", &input) == SP_SUCCESS && input) {
    sp_page_line(page, NULL, "Its input was %s%s%s.", input, r->source.against ? ", here " : "",
                 r->source.against ? r->source.against_path : "");
  }
  sp_free(input);
  fputs("<pre>", page);
  sp_write_escaped(page, info->history);
  fputs("</pre>\n", page);
}

static sp_status write_page(sp_qc_report *r, FILE *page) {
  const char *name = strrchr(r->source.path, '/');
  char title[300];
  snprintf(title, sizeof title, "Quality of %.250s", name ? name + 1 : r->source.path);
  sp_page_begin(page, title);
  fputs("<p><a href=\"#summary\">summary</a> <a href=\"#gathers\">gathers</a> <a href=\"#spectra\">spectra</a> "
        "<a href=\"#maps\">over the survey</a> <a href=\"#outliers\">outliers</a> <a href=\"#run\">runs</a> "
        "<a href=\"#provenance\">provenance</a></p>\n",
        page);
  write_summary(r, page);
  SP_TRY(write_gathers(r, page));
  SP_TRY(write_spectra(r, page));
  SP_TRY(write_maps(r, page));
  write_outliers(r, page);
  SP_TRY(write_runs(r, page));
  write_provenance(r, page);
  if (r->height < 620) {
    sp_page_line(page, NULL, "Pictures are %.0f pixels high to keep the page below %g MB (--max-mb).", r->height,
                 r->options->max_mb);
  }
  sp_page_end(page);
  return SP_SUCCESS;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static sp_status prepare(sp_qc_report *r, const char *path) {
  SP_TRY(sp_view_open(path, NULL, r->options->against, &r->source));
  SP_TRY(sp_survey_find_text(r->source.survey, "/", "job", &r->job));
  SP_TRY(sp_figures_read(&r->source, r->options->every, &r->figures));
  SP_TRY(sp_survey_spectra_read(&r->source, &r->survey_spectra));
  SP_TRY(sp_timeline_read(path, &r->timeline));
  SP_TRY(sp_calloc(1, sizeof *r->spectra, "spectra", &r->spectra));
  const char *name = strrchr(path, '/');
  snprintf(r->footer, sizeof r->footer, "%.120s, %s", name ? name + 1 : path,
           sp_survey_get_info(r->source.survey)->uuid);
  r->n_outliers = sp_find_outliers(&r->figures, r->outliers, SP_MOST_OUTLIERS);
  return sp_report_choose(r);
}

/* The page, in pictures as high as fit the limit. The caller frees *text. */
static sp_status make_page(sp_qc_report *r, char **text, size_t *size) {
  for (r->height = 620;; r->height = floor(0.75 * r->height)) {
    FILE *page = open_memstream(text, size);
    if (!page) return SP_RAISE(SP_ERR_MEMORY, "the report: no memory");
    const sp_status status = write_page(r, page);
    const bool good = !fclose(page);
    if (status == SP_SUCCESS && good && (1e-6 * (double)*size <= r->options->max_mb || r->height < LEAST_HEIGHT)) {
      return SP_SUCCESS;
    }
    free(*text);
    *text = NULL;
    if (status != SP_SUCCESS) return status;
    if (!good) return SP_RAISE(SP_ERR_MEMORY, "the report: no memory");
  }
}

static sp_status write_report(sp_qc_report *r, const char *path, const char *page_path) {
  char *text = NULL;
  size_t size = 0;
  FILE *page = NULL;
  SP_TRY(sp_report_file_check(page_path));
  if (r->options->json_path) SP_TRY(sp_report_file_check(r->options->json_path));
  SP_TRY(prepare(r, path));
  SP_TRY(make_page(r, &text, &size));
  sp_status status = sp_report_file_open(page_path, &page);
  if (status == SP_SUCCESS) {
    fwrite(text, 1, size, page);
    status = sp_report_file_close(page_path, page, SP_SUCCESS);
  }
  free(text);
  if (status == SP_SUCCESS) status = sp_report_numbers(r);
  return status == SP_SUCCESS ? sp_report_pngs(r) : status;
}

sp_status sp_report_write(const char *path, const sp_report_options *options, const char *page_path) {
  sp_qc_report *r = NULL;
  SP_TRY(sp_calloc(1, sizeof *r, "the report", &r));
  r->options = options;
  const sp_status status = write_report(r, path, page_path);
  sp_free(r->spectra);
  sp_free(r->job);
  sp_timeline_free(&r->timeline);
  sp_figures_free(&r->figures);
  sp_view_close(&r->source);
  sp_free(r);
  return status;
}
