/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/output.h"

#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/run.h"
#include "src/base/fault.h"
#include "src/run/transfer.h"

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

sp_status sp_output_create(const sp_flow_plan *plan, const sp_survey *source, const char *part_path) {
  const sp_survey_info *input = sp_survey_get_info(source);
  sp_output_spec spec;
  char *canonical = NULL, *history = NULL;
  sp_status status;
  SP_TRY_GOTO(out, plan->flow->outputs(plan, source, &spec));
  SP_TRY_GOTO(out, sp_job_canonical(plan->job, &canonical));
  SP_TRY_GOTO(out, write_history(input, canonical, &history));
  spec.info.history = history;
  sp_uuid_derive(history, spec.info.uuid); /* the history names the input and all that was done to it */
  snprintf(spec.info.created_by, sizeof spec.info.created_by, "seisproc " SP_VERSION);
  const sp_attribute_spec attributes[] = {
      {"/", "job", SP_ATTR_TEXT, .text = canonical},
      {"/", "input_uuid", SP_ATTR_TEXT, .text = input->uuid},
      {"/", "results_version", SP_ATTR_INT, .integer = SP_RESULTS_VERSION},
  };
  const sp_stripe stripe = sp_transfer_stripe(plan->job, part_path);
  status = sp_survey_derive_striped(spec.derived ? source : NULL, part_path, stripe.bytes ? &stripe : NULL, &spec.info,
                                    spec.datasets, spec.n_datasets, attributes, 3);
out:
  sp_free(history);
  sp_free(canonical);
  return status;
}
