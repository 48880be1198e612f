/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening a survey file, and what it says of itself. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/file_undo.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/ranks.h"
#include "src/base/thread_team.h"
#include "src/store/h5.h"
#include "src/store/packed.h"

bool sp_survey_has(const sp_survey *survey, const char *path) {
  return sp_h5_presence_of(survey->file, path) == SP_H5_PRESENT;
}

static sp_status missing(const sp_survey *survey, const char *object, const char *name) {
  return SP_RAISE(SP_ERR_INPUT, "%s: attribute '%s' of %s is missing", survey->path, name, object);
}

sp_status sp_survey_get_text(const sp_survey *survey, const char *object, const char *name, char **out) {
  char *text = NULL;
  SP_TRY(sp_h5_get_text(survey, object, name, &text));
  if (!text) return missing(survey, object, name);
  *out = text;
  return SP_SUCCESS;
}

sp_status sp_survey_get_int(const sp_survey *survey, const char *object, const char *name, int64_t *out) {
  bool found;
  SP_TRY(sp_h5_get_int(survey, object, name, out, &found));
  return found ? SP_SUCCESS : missing(survey, object, name);
}

sp_status sp_survey_get_real(const sp_survey *survey, const char *object, const char *name, double *out) {
  bool found;
  SP_TRY(sp_h5_get_real(survey, object, name, out, &found));
  return found ? SP_SUCCESS : missing(survey, object, name);
}

sp_status sp_survey_find_text(const sp_survey *survey, const char *object, const char *name, char **out) {
  return sp_h5_get_text(survey, object, name, out);
}

sp_status sp_survey_find_int(const sp_survey *survey, const char *object, const char *name, int64_t otherwise,
                             int64_t *out) {
  bool found;
  int64_t value;
  SP_TRY(sp_h5_get_int(survey, object, name, &value, &found));
  *out = found ? value : otherwise;
  return SP_SUCCESS;
}

/* A short text in a line of its own, or `without` where the file does not say. */
static sp_status get_name(const sp_survey *survey, const char *object, const char *name, const char *without,
                          size_t size, char *out) {
  char *text = NULL;
  SP_TRY(sp_h5_get_text(survey, object, name, &text));
  snprintf(out, size, "%s", text ? text : without);
  out[strcspn(out, "\n\t")] = '\0';
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

bool sp_survey_traces_are_native(const sp_survey *survey) {
  return survey->native_traces;
}

/* Opens a dataset, with all that is looked at then, and tells its rows. */
static sp_status count_rows(sp_survey *survey, const char *path, uint64_t *rows) {
  sp_dataset *dataset;
  SP_TRY(sp_dataset_open(survey, path, &dataset));
  *rows = sp_dataset_rows(dataset);
  if (!strcmp(path, "/traces")) survey->native_traces = sp_dataset_is_native(dataset);
  sp_dataset_close(dataset);
  return SP_SUCCESS;
}

/* The shape is that of /traces; where attributes say it too they must agree. */
static sp_status read_shape(sp_survey *survey) {
  static const char *const names[] = {"n_traces", "n_samples"};
  sp_survey_info *info = &survey->info;
  hsize_t dims[2] = {0, 0};
  const bool there = sp_survey_has(survey, "/traces");
  const hid_t traces = there ? H5Dopen2(survey->file, "/traces", H5P_DEFAULT) : H5I_INVALID_HID;
  const hid_t space = traces < 0 ? H5I_INVALID_HID : H5Dget_space(traces);
  const int n_dims = space < 0 ? 0 : H5Sget_simple_extent_ndims(space);
  if (n_dims == 2) H5Sget_simple_extent_dims(space, dims, NULL);
  if (space >= 0) H5Sclose(space);
  if (traces >= 0) H5Dclose(traces);
  H5Eclear2(H5E_DEFAULT);
  if (n_dims != 2) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %s; allowed is one of two dimensions, traces and samples", survey->path,
                    !there        ? "has no dataset /traces"
                    : n_dims == 0 ? "/traces is no dataset of its own"
                                  : "/traces has another number of dimensions");
  }
  for (int i = 0; i < 2; i++) {
    int64_t said;
    bool found;
    SP_TRY(sp_h5_get_int(survey, "/", names[i], &said, &found));
    if (!found || (said >= 0 && (uint64_t)said == dims[i])) continue;
    return SP_RAISE(SP_ERR_INPUT, "%s: /traces is %llu x %llu, the attribute '%s' says %lld", survey->path,
                    (unsigned long long)dims[0], (unsigned long long)dims[1], names[i], (long long)said);
  }
  if (dims[0] > INT64_MAX || dims[1] < 1 || dims[1] > UINT32_MAX) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %llu traces of %llu samples cannot be", survey->path,
                    (unsigned long long)dims[0], (unsigned long long)dims[1]);
  }
  info->n_traces = survey->file_traces = dims[0];
  info->n_samples = (uint32_t)dims[1];
  return SP_SUCCESS;
}

