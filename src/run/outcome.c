/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/outcome.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "seisproc/report_file.h"

enum { HOST_SIZE = 256 };

/* Where metrics go: as the options say, else the job; NULL: nowhere. */
static const char *metrics_path(const sp_job *job, const sp_run_options *options) {
  if (options->metrics_path) return options->metrics_path;
  return job && job->settings.metrics.text[0] ? job->settings.metrics.text : NULL;
}

static void name_host(char host[HOST_SIZE]) {
  host[HOST_SIZE - 1] = '\0';
  if (gethostname(host, HOST_SIZE - 1)) snprintf(host, HOST_SIZE, "?");
}

static double elapsed(const sp_outcome *o) {
  return o->ended_at > o->started_at ? o->ended_at - o->started_at : 0;
}

/* --- the report ------------------------------------------------------------------------------------------------ */

static void json_job(sp_json *json, const sp_outcome *o) {
  char fingerprint[SP_FINGERPRINT_LENGTH + 1];
  sp_json_open(json, "job", '{');
  sp_json_text(json, "file", o->options->job_path);
  if (o->job && sp_job_fingerprint(o->job, fingerprint) == SP_SUCCESS) {
    sp_json_text(json, "fingerprint", fingerprint);
    sp_json_text(json, "input", o->job->input);
    sp_json_text(json, "output", o->job->output);
  }
  sp_json_close(json, '}');
}

static void json_units(sp_json *json, const sp_outcome *o) {
  if (!o->unit) return;
  sp_json_open(json, "units", '{');
  sp_json_text(json, "kind", o->unit);
  sp_json_count(json, "all", o->n_units);
  sp_json_count(json, "done", o->n_done);
  sp_json_count(json, "done_before", o->n_earlier);
  sp_json_open(json, "by_reason", '{');
  for (int reason = 1; reason < SP_REASON_COUNT; reason++) {
    if (o->reasons[reason]) sp_json_count(json, sp_reason_name((sp_reason)reason), o->reasons[reason]);
  }
  sp_json_close(json, '}');
  sp_json_close(json, '}');
}

static void write_report(FILE *file, const sp_outcome *o, sp_outcome_details details, const void *context) {
  char host[HOST_SIZE], uuid[SP_UUID_LENGTH + 1], at[SP_TIME_TEXT];
  const double hours = elapsed(o) / 3600;
  sp_json json = sp_json_begin(file);
  name_host(host);
  sp_uuid_create(uuid);
  sp_json_open(&json, NULL, '{');
  sp_json_text(&json, "schema", "seisproc run report");
  sp_json_int(&json, "schema_version", SP_REPORT_VERSION);
  sp_json_text(&json, "uuid", uuid);
  sp_json_text(&json, "version", SP_VERSION);
  sp_json_text(&json, "host", host);
  sp_json_text(&json, "slurm_job", getenv("SLURM_JOB_ID"));
  json_job(&json, o);
  sp_json_text(&json, "started", sp_time_text(o->started_at, at));
  sp_json_text(&json, "ended", sp_time_text(o->ended_at, at));
  sp_json_int(&json, "exit_code", o->exit_code);
  sp_json_text(&json, "error", o->error[0] ? o->error : NULL);
  sp_json_real(&json, "elapsed_s", elapsed(o));
  sp_json_int(&json, "cores", o->cores);
  sp_json_int(&json, "gpus", o->gpus);
  sp_json_real(&json, "core_hours", o->cores * hours);
  sp_json_real(&json, "gpu_hours", o->gpus * hours);
  sp_json_real(&json, "cpu_hours", o->cpu_s / 3600);
  sp_json_count(&json, "read_bytes", o->read_bytes);
  sp_json_count(&json, "written_bytes", o->written_bytes);
  json_units(&json, o);
  if (details) details(&json, context);
  sp_json_close(&json, '}');
}

/* --- metrics ----------------------------------------------------------------------------------------------------- */

/* A label's value: quotes, backslashes and line ends escaped; what is not UTF-8 becomes U+FFFD. */
static void put_label(FILE *file, const char *name, const char *text) {
  fprintf(file, "%s=\"", name);
  for (const char *c = text ? text : ""; *c;) {
    const size_t length = sp_utf8_length(c);
    if (length == 0) {
      fputs("\xef\xbf\xbd", file);
    } else if (*c == '\n') {
      fputs("\\n", file);
    } else if (*c == '"' || *c == '\\') {
      fprintf(file, "\\%c", *c);
    } else {
      fwrite(c, 1, length, file);
    }
    c += length ? length : 1;
  }
  fputc('"', file);
}

