/* What trace headers say against the file, and what is used instead: counted over all traces, said once. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/log.h"
#include "src/segy/importer.h"

static void count(sp_note *note, uint64_t trace, double value) {
  if (!note->count || trace < note->first) {
    note->first = trace;
    note->value = value;
  }
  note->count++;
}

static void note_number(sp_note *other, sp_note *zero, uint64_t trace, double said, double used) {
  if (said == 0) {
    count(zero, trace, said);
  } else if (fabs(said - used) > 0.5) {
    count(other, trace, said);
  }
}

enum { LENGTH_CHECKS = 16 }; /* traces with another count that a rank looks behind */

/* Traces that say another number of samples: are they of another length? */
static sp_status check_lengths(sp_importer *im, uint64_t first, const void *headers, size_t n, int ns) {
  const sp_segy_layout *layout = im->layout;
  if (ns < 0 || im->options->hints.n_samples) return SP_SUCCESS;
  for (size_t i = 0; i < n && im->n_length_checks < LENGTH_CHECKS; i++) {
    const char *header = (const char *)headers + i * layout->header_bytes;
    const double said = sp_segy_column_value(layout, (size_t)ns, header);
    if (said == 0 || said == layout->n_samples) continue;
    im->n_length_checks++;
    SP_TRY(sp_segy_check_length(layout, im->fd, im->options->input, first + i, header));
  }
  return SP_SUCCESS;
}

sp_status sp_import_note_headers(sp_importer *im, uint64_t first, const void *headers, size_t n) {
  const sp_segy_layout *layout = im->layout;
  const int ns = sp_segy_column_find(layout, "ns"), dt = sp_segy_column_find(layout, "dt");
  const int scalco = sp_segy_column_find(layout, "scalco"), scalel = sp_segy_column_find(layout, "scalel");
  for (size_t i = 0; i < n; i++) {
    const char *header = (const char *)headers + i * layout->header_bytes;
    const uint64_t trace = first + i;
    if (ns >= 0) {
      note_number(&im->notes[SP_NOTE_SAMPLES], &im->notes[SP_NOTE_NO_SAMPLES], trace,
                  sp_segy_column_value(layout, (size_t)ns, header), layout->n_samples);
    }
    if (dt >= 0) {
      const double us = sp_segy_column_value(layout, (size_t)dt, header);
      note_number(&im->notes[SP_NOTE_INTERVAL], &im->notes[SP_NOTE_NO_INTERVAL], trace, us, layout->sample_interval_us);
    }
    const int scalars[] = {scalco, scalel};
    for (int k = 0; k < 2; k++) {
      if (scalars[k] < 0) continue;
      const double scalar = sp_segy_column_value(layout, (size_t)scalars[k], header);
      if (!sp_header_scale_is_legal((int)scalar)) count(&im->notes[SP_NOTE_COORDINATE_SCALAR + k], trace, scalar);
    }
  }
  return im->notes[SP_NOTE_SAMPLES].count ? check_lengths(im, first, headers, n, ns) : SP_SUCCESS;
}

/* Totals on all ranks: the count of all, and the first of all with its value. */
static sp_status add_up(const sp_team *team, sp_note notes[SP_NOTE_KINDS]) {
  uint64_t counts[SP_NOTE_KINDS], first[SP_NOTE_KINDS], least[SP_NOTE_KINDS], bits[SP_NOTE_KINDS];
  for (int k = 0; k < SP_NOTE_KINDS; k++) {
    counts[k] = notes[k].count;
    first[k] = least[k] = notes[k].count ? notes[k].first : UINT64_MAX;
  }
  SP_TRY(sp_team_sum(team, counts, SP_NOTE_KINDS));
  SP_TRY(sp_team_least(team, least, SP_NOTE_KINDS));
  for (int k = 0; k < SP_NOTE_KINDS; k++) {
    bits[k] = UINT64_MAX;
    if (notes[k].count && first[k] == least[k]) memcpy(&bits[k], &notes[k].value, sizeof bits[k]);
  }
  SP_TRY(sp_team_least(team, bits, SP_NOTE_KINDS));
  for (int k = 0; k < SP_NOTE_KINDS; k++) {
    notes[k] = (sp_note){.count = counts[k], .first = least[k]};
    if (counts[k]) memcpy(&notes[k].value, &bits[k], sizeof notes[k].value);
  }
  return SP_SUCCESS;
}

