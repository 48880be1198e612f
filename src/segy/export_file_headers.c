/* SPDX-License-Identifier: BSD-3-Clause */
/* Textual and binary header of an export: made where the survey has none; where it has, brought up to the samples that
 * are written, to the gathers that the survey was sorted into, and to what was done with it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/segy/export_binary.h"
#include "src/segy/exporter.h"
#include "src/segy/segy_bytes.h"
#include "src/segy/segy_probe.h"

enum { LINES = 40, LINE_BYTES = 80, MARGIN = 4, MOST_ADDED = 4 };

/* --- textual header ----------------------------------------------------------------------------------------------- */

/* Whether a header that is made has to be one of rev 2: for the wide fields, where 16 bits cannot say the shape, and
 * for little-endian files, which earlier revisions do not know. */
static bool needs_rev2(const sp_exporter *ex) {
  return ex->order == SP_ORDER_LITTLE || ex->n_samples > INT16_MAX || !sp_export_is_whole(ex->interval_us, INT16_MAX);
}

/* Text of a card, upper case, behind its "C 1 ". */
static void put_text(uint8_t *text, unsigned line, const char *what) {
  char *card = (char *)text + (size_t)(line - 1) * LINE_BYTES;
  memset(card, ' ', LINE_BYTES);
  card[0] = 'C';
  card[1] = line < 10 ? ' ' : (char)('0' + line / 10);
  card[2] = (char)('0' + line % 10);
  for (size_t i = 0; what[i] && i < LINE_BYTES - MARGIN; i++) card[MARGIN + i] = (char)toupper((unsigned char)what[i]);
}

static void make_text(const sp_exporter *ex, uint8_t *text) {
  const sp_survey_info *info = sp_survey_get_info(ex->survey);
  char line[2 * LINE_BYTES];
  for (unsigned i = 1; i <= LINES; i++) put_text(text, i, "");
  put_text(text, 1, "WRITTEN BY SEISPROC " SP_VERSION);
  snprintf(line, sizeof line, "%llu TRACES OF %u SAMPLES AT %g MS", (unsigned long long)ex->n_traces, ex->n_samples,
           ex->interval_us * 1e-3);
  put_text(text, 2, line);
  snprintf(line, sizeof line, "%llu GATHERS BY %.40s, CONTENT: %.16s", (unsigned long long)info->n_gathers,
           info->gather_key, strcmp(ex->options->dataset, "noise") ? info->content : "noise");
  put_text(text, 3, line);
  put_text(text, LINES - 1, needs_rev2(ex) ? "SEG-Y REV2.0" : "SEG Y REV1");
  put_text(text, LINES, "END TEXTUAL HEADER");
}

/* "dwt, mute" out of the canonical text of a job, where a step is a line "chain.0: dwt". */
static void name_steps(const char *job, char *out, size_t size) {
  size_t used = 0;
  *out = '\0';
  for (const char *line = job; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
    int step, start = 0;
    if (sscanf(line, "chain.%d: %n", &step, &start) != 1 || !start) continue;
    const int n = (int)strcspn(line + start, "\n");
    if (used < size) used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? ", " : "", n, line + start);
  }
}

/* Lines that say what was done; returns how many. */
static int compose_lines(const sp_exporter *ex, const char *job, char lines[MOST_ADDED][LINE_BYTES]) {
  const sp_survey_info *info = sp_survey_get_info(ex->survey);
  const bool noise = !strcmp(ex->options->dataset, "noise") || !strcmp(info->content, "noise");
  char steps[LINE_BYTES - 32];
  int n = 0;
  if (strcmp(info->content, "input")) {
    name_steps(job, steps, sizeof steps);
    if (noise) snprintf(lines[n++], LINE_BYTES, "REMOVED NOISE: WHAT THE JOB BELOW TOOK AWAY, NO DATA");
    snprintf(lines[n++], LINE_BYTES, "SEISPROC " SP_VERSION " JOB: %s", steps);
    snprintf(lines[n++], LINE_BYTES, "SURVEY %s", info->uuid);
  }
  if (ex->scale != 1) snprintf(lines[n++], LINE_BYTES, "SAMPLES WERE MULTIPLIED BY %.9G", ex->scale);
  return n;
}

