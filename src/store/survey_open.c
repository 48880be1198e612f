/* Opening a survey file, and what it says of itself. */
#include <string.h>
#include <sys/stat.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/store/h5.h"

static bool exists(hid_t file, const char *path) {
  /* H5Lexists wants every link on the way to be there */
  char part[256];
  for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
    snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
    if (H5Lexists(file, part, H5P_DEFAULT) <= 0) return false;
  }
  return H5Lexists(file, path, H5P_DEFAULT) > 0;
}

bool sp_survey_has(const sp_survey *survey, const char *path) {
  return exists(survey->file, path);
}

static sp_status missing(const char *path, const char *object, const char *name) {
  H5Eclear2(H5E_DEFAULT);
  return SP_RAISE(SP_ERR_INPUT, "%s: attribute '%s' of %s is missing or of another kind", path, name, object);
}

/* Reads an attribute of the wanted class into `value`, or text into a new string at *text. */
static sp_status read_attribute(const sp_survey *survey, const char *object, const char *name, H5T_class_t class,
                                hid_t memory_type, void *value, char **text) {
  sp_status status = SP_SUCCESS;
  char *buffer = NULL;
  hid_t type = H5I_INVALID_HID;
  const hid_t attribute = H5Aopen_by_name(survey->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0) return missing(survey->path, object, name);
  SP_TRY_GOTO(out, SP_H5_ID(type, H5Aget_type(attribute)));
  if (H5Tget_class(type) != class || (text && H5Tis_variable_str(type) > 0)) {
    status = missing(survey->path, object, name);
    goto out;
  }
  if (!text) {
    status = SP_H5(H5Aread(attribute, memory_type, value));
    goto out;
  }
  const size_t size = H5Tget_size(type);
  SP_TRY_GOTO(out, sp_calloc(size + 1, 1, "an attribute", (void **)&buffer));
  SP_TRY_GOTO(out, SP_H5(H5Aread(attribute, type, buffer)));
  *text = buffer;
  buffer = NULL;
out:
  sp_free(buffer);
  if (type >= 0) H5Tclose(type);
  H5Aclose(attribute);
  return status;
}

sp_status sp_survey_get_text(const sp_survey *survey, const char *object, const char *name, char **out) {
  return read_attribute(survey, object, name, H5T_STRING, H5I_INVALID_HID, NULL, out);
}

sp_status sp_survey_get_int(const sp_survey *survey, const char *object, const char *name, int64_t *out) {
  return read_attribute(survey, object, name, H5T_INTEGER, H5T_NATIVE_INT64, out, NULL);
}

sp_status sp_survey_get_real(const sp_survey *survey, const char *object, const char *name, double *out) {
  return read_attribute(survey, object, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, out, NULL);
}

static sp_status get_name(const sp_survey *survey, const char *object, const char *name, size_t size, char *out) {
  char *text = NULL;
  SP_TRY(sp_survey_get_text(survey, object, name, &text));
  snprintf(out, size, "%s", text);
  sp_free(text);
  return SP_SUCCESS;
}

