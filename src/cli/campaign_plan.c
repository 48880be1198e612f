/* SPDX-License-Identifier: BSD-3-Clause */
/* What a campaign would take: each of its surveys planned as `seisproc plan` does, in a process of its own, so that one
 * that is refused, whatever for, keeps none of the others. */
#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/cli/campaign.h"
#include "src/cli/doctor.h"
#include "src/cli/option.h"
#include "src/cli/plan_trial.h"
#include "src/cli/run_options.h"

enum { PLAN_S = 600, ANSWER_SIZE = 4096 };

static const char answer_form[] = "plan %d %llu %llu %lf %lf %lf %d";

typedef struct survey_plan {
  int start; /* sp_start */
  unsigned long long n_units, n_done;
  double read_bytes, write_bytes;
  double core_s; /* computing what is left, from one gather; NAN where none was tried */
  int ranks;
} survey_plan;

typedef struct planning {
  const sp_campaign_request *request;
  const sp_campaign_survey *survey;
} planning;

static double left_of(const sp_run_plan *p) {
  if (p->start == SP_START_COMPLETE || p->work.shape.n_units == 0) return 0;
  return 1 - (double)p->earlier.n_done / (double)p->work.shape.n_units;
}

static sp_status print_plan(const sp_run_plan *p) {
  const sp_flow_shape *shape = &p->work.shape;
  const double left = left_of(p), both = shape->work_bytes * (double)shape->total_work;
  const double read = (double)shape->n_traces * shape->n_samples * sizeof(float);
  double core_s = left > 0 ? (double)NAN : 0;
  sp_plan_trial trial = {0};
  if (left > 0) SP_TRY(sp_plan_try(p, &trial));
  if (trial.done && trial.n_traces) {
    core_s = left * trial.compute_s * p->layout.threads * (double)shape->n_traces / trial.n_traces;
  }
  printf(answer_form, (int)p->start, (unsigned long long)shape->n_units, (unsigned long long)p->earlier.n_done, read,
         both - read, core_s, p->layout.ranks);
  putchar('\n');
  return SP_SUCCESS;
}

/* In the child: one line, of the plan or of the mistake. */
static int plan_here(void *context) {
  const planning *p = context;
  char texts[2][SP_CAMPAIGN_WORD];
  sp_run_plan plan = {0};
  sp_status status = sp_campaign_open_plan(p->request, p->survey, true, texts, &plan);
  if (status == SP_SUCCESS) status = print_plan(&plan);
  if (status != SP_SUCCESS) printf("%s\n", sp_log_first_error());
  return sp_status_exit_code(status);
}

static bool plan_survey(const sp_campaign_request *request, sp_campaign_survey *s, survey_plan *out) {
  char answer[ANSWER_SIZE];
  planning p = {request, s};
  const bool good = sp_capture(plan_here, &p, PLAN_S, answer, sizeof answer);
  char *line = good ? strstr(answer, "plan ") : NULL;
  *out = (survey_plan){0};
  if (line && sscanf(line, answer_form, &out->start, &out->n_units, &out->n_done, &out->read_bytes, &out->write_bytes,
                     &out->core_s, &out->ranks) == 7) {
    s->note[0] = '\0';
    return true;
  }
  sp_campaign_note_reason(answer, s);
  return false;
}

static const char *start_name(int start) {
  static const char *const names[] = {
      [SP_START_NEW] = "new", [SP_START_RESUME] = "resume", [SP_START_PACK] = "pack", [SP_START_COMPLETE] = "complete"};
  return start >= 0 && start <= SP_START_COMPLETE ? names[start] : "?";
}

/* What is left to do. */
typedef struct plan_totals {
  size_t n, n_refused, n_complete;
  double bytes, write_bytes, core_s;
} plan_totals;