static bool is_blank(const uint8_t *card) {
  size_t i = card[0] == 'C' ? MARGIN - 1 : 0;
  for (; i < LINE_BYTES; i++) {
    if (card[i] != ' ' && card[i] != '\0') return false;
  }
  return true;
}

/* Puts lines into blank cards, the last blank ones before the closing two; false where there are too few. */
static bool add_lines(uint8_t *text, char lines[MOST_ADDED][LINE_BYTES], int n) {
  unsigned cards[MOST_ADDED];
  int found = 0;
  for (unsigned card = LINES - 2; card >= 1 && found < n; card--) {
    if (is_blank(text + (size_t)(card - 1) * LINE_BYTES)) cards[found++] = card;
  }
  if (found < n) return false;
  for (int i = 0; i < n; i++) put_text(text, cards[n - 1 - i], lines[i]);
  return true;
}

static sp_status describe_processing(sp_exporter *ex) {
  char lines[MOST_ADDED][LINE_BYTES], *job = NULL;
  uint8_t *text = ex->file_header + ex->text_at;
  if (ex->options->keep_text) return SP_SUCCESS;
  SP_TRY(sp_survey_find_text(ex->survey, "/", "job", &job));
  const int n = compose_lines(ex, job, lines);
  sp_free(job);
  if (n == 0 || ex->ranks.rank) return SP_SUCCESS;
  const bool ebcdic = sp_segy_text_is_ebcdic(text, SP_SEGY_TEXT_BYTES);
  if (ebcdic) sp_segy_text_to_ascii(text, SP_SEGY_TEXT_BYTES);
  const bool added = add_lines(text, lines, n);
  if (ebcdic) sp_segy_text_to_ebcdic(text, SP_SEGY_TEXT_BYTES);
  if (!added) {
    sp_warn("%s: the textual header has no %d blank lines: what was done is not in it", ex->options->output, n);
  }
  return SP_SUCCESS;
}

/* --- binary header ------------------------------------------------------------------------------------------------ */

static sp_status set_binary(const sp_exporter *ex, uint8_t *binary) {
  uint64_t interval_bits;
  const bool rev2 = binary[SP_BINARY_REVISION] == 2;
  const bool wide_samples = ex->n_samples > UINT16_MAX;
  const bool wide_interval = !sp_export_is_whole(ex->interval_us, rev2 ? INT16_MAX : UINT16_MAX);
  memcpy(&interval_bits, &ex->interval_us, sizeof interval_bits);
  sp_put_u16(binary + SP_BINARY_FORMAT, ex->order, (uint16_t)ex->format);
  if (!ex->set_shape) return SP_SUCCESS;
  if (!rev2 && (wide_samples || wide_interval)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %u samples at %g us do not fit the kept SEG-Y headers of revision %d.%d",
                    ex->options->input, ex->n_samples, ex->interval_us, binary[SP_BINARY_REVISION],
                    binary[SP_BINARY_REVISION + 1]);
  }
  sp_put_u16(binary + SP_BINARY_SAMPLES, ex->order, wide_samples ? 0 : (uint16_t)ex->n_samples);
  sp_put_u16(binary + SP_BINARY_INTERVAL, ex->order, wide_interval ? 0 : (uint16_t)ex->interval_us);
  if (rev2) sp_put_u32(binary + SP_BINARY_WIDE_SAMPLES, ex->order, wide_samples ? ex->n_samples : 0);
  if (rev2) sp_put_u64(binary + SP_BINARY_WIDE_INTERVAL, ex->order, wide_interval ? interval_bits : 0);
  return SP_SUCCESS;
}

/* Trace sorting code (bytes 3229-3230) of gathers by this key. Rev 0 knows codes up to 4. */
static int sorting_code(const char *key, int revision) {
  static const struct {
    const char *name;
    int code;
  } codes[] = {{"cdp", 2}, {"iline", 2}, {"xline", 2}, {"fldr", 5}, {"ep", 5},     {"sp", 5},
               {"sx", 5},  {"sy", 5},    {"gx", 6},    {"gy", 6},   {"offset", 7}, {NULL, 0}};
  const size_t n = strcspn(key, "+");
  for (int i = 0; codes[i].name; i++) {
    if (strlen(codes[i].name) != n || strncmp(codes[i].name, key, n)) continue;
    return revision || codes[i].code < 5 ? codes[i].code : 0;
  }
  return revision ? -1 : 0;
}

