/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/resume.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "src/base/fault.h"
#include "src/run/repair.h"

/* One line on the first difference between what was begun at `path` and what this run would do. */
static sp_status compare(const char *path, const char *unit, const sp_journal_header *was,
                         const sp_journal_header *is) {
  static const char way_out[] = "the same command with the same input goes on, --restart starts over";
  char text[256], how[SP_IDENTITY_TEXT];
  if (strcmp(was->input_uuid, is->input_uuid)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: was made from another input: uuid %s, now %s; %s", path, was->input_uuid,
                    is->input_uuid, way_out);
  }
  if (sp_file_identity_differs(&was->input, &is->input, false, how)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: the input has changed: %s; %s", path, how, way_out);
  }
  if (was->n_units != is->n_units || was->n_traces != is->n_traces || was->n_samples != is->n_samples) {
    return SP_RAISE(SP_ERR_USAGE, "%s: the input had %llu %ss, %llu traces of %u samples, now %llu, %llu, %u; %s", path,
                    (unsigned long long)was->n_units, unit, (unsigned long long)was->n_traces, was->n_samples,
                    (unsigned long long)is->n_units, (unsigned long long)is->n_traces, is->n_samples, way_out);
  }
  if (was->results_version != is->results_version) {
    return SP_RAISE(SP_ERR_USAGE, "%s: was begun by a seisproc whose numbers differ (results version %u, now %u); %s",
                    path, was->results_version, is->results_version, way_out);
  }
  if (sp_job_difference(was->job, is->job, text, sizeof text)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: was begun with %s; %s", path, text, way_out);
  }
  return SP_SUCCESS;
}

/* What became of each unit of a complete output. */
static sp_status load_figures(const sp_flow_plan *plan, sp_survey *survey, sp_journal_contents *contents) {
  const uint64_t n = plan->shape.n_units;
  SP_TRY(sp_calloc(n + 1, plan->flow->figures->bytes, "figures", &contents->figures));
  SP_TRY(sp_calloc(n + 1, 1, "figures", &contents->done));
  memset(contents->done, 1, n);
  contents->n_done = n;
  return plan->flow->load(plan, survey, contents->figures);
}

/* The output under its own name is complete; is it this job's? It says less than a journal does. */
static sp_status look_at_output(const sp_flow_plan *plan, const char *path, const sp_journal_header *header,
                                sp_journal_contents *contents) {
  sp_survey *survey = NULL;
  char *uuid = NULL;
  sp_journal_header was = *header;
  sp_status status;
  int64_t version = 0;
  was.job = NULL;
  SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, path, false, &survey));
  SP_TRY_GOTO(out, sp_survey_find_text(survey, "/", "input_uuid", &uuid));
  SP_TRY_GOTO(out, sp_survey_find_text(survey, "/", "job", &was.job));
  SP_TRY_GOTO(out, sp_survey_find_int(survey, "/", "results_version", 0, &version));
  if (!uuid || !was.job) {
    status = SP_RAISE(SP_ERR_USAGE,
                      "%s: is there, and is a survey that no job made; allowed is another name for the output, or "
                      "--restart, which replaces it",
                      path);
    goto out;
  }
  snprintf(was.input_uuid, sizeof was.input_uuid, "%s", uuid);
  was.results_version = (uint32_t)version;
  SP_TRY_GOTO(out, compare(path, plan->shape.unit, &was, header));
  status = load_figures(plan, survey, contents);
out:
  sp_free(was.job);
  sp_free(uuid);
  sp_survey_close(survey);
  return status;
}

/* An output that is complete but for being packed. */
static sp_status look_at_plain(const sp_flow_plan *plan, const sp_journal_header *header, sp_start *start,
                               sp_journal_contents *contents) {
  char *path;
  SP_TRY(sp_side_path(plan->job->output, SP_SIDE_PLAIN, &path));
  sp_status status = SP_SUCCESS;
  const int unusable = sp_side_check(path);
  if (unusable) {
    status = SP_RAISE(sp_file_status(unusable), "%s: cannot be used: %s", path, sp_side_error(unusable));
  } else if (access(path, F_OK) == 0) {
    status = look_at_output(plan, path, header, contents);
    *start = SP_START_PACK;
  }
  sp_free(path);
  return status;
}

/* Whether chunks of the output were placed as they came, and are no longer beside OUT.plain: they are in the output,
 * which was cut off as it was published. */
static sp_status look_for_chunks(const sp_flow_plan *plan, bool *published) {
  char *path;
  *published = false;
  if (!sp_window_packs(&plan->shape.window)) return SP_SUCCESS;
  SP_TRY(sp_side_path(plan->job->output, SP_SIDE_PACKED, &path));
  *published = access(path, F_OK) != 0;
  sp_status status = SP_SUCCESS;
  if (*published && access(plan->job->output, F_OK)) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: is gone, and with it what was computed; --restart starts over", path);
  }
  sp_free(path);
  return status;
}

/* There is no work to take up: a complete output, or nothing. */
static sp_status look_further(const sp_flow_plan *plan, const sp_journal_header *header, sp_start *start,
                              sp_journal_contents *contents) {
  *start = SP_START_NEW;
  SP_TRY(look_at_plain(plan, header, start, contents));
  bool published = true;
  if (*start == SP_START_PACK) SP_TRY(look_for_chunks(plan, &published));
  if (*start == SP_START_PACK && !published) return SP_SUCCESS;
  sp_journal_contents_free(contents);
  *start = SP_START_NEW;
  if (access(plan->job->output, F_OK)) return SP_SUCCESS;
  SP_TRY(look_at_output(plan, plan->job->output, header, contents));
  *start = SP_START_COMPLETE;
  return SP_SUCCESS;
}

sp_status sp_resume_look(const sp_flow_plan *plan, const char *part_path, const char *journal_path,
                         const sp_journal_header *header, bool restart, sp_start *start, sp_journal_contents *contents,
                         bool *damaged) {
  sp_journal_contents found;
  *start = SP_START_NEW;
  *damaged = false;
  if (restart) return SP_SUCCESS;
  SP_TRY(sp_journal_read(journal_path, plan->flow->figures, header->n_units, &found));
  sp_status status = SP_SUCCESS;
  const int unusable = sp_side_check(part_path);
  if (unusable) {
    status = SP_RAISE(sp_file_status(unusable), "%s: cannot be used: %s", part_path, sp_side_error(unusable));
  } else if (found.begun && access(part_path, F_OK) == 0) {
    status = compare(journal_path, plan->shape.unit, &found.header, header);
    if (status == SP_SUCCESS) status = sp_repair_look(plan, part_path, &found, damaged);
    *start = SP_START_RESUME;
  } else {
    status = look_further(plan, header, start, contents);
    if (status == SP_SUCCESS && *start == SP_START_NEW) contents->begun = found.begun;
  }
  if (status == SP_SUCCESS && *start == SP_START_RESUME) {
    *contents = found;
    return SP_SUCCESS;
  }
  sp_journal_contents_free(&found);
  return status;
}

sp_status sp_resume_remove(const char *path) {
  SP_FAULT_POINT("forgetting");
  if (!unlink(path)) return sp_sync_entry(path);
  return errno == ENOENT ? SP_SUCCESS : SP_RAISE(SP_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
}

/* The journal goes first, and for good: without it the part says nothing. */
sp_status sp_resume_forget(const char *part_path, const char *journal_path) {
  SP_TRY(sp_resume_remove(journal_path));
  return sp_resume_remove(part_path);
}