/* A file that does not name itself is known by its shape and its first samples. */
static sp_status derive_uuid(sp_survey *survey) {
  enum { LOOKED_AT = 1 << 20 };
  sp_survey_info *info = &survey->info;
  const uint64_t row = info->n_samples * sizeof(float), fits = LOOKED_AT / row ? LOOKED_AT / row : 1;
  const sp_local n = (sp_local)(info->n_traces < fits ? info->n_traces : fits);
  sp_dataset *traces;
  float *rows = NULL;
  char text[160];
  SP_TRY(sp_dataset_open(survey, "/traces", &traces));
  sp_status status = sp_alloc(n * row, "the first traces", &rows);
  if (status == SP_SUCCESS) status = sp_dataset_read_independent(traces, 0, n, rows);
  if (status == SP_SUCCESS) {
    snprintf(text, sizeof text, "%llu x %u every %.17g us, %llu bytes, %08x", (unsigned long long)info->n_traces,
             info->n_samples, info->sample_interval_us, (unsigned long long)survey->identity.bytes,
             sp_crc32c(0, rows, n * row));
    sp_uuid_derive(text, info->uuid);
  }
  sp_free(rows);
  sp_dataset_close(traces);
  return status;
}

/* What is said of a survey but not needed to process it. */
static sp_status read_decoration(sp_survey *survey) {
  sp_survey_info *info = &survey->info;
  SP_TRY(get_name(survey, "/", "uuid", "", sizeof info->uuid, info->uuid));
  if (!info->uuid[0]) SP_TRY(derive_uuid(survey));
  SP_TRY(get_name(survey, "/", "created_by", "unknown", sizeof info->created_by, info->created_by));
  SP_TRY(get_name(survey, "/traces", "content", "input", sizeof info->content, info->content));
  SP_TRY(get_name(survey, "/gathers/key", "name", "key", sizeof info->gather_key, info->gather_key));
  SP_TRY(sp_h5_get_text(survey, "/", "history", &info->history));
  return info->history ? SP_SUCCESS : sp_strdup("", &info->history);
}

static sp_status read_info(sp_survey *survey) {
  sp_survey_info *info = &survey->info;
  uint64_t rows;
  SP_TRY(check_version(survey));
  SP_TRY(read_shape(survey));
  SP_TRY(sp_survey_get_real(survey, "/", "sample_interval_us", &info->sample_interval_us));
  if (!(info->sample_interval_us >= 1e-6 && info->sample_interval_us <= 1e12)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: samples every %g us cannot be, allowed is 1e-6 to 1e12", survey->path,
                    info->sample_interval_us);
  }
  SP_TRY(count_rows(survey, "/traces", &rows));
  survey->file_gathers = UINT64_MAX - 1; /* any number of rows will do for now */
  SP_TRY(count_rows(survey, "/gathers/first_trace", &rows));
  if (rows < 1) return SP_RAISE(SP_ERR_INPUT, "%s: /gathers/first_trace is empty", survey->path);
  info->n_gathers = survey->file_gathers = rows - 1;
  SP_TRY(count_rows(survey, "/gathers/key", &rows));
  return read_decoration(survey);
}

/* What can be said without HDF5: the usual mistakes, each in one line. A FIFO would wait for whoever writes to it. */
static sp_status check_path(sp_survey *survey) {
  const char *path = survey->path;
  struct stat entry;
  survey->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (survey->fd < 0 || fstat(survey->fd, &entry) || !sp_file_identify_open(survey->fd, &survey->identity)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %s", path, errno == ENOENT ? "no such file" : strerror(errno));
  }
  if (S_ISDIR(entry.st_mode)) return SP_RAISE(SP_ERR_INPUT, "%s: a directory; allowed is a survey file", path);
  if (!S_ISREG(entry.st_mode)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: a device, FIFO or socket; allowed is a survey file", path);
  }
  bool undo_is_due = false;
  if (!survey->writable) SP_TRY(sp_file_undo_is_due(path, &undo_is_due));
  if (undo_is_due) {
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: its headers are being changed, or that was cut off; then `seisproc header %s` takes it back",
                    path, path);
  }
  if (entry.st_size == 0) return SP_RAISE(SP_ERR_INPUT, "%s: an empty file", path);
  if (H5Fis_hdf5(path) <= 0) {
    H5Eclear2(H5E_DEFAULT);
    return SP_RAISE(SP_ERR_INPUT, "%s: not an HDF5 file; SEG-Y and SU come in through `seisproc import`", path);
  }
  return SP_SUCCESS;
}

