/* SPDX-License-Identifier: BSD-3-Clause */
/* The output of a regrouping while it is made: OUT.part with every dataset, the new index in it, and the journal of
 * units that are on the disk. The same keys and the same input go on with it; the uuid is a hash of both, so an output
 * is recognised as complete and has the same bytes however often it was cut off. */
#include "src/cli/regroup_output.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/share.h"
#include "seisproc/side_file.h"
#include "src/base/fault.h"
#include "src/run/resume.h"

enum { TEXT_SIZE = 1024, PIECE = 1 << 20, MAX_SPECS = 8 };

static const sp_figure unit_figures[] = {{"reason", SP_FIGURE_UINT32, SP_JOIN_MAX, 0, sizeof(uint32_t)}};
static const sp_figure_list figures = {unit_figures, 1, sizeof(uint32_t)};

/* "gather: cdp\nsort: offset\n": what decides the order. */
static void describe(const sp_regroup_options *o, const sp_regroup_order *order, char text[TEXT_SIZE]) {
  int n = snprintf(text, TEXT_SIZE, "regroup: 1\ngather: %s\nsort: ", order->name);
  for (int k = 0; k < o->n_sort; k++) {
    n += snprintf(text + n, (size_t)(TEXT_SIZE - n), "%s%.63s", k ? ", " : "", o->sort[k]);
  }
  snprintf(text + n, (size_t)(TEXT_SIZE - n), "%s\n", o->n_sort ? "" : "as they come");
}

static void derive_uuid(const sp_survey_info *from, const char *text, char uuid[SP_UUID_LENGTH + 1]) {
  char name[TEXT_SIZE + SP_UUID_LENGTH + 2];
  snprintf(name, sizeof name, "%s\n%s", from->uuid, text);
  sp_uuid_derive(name, uuid);
}

/* --- making it ---------------------------------------------------------------------------------------------------- */

static sp_status write_history(const sp_survey_info *from, const char *text, char **out) {
  const size_t size = strlen(from->history) + strlen(text) + 256;
  SP_TRY(sp_alloc(size, "the history", out));
  int n = snprintf(*out, size, "%s%sinput %s: seisproc " SP_VERSION " ", from->history, from->history[0] ? "\n\n" : "",
                   from->uuid);
  for (const char *at = text; *at; at++) {
    if (*at != '\n' || at[1]) n += snprintf(*out + n, size - (size_t)n, "%s", *at == '\n' ? ", " : (char[2]){*at, 0});
  }
  return SP_SUCCESS;
}

static size_t list_samples(const sp_survey *survey, const sp_plane_list *planes, sp_dataset_spec specs[MAX_SPECS]) {
  const sp_survey_info *info = sp_survey_get_info(survey);
  size_t n = 0;
  specs[n++] = (sp_dataset_spec){"/traces", SP_FLOAT32, info->n_traces, info->n_samples, NULL};
  if (sp_survey_has(survey, "/noise")) {
    specs[n++] = (sp_dataset_spec){"/noise", SP_FLOAT32, info->n_traces, info->n_samples, NULL};
  }
  if (sp_survey_has(survey, "/hits")) {
    specs[n++] = (sp_dataset_spec){"/hits", SP_UINT32, info->n_traces, info->n_samples, NULL};
  }
  if (planes->exact_source) {
    const uint64_t row = planes->plane[planes->n - 1].row_bytes;
    specs[n++] = (sp_dataset_spec){SP_EXACT_GROUP "/traces", SP_UINT64, planes->n_exact, 0, NULL};
    specs[n++] = (sp_dataset_spec){SP_EXACT_GROUP "/samples", SP_UINT8, planes->n_exact, row, NULL};
  }
  return n;
}

