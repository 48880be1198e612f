/* SPDX-License-Identifier: BSD-3-Clause */
/* Survey files of others. The input is a recipe, records of 8 bytes: each changes a good survey in one place, by way of
 * HDF5 itself: attributes and datasets of any type, shape, storage and value, links, groups, missing things, a file
 * that ends early. (HDF5's own reading of damaged metadata is not what is tested here.) Then everything that reads a
 * survey is tried on it. The mutator changes, moves, adds and removes records. */
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/export.h"
#include "seisproc/memory.h"
#include "seisproc/survey_file.h"
#include "seisproc/trace_store.h"
#include "src/run/verify.h"
#include "tests/fuzz/fuzz.h"

enum { N_TRACES = 12, N_SAMPLES = 8, N_GATHERS = 3, RECORD = 8, MAX_RECORDS = 24 };

typedef struct record {
  uint8_t operation, target, name, type, shape, storage;
  int16_t value;
} record;

_Static_assert(sizeof(record) == RECORD, "a record is 8 bytes");

static const char *const targets[] = {"/",
                                      "/traces",
                                      "/noise",
                                      "/headers",
                                      "/headers/offset",
                                      "/headers/cdpx",
                                      "/headers/extra",
                                      "/gathers",
                                      "/gathers/first_trace",
                                      "/gathers/key",
                                      "/segy",
                                      "/segy/text_header",
                                      "/segy/binary_header",
                                      "/segy/trace_headers",
                                      "/segy/extended_text",
                                      "/segy/trailer",
                                      "/segy/exact",
                                      "/segy/exact/traces",
                                      "/segy/exact/samples",
                                      "/integrity",
                                      "/integrity/crc32c",
                                      "/integrity/status",
                                      "/sort_map",
                                      "/other"};