/* "all 480 trace headers", "12 of 480 trace headers, first in trace 17". */
static const char *which(const sp_note *note, uint64_t n_traces, char text[96]) {
  if (note->count == n_traces) {
    snprintf(text, 96, "all %llu trace headers", (unsigned long long)n_traces);
  } else {
    snprintf(text, 96, "%llu of %llu trace headers (first in trace %llu)", (unsigned long long)note->count,
             (unsigned long long)n_traces, (unsigned long long)note->first + 1);
  }
  return text;
}

sp_status sp_import_say_notes(sp_importer *im) {
  SP_TRY(add_up(&im->team, im->notes));
  if (im->team.rank) return SP_SUCCESS;
  const char *path = im->options->input;
  const sp_segy_layout *layout = im->layout;
  const uint64_t n = layout->n_traces;
  const sp_note *notes = im->notes;
  char text[96];
  sp_segy_say_notes(path, layout);
  if (notes[SP_NOTE_SAMPLES].count) {
    sp_warn("%s: %s say %g samples, the file has %u: used %u", path, which(&notes[SP_NOTE_SAMPLES], n, text),
            notes[SP_NOTE_SAMPLES].value, layout->n_samples, layout->n_samples);
  }
  if (notes[SP_NOTE_INTERVAL].count) {
    sp_warn("%s: %s say a sample interval of %g us: used %g us", path, which(&notes[SP_NOTE_INTERVAL], n, text),
            notes[SP_NOTE_INTERVAL].value, layout->sample_interval_us);
  }
  if (notes[SP_NOTE_NO_SAMPLES].count && !im->options->quiet) {
    sp_info("%s: %s say 0 samples: used %u", path, which(&notes[SP_NOTE_NO_SAMPLES], n, text), layout->n_samples);
  }
  if (notes[SP_NOTE_NO_INTERVAL].count && !im->options->quiet) {
    sp_info("%s: %s say a sample interval of 0: used %g us", path, which(&notes[SP_NOTE_NO_INTERVAL], n, text),
            layout->sample_interval_us);
  }
  static const char *const scalars[] = {"coordinate scalar (scalco)", "elevation scalar (scalel)"};
  for (int k = 0; k < 2; k++) {
    const sp_note *note = &notes[SP_NOTE_COORDINATE_SCALAR + k];
    if (!note->count) continue;
    sp_warn("%s: %s have %s %g, which is none of the standard's (0 and +-1 to +-100000 in powers of 10): used 1", path,
            which(note, n, text), scalars[k], note->value);
  }
  return SP_SUCCESS;
}

/* Whether any of the traces looked at has something in this column. */
static bool has_values(const sp_importer *im, int column, const uint8_t *headers, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (sp_import_value(im, column, headers + i * im->layout->header_bytes) != 0) return true;
  }
  return false;
}

sp_status sp_import_refuse_zero_key(const sp_importer *im, int key) {
  static const char *const offered[] = {"fldr", "ep", "cdp", "sp", "iline", "xline", "offset", "tracf", "sx", "gx"};
  enum { LOOK = 64 };
  const sp_segy_layout *layout = im->layout;
  const char *path = im->options->input, *name = layout->columns[im->key_column[key]].name;
  uint8_t headers[LOOK * SP_TRACE_HEADER_BYTES];
  char others[128] = "";
  size_t used = 0, n = 0;
  /* the standard header is enough of a look */
  const uint64_t step = layout->n_traces > LOOK ? layout->n_traces / LOOK : 1;
  if (layout->header_bytes == SP_TRACE_HEADER_BYTES) {
    for (uint64_t t = 0; t < layout->n_traces && n < LOOK; t += step, n++) {
      SP_TRY(sp_import_read_header(im, t, headers + n * SP_TRACE_HEADER_BYTES));
    }
  }
  for (size_t k = 0; k < sizeof offered / sizeof offered[0]; k++) {
    const int column = sp_segy_column_find(layout, offered[k]);
    if (column < 0 || !has_values(im, column, headers, n)) continue;
    used += (size_t)snprintf(others + used, sizeof others - used, "%s%s", used ? ", " : "", offered[k]);
  }
  const bool derivable = !strcmp(name, "offset") && strstr(others, "sx");
  return SP_RAISE(SP_ERR_INPUT, "%s: %s key %s is 0 in all %llu traces%s%s%s", path,
                  key < im->n_gather_keys ? "gather" : "sort", name, (unsigned long long)layout->n_traces,
                  used ? "; not 0 are " : "", others, derivable ? "; --derive offset takes it from coordinates" : "");
}