static sp_status add_index(const char *part, const sp_survey *survey, const sp_regroup_order *order) {
  const sp_dataset_spec specs[] = {{"/gathers/first_trace", SP_UINT64, order->order.n_gathers + 1, 0, NULL},
                                   {"/gathers/key", SP_INT64, order->order.n_gathers, 0, NULL}};
  sp_attribute_spec attributes[3];
  size_t n = 0;
  attributes[n++] = (sp_attribute_spec){"/gathers/key", "name", SP_ATTR_TEXT, .text = order->name};
  if (order->scalar) {
    attributes[n++] = (sp_attribute_spec){"/gathers/key", "scalar", SP_ATTR_INT, .integer = order->scalar};
  }
  if (sp_survey_has(survey, "/segy")) {
    attributes[n++] = (sp_attribute_spec){"/segy", "regrouped", SP_ATTR_INT, .integer = 1};
  }
  return sp_survey_add(part, specs, 2, attributes, n);
}

static sp_status write_whole(sp_survey *survey, const char *path, const void *rows, uint64_t n) {
  sp_dataset *d;
  SP_TRY(sp_dataset_open(survey, path, &d));
  sp_status status = SP_SUCCESS;
  SP_EACH_PIECE (piece, 0, n, PIECE) {
    if (status != SP_SUCCESS) break;
    status = sp_dataset_write_independent(d, piece.first, (sp_local)piece.count,
                                          (const char *)rows + piece.first * sizeof(uint64_t));
  }
  sp_dataset_close(d);
  return status;
}

static sp_status write_index(const char *part, const sp_regroup_order *order, const sp_plane_list *planes) {
  const sp_order *o = &order->order;
  sp_survey *to;
  SP_TRY(sp_survey_open_independent(part, true, &to));
  sp_status status = write_whole(to, "/gathers/first_trace", o->first_trace, o->n_gathers + 1);
  if (status == SP_SUCCESS) status = write_whole(to, "/gathers/key", o->key, o->n_gathers);
  if (status == SP_SUCCESS && planes->exact_source) {
    status = write_whole(to, SP_EXACT_GROUP "/traces", planes->exact_traces, planes->n_exact);
  }
  sp_survey_close(to);
  return status == SP_SUCCESS ? sp_sync_file(part) : status;
}

static sp_status create(sp_survey *survey, const char *text, const sp_regroup_order *order, const sp_plane_list *planes,
                        const char *part) {
  const sp_survey_info *from = sp_survey_get_info(survey);
  sp_survey_info info = *from;
  sp_dataset_spec specs[MAX_SPECS];
  const size_t n = list_samples(survey, planes, specs);
  const sp_attribute_spec origin = {"/", "input_uuid", SP_ATTR_TEXT, .text = from->uuid};
  info.n_gathers = order->order.n_gathers;
  derive_uuid(from, text, info.uuid);
  snprintf(info.created_by, sizeof info.created_by, "seisproc " SP_VERSION);
  SP_TRY(write_history(from, text, &info.history));
  sp_status status = sp_survey_derive(survey, part, &info, specs, n, &origin, 1);
  sp_free(info.history);
  if (status == SP_SUCCESS) status = add_index(part, survey, order);
  if (status == SP_SUCCESS) status = sp_part_check_room(part);
  return status == SP_SUCCESS ? write_index(part, order, planes) : status;
}

/* --- new, or going on --------------------------------------------------------------------------------------------- */

/* Whether what an earlier command began is this one's. */
static sp_status compare(const char *path, const sp_journal_header *was, const sp_journal_header *is) {
  char text[256] = "", how[SP_IDENTITY_TEXT];
  const bool same_input = !strcmp(was->input_uuid, is->input_uuid);
  if (!same_input || sp_file_identity_differs(&was->input, &is->input, false, how)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: was begun from another input%s%s; --restart starts over", path,
                    same_input ? ": " : "", same_input ? how : "");
  }
  if (sp_job_difference(was->job, is->job, text, sizeof text) || was->n_units != is->n_units) {
    return SP_RAISE(SP_ERR_USAGE, "%s: was begun with %s; --restart starts over", path,
                    text[0] ? text : "another number of columns");
  }
  return SP_SUCCESS;
}

/* Whether the file under the output's name is what this command makes. */
static bool is_complete(const char *path, const char *uuid) {
  sp_survey *survey = NULL;
  if (access(path, F_OK) || sp_survey_open_independent(path, false, &survey) != SP_SUCCESS) return false;
  const bool same = !strcmp(sp_survey_get_info(survey)->uuid, uuid);
  sp_survey_close(survey);
  return same;
}