/* The name that MPI-IO opens. ROMIO takes what stands before a colon for a kind of file system, and leaves it out of
 * the name: where a path has a colon, another one is put before it. */
static sp_status name_for_mpi(const sp_survey *survey, char **name) {
  const char *kind = survey->comm != MPI_COMM_NULL && strchr(survey->path, ':') && sp_comm_io_is_romio() ? "ufs:" : "";
  const size_t size = strlen(kind) + strlen(survey->path) + 1;
  SP_TRY(sp_alloc(size, "a file name", name));
  snprintf(*name, size, "%s%s", kind, survey->path);
  return SP_SUCCESS;
}

static sp_status open_file(sp_survey *survey, const sp_io_hints *wanted) {
  sp_status status;
  char *name = NULL;
  hid_t access = H5I_INVALID_HID;
  SP_TRY_GOTO(out, SP_H5_ID(access, H5Pcreate(H5P_FILE_ACCESS)));
  if (survey->comm != MPI_COMM_NULL) {
    SP_TRY_GOTO(out, sp_io_hints_make(wanted, &survey->hints));
    SP_TRY_GOTO(out, SP_H5(H5Pset_fapl_mpio(access, survey->comm, survey->hints)));
    SP_TRY_GOTO(out, SP_H5(H5Pset_all_coll_metadata_ops(access, true)));
  } else if (survey->writable) { /* else HDF5 keeps rows back, and a write that fails is not told as such */
    SP_TRY_GOTO(out, SP_H5(H5Pset_sieve_buf_size(access, 0)));
  }
  SP_TRY_GOTO(out, name_for_mpi(survey, &name));
  survey->file = H5Fopen(name, survey->writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY, access);
  if (survey->file < 0) {
    char why[256];
    sp_h5_error_text(why, sizeof why);
    status = SP_RAISE(SP_ERR_INPUT, "%s: cannot be opened: %s", survey->path, why);
  } else if (survey->comm != MPI_COMM_NULL) {
    status = sp_io_hints_in_force(survey);
    if (wanted) sp_io_hints_show(survey);
  }
out:
  if (access >= 0) H5Pclose(access);
  sp_free(name);
  return status;
}

/* Opens for one process, or for the communicator that survey->comm already holds. */
static sp_status open_survey(sp_survey *survey, const char *path, bool writable, const sp_io_hints *hints) {
  survey->writable = writable;
  sp_status status = sp_strdup(path, &survey->path);
  if (status == SP_SUCCESS) status = check_path(survey);
  if (survey->comm != MPI_COMM_NULL) status = sp_agree(survey->comm, status);
  SP_TRY(status);
  status = open_file(survey, hints);
  if (status == SP_SUCCESS) status = read_info(survey);
  if (status == SP_SUCCESS && !writable) status = sp_survey_check_unchanged(survey);
  return sp_survey_forward(survey, status);
}

/* Nothing is open yet. */
static void begin(sp_survey *survey) {
  survey->file = survey->serial = H5I_INVALID_HID;
  survey->fd = -1;
  survey->comm = MPI_COMM_NULL;
  survey->hints = MPI_INFO_NULL;
}

static sp_status open_independent(const char *path, bool writable, sp_survey **out) {
  sp_survey *survey = NULL;
  SP_TRY(sp_calloc(1, sizeof *survey, "a survey", &survey));
  begin(survey);
  const sp_status status = open_survey(survey, path, writable, NULL);
  if (status != SP_SUCCESS) {
    sp_survey_close(survey);
    return status;
  }
  *out = survey;
  return SP_SUCCESS;
}

/* Rank 0 looks first, by itself, so that a bad file is one line however many ranks there are. */
static sp_status look_first(MPI_Comm comm, const char *path) {
  sp_status status = SP_SUCCESS;
  if (sp_ranks_of(comm).rank == 0) {
    sp_survey *survey = NULL;
    status = open_independent(path, false, &survey);
    sp_survey_close(survey);
  }
  return sp_agree(comm, status);
}