/* One line on a file that is HDF5 but not ours: what its root holds. */
static sp_status refuse_foreign(const sp_survey *survey) {
  char found[160] = "";
  size_t used = 0;
  H5G_info_t group;
  if (H5Gget_info_by_name(survey->file, "/", &group, H5P_DEFAULT) < 0) group.nlinks = 0;
  for (hsize_t i = 0; i < group.nlinks && used + 40 < sizeof found; i++) {
    char name[32] = "";
    H5Lget_name_by_idx(survey->file, "/", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
    used += (size_t)snprintf(found + used, sizeof found - used, "%s/%s", i ? ", " : "", name);
  }
  H5Eclear2(H5E_DEFAULT);
  return SP_RAISE(SP_ERR_INPUT,
                  "%s: an HDF5 file of another program (holds %s); allowed is a survey that `seisproc import` made",
                  survey->path, used ? found : "nothing");
}

static sp_status check_version(const sp_survey *survey) {
  char *format = NULL;
  if (H5Aexists_by_name(survey->file, "/", "format", H5P_DEFAULT) <= 0) return refuse_foreign(survey);
  SP_TRY(sp_survey_get_text(survey, "/", "format", &format));
  const bool ours = !strcmp(format, "seisproc");
  sp_free(format);
  if (!ours) return refuse_foreign(survey);
  int64_t version;
  SP_TRY(sp_survey_get_int(survey, "/", "format_version", &version));
  if (version < 1 || version > SP_FORMAT_VERSION) {
    return SP_RAISE(SP_ERR_INPUT, "%s: format version %lld, allowed is 1 to %d; a newer seisproc made it", survey->path,
                    (long long)version, SP_FORMAT_VERSION);
  }
  return SP_SUCCESS;
}

static sp_status check_shape(sp_survey *survey, const char *path, sp_type type, uint64_t rows, uint64_t row_length) {
  sp_dataset *dataset;
  SP_TRY(sp_dataset_open(survey, path, &dataset));
  sp_status status = SP_SUCCESS;
  if (sp_dataset_type(dataset) != type || sp_dataset_rows(dataset) != rows ||
      sp_dataset_row_length(dataset) != row_length) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: %s is %llu x %llu, the file's attributes say %llu x %llu", survey->path, path,
                      (unsigned long long)sp_dataset_rows(dataset), (unsigned long long)sp_dataset_row_length(dataset),
                      (unsigned long long)rows, (unsigned long long)row_length);
  }
  sp_dataset_close(dataset);
  return status;
}

static sp_status read_info(sp_survey *survey) {
  sp_survey_info *info = &survey->info;
  int64_t n_traces, n_samples;
  SP_TRY(check_version(survey));
  SP_TRY(sp_survey_get_int(survey, "/", "n_traces", &n_traces));
  SP_TRY(sp_survey_get_int(survey, "/", "n_samples", &n_samples));
  SP_TRY(sp_survey_get_real(survey, "/", "sample_interval_us", &info->sample_interval_us));
  if (n_traces < 0 || n_samples < 1 || n_samples > UINT32_MAX || !(info->sample_interval_us > 0)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %lld traces of %lld samples at %g us cannot be", survey->path,
                    (long long)n_traces, (long long)n_samples, info->sample_interval_us);
  }
  info->n_traces = (uint64_t)n_traces;
  info->n_samples = (uint32_t)n_samples;
  SP_TRY(get_name(survey, "/", "uuid", sizeof info->uuid, info->uuid));
  SP_TRY(get_name(survey, "/", "created_by", sizeof info->created_by, info->created_by));
  SP_TRY(sp_survey_get_text(survey, "/", "history", &info->history));
  SP_TRY(check_shape(survey, "/traces", SP_FLOAT32, info->n_traces, info->n_samples));
  SP_TRY(get_name(survey, "/traces", "content", sizeof info->content, info->content));

  sp_dataset *first_trace;
  SP_TRY(sp_dataset_open(survey, "/gathers/first_trace", &first_trace));
  const uint64_t rows = sp_dataset_rows(first_trace);
  sp_dataset_close(first_trace);
  if (rows < 1) return SP_RAISE(SP_ERR_INPUT, "%s: /gathers/first_trace is empty", survey->path);
  info->n_gathers = rows - 1;
  SP_TRY(check_shape(survey, "/gathers/first_trace", SP_UINT64, rows, 1));
  SP_TRY(check_shape(survey, "/gathers/key", SP_INT64, info->n_gathers, 1));
  return get_name(survey, "/gathers/key", "name", sizeof info->gather_key, info->gather_key);
}