static sp_status look(const sp_regroup_options *o, const sp_survey_info *from, sp_journal_header *header,
                      sp_regroup_output *out, bool *goes_on) {
  char uuid[SP_UUID_LENGTH + 1];
  *goes_on = false;
  if (o->restart) return SP_SUCCESS;
  SP_TRY(sp_journal_read(out->journal_path, &figures, header->n_units, &out->earlier));
  if (out->earlier.begun && access(out->part, F_OK) == 0) {
    *goes_on = true;
    return compare(out->journal_path, &out->earlier.header, header);
  }
  sp_journal_contents_free(&out->earlier);
  out->earlier = (sp_journal_contents){.begun = false};
  derive_uuid(from, header->job, uuid);
  out->complete = is_complete(o->output, uuid);
  return SP_SUCCESS;
}

static sp_status begin(sp_survey *survey, const sp_regroup_options *o, const sp_regroup_order *order,
                       const sp_plane_list *planes, sp_journal_header *header, sp_regroup_output *out) {
  bool goes_on;
  SP_TRY(look(o, sp_survey_get_info(survey), header, out, &goes_on));
  if (!goes_on) {
    SP_TRY(sp_resume_forget(out->part, out->journal_path));
    if (out->complete) return SP_SUCCESS;
    SP_TRY(create(survey, header->job, order, planes, out->part));
    SP_TRY(sp_journal_create(out->journal_path, header));
    SP_TRY(sp_journal_read(out->journal_path, &figures, header->n_units, &out->earlier));
  }
  out->n_done = out->earlier.n_done;
  return sp_journal_open(out->journal_path, &out->earlier, 1, NULL, &out->journal);
}

sp_status sp_regroup_output_begin(sp_survey *survey, const sp_regroup_options *o, const sp_regroup_order *order,
                                  const sp_plane_list *planes, sp_regroup_output *out) {
  const sp_survey_info *info = sp_survey_get_info(survey);
  char *lock_path = NULL, text[TEXT_SIZE];
  sp_journal_header header = {.input = sp_survey_identity(survey),
                              .n_units = planes->n_units,
                              .n_traces = info->n_traces,
                              .n_samples = info->n_samples,
                              .figures = &figures,
                              .job = text};
  sp_status status;
  describe(o, order, text);
  snprintf(header.input_uuid, sizeof header.input_uuid, "%s", info->uuid);
  SP_TRY_GOTO(out, sp_part_path(o->output, &out->part));
  SP_TRY_GOTO(out, sp_part_check_replace(o->output));
  SP_TRY_GOTO(out, sp_side_path(o->output, SP_SIDE_JOURNAL, &out->journal_path));
  SP_TRY_GOTO(out, sp_side_path(o->output, SP_SIDE_LOCK, &lock_path));
  SP_TRY_GOTO(out, sp_lock_acquire(lock_path, &out->lock));
  status = begin(survey, o, order, planes, &header, out);
out:
  sp_free(lock_path);
  return status;
}

sp_status sp_regroup_output_commit(sp_regroup_output *output, const uint64_t *units, size_t n) {
  const uint32_t reason = 0;
  bool durable;
  SP_FAULT_POINT("regroup_synced");
  for (size_t i = 0; i < n; i++) SP_TRY(sp_journal_append(output->journal, units[i], 1, &reason, NULL, 0));
  SP_FAULT_POINT("regroup_committed");
  return sp_journal_poll(output->journal, &durable);
}

sp_status sp_regroup_output_publish(sp_regroup_output *output, const sp_regroup_options *options) {
  sp_journal_close(output->journal);
  output->journal = NULL;
  SP_TRY(sp_part_publish(output->part, options->output));
  return sp_resume_forget(output->part, output->journal_path);
}

void sp_regroup_output_end(sp_regroup_output *output) {
  sp_journal_close(output->journal);
  sp_journal_contents_free(&output->earlier);
  sp_lock_release(output->lock);
  sp_free(output->journal_path);
  sp_free(output->part);
}