/* Of fewer traces than the file had, those an ensemble are counted again, where gathers are ensembles. */
static sp_status set_ensembles(sp_exporter *ex, uint8_t *binary) {
  int64_t regrouped;
  sp_gather_index *index;
  SP_TRY(sp_survey_find_int(ex->survey, "/segy", "regrouped", 0, &regrouped));
  const bool kept_order = ex->raw_headers && !ex->cut_headers && !regrouped;
  if (kept_order && !ex->is_subset) return SP_SUCCESS;
  SP_TRY(sp_survey_read_index(ex->survey, false, &index));
  const bool counts = index->max_traces <= INT16_MAX && !(kept_order && !strcmp(index->key_name, "none"));
  if (!kept_order) {
    sp_put_u16(binary + SP_BINARY_SORTING, ex->order,
               (uint16_t)(int16_t)sorting_code(index->key_name, binary[SP_BINARY_REVISION]));
  }
  sp_put_u16(binary + SP_BINARY_ENSEMBLE_TRACES, ex->order, counts ? (uint16_t)index->max_traces : 0);
  sp_gather_index_destroy(index);
  return SP_SUCCESS;
}

/* Rev 2 has the number of traces in the file; 0 says nothing. */
static void set_trace_count(const sp_exporter *ex, uint8_t *binary) {
  const bool rev2 = binary[SP_BINARY_REVISION] == 2 || sp_get_u32(binary + SP_BINARY_ORDER, ex->order) == 0x01020304;
  if (!ex->is_subset || !rev2 || !sp_get_u64(binary + SP_BINARY_TRACES, ex->order)) return;
  sp_put_u64(binary + SP_BINARY_TRACES, ex->order, ex->n_traces);
}

/* 1 metres, 2 feet; 0 where the survey does not say. */
static sp_status measurement_of(const sp_exporter *ex, uint16_t *out) {
  char *unit = NULL;
  *out = 1;
  if (!sp_survey_has(ex->survey, "/headers/offset")) return SP_SUCCESS;
  SP_TRY(sp_survey_find_text(ex->survey, "/headers/offset", "units", &unit));
  *out = !unit || !strcmp(unit, "m") ? 1 : !strcmp(unit, "ft") ? 2 : 0;
  sp_free(unit);
  return SP_SUCCESS;
}

static sp_status make_binary(sp_exporter *ex, uint8_t *binary) {
  uint16_t measurement;
  SP_TRY(measurement_of(ex, &measurement));
  binary[SP_BINARY_REVISION] = needs_rev2(ex) ? 2 : 1;
  if (needs_rev2(ex)) sp_put_u32(binary + SP_BINARY_ORDER, ex->order, 0x01020304);
  sp_put_u16(binary + SP_BINARY_FIXED, ex->order, 1);
  sp_put_u16(binary + SP_BINARY_MEASUREMENT, ex->order, measurement);
  return set_binary(ex, binary);
}

sp_status sp_export_set_file_headers(sp_exporter *ex) {
  if (ex->kind == SP_KIND_SU) return SP_SUCCESS;
  const bool made = !ex->file_header;
  if (made) SP_TRY(sp_calloc(1, SP_SEGY_FILE_HEADER_BYTES, "file headers", &ex->file_header));
  if (made) ex->file_header_bytes = SP_SEGY_FILE_HEADER_BYTES;
  uint8_t *text = ex->file_header + ex->text_at, *binary = text + SP_SEGY_TEXT_BYTES;
  if (made) {
    make_text(ex, text);
    sp_segy_text_to_ebcdic(text, SP_SEGY_TEXT_BYTES);
    SP_TRY(make_binary(ex, binary));
  } else if (ex->set_shape || ex->set_format) {
    SP_TRY(set_binary(ex, binary));
  }
  SP_TRY(set_ensembles(ex, binary));
  set_trace_count(ex, binary);
  return describe_processing(ex);
}