static void put_heading(FILE *file, const char *name, const char *help) {
  fprintf(file, "# HELP seisproc_run_%s %s\n# TYPE seisproc_run_%s gauge\n", name, help, name);
}

/* One sample; key may be NULL, or names a second label with this value. */
static void put_sample(FILE *file, const sp_outcome *o, const char *name, const char *key, const char *text,
                       double value) {
  fprintf(file, "seisproc_run_%s{", name);
  put_label(file, "output", o->job ? o->job->output : "");
  if (key) {
    fputc(',', file);
    put_label(file, key, text);
  }
  fprintf(file, "} %.17g\n", value);
}

static void put_metric(FILE *file, const sp_outcome *o, const char *name, const char *help, double value) {
  put_heading(file, name, help);
  put_sample(file, o, name, NULL, NULL, value);
}

static void put_info(FILE *file, const sp_outcome *o) {
  char host[HOST_SIZE];
  name_host(host);
  put_heading(file, "info", "The run that the other metrics are of; always 1.");
  fprintf(file, "seisproc_run_info{");
  put_label(file, "output", o->job ? o->job->output : "");
  fputc(',', file);
  put_label(file, "job", o->options->job_path);
  fputc(',', file);
  put_label(file, "host", host);
  fputc(',', file);
  put_label(file, "slurm_job", getenv("SLURM_JOB_ID"));
  fputc(',', file);
  put_label(file, "version", SP_VERSION);
  fprintf(file, "} 1\n");
}

static void put_units(FILE *file, const sp_outcome *o) {
  if (!o->unit) return;
  put_heading(file, "units", "Units (gathers, cubes, image points) of the job.");
  put_sample(file, o, "units", "kind", o->unit, (double)o->n_units);
  put_heading(file, "units_done", "Units that are on the disk, with those of earlier runs.");
  put_sample(file, o, "units_done", "kind", o->unit, (double)o->n_done);
  put_heading(file, "units_flagged", "Units done with something to say of them, by reason.");
  for (int reason = 1; reason < SP_REASON_COUNT; reason++) {
    put_sample(file, o, "units_flagged", "reason", sp_reason_name((sp_reason)reason), (double)o->reasons[reason]);
  }
}

static void write_metrics(FILE *file, const sp_outcome *o) {
  const double seconds = elapsed(o);
  put_info(file, o);
  put_metric(file, o, "exit_code", "0 complete, 1 refused or failed, 2 complete but for some units, 75 to be resumed.",
             o->exit_code);
  put_metric(file, o, "start_time_seconds", "When the run began, in seconds since 1970.", o->started_at);
  put_metric(file, o, "end_time_seconds", "When the run ended, in seconds since 1970.", o->ended_at);
  put_metric(file, o, "elapsed_seconds", "How long the run took.", seconds);
  put_metric(file, o, "core_seconds", "Seconds times cores that the run had.", seconds * o->cores);
  put_metric(file, o, "gpu_seconds", "Seconds times GPUs that computed.", seconds * o->gpus);
  put_metric(file, o, "cpu_seconds", "CPU time of all ranks.", o->cpu_s);
  put_metric(file, o, "read_bytes", "Bytes of samples that were read.", (double)o->read_bytes);
  put_metric(file, o, "written_bytes", "Bytes of samples that were written.", (double)o->written_bytes);
  put_units(file, o);
}

/* What is written last goes neither over the output nor over the other. */
static sp_status check_place(const char *path, const sp_job *job, const char *other) {
  if (!path) return SP_SUCCESS;
  if (job && job->output && !strcmp(path, job->output)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: is the output, and cannot be a report as well", path);
  }
  if (other && !strcmp(path, other)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: is named for the report and for the metrics; allowed are two files", path);
  }
  return sp_report_file_check(path);
}

sp_status sp_outcome_check_places(const sp_job *job, const sp_run_options *options) {
  const char *metrics = metrics_path(job, options);
  SP_TRY(check_place(options->report_path, job, metrics));
  return check_place(metrics, job, NULL);
}

sp_status sp_outcome_write(const sp_outcome *outcome, sp_outcome_details details, const void *context) {
  const char *report = outcome->options->report_path;
  const char *metrics = metrics_path(outcome->job, outcome->options);
  FILE *file;
  SP_TRY(sp_outcome_check_places(outcome->job, outcome->options));
  if (report) {
    SP_TRY(sp_report_file_open(report, &file));
    write_report(file, outcome, details, context);
    SP_TRY(sp_report_file_close(report, file, SP_SUCCESS));
  }
  if (!metrics) return SP_SUCCESS;
  SP_TRY(sp_report_file_open(metrics, &file));
  write_metrics(file, outcome);
  return sp_report_file_close(metrics, file, SP_SUCCESS);
}
