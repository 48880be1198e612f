/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of the dimensions of a survey's datasets, as HDF5's dimension scales (HDF5 Dimension Scale Specification 1.1)
 * and netCDF-4 know them: trace, time, gather, gather_edge, and for what is none of these n<LENGTH>. Scales are
 * datasets of the root. /time has values, in ms; the others are dimensions without a variable: netCDF-4's name for
 * that, no storage. /traces names its coordinates (CF Conventions 1.10, 5) by soft links at the root to columns of
 * /headers. */
#include <hdf5.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "src/store/h5.h"

enum { NAME_SIZE = 32, PATH_SIZE = 256, MAX_DATASETS = 1024 };

/* --- scales ------------------------------------------------------------------------------------------------------- */

/* A dataset of the length alone. netCDF-4 takes the name for a dimension that has no variable. */
static sp_status make_bare_scale(hid_t file, const char *name, hsize_t n, hid_t *scale) {
  char text[64];
  hid_t space, creation = H5I_INVALID_HID;
  sp_status status;
  *scale = H5I_INVALID_HID;
  SP_TRY(SP_H5_ID(space, H5Screate_simple(1, &n, NULL)));
  SP_TRY_GOTO(out, SP_H5_ID(creation, H5Pcreate(H5P_DATASET_CREATE)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_alloc_time(creation, H5D_ALLOC_TIME_LATE)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_obj_track_times(creation, false))); /* the same bytes whenever it is made */
  SP_TRY_GOTO(out,
              SP_H5(H5Pset_attr_phase_change(creation, 0, 0))); /* many datasets refer to it: dense from the start */
  SP_TRY_GOTO(out, SP_H5_ID(*scale, H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
  snprintf(text, sizeof text, "This is a netCDF dimension without variable%10llu", (unsigned long long)n);
  status = SP_H5(H5DSset_scale(*scale, text));
out:
  if (creation >= 0) H5Pclose(creation);
  H5Sclose(space);
  return status;
}

/* The scale of that name and length, which the caller closes; made where it is not there. */
static sp_status open_scale(hid_t file, const char *name, hsize_t n, hid_t *scale) {
  hsize_t found = 0;
  if (H5Lexists(file, name, H5P_DEFAULT) <= 0) return make_bare_scale(file, name, n, scale);
  SP_TRY(SP_H5_ID(*scale, H5Dopen2(file, name, H5P_DEFAULT)));
  const hid_t space = H5Dget_space(*scale);
  if (space >= 0 && H5Sget_simple_extent_ndims(space) == 1) H5Sget_simple_extent_dims(space, &found, NULL);
  if (space >= 0) H5Sclose(space);
  if (found == n) return SP_SUCCESS;
  /* of an index that was replaced */
  H5Dclose(*scale);
  SP_TRY(SP_H5(H5Ldelete(file, name, H5P_DEFAULT)));
  return make_bare_scale(file, name, n, scale);
}

/* ms: the delay of all traces, 0 where they differ. */
static sp_status find_start(sp_survey *survey, double *start) {
  sp_header_column *column;
  double least, most;
  sp_global first_nan;
  *start = 0;
  if (!survey || !sp_survey_has(survey, "/headers/delrt")) return SP_SUCCESS;
  SP_TRY(sp_header_column_open(survey, "delrt", &column));
  const sp_status status = sp_header_column_range(column, &least, &most, &first_nan);
  sp_header_column_close(column);
  if (status == SP_SUCCESS && least == most && first_nan == sp_survey_get_info(survey)->n_traces) *start = least;
  return status;
}

/* [n_samples] in ms, for the caller to free. */
static sp_status list_times(const sp_survey_info *info, double start, double **times) {
  *times = NULL;
  SP_TRY(sp_alloc((info->n_samples + 1) * sizeof **times, "times of samples", times));
  for (uint32_t i = 0; i < info->n_samples; i++) (*times)[i] = start + 1e-3 * info->sample_interval_us * i;
  return SP_SUCCESS;
}

static sp_status make_time(hid_t file, const sp_survey_info *info, double start) {
  const sp_dataset_spec spec = {"/time", SP_FLOAT64, info->n_samples, 0, "ms"};
  double *values;
  hid_t time;
  SP_TRY(sp_h5_create_dataset(file, &spec));
  SP_TRY(sp_h5_write_text(file, "/time", "long_name",
                          "time of the sample; from each trace's first one where delays (delrt) differ"));
  SP_TRY(list_times(info, start, &values));
  sp_status status = SP_H5_ID(time, H5Dopen2(file, "/time", H5P_DEFAULT));
  if (status == SP_SUCCESS) status = SP_H5(H5DSset_scale(time, "time"));
  if (status == SP_SUCCESS) status = SP_H5(H5Dwrite(time, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
  if (time >= 0) H5Dclose(time);
  sp_free(values);
  return status;
}

sp_status sp_survey_start_times(sp_survey *survey, double start, bool writes) {
  const sp_survey_info *info = sp_survey_get_info(survey);
  sp_dataset *times;
  double *values;
  if (!sp_survey_has(survey, "/time")) return SP_SUCCESS;
  SP_TRY(sp_dataset_open(survey, "/time", &times));
  sp_status status = list_times(info, start, &values);
  const bool ours = sp_dataset_type(times) == SP_FLOAT64 && sp_dataset_rows(times) == info->n_samples;
  if (status == SP_SUCCESS && ours && writes) {
    status = sp_dataset_write_independent(times, 0, (sp_local)info->n_samples, values);
  }
  sp_free(values);
  sp_dataset_close(times);
  return status;
}

sp_status sp_survey_write_times(sp_survey *survey) {
  double start;
  if (!sp_survey_has(survey, "/time")) return SP_SUCCESS;
  SP_TRY(find_start(survey, &start));
  return sp_survey_start_times(survey, start, true);
}

/* --- which dimension is which ------------------------------------------------------------------------------------- */

static bool begins(const char *path, const char *with) {
  return !strncmp(path, with, strlen(with));
}

/* The name of dimension `i` of length n of the dataset at `path`, by docs/format.md. */
static void name_dimension(const char *path, int i, hsize_t n, char name[NAME_SIZE]) {
  const bool samples = !strcmp(path, "/traces") || !strcmp(path, "/noise") || !strcmp(path, "/hits");
  const bool a_trace = samples || !strcmp(path, "/sort_map") || begins(path, "/headers/") ||
                       begins(path, "/segy/trace_") || begins(path, "/qc/trace/") || begins(path, "/integrity/trace_");
  const bool a_gather = !strcmp(path, "/gathers/key") || begins(path, "/qc/gather/") || begins(path, "/qc/step/") ||
                        begins(path, "/integrity/");
  if (i == 1 && samples) {
    snprintf(name, NAME_SIZE, "time");
  } else if (i == 1 && begins(path, "/qc/gather/ampspec_")) {
    snprintf(name, NAME_SIZE, "frequency_bin");
  } else if (i == 0 && (a_trace || a_gather)) {
    snprintf(name, NAME_SIZE, "%s", a_trace ? "trace" : "gather");
  } else if (!strcmp(path, "/gathers/first_trace")) {
    snprintf(name, NAME_SIZE, "gather_edge");
  } else {
    snprintf(name, NAME_SIZE, "n%llu", (unsigned long long)n);
  }
}

static sp_status attach_dimensions(hid_t file, hid_t dataset, const char *path) {
  hsize_t dims[2] = {0, 0};
  const hid_t space = H5Dget_space(dataset);
  const int n_dims = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
  if (n_dims == 1 || n_dims == 2) H5Sget_simple_extent_dims(space, dims, NULL);
  if (space >= 0) H5Sclose(space);
  for (int i = 0; i < n_dims && n_dims <= 2; i++) {
    char name[NAME_SIZE];
    hid_t scale;
    if (dims[i] == 0 || H5DSget_num_scales(dataset, (unsigned)i) > 0) continue;
    name_dimension(path, i, dims[i], name);
    SP_TRY(open_scale(file, name, dims[i], &scale));
    const sp_status status = SP_H5(H5DSattach_scale(dataset, scale, (unsigned)i));
    H5Dclose(scale);
    SP_TRY(status);
  }
  return SP_SUCCESS;
}

/* Paths of datasets, collected before any is changed: HDF5 iterates over what stays as it is. */
typedef struct path_list {
  char (*paths)[PATH_SIZE];
  size_t n;
} path_list;

typedef struct walker {
  const char *group;
  path_list *list;
} walker;

static herr_t walk(hid_t file, const char *group, path_list *list);

static herr_t visit(hid_t group, const char *name, const H5L_info_t *info, void *context) {
  const walker *w = context;
  char path[PATH_SIZE];
  const int n = snprintf(path, sizeof path, "%s/%s", strcmp(w->group, "/") ? w->group : "", name);
  if (info->type != H5L_TYPE_HARD || n >= PATH_SIZE || w->list->n == MAX_DATASETS) return 0;
  const hid_t object = H5Oopen(group, name, H5P_DEFAULT);
  const H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
  if (type == H5I_DATASET && H5DSis_scale(object) <= 0) memcpy(w->list->paths[w->list->n++], path, sizeof path);
  const herr_t code = type == H5I_GROUP ? walk(object, path, w->list) : 0;
  if (object >= 0) H5Oclose(object);
  return code;
}

static herr_t walk(hid_t file, const char *group, path_list *list) {
  walker w = {group, list};
  hsize_t at = 0;
  const hid_t id = H5Gopen2(file, group, H5P_DEFAULT);
  if (id < 0) return -1;
  const herr_t code = H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, &at, visit, &w);
  H5Gclose(id);
  return code;
}

static sp_status attach_all(hid_t file) {
  path_list list = {.n = 0};
  SP_TRY(sp_alloc(MAX_DATASETS * PATH_SIZE, "names of datasets", &list.paths));
  sp_status status = SP_H5(walk(file, "/", &list));
  for (size_t i = 0; i < list.n && status == SP_SUCCESS; i++) {
    hid_t dataset;
    status = SP_H5_ID(dataset, H5Dopen2(file, list.paths[i], H5P_DEFAULT));
    if (status != SP_SUCCESS) break;
    status = attach_dimensions(file, dataset, list.paths[i]);
    H5Dclose(dataset);
  }
  sp_free(list.paths);
  return status;
}

/* --- coordinates -------------------------------------------------------------------------------------------------- */

static sp_status add_coordinate(hid_t file, const char *name, size_t n, char *list, size_t size) {
  char link[SP_NAME_LENGTH + 1], target[SP_NAME_LENGTH + 16];
  snprintf(link, sizeof link, "%.*s", (int)n, name);
  snprintf(target, sizeof target, "/headers/%s", link);
  if (!link[0] || H5Lexists(file, "/headers", H5P_DEFAULT) <= 0 || H5Lexists(file, target, H5P_DEFAULT) <= 0 ||
      H5Lexists(file, link, H5P_DEFAULT) > 0) {
    return SP_SUCCESS;
  }
  SP_TRY(SP_H5(H5Lcreate_soft(target, file, link, H5P_DEFAULT, H5P_DEFAULT)));
  const size_t used = strlen(list);
  snprintf(list + used, size - used, "%s%s", used ? " " : "", link);
  return SP_SUCCESS;
}

/* The columns of the gather key, and offset. */
static sp_status add_coordinates(hid_t file, const sp_survey_info *info) {
  char list[3 * (SP_NAME_LENGTH + 1)] = "";
  const char *key = info->gather_key, *plus = strchr(key, '+');
  SP_TRY(add_coordinate(file, key, plus ? (size_t)(plus - key) : strlen(key), list, sizeof list));
  if (plus) SP_TRY(add_coordinate(file, plus + 1, strlen(plus + 1), list, sizeof list));
  SP_TRY(add_coordinate(file, "offset", strlen("offset"), list, sizeof list));
  return list[0] ? sp_h5_write_text(file, "/traces", "coordinates", list) : SP_SUCCESS;
}

/* --- for new files, and those that get more ----------------------------------------------------------------------- */

sp_status sp_h5_add_scales(hid_t file, const sp_survey *source, const sp_survey_info *info) {
  double start;
  SP_TRY(find_start((sp_survey *)(uintptr_t)source, &start));
  SP_TRY(make_time(file, info, start));
  SP_TRY(add_coordinates(file, info));
  return attach_all(file);
}

sp_status sp_h5_add_missing_scales(hid_t file) {
  if (H5Lexists(file, "/time", H5P_DEFAULT) <= 0) return SP_SUCCESS; /* it never had any */
  return attach_all(file);
}

static herr_t detach(hid_t dataset, unsigned dimension, hid_t scale, void *context) {
  return H5DSdetach_scale(dataset, scale, dimension) < 0 ? -1 : 1; /* one at a time: it is gone from what is visited */
}

void sp_h5_detach_scales(hid_t file, const char *path) {
  const hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
  for (unsigned i = 0; dataset >= 0 && i < 2; i++) {
    while (H5DSget_num_scales(dataset, i) > 0 && H5DSiterate_scales(dataset, i, NULL, detach, NULL) > 0) {
    }
  }
  if (dataset >= 0) H5Dclose(dataset);
  H5Eclear2(H5E_DEFAULT);
}
