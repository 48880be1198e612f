#include "src/run/resume.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "src/base/fault.h"

/* One line on the first difference between what was begun at `path` and what this run would do. */
static sp_status compare(const char *path, const sp_journal_header *was, const sp_journal_header *is) {
  static const char way_out[] = "the same command with the same input goes on, --restart starts over";
  char text[256];
  if (strcmp(was->input_uuid, is->input_uuid)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: was made from another input: uuid %s, now %s; %s", path, was->input_uuid,
                    is->input_uuid, way_out);
  }
  if (was->input_bytes != is->input_bytes) {
    return SP_RAISE(SP_ERR_USAGE, "%s: the input has changed: it had %llu bytes, now %llu; %s", path,
                    (unsigned long long)was->input_bytes, (unsigned long long)is->input_bytes, way_out);
  }
  if (was->n_gathers != is->n_gathers || was->n_traces != is->n_traces || was->n_samples != is->n_samples) {
    return SP_RAISE(SP_ERR_USAGE, "%s: the input had %llu gathers, %llu traces of %u samples, now %llu, %llu, %u; %s",
                    path, (unsigned long long)was->n_gathers, (unsigned long long)was->n_traces, was->n_samples,
                    (unsigned long long)is->n_gathers, (unsigned long long)is->n_traces, is->n_samples, way_out);
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

/* What became of each gather of a complete output, without checksums. */
static sp_status read_results(sp_survey *survey, sp_global n, sp_journal_contents *contents) {
  sp_dataset *dataset = NULL;
  uint8_t *reasons = NULL;
  sp_gather_result *results = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_dataset_open(survey, "/integrity/status", &dataset));
  SP_TRY_GOTO(out, sp_calloc(n + 1, 1, "the status of gathers", (void **)&reasons));
  SP_TRY_GOTO(out, sp_calloc(n + 1, sizeof *results, "the status of gathers", (void **)&results));
  for (sp_global first = 0; first < n && status == SP_SUCCESS; first += 1u << 30) {
    status = sp_dataset_read(dataset, first, (sp_local)(n - first < 1u << 30 ? n - first : 1u << 30), reasons + first);
  }
  for (sp_global g = 0; g < n; g++) results[g].reason = reasons[g];
out:
  sp_dataset_close(dataset);
  sp_free(reasons);
  if (status == SP_SUCCESS) {
    contents->results = results;
    contents->n_done = n;
  } else {
    sp_free(results);
  }
  return status;
}

/* The output under its own name is complete; is it this job's? */
static sp_status look_at_output(const sp_job *job, const sp_journal_header *header, sp_journal_contents *contents) {
  sp_survey *survey = NULL;
  char *uuid = NULL;
  sp_journal_header was = {0};
  sp_status status;
  int64_t version = 0;
  SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, job->output, false, &survey));
  SP_TRY_GOTO(out, sp_survey_get_text(survey, "/", "input_uuid", &uuid));
  SP_TRY_GOTO(out, sp_survey_get_text(survey, "/", "job", &was.job));
  SP_TRY_GOTO(out, sp_survey_get_int(survey, "/", "results_version", &version));
  const sp_survey_info *info = sp_survey_get_info(survey);
  was.input_bytes = header->input_bytes; /* an output does not tell */
  snprintf(was.input_uuid, sizeof was.input_uuid, "%s", uuid);
  was.n_gathers = info->n_gathers;
  was.n_traces = info->n_traces;
  was.n_samples = info->n_samples;
  was.results_version = (uint32_t)version;
  SP_TRY_GOTO(out, compare(job->output, &was, header));
  status = read_results(survey, info->n_gathers, contents);
out:
  sp_free(was.job);
  sp_free(uuid);
  sp_survey_close(survey);
  return status;
}

/* Removes what an earlier run left. The journal first, and for good: without it the part says nothing. */
static sp_status forget(const char *part_path, const char *journal_path) {
  const char *const paths[] = {journal_path, part_path};
  for (int i = 0; i < 2; i++) {
    SP_FAULT_POINT("forgetting");
    if (!unlink(paths[i])) {
      SP_TRY(sp_sync_entry(paths[i]));
    } else if (errno != ENOENT) {
      return SP_RAISE(SP_ERR_IO, "%s: cannot be removed: %s", paths[i], strerror(errno));
    }
  }
  return SP_SUCCESS;
}

/* There is a journal, and the part that it speaks of. */
static sp_status take_up(const char *journal_path, const sp_journal_header *header, const sp_journal_contents *found) {
  SP_TRY(compare(journal_path, &found->header, header));
  if (found->n_bad_lines) {
    sp_warn("%s: %llu damaged lines; their gathers are computed again", journal_path,
            (unsigned long long)found->n_bad_lines);
  }
  return SP_SUCCESS;
}

/* There is no work to take up: a complete output, or nothing. */
static sp_status look_further(const sp_job *job, const char *part_path, const char *journal_path,
                              const sp_journal_header *header, sp_start *start, sp_journal_contents *contents) {
  if (access(job->output, F_OK)) {
    *start = SP_START_NEW;
    return forget(part_path, journal_path);
  }
  SP_TRY(look_at_output(job, header, contents));
  /* a run that was cut off as it published may not have come to these */
  SP_TRY(sp_sync_entry(job->output));
  SP_TRY(forget(part_path, journal_path));
  *start = SP_START_COMPLETE;
  return SP_SUCCESS;
}

sp_status sp_resume_look(const sp_job *job, const char *part_path, const char *journal_path,
                         const sp_journal_header *header, bool restart, sp_start *start,
                         sp_journal_contents *contents) {
  if (restart) {
    *start = SP_START_NEW;
    return forget(part_path, journal_path);
  }
  sp_journal_contents found;
  SP_TRY(sp_journal_read(journal_path, header->n_gathers, &found));
  const int unusable = sp_side_check(part_path);
  if (unusable) {
    sp_journal_contents_free(&found);
    return SP_RAISE(sp_file_status(unusable), "%s: cannot be used: %s", part_path, sp_side_error(unusable));
  }
  const bool begun = found.begun && access(part_path, F_OK) == 0;
  const sp_status status = begun ? take_up(journal_path, header, &found)
                                 : look_further(job, part_path, journal_path, header, start, contents);
  if (begun && status == SP_SUCCESS) {
    *contents = found;
    *start = SP_START_RESUME;
    return SP_SUCCESS;
  }
  if (status == SP_SUCCESS && *start == SP_START_NEW && found.begun) {
    sp_warn("%s: its output %s is gone; starting over", journal_path, part_path);
  }
  sp_journal_contents_free(&found);
  return status;
}