static const char *const attributes[] = {"format",
                                         "format_version",
                                         "n_traces",
                                         "n_samples",
                                         "sample_interval_us",
                                         "uuid",
                                         "created_by",
                                         "history",
                                         "content",
                                         "name",
                                         "units",
                                         "kind",
                                         "byte_order",
                                         "revision",
                                         "job",
                                         "input_uuid",
                                         "results_version",
                                         "sample_byte_order",
                                         "extra"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static hid_t type_of(uint8_t choice) {
  const hid_t types[] = {H5T_IEEE_F32LE,     H5T_STD_I32LE,  H5T_STD_U64LE,   H5T_STD_I64LE, H5T_STD_U8LE,
                         H5T_IEEE_F64LE,     H5T_IEEE_F32BE, H5T_STD_I16BE,   H5T_STD_U32LE, H5T_STD_I8LE,
                         H5T_NATIVE_LDOUBLE, H5T_STD_B16LE,  H5T_STD_REF_OBJ, H5T_C_S1,      H5T_UNIX_D32LE};
  return types[choice % COUNT(types)];
}

static hsize_t size_of(uint8_t choice) {
  const hsize_t sizes[] = {N_TRACES, N_SAMPLES, N_GATHERS, N_GATHERS + 1, 0,          1,           2, 240, 3200, 400,
                           25,       300,       1u << 20,  1ull << 33,    1ull << 62, N_TRACES * 2};
  return sizes[choice % COUNT(sizes)];
}

/* --- making the file -------------- */

static void remove_object(hid_t file, const char *path) {
  if (strcmp(path, "/") && H5Lexists(file, path, H5P_DEFAULT) > 0) H5Ldelete(file, path, H5P_DEFAULT);
}

static void set_attribute(hid_t file, const record *r, const char *path, const char *name) {
  static const char *const texts[] = {
      "seisproc",  "input",
      "big",       "segy",
      "",          "\x1b[2J\x9b",
      "fldr",      "su",
      "processed", "a long text: 0123456789012345678901234567890123456789012345678901234567890123"};
  double real = r->value / 64.0;
  const char *text = texts[(uint16_t)r->value % COUNT(texts)];
  hsize_t dims[2] = {size_of(r->shape >> 4) % 5000, 2};
  const hid_t space = r->shape % 8 == 0   ? H5Screate(H5S_NULL)
                      : r->shape % 8 == 1 ? H5Screate_simple(r->shape % 16 > 8 ? 2 : 1, dims, NULL)
                                          : H5Screate(H5S_SCALAR);
  const bool is_text = r->storage & 1, variable = r->storage & 2;
  const hid_t type = is_text ? H5Tcopy(H5T_C_S1) : H5Tcopy(type_of(r->type));
  if (is_text) H5Tset_size(type, variable ? H5T_VARIABLE : strlen(text) + (r->storage & 4 ? 1 : 0));
  if (is_text && r->storage & 8) H5Tset_strpad(type, H5T_STR_SPACEPAD);
  H5Adelete_by_name(file, path, name, H5P_DEFAULT);
  const hid_t id = H5Acreate_by_name(file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const bool scalar = H5Sget_simple_extent_type(space) == H5S_SCALAR;
  if (id >= 0 && scalar && is_text) H5Awrite(id, type, variable ? (const void *)&text : (const void *)text);
  if (id >= 0 && scalar && !is_text) H5Awrite(id, H5T_NATIVE_DOUBLE, &real);
  if (id >= 0) H5Aclose(id);
  H5Tclose(type);
  H5Sclose(space);
}

static hid_t creation_of(const record *r, const hsize_t *dims, int n_dims) {
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk[3] = {16, 2, 1};
  switch (r->storage % 8) {
  case 0:
    break; /* contiguous, allocated when it is written */
  case 1:
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    break;
  case 2:
    H5Pset_layout(creation, H5D_COMPACT);
    break;
  case 3:
  case 4:
    H5Pset_chunk(creation, n_dims, chunk);
    if (r->storage % 8 == 4) H5Pset_deflate(creation, 1);
    break;
  case 5:
    H5Pset_external(creation, fuzz_path("secret"), 0, H5F_UNLIMITED);
    break;
  default:
    H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    break;
  }
  return creation;
}

static void set_dataset(hid_t file, const record *r, const char *path) {
  const int n_dims = r->name % 4;
  const hsize_t dims[3] = {size_of(r->shape), size_of(r->shape >> 4), 2};
  /* more elements than these are declared and never written */
  const bool small = dims[0] <= 4096 && (n_dims < 2 || (dims[1] <= 4096 && dims[0] * dims[1] <= 1 << 15));
  if (!small && r->storage % 8 == 1) return; /* it would be allocated */
  remove_object(file, path);
  const hid_t space = n_dims ? H5Screate_simple(n_dims, dims, NULL) : H5Screate(H5S_SCALAR);
  const hid_t creation = creation_of(r, dims, n_dims ? n_dims : 1), links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  const hid_t id = H5Dcreate2(file, path, type_of(r->type), space, links, creation, H5P_DEFAULT);
  if (id >= 0 && small && r->value > 0) {
    double *values = calloc((size_t)H5Sget_simple_extent_npoints(space) + 1, sizeof *values);
    for (hssize_t i = 0; values && i < H5Sget_simple_extent_npoints(space); i++) {
      values[i] = r->value < 64 ? (double)(i * r->value) : r->value;
    }
    if (values) H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    free(values);
  }
  if (id >= 0) H5Dclose(id);
  H5Pclose(links);
  H5Pclose(creation);
  H5Sclose(space);
}

/* One element of a dataset. */
static void set_value(hid_t file, const record *r, const char *path) {
  static const double extremes[] = {-1, 1e18, -1e18, 1e300, 4294967296.0, 2147483648.0, 65536, 0};
  const hid_t id = H5Dopen2(file, path, H5P_DEFAULT), space = id < 0 ? -1 : H5Dget_space(id);
  hsize_t at[2] = {r->name, r->shape}, one = 1;
  const int n_dims = space < 0 ? 0 : H5Sget_simple_extent_ndims(space);
  if ((n_dims == 1 || n_dims == 2) && H5Sselect_elements(space, H5S_SELECT_SET, 1, at) >= 0 &&
      H5Sselect_valid(space) > 0) {
    const double value = r->storage & 1 ? extremes[(uint16_t)r->value % COUNT(extremes)] : r->value;
    const hid_t memory = H5Screate_simple(1, &one, NULL);
    H5Dwrite(id, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, &value);
    H5Sclose(memory);
  }
  if (space >= 0) H5Sclose(space);
  if (id >= 0) H5Dclose(id);
}

static void set_link(hid_t file, const record *r, const char *path) {
  const char *to = targets[r->name % COUNT(targets)];
  if (!strcmp(path, "/") || !strcmp(path, to)) return;
  remove_object(file, path);
  switch (r->storage % 3) {
  case 0:
    H5Lcreate_soft(to, file, path, H5P_DEFAULT, H5P_DEFAULT);
    break;
  case 1:
    H5Lcreate_external(fuzz_path("base.h5"), to, file, path, H5P_DEFAULT, H5P_DEFAULT);
    break;
  default:
    H5Lcreate_hard(file, to, file, path, H5P_DEFAULT, H5P_DEFAULT);
    break;
  }
}

static void set_compound(hid_t file, const char *path, const char *name) {
  const hid_t type = H5Tcreate(H5T_COMPOUND, 16), space = H5Screate(H5S_SCALAR);
  H5Tinsert(type, "a", 0, H5T_NATIVE_DOUBLE);
  H5Tinsert(type, "b", 8, H5T_NATIVE_INT);
  H5Adelete_by_name(file, path, name, H5P_DEFAULT);
  const hid_t id = H5Acreate_by_name(file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (id >= 0) H5Aclose(id);
  H5Sclose(space);
  H5Tclose(type);
}

static void apply(hid_t file, const record *r) {
  const char *path = targets[r->target % COUNT(targets)], *name = attributes[r->name % COUNT(attributes)];
  switch (r->operation % 9) {
  case 0:
    H5Adelete_by_name(file, path, name, H5P_DEFAULT);
    break;
  case 1:
    set_attribute(file, r, path, name);
    break;
  case 2:
    remove_object(file, path);
    break;
  case 3:
  case 4:
    if (strcmp(path, "/")) set_dataset(file, r, path);
    break;
  case 5:
    set_value(file, r, path);
    break;
  case 6:
    set_link(file, r, path);
    break;
  case 7:
    remove_object(file, path);
    if (strcmp(path, "/")) H5Gclose(H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    break;
  default:
    set_compound(file, path, name);
    break;
  }
}

static void create_base(const char *path) {
  const sp_survey_info info = {.n_traces = N_TRACES,
                               .n_samples = N_SAMPLES,
                               .sample_interval_us = 2000,
                               .uuid = "00000000-0000-4000-8000-000000000000",
                               .created_by = "fuzz",
                               .gather_key = "fldr",
                               .content = "processed",
                               .history = "made"};
  const sp_dataset_spec datasets[] = {
      {"/traces", SP_FLOAT32, N_TRACES, N_SAMPLES, NULL},
      {"/noise", SP_FLOAT32, N_TRACES, N_SAMPLES, NULL},
      {"/headers/offset", SP_INT32, N_TRACES, 0, "m"},
      {"/headers/cdpx", SP_FLOAT64, N_TRACES, 0, NULL},
      {"/gathers/first_trace", SP_UINT64, N_GATHERS + 1, 0, NULL},
      {"/gathers/key", SP_INT64, N_GATHERS, 0, NULL},
      {"/segy/trace_headers", SP_UINT8, N_TRACES, 240, NULL},
      {"/segy/text_header", SP_UINT8, 3200, 0, NULL},
      {"/segy/binary_header", SP_UINT8, 400, 0, NULL},
      {"/segy/trailer", SP_UINT8, 7, 0, NULL},
      {"/segy/exact/traces", SP_UINT64, 2, 0, NULL},
      {"/segy/exact/samples", SP_UINT8, 2, N_SAMPLES * 4, NULL},
      {"/integrity/crc32c", SP_UINT32, N_GATHERS, 2, NULL},
      {"/integrity/status", SP_UINT8, N_GATHERS, 0, NULL},
      {"/sort_map", SP_UINT64, N_TRACES, 0, NULL},
  };
  const sp_attribute_spec attributes_made[] = {
      {"/segy", "kind", SP_ATTR_TEXT, .text = "segy"},
      {"/segy", "byte_order", SP_ATTR_TEXT, .text = "big"},
      {"/segy", "revision", SP_ATTR_TEXT, .text = "1.0"},
      {"/segy", "format", SP_ATTR_INT, .integer = 5},
      {"/segy", "n_samples", SP_ATTR_INT, .integer = N_SAMPLES},
      {"/segy", "sample_interval_us", SP_ATTR_REAL, .real = 2000},
      {"/", "job", SP_ATTR_TEXT, .text = "mode: both\n"},
      {"/", "input_uuid", SP_ATTR_TEXT, .text = "00000000-0000-4000-8000-000000000000"},
  };
  FUZZ_CHECK(sp_survey_create(path, &info, datasets, COUNT(datasets), attributes_made, COUNT(attributes_made)) ==
                 SP_SUCCESS,
             "no survey can be made");
  sp_survey *survey;
  sp_dataset *first_trace;
  const uint64_t bounds[N_GATHERS + 1] = {0, 5, 5, N_TRACES};
  FUZZ_CHECK(sp_survey_open(MPI_COMM_NULL, path, true, &survey) == SP_SUCCESS &&
                 sp_dataset_open(survey, "/gathers/first_trace", &first_trace) == SP_SUCCESS &&
                 sp_dataset_write(first_trace, 0, N_GATHERS + 1, bounds) == SP_SUCCESS,
             "no survey can be written");
  sp_dataset_close(first_trace);
  sp_survey_close(survey);
}

static void make_survey(const char *path, const record *records, size_t n, uint8_t end) {
  static uint8_t *base;
  static size_t bytes;
  if (!base) {
    create_base(fuzz_path("base.h5"));
    base = fuzz_read(fuzz_path("base.h5"), &bytes);
    fuzz_write(fuzz_path("secret"), "root:x:0:0: not yours", 21);
  }
  fuzz_write(path, base, bytes);
  const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
  for (size_t i = 0; file >= 0 && i < n; i++) apply(file, &records[i]);
  if (file >= 0) H5Fclose(file);
  H5Eclear2(H5E_DEFAULT);
  size_t now;
  uint8_t *bytes_now = fuzz_read(path, &now);
  free(bytes_now);
  if (bytes_now && end > 200 && truncate(path, (off_t)(now - now * (end - 200u) / 64)) != 0) return;
}

/* --- reading it -------------- */

static sp_status see_header(const char *name, sp_type type, const char *units, void *context) {
  return SP_SUCCESS;
}

static sp_status see_path(const char *path, void *context) {
  return SP_SUCCESS;
}

static void read_ends(sp_survey *survey, const char *path) {
  sp_dataset *dataset;
  if (sp_dataset_open(survey, path, &dataset) != SP_SUCCESS) return;
  const uint64_t rows = sp_dataset_rows(dataset);
  void *row = malloc(sp_dataset_row_length(dataset) * sp_type_size(sp_dataset_type(dataset)) + 1);
  if (row && rows) {
    sp_dataset_read_independent(dataset, 0, 1, row);
    sp_dataset_read(dataset, rows - 1, 1, row);
  }
  free(row);
  sp_dataset_close(dataset);
}

static void derive(const sp_survey *survey) {
  const sp_survey_info *info = sp_survey_get_info(survey);
  const sp_dataset_spec datasets[] = {{"/traces", SP_FLOAT32, 1, 1, NULL}};
  sp_survey_info small = *info;
  small.n_traces = small.n_samples = 1;
  sp_survey_derive(survey, fuzz_path("derived.h5"), &small, datasets, 1, NULL, 0);
}

static void read_all(const char *path) {
  sp_survey *survey;
  sp_gather_index *index;
  sp_trace_source *source;
  if (sp_survey_open(MPI_COMM_NULL, path, false, &survey) != SP_SUCCESS) return;
  const sp_survey_info *info = sp_survey_get_info(survey);
  for (const char *c = info->history; *c; c++) FUZZ_CHECK(*c != '\x1b', "a control character in a text");
  if (sp_survey_read_index(survey, true, &index) == SP_SUCCESS) sp_gather_index_destroy(index);
  sp_survey_each_header(survey, see_header, NULL);
  sp_survey_each_trace_dataset(survey, see_path, NULL);
  for (size_t i = 1; i < COUNT(targets); i++) read_ends(survey, targets[i]);
  if (sp_trace_source_open(survey, "/traces", &source) == SP_SUCCESS) sp_trace_source_close(source);
  derive(survey);
  sp_survey_close(survey);
}

static void check_secret(const char *name) {
  size_t n;
  uint8_t *bytes = fuzz_read(fuzz_path(name), &n);
  FUZZ_CHECK(!bytes || !memmem(bytes, n, "root:x", 6), "another file was taken along");
  free(bytes);
  unlink(fuzz_path(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  record records[MAX_RECORDS];
  const size_t n = size / RECORD < MAX_RECORDS ? size / RECORD : MAX_RECORDS;
  const char *path = fuzz_path("spoiled.h5");
  memcpy(records, data, n * RECORD);
  make_survey(path, records, n, size % RECORD ? data[size - 1] : 0);
  read_all(path);
  const sp_verify_options verify = {.name_all = true};
  sp_verify_report report;
  sp_verify(MPI_COMM_NULL, path, &verify, &report);
  const sp_export_options as_it_was = {.input = path, .output = fuzz_path("out"), .dataset = "traces", .quiet = true};
  sp_export(MPI_COMM_NULL, &as_it_was);
  check_secret("out");
  const sp_export_options as_su = {
      .input = path, .output = fuzz_path("out.su"), .dataset = "noise", .kind = SP_KIND_SU, .quiet = true};
  sp_export(MPI_COMM_NULL, &as_su);
  check_secret("out.su");
  check_secret("derived.h5");
  unlink(path);
  return 0;
}

/* --- the mutator -------------- */

#ifdef FUZZ_MUTATOR
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  const size_t n = size / RECORD, room = max_size / RECORD < MAX_RECORDS ? max_size / RECORD : MAX_RECORDS;
  const size_t at = n ? seed / 16 % n : 0;
  uint8_t *record_at = data + at * RECORD;
  switch (seed % 8) {
  case 0: /* one more, of any bytes */
    if (n >= room) break;
    memset(data + n * RECORD, (int)(seed >> 8), RECORD);
    LLVMFuzzerMutate(data + n * RECORD, RECORD, RECORD);
    return (n + 1) * RECORD;
  case 1: /* one less */
    if (n < 2) break;
    memmove(record_at, record_at + RECORD, (n - at - 1) * RECORD);
    return (n - 1) * RECORD;
  case 2: /* the same again, to be changed later */
    if (n == 0 || n >= room) break;
    memcpy(data + n * RECORD, record_at, RECORD);
    return (n + 1) * RECORD;
  case 3: /* a byte that says how the file ends */
    if (n * RECORD + 1 > max_size) break;
    data[n * RECORD] = (uint8_t)(seed >> 8);
    return n * RECORD + 1;
  default:
    break;
  }
  if (n == 0) return LLVMFuzzerMutate(data, size, max_size);
  record_at[seed / 16 % RECORD] = (uint8_t)(seed >> 20);
  LLVMFuzzerMutate(record_at, RECORD, RECORD);
  return n * RECORD;
}
#endif
