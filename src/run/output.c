#include "src/run/output.h"

#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "src/base/fault.h"

/* What was done before, and a paragraph on what is done now. */
static sp_status write_history(const sp_survey_info *input, const char *canonical, char **out) {
  static const char form[] = "%s%sseisproc " SP_VERSION " run, input %s:\n%s";
  const char *gap = input->history[0] ? "\n\n" : "";
  const size_t size = sizeof form + strlen(input->history) + strlen(input->uuid) + strlen(canonical) + 4;
  void *text = NULL;
  SP_TRY(sp_alloc(size, "the history", &text));
  snprintf(text, size, form, input->history, gap, input->uuid, canonical);
  *out = text;
  return SP_SUCCESS;
}

static void derive_uuid(const char *history, char uuid[SP_UUID_LENGTH + 1]) {
  sp_uuid_derive(history, uuid); /* the history names the input and all that was done to it */
}

sp_status sp_output_create(const sp_job *job, const sp_survey *source, const char *part_path) {
  const sp_survey_info *input = sp_survey_get_info(source);
  const int mode = job->settings.mode;
  char *canonical = NULL, *history = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_job_canonical(job, &canonical));
  SP_TRY_GOTO(out, write_history(input, canonical, &history));

  sp_survey_info info = *input;
  info.history = history;
  derive_uuid(history, info.uuid);
  snprintf(info.created_by, sizeof info.created_by, "seisproc " SP_VERSION);
  snprintf(info.content, sizeof info.content, "%s", mode == SP_MODE_NOISE ? "noise" : "processed");

  sp_dataset_spec datasets[5];
  size_t n = 0;
  datasets[n++] = (sp_dataset_spec){"/traces", SP_FLOAT32, info.n_traces, info.n_samples, NULL};
  if (mode == SP_MODE_BOTH) {
    datasets[n++] = (sp_dataset_spec){"/noise", SP_FLOAT32, info.n_traces, info.n_samples, NULL};
  }
  if (job->n_sort) datasets[n++] = (sp_dataset_spec){"/sort_map", SP_UINT64, info.n_traces, 0, NULL};
  datasets[n++] = (sp_dataset_spec){"/integrity/crc32c", SP_UINT32, info.n_gathers, mode == SP_MODE_BOTH ? 2 : 1, NULL};
  datasets[n++] = (sp_dataset_spec){"/integrity/status", SP_UINT8, info.n_gathers, 0, NULL};
  const sp_attribute_spec attributes[] = {
      {"/", "job", SP_ATTR_TEXT, .text = canonical},
      {"/", "input_uuid", SP_ATTR_TEXT, .text = input->uuid},
      {"/", "results_version", SP_ATTR_INT, .integer = SP_RESULTS_VERSION},
  };
  status = sp_survey_derive(source, part_path, &info, datasets, n, attributes, 3);
out:
  sp_free(history);
  sp_free(canonical);
  return status;
}

static void write_results(const sp_gather_result *results, sp_global n, size_t crcs_a_gather, uint32_t *crc,
                          uint8_t *state) {
  for (sp_global g = 0; g < n; g++) {
    crc[g * crcs_a_gather] = results[g].crc_traces;
    if (crcs_a_gather == 2) crc[g * 2 + 1] = results[g].crc_noise;
    state[g] = (uint8_t)results[g].reason;
  }
}

static sp_status write_integrity(const char *part_path, const sp_gather_result *results, sp_global n_gathers) {
  enum { PIECE = 1 << 20 }; /* gathers written at once */
  sp_survey *survey = NULL;
  sp_dataset *crc_data = NULL, *state_data = NULL;
  void *crc = NULL, *state = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, part_path, true, &survey));
  SP_TRY_GOTO(out, sp_dataset_open(survey, "/integrity/crc32c", &crc_data));
  SP_TRY_GOTO(out, sp_dataset_open(survey, "/integrity/status", &state_data));
  const size_t crcs = (size_t)sp_dataset_row_length(crc_data);
  const size_t most = n_gathers < PIECE ? (size_t)n_gathers : PIECE;
  SP_TRY_GOTO(out, sp_calloc(most * crcs, sizeof(uint32_t), "checksums", &crc));
  SP_TRY_GOTO(out, sp_calloc(most, 1, "the status of gathers", &state));
  for (sp_global first = 0; first < n_gathers; first += most) {
    const sp_local n = (sp_local)(n_gathers - first < most ? n_gathers - first : most);
    write_results(results + first, n, crcs, crc, state);
    SP_TRY_GOTO(out, sp_dataset_write(crc_data, first, n, crc));
    SP_TRY_GOTO(out, sp_dataset_write(state_data, first, n, state));
  }
  status = sp_survey_sync(survey);
out:
  sp_free(state);
  sp_free(crc);
  sp_dataset_close(state_data);
  sp_dataset_close(crc_data);
  sp_survey_close(survey);
  return status;
}

sp_status sp_output_publish(const sp_job *job, const char *part_path, const sp_gather_result *results,
                            sp_global n_gathers) {
  SP_TRY(write_integrity(part_path, results, n_gathers));
  SP_FAULT_POINT("integrity_written");
  return sp_part_publish(part_path, job->output);
}
