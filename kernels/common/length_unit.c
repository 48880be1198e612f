/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/common/length_unit.h"

#include <stdio.h>
#include <string.h>

sp_status sp_length_unit_check(const sp_survey_shape *shape, const char *name, const char *processor,
                               const char *parameter, double value, bool per_second, char *why, size_t why_size) {
  const sp_column *column = sp_survey_shape_column(shape, name);
  if (!column || !strcmp(column->units, "m")) return SP_SUCCESS;
  const char *slash = per_second ? "/s" : "";
  char note[256];
  if (!strcmp(column->units, "ft")) {
    snprintf(note, sizeof note, "%s: %s is in feet, so %s %.6g is taken as %.6g ft%s", processor, name, parameter,
             value, value, slash);
  } else if (!*column->units || !strcmp(column->units, "m or ft")) {
    snprintf(note, sizeof note,
             "%s: the survey does not say whether %s is in metres or feet: %s %.6g is taken in the same unit%s",
             processor, name, parameter, value, per_second ? " a second" : "");
  } else {
    snprintf(why, why_size, "%s is in '%.16s', which is no unit of length; allowed are m and ft", name, column->units);
    return SP_ERR_USAGE;
  }
  if (shape->note) shape->note(note);
  return SP_SUCCESS;
}

static bool is_told(const sp_column *column) {
  return !strcmp(column->units, "m") || !strcmp(column->units, "ft");
}

static const char *name_of(const sp_column *column) {
  return is_told(column) ? column->units : "m or ft";
}

sp_status sp_length_units_check(const sp_survey_shape *shape, const char *const *names, size_t n, const char *processor,
                                bool converts, char *why, size_t why_size) {
  const sp_column *first = NULL;
  for (size_t i = 0; i < n; i++) {
    const sp_column *column = sp_survey_shape_column(shape, names[i]);
    if (!column) continue;
    if (!is_told(column) && *column->units && strcmp(column->units, "m or ft")) {
      snprintf(why, why_size, "%s is in '%.16s', which is no unit of length; allowed are m and ft", names[i],
               column->units);
      return SP_ERR_USAGE;
    }
    if (first && strcmp(name_of(first), name_of(column)) != 0) {
      snprintf(why, why_size, "%s is in %s, %s in %s: allowed is one unit for all", first->name, name_of(first),
               names[i], name_of(column));
      return SP_ERR_USAGE;
    }
    if (!first) first = column;
  }
  char note[192];
  if (!first || !shape->note || !strcmp(first->units, "m")) return SP_SUCCESS;
  if (is_told(first)) {
    snprintf(note, sizeof note, "%s: %s is in feet%s", processor, first->name,
             converts ? ", and converted: lengths and velocities of the job are in m and m/s"
                      : ": lengths and velocities of the job are taken in ft and ft/s");
  } else {
    snprintf(note, sizeof note, "%s: the survey does not say whether %s is in metres or feet: %s", processor,
             first->name, converts ? "taken as metres" : "lengths and velocities of the job are taken in its unit");
  }
  shape->note(note);
  return SP_SUCCESS;
}
