/* SPDX-License-Identifier: BSD-3-Clause */
/* What `seisproc campaign MANIFEST status` and `report` print. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/cli/campaign.h"

typedef struct totals {
  size_t n[SP_N_SURVEY_STATES], n_runs;
  sp_history_sum used;
} totals;

static totals add_up(const sp_campaign *c) {
  totals t = {0};
  for (size_t i = 0; i < c->n; i++) {
    const sp_campaign_survey *s = &c->surveys[i];
    t.n[s->state]++;
    t.n_runs += (size_t)s->used.n_runs;
    t.used.core_s += s->used.core_s;
    t.used.gpu_s += s->used.gpu_s;
    t.used.cpu_s += s->used.cpu_s;
    t.used.bytes += s->used.bytes;
    t.used.n_units += s->n_units;
    t.used.n_done += s->n_done;
    for (int reason = 0; reason < SP_REASON_COUNT; reason++) t.used.reasons[reason] += s->used.reasons[reason];
  }
  return t;
}

static void print_closing_line(const sp_campaign *c, const totals *t) {
  printf("%zu surveys: %zu done, %zu partial, %zu failed, %zu left\n", c->n, t->n[SP_SURVEY_DONE],
         t->n[SP_SURVEY_PARTIAL], t->n[SP_SURVEY_FAILED], t->n[SP_SURVEY_LEFT]);
}

void sp_campaign_print_status(const sp_campaign *campaign) {
  const totals t = add_up(campaign);
  printf("%4s  %-7s  %13s  %s\n", "line", "state", "units", "output");
  for (size_t i = 0; i < campaign->n; i++) {
    const sp_campaign_survey *s = &campaign->surveys[i];
    char units[48] = "-";
    if (s->n_units) {
      snprintf(units, sizeof units, "%llu/%llu", (unsigned long long)s->n_done, (unsigned long long)s->n_units);
    }
    printf("%4u  %-7s  %13s  %s%s%s\n", s->line, sp_survey_state_name(s->state), units, s->output,
           s->note[0] ? ": " : "", s->note);
  }
  print_closing_line(campaign, &t);
}

void sp_campaign_print_report(const sp_campaign *campaign) {
  const totals t = add_up(campaign);
  print_closing_line(campaign, &t);
  printf("units       %llu of %llu done in %zu runs\n", (unsigned long long)t.used.n_done,
         (unsigned long long)t.used.n_units, t.n_runs);
  printf("used        %.2f core-hours (%.2f of CPU time), %.2f GPU-hours\n", t.used.core_s / 3600, t.used.cpu_s / 3600,
         t.used.gpu_s / 3600);
  printf("moved       %.2f GB of samples, in and out\n", 1e-9 * t.used.bytes);
  for (int reason = 1; reason < SP_REASON_COUNT; reason++) {
    if (!t.used.reasons[reason]) continue;
    printf("%-11s %llu units\n", sp_reason_name((sp_reason)reason), (unsigned long long)t.used.reasons[reason]);
  }
  for (size_t i = 0; i < campaign->n; i++) {
    const sp_campaign_survey *s = &campaign->surveys[i];
    if (s->state != SP_SURVEY_FAILED && s->state != SP_SURVEY_PARTIAL) continue;
    printf("line %-6u %s, %s: %s\n", s->line, sp_survey_state_name(s->state), s->output, s->note);
  }
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void json_used(sp_json *json, const sp_history_sum *used) {
  sp_json_real(json, "core_hours", used->core_s / 3600);
  sp_json_real(json, "cpu_hours", used->cpu_s / 3600);
  sp_json_real(json, "gpu_hours", used->gpu_s / 3600);
  sp_json_int(json, "moved_bytes", llround(used->bytes));
  sp_json_open(json, "by_reason", '{');
  for (int reason = 1; reason < SP_REASON_COUNT; reason++) {
    if (used->reasons[reason]) sp_json_count(json, sp_reason_name((sp_reason)reason), used->reasons[reason]);
  }
  sp_json_close(json, '}');
}

static sp_status json_files(sp_json *json, const sp_campaign *c, const sp_campaign_survey *s) {
  char *path = NULL;
  SP_TRY(sp_side_path(s->output, SP_SIDE_JOURNAL, &path));
  sp_json_text(json, "journal", path);
  sp_free(path);
  static const char *const suffixes[][2] = {{"log", "log"}, {"report", "json"}};
  for (size_t i = 0; i < 2; i++) {
    SP_TRY(sp_campaign_file(c, s->line, suffixes[i][1], &path));
    sp_json_text(json, suffixes[i][0], path);
    sp_free(path);
  }
  return SP_SUCCESS;
}

static sp_status json_survey(sp_json *json, const sp_campaign *c, const sp_campaign_survey *s) {
  sp_json_open(json, NULL, '{');
  sp_json_int(json, "line", s->line);
  sp_json_text(json, "input", s->input);
  sp_json_text(json, "output", s->output);
  sp_json_text(json, "state", sp_survey_state_name(s->state));
  sp_json_bool(json, "busy", s->busy);
  sp_json_text(json, "note", s->note[0] ? s->note : NULL);
  sp_json_count(json, "units", s->n_units);
  sp_json_count(json, "units_done", s->n_done);
  sp_json_int(json, "runs", s->used.n_runs);
  json_used(json, &s->used);
  const sp_status status = json_files(json, c, s);
  sp_json_close(json, '}');
  return status;
}

sp_status sp_campaign_print_json(const sp_campaign *campaign) {
  const totals t = add_up(campaign);
  sp_status status = SP_SUCCESS;
  sp_json json = sp_json_begin(stdout);
  sp_json_open(&json, NULL, '{');
  sp_json_text(&json, "schema", "seisproc campaign");
  sp_json_int(&json, "schema_version", 1);
  sp_json_text(&json, "manifest", campaign->manifest);
  sp_json_open(&json, "surveys", '[');
  for (size_t i = 0; i < campaign->n && status == SP_SUCCESS; i++) {
    status = json_survey(&json, campaign, &campaign->surveys[i]);
  }
  sp_json_close(&json, ']');
  sp_json_open(&json, "totals", '{');
  sp_json_count(&json, "surveys", campaign->n);
  for (int state = 0; state < SP_N_SURVEY_STATES; state++) {
    sp_json_count(&json, sp_survey_state_name((sp_survey_state)state), t.n[state]);
  }
  sp_json_count(&json, "units", t.used.n_units);
  sp_json_count(&json, "units_done", t.used.n_done);
  sp_json_count(&json, "runs", t.n_runs);
  json_used(&json, &t.used);
  sp_json_close(&json, '}');
  sp_json_close(&json, '}');
  return status;
}