/* What can be said without HDF5: the usual mistakes, each in one line. */
static sp_status check_path(const char *path) {
  struct stat entry;
  if (stat(path, &entry)) return SP_RAISE(SP_ERR_INPUT, "%s: no such file", path);
  if (S_ISDIR(entry.st_mode)) return SP_RAISE(SP_ERR_INPUT, "%s: a directory; allowed is a survey file", path);
  if (entry.st_size == 0) return SP_RAISE(SP_ERR_INPUT, "%s: an empty file", path);
  if (H5Fis_hdf5(path) <= 0) {
    H5Eclear2(H5E_DEFAULT);
    return SP_RAISE(SP_ERR_INPUT, "%s: not an HDF5 file; SEG-Y and SU come in through `seisproc import`", path);
  }
  return SP_SUCCESS;
}

static sp_status open_file(sp_survey *survey) {
  sp_status status;
  hid_t access = H5I_INVALID_HID;
  MPI_Info hints = MPI_INFO_NULL;
  SP_TRY_GOTO(out, SP_H5_ID(access, H5Pcreate(H5P_FILE_ACCESS)));
  if (survey->comm != MPI_COMM_NULL) {
    /* Each rank's rows are one contiguous block: gathering them on aggregators would only copy them once more. */
    SP_TRY_GOTO(out, SP_MPI(MPI_Info_create(&hints)));
    static const char *const hint[] = {"romio_cb_read", "romio_cb_write", "romio_ds_read", "romio_ds_write"};
    for (int i = 0; i < 4; i++) SP_TRY_GOTO(out, SP_MPI(MPI_Info_set(hints, hint[i], "disable")));
    SP_TRY_GOTO(out, SP_H5(H5Pset_fapl_mpio(access, survey->comm, hints)));
    SP_TRY_GOTO(out, SP_H5(H5Pset_all_coll_metadata_ops(access, true)));
  }
  survey->file = H5Fopen(survey->path, survey->writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY, access);
  if (survey->file < 0) {
    char why[256];
    sp_h5_error_text(why, sizeof why);
    status = SP_RAISE(SP_ERR_INPUT, "%s: cannot be opened: %s", survey->path, why);
  }
out:
  if (hints != MPI_INFO_NULL) MPI_Info_free(&hints);
  if (access >= 0) H5Pclose(access);
  return status;
}

/* Opens for one process, or for the communicator that survey->comm already holds. */
static sp_status open_survey(sp_survey *survey, const char *path, bool writable) {
  survey->writable = writable;
  SP_TRY(sp_strdup(path, &survey->path));
  if (survey->comm == MPI_COMM_NULL) SP_TRY(check_path(path));
  SP_TRY(open_file(survey));
  return read_info(survey);
}

static sp_status open_independent(const char *path, bool writable, sp_survey **out) {
  sp_survey *survey;
  SP_TRY(sp_calloc(1, sizeof *survey, "a survey", (void **)&survey));
  survey->file = H5I_INVALID_HID;
  survey->comm = MPI_COMM_NULL;
  const sp_status status = open_survey(survey, path, writable);
  if (status != SP_SUCCESS) {
    sp_survey_close(survey);
    return status;
  }
  *out = survey;
  return SP_SUCCESS;
}

/* Rank 0 looks first, by itself, so that a bad file is one line however many ranks there are. */
static sp_status look_first(MPI_Comm comm, const char *path) {
  int rank;
  SP_TRY(SP_MPI(MPI_Comm_rank(comm, &rank)));
  sp_status status = SP_SUCCESS;
  if (rank == 0) {
    sp_survey *survey = NULL;
    status = open_independent(path, false, &survey);
    sp_survey_close(survey);
  }
  return sp_agree(comm, status);
}

sp_status sp_survey_open(MPI_Comm comm, const char *path, bool writable, sp_survey **out) {
  sp_h5_start();
  if (comm == MPI_COMM_NULL) return open_independent(path, writable, out);

  SP_TRY(look_first(comm, path));
  sp_survey *survey = NULL;
  sp_status status = sp_calloc(1, sizeof *survey, "a survey", (void **)&survey);
  SP_TRY_GOTO(fail, sp_agree(comm, status));
  survey->file = H5I_INVALID_HID;
  survey->comm = MPI_COMM_NULL;
  SP_TRY_GOTO(fail, SP_MPI(MPI_Comm_dup(comm, &survey->comm)));
  status = open_survey(survey, path, writable);
  SP_TRY_GOTO(fail, sp_agree(comm, status));
  *out = survey;
  return SP_SUCCESS;
fail:
  sp_survey_close(survey);
  return status;
}

