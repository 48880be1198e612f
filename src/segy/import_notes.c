/* SPDX-License-Identifier: BSD-3-Clause */
/* What trace headers say against the file, and what is used instead: counted over all traces, said once. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "src/segy/header_value.h"
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

/* 0 says nothing, and 1 is what is meant then. */
static void note_unit(sp_importer *im, uint64_t trace, int counit) {
  if (counit < 0 || counit > 4) count(&im->notes[SP_NOTE_UNKNOWN_UNIT], trace, counit);
  if (sp_segy_angle_unit(counit) == sp_segy_angle_unit(im->layout->counit)) return;
  count(&im->notes[SP_NOTE_COORDINATE_UNIT], trace, counit);
}

/* Offsets that differ by more than half a power of ten tell of a scalar that is wrong or missing. */
static void note_offset(sp_importer *im, uint64_t trace, const void *header) {
  const sp_segy_layout *layout = im->layout;
  const sp_segy_column *column = &layout->columns[im->offset_column];
  const uint8_t *at = (const uint8_t *)header + column->at;
  const double recorded = fabs(sp_header_value_get(at, (sp_field_type)column->type, layout->order));
  const double derived = sp_import_value(im, im->offset_column, header), factor = sqrt(10);
  if (recorded == 0 || (recorded <= factor * derived && derived <= factor * recorded)) return;
  count(&im->notes[SP_NOTE_OFFSET], trace, recorded);
}

static void note_weight(sp_importer *im, uint64_t trace, const char *header) {
  const double weight =
      sp_header_value_get((const uint8_t *)header + SP_TRACE_WEIGHT, SP_FIELD_INT16, im->layout->order);
  if (im->layout->kind == SP_KIND_SEGY && weight != 0) count(&im->notes[SP_NOTE_WEIGHT], trace, weight);
  if (im->applies_weights && fabs(weight) > SP_MOST_WEIGHT) count(&im->notes[SP_NOTE_LARGE_WEIGHT], trace, weight);
}

enum { N_SCALARS = 3 };

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
  const int counit = sp_segy_column_find(layout, "counit");
  const int scalars[N_SCALARS] = {sp_segy_column_find(layout, "scalco"), sp_segy_column_find(layout, "scalel"),
                                  layout->kind == SP_KIND_SEGY ? sp_segy_column_find(layout, "scalt") : -1};
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
    if (counit >= 0) note_unit(im, trace, (int)sp_segy_column_value(layout, (size_t)counit, header));
    if (im->has_recorded_offset) note_offset(im, trace, header);
    note_weight(im, trace, header);
    for (int k = 0; k < N_SCALARS; k++) {
      if (scalars[k] < 0) continue;
      const double scalar = sp_segy_column_value(layout, (size_t)scalars[k], header);
      if (!sp_header_scale_is_legal((int)scalar)) count(&im->notes[SP_NOTE_COORDINATE_SCALAR + k], trace, scalar);
    }
  }
  return im->notes[SP_NOTE_SAMPLES].count ? check_lengths(im, first, headers, n, ns) : SP_SUCCESS;
}

