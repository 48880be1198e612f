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