void sp_survey_close(sp_survey *survey) {
  if (!survey) return;
  if (survey->file >= 0) H5Fclose(survey->file);
  if (survey->comm != MPI_COMM_NULL) MPI_Comm_free(&survey->comm);
  sp_free(survey->info.history);
  sp_free(survey->path);
  sp_free(survey);
}

const sp_survey_info *sp_survey_get_info(const sp_survey *survey) {
  return &survey->info;
}

static sp_status read_whole(sp_survey *survey, const char *path, sp_type type, uint64_t n, void **out) {
  sp_dataset *dataset;
  void *rows = NULL;
  SP_TRY(sp_dataset_open(survey, path, &dataset));
  sp_status status = sp_alloc(n * sp_type_size(type), path, &rows);
  /* in pieces that a 32-bit row count can say */
  for (uint64_t first = 0; first < n && status == SP_SUCCESS;) {
    const uint64_t left = n - first, piece = left < (1u << 30) ? left : (1u << 30);
    status = sp_dataset_read_independent(dataset, first, (sp_local)piece, (char *)rows + first * sp_type_size(type));
    first += piece;
  }
  sp_dataset_close(dataset);
  if (status != SP_SUCCESS) {
    sp_free(rows);
    return status;
  }
  *out = rows;
  return SP_SUCCESS;
}

sp_status sp_survey_read_index(sp_survey *survey, bool with_keys, sp_gather_index **out) {
  const sp_survey_info *info = &survey->info;
  void *first_trace = NULL, *key = NULL;
  SP_TRY(read_whole(survey, "/gathers/first_trace", SP_UINT64, info->n_gathers + 1, &first_trace));
  if (with_keys) {
    const sp_status status = read_whole(survey, "/gathers/key", SP_INT64, info->n_gathers, &key);
    if (status != SP_SUCCESS) {
      sp_free(first_trace);
      return status;
    }
  }
  return sp_gather_index_create(survey->path, info->n_gathers, info->n_traces, first_trace, key, out);
}

sp_status sp_survey_each_header(const sp_survey *survey,
                                sp_status (*visit)(const char *name, sp_type type, const char *units, void *context),
                                void *context) {
  if (!sp_survey_has(survey, "/headers")) return SP_SUCCESS;
  H5G_info_t group;
  SP_TRY(SP_H5(H5Gget_info_by_name(survey->file, "/headers", &group, H5P_DEFAULT)));
  for (hsize_t i = 0; i < group.nlinks; i++) {
    char name[SP_NAME_LENGTH + 1], path[SP_NAME_LENGTH + 16];
    SP_TRY(SP_H5(
        H5Lget_name_by_idx(survey->file, "/headers", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT)));
    snprintf(path, sizeof path, "/headers/%s", name);
    sp_dataset *dataset;
    SP_TRY(sp_dataset_open((sp_survey *)(uintptr_t)survey, path, &dataset));
    const sp_type type = sp_dataset_type(dataset);
    sp_dataset_close(dataset);
    char *units = NULL;
    if (H5Aexists_by_name(survey->file, path, "units", H5P_DEFAULT) > 0) {
      SP_TRY(sp_survey_get_text(survey, path, "units", &units));
    }
    const sp_status status = visit(name, type, units, context);
    sp_free(units);
    SP_TRY(status);
  }
  return SP_SUCCESS;
}

sp_status sp_survey_sync(sp_survey *survey) {
  return SP_H5(H5Fflush(survey->file, H5F_SCOPE_GLOBAL));
}