/* Totals on all ranks: the count of all, and the first of all with its value. */
static sp_status add_up(const sp_ranks *ranks, sp_note notes[SP_NOTE_KINDS]) {
  uint64_t counts[SP_NOTE_KINDS], first[SP_NOTE_KINDS], least[SP_NOTE_KINDS], bits[SP_NOTE_KINDS];
  for (int k = 0; k < SP_NOTE_KINDS; k++) {
    counts[k] = notes[k].count;
    first[k] = least[k] = notes[k].count ? notes[k].first : UINT64_MAX;
  }
  SP_ALIKE(sp_ranks_sum(ranks, counts, SP_NOTE_KINDS));
  SP_ALIKE(sp_ranks_least(ranks, least, SP_NOTE_KINDS));
  for (int k = 0; k < SP_NOTE_KINDS; k++) {
    bits[k] = UINT64_MAX;
    if (notes[k].count && first[k] == least[k]) memcpy(&bits[k], &notes[k].value, sizeof bits[k]);
  }
  SP_ALIKE(sp_ranks_least(ranks, bits, SP_NOTE_KINDS));
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

static void log_weights(const sp_importer *im) {
  const sp_note *note = &im->notes[SP_NOTE_WEIGHT];
  char text[96];
  if (!note->count) return;
  if (im->applies_weights) {
    if (im->options->quiet) return;
    sp_info("%s: %s have a weighting factor (bytes 169-170; N is %g there): their samples are multiplied by 2^-N",
            im->options->input, which(note, im->layout->n_traces, text), note->value);
    return;
  }
  sp_warn("%s: %s have a weighting factor (bytes 169-170; %g there): samples are taken as they are stored, not "
          "multiplied by 2^-N",
          im->options->input, which(note, im->layout->n_traces, text), note->value);
}

static sp_status refuse_weights(const sp_importer *im) {
  const sp_note *note = &im->notes[SP_NOTE_LARGE_WEIGHT];
  char text[96];
  if (im->ranks.rank) return SP_ERR_INPUT;
  return SP_RAISE(SP_ERR_INPUT,
                  "%s: the weighting factor (bytes 169-170) of %s is %g, allowed is -%d to %d; --ignore-weights takes "
                  "samples as they are stored",
                  im->options->input, which(note, im->layout->n_traces, text), note->value, SP_MOST_WEIGHT,
                  SP_MOST_WEIGHT);
}

sp_status sp_import_log_notes(sp_importer *im) {
  SP_TRY(add_up(&im->ranks, im->notes));
  if (im->notes[SP_NOTE_LARGE_WEIGHT].count) return refuse_weights(im);
  if (im->offset_column >= 0 && im->notes[SP_NOTE_COORDINATE_UNIT].count) {
    return im->ranks.rank ? SP_ERR_INPUT
                          : SP_RAISE(SP_ERR_INPUT,
                                     "%s: coordinates are of several units (counit %d in the first trace, %g "
                                     "in trace %llu): no offset can be derived",
                                     im->options->input, im->layout->counit, im->notes[SP_NOTE_COORDINATE_UNIT].value,
                                     (unsigned long long)im->notes[SP_NOTE_COORDINATE_UNIT].first + 1);
  }
  if (im->ranks.rank) return SP_SUCCESS;
  const char *path = im->options->input;
  const sp_segy_layout *layout = im->layout;
  const uint64_t n = layout->n_traces;
  const sp_note *notes = im->notes;
  char text[96];
  sp_segy_log_notes(path, layout);
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
  if (notes[SP_NOTE_COORDINATE_UNIT].count) {
    sp_warn("%s: %s have coordinate units (counit) %g, the first has %d: coordinates are of several units", path,
            which(&notes[SP_NOTE_COORDINATE_UNIT], n, text), notes[SP_NOTE_COORDINATE_UNIT].value, layout->counit);
  }
  if (notes[SP_NOTE_UNKNOWN_UNIT].count) {
    sp_warn("%s: %s have coordinate units (counit) %g, which is none of the standard's (1 to 4): taken as lengths",
            path, which(&notes[SP_NOTE_UNKNOWN_UNIT], n, text), notes[SP_NOTE_UNKNOWN_UNIT].value);
  }
  if (notes[SP_NOTE_OFFSET].count) {
    sp_warn("%s: %s have an offset (%g there) that is far from the distance of the coordinates, which is used: look at "
            "the scalar scalco",
            path, which(&notes[SP_NOTE_OFFSET], n, text), notes[SP_NOTE_OFFSET].value);
  }
  log_weights(im);
  static const char *const scalars[N_SCALARS] = {"coordinate scalar (scalco)", "elevation scalar (scalel)",
                                                 "scalar of times (scalt)"};
  for (int k = 0; k < N_SCALARS; k++) {
    const sp_note *note = &notes[SP_NOTE_COORDINATE_SCALAR + k];
    if (!note->count) continue;
    sp_warn("%s: %s have %s %g, which is none of the standard's (0 and +-1 to +-100000 in powers of 10): used 1", path,
            which(note, n, text), scalars[k], note->value);
  }
  return SP_SUCCESS;
}