sp_status sp_survey_check_same(const sp_survey *survey, MPI_Comm comm) {
  char how[SP_IDENTITY_TEXT], host[64] = "?";
  sp_file_identity first = survey->identity;
  sp_status status = SP_SUCCESS;
  SP_MPI_ALL(MPI_Bcast(&first, sizeof first, MPI_BYTE, 0, comm));
  if (sp_file_identity_differs(&first, &survey->identity, false, how)) {
    gethostname(host, sizeof host - 1);
    status = SP_RAISE(SP_ERR_INPUT, "%s: is another file on %s than on the first node: %s", survey->path, host, how);
  }
  return sp_agree(comm, status);
}

sp_status sp_survey_open(MPI_Comm comm, const char *path, bool writable, sp_survey **out) {
  return sp_survey_open_hinted(comm, path, writable, NULL, out);
}

sp_status sp_survey_open_hinted(MPI_Comm comm, const char *path, bool writable, const sp_io_hints *hints,
                                sp_survey **out) {
  sp_h5_start();
  if (comm == MPI_COMM_NULL) return open_independent(path, writable, out); /* alike */

  SP_ALIKE(look_first(comm, path));
  sp_status status;
  sp_survey *survey = NULL;
  SP_ALIKE(sp_calloc_together(comm, 1, sizeof *survey, "a survey", &survey));
  begin(survey);
  SP_MPI_ALL(MPI_Comm_dup(comm, &survey->comm));
  status = open_survey(survey, path, writable, hints);
  SP_AGREE_GOTO(fail, comm, status);
  if (!writable) SP_ALIKE_GOTO(fail, sp_survey_check_same(survey, survey->comm));
  const sp_ranks ranks = sp_ranks_of(survey->comm);
  if (survey->serial >= 0) survey->n_threads = sp_store_threads(&ranks);
  *out = survey;
  return SP_SUCCESS;
fail:
  sp_survey_close(survey);
  return status;
}

sp_status sp_survey_open_independent(const char *path, bool writable, sp_survey **out) {
  return sp_survey_open(MPI_COMM_NULL, path, writable, out);
}

void sp_survey_close(sp_survey *survey) {
  if (!survey) return;
  sp_thread_team_destroy(survey->team);
  if (survey->serial >= 0 && survey->serial != survey->file) H5Fclose(survey->serial);
  if (survey->file >= 0) H5Fclose(survey->file);
  if (survey->fd >= 0) close(survey->fd);
  if (survey->hints != MPI_INFO_NULL) MPI_Info_free(&survey->hints);
  if (survey->comm != MPI_COMM_NULL) MPI_Comm_free(&survey->comm);
  sp_selection_destroy(survey->selection);
  sp_free(survey->info.history);
  sp_free(survey->path);
  sp_free(survey);
}

sp_file_identity sp_survey_identity(const sp_survey *survey) {
  return survey->identity;
}

sp_status sp_survey_check_unchanged(const sp_survey *survey) {
  return sp_file_check_unchanged(survey->path, &survey->identity);
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
  sp_survey_forward(survey, status);
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
  SP_TRY(sp_survey_forward(
      survey, sp_gather_index_create(survey->path, info->n_gathers, info->n_traces, first_trace, key, out)));
  snprintf((*out)->key_name, sizeof(*out)->key_name, "%s", info->gather_key);
  return SP_SUCCESS;
}

sp_status sp_survey_each_header(const sp_survey *survey,
                                sp_status (*visit)(const char *name, sp_type type, const char *units, void *context),
                                void *context) {
  char **names;
  if (!sp_survey_has(survey, "/headers")) return SP_SUCCESS;
  SP_TRY(sp_h5_names(survey, "/headers", &names));
  sp_status status = SP_SUCCESS;
  for (char **name = names; *name && status == SP_SUCCESS; name++) {
    char path[SP_NAME_LENGTH + 16];
    snprintf(path, sizeof path, "/headers/%s", *name);
    sp_dataset *dataset;
    SP_TRY_GOTO(out, sp_dataset_open((sp_survey *)(uintptr_t)survey, path, &dataset));
    const sp_type type = sp_dataset_type(dataset);
    sp_dataset_close(dataset);
    char *units = NULL;
    SP_TRY_GOTO(out, sp_h5_get_text(survey, path, "units", &units));
    status = visit(*name, type, units, context);
    sp_free(units);
  }
out:
  sp_free(names);
  return status;
}
