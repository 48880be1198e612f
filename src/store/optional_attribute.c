/* Attributes that a survey may lack. */
#include "src/store/h5.h"

static bool has_attribute(const sp_survey *survey, const char *object, const char *name) {
  return sp_survey_has(survey, object) && H5Aexists_by_name(survey->file, object, name, H5P_DEFAULT) > 0;
}

sp_status sp_survey_find_text(const sp_survey *survey, const char *object, const char *name, char **out) {
  *out = NULL;
  return has_attribute(survey, object, name) ? sp_survey_get_text(survey, object, name, out) : SP_SUCCESS;
}

sp_status sp_survey_find_int(const sp_survey *survey, const char *object, const char *name, int64_t otherwise,
                             int64_t *out) {
  *out = otherwise;
  return has_attribute(survey, object, name) ? sp_survey_get_int(survey, object, name, out) : SP_SUCCESS;
}