static void add(plan_totals *t, const survey_plan *p, bool good) {
  t->n++;
  t->n_refused += !good;
  if (!good) return;
  t->n_complete += p->start == SP_START_COMPLETE;
  const double left = p->start == SP_START_COMPLETE || !p->n_units ? 0 : 1 - (double)p->n_done / (double)p->n_units;
  t->bytes += left * (p->read_bytes + p->write_bytes);
  t->write_bytes += left * p->write_bytes;
  t->core_s += isfinite(p->core_s) ? p->core_s : 0;
}

static void print_text(const sp_campaign_survey *s, const survey_plan *p, bool good) {
  if (good) {
    printf("%4u  %-8s %8llu/%-8llu %8.2f GB %10.2f  %s\n", s->line, start_name(p->start), p->n_done, p->n_units,
           1e-9 * (p->read_bytes + p->write_bytes), p->core_s / 3600, s->output);
  } else {
    printf("%4u  %-8s %17s %8s    %10s  %s: %s\n", s->line, "refused", "-", "-", "-", s->output, s->note);
  }
}

static void print_json(sp_json *json, const sp_campaign_survey *s, const survey_plan *p, bool good) {
  sp_json_open(json, NULL, '{');
  sp_json_int(json, "line", s->line);
  sp_json_text(json, "input", s->input);
  sp_json_text(json, "output", s->output);
  sp_json_text(json, "state", good ? start_name(p->start) : "refused");
  sp_json_text(json, "error", good ? NULL : s->note);
  if (good) {
    sp_json_count(json, "units", p->n_units);
    sp_json_count(json, "units_done", p->n_done);
    sp_json_int(json, "read_bytes", llround(p->read_bytes));
    sp_json_int(json, "write_bytes", llround(p->write_bytes));
    sp_json_real(json, "computing_core_hours", p->core_s / 3600);
    sp_json_int(json, "ranks", p->ranks);
  }
  sp_json_close(json, '}');
}

sp_status sp_campaign_plan(sp_campaign *campaign, const sp_campaign_request *request, int *exit_code) {
  plan_totals t = {0};
  sp_json json = sp_json_begin(stdout);
  if (request->json) {
    sp_json_open(&json, NULL, '{');
    sp_json_text(&json, "schema", "seisproc campaign plan");
    sp_json_int(&json, "schema_version", 1);
    sp_json_text(&json, "manifest", campaign->manifest);
    sp_json_open(&json, "surveys", '[');
  } else {
    printf("%4s  %-8s %17s %11s %10s  %s\n", "line", "state", "done/units", "bytes", "core-hours", "output");
  }
  for (size_t i = 0; i < campaign->n; i++) {
    survey_plan p;
    const bool good = plan_survey(request, &campaign->surveys[i], &p);
    add(&t, &p, good);
    if (request->json) {
      print_json(&json, &campaign->surveys[i], &p, good);
    } else {
      print_text(&campaign->surveys[i], &p, good);
    }
  }
  if (request->json) {
    sp_json_close(&json, ']');
    sp_json_open(&json, "left", '{');
    sp_json_count(&json, "surveys", t.n - t.n_complete - t.n_refused);
    sp_json_count(&json, "refused", t.n_refused);
    sp_json_int(&json, "moved_bytes", llround(t.bytes));
    sp_json_int(&json, "written_bytes", llround(t.write_bytes));
    sp_json_real(&json, "computing_core_hours", t.core_s / 3600);
    sp_json_close(&json, '}');
    sp_json_close(&json, '}');
  } else {
    printf("%zu surveys: %zu complete, %zu refused; left are %.2f GB in and out (%.2f GB to write) and about %.2f "
           "core-hours of computing\n",
           t.n, t.n_complete, t.n_refused, 1e-9 * t.bytes, 1e-9 * t.write_bytes, t.core_s / 3600);
  }
  *exit_code = t.n_refused ? SP_EXIT_INPUT : SP_EXIT_COMPLETE;
  return SP_SUCCESS;
}
