/* SPDX-License-Identifier: BSD-3-Clause */
/* Packed chunks. The first bytes of an input say how a chunk is made, the rest is its rows, or what is read in its
 * place. What is packed comes back, bit for bit where no bound says otherwise, whatever the bytes; what was never
 * packed or was changed since is unpacked into exactly the room that is due, or refused. One input in some is put into
 * a survey file, by way of HDF5, with a chunk, a filter mask and filter parameters of its own, and that is read as any
 * command reads it. */
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/memory.h"
#include "seisproc/survey_file.h"
#include "src/pack/packer.h"
#include "tests/fuzz/fuzz.h"

/* How a chunk is made, and what is done with it. */
typedef struct recipe {
  uint8_t what, codec, level, rows, row_length, element, skipped, changes;
  uint16_t value[4]; /* in the place of filter parameters */
} recipe;

enum { MOST_ROWS = 64, MOST_LENGTH = 300, N_GATHERS = 2 };

static sp_chunk_form form_of(const recipe *r) {
  static const uint32_t elements[] = {4, 4, 8, 1};
  static const int levels[] = {0, 1, 3, 9};
  sp_chunk_form form;
  const sp_pack_how how = {.codec = (sp_codec)(r->codec % SP_N_CODECS),
                           .level = levels[r->level % 4],
                           .tolerance = ldexp(1, r->value[0] % 40 - 20),
                           .zfp_dims = 1 + r->value[1] % 2,
                           .samples = r->level / 4 % 2};
  const uint32_t element = how.codec == SP_CODEC_ZFP ? 4 : elements[r->element % 4];
  FUZZ_CHECK(sp_chunk_form_make(&how, 1 + r->rows % MOST_ROWS, 1 + (r->row_length * 5u) % MOST_LENGTH, element,
                                &form) == SP_SUCCESS,
             "a form cannot be made");
  return form;
}

/* In a block of exactly its size, so that what is read behind it is seen. */
static void *exactly(const void *bytes, size_t n, size_t room) {
  char *block = malloc(room ? room : 1);
  FUZZ_CHECK(block != NULL, "no memory");
  memset(block, 0, room);
  memcpy(block, bytes, n);
  return block;
}

static void *rows_of(const uint8_t *data, size_t size, size_t bytes) {
  char *rows = malloc(bytes);
  FUZZ_CHECK(rows != NULL, "no memory");
  for (size_t i = 0; i < bytes; i++) rows[i] = size ? (char)data[i % size] : 0;
  return rows;
}

/* False: it was refused. */
static bool unpack(const sp_chunk_form *form, const void *bytes, size_t n, uint32_t skipped, char *back) {
  sp_packed_chunk look = {0};
  sp_packer *packer;
  FUZZ_CHECK(sp_packer_create(form, &packer) == SP_SUCCESS, "no packer");
  const bool good = sp_packed_chunk_look(&look, form, bytes, n, skipped) && sp_packer_unpack_all(packer, &look, back);
  sp_packed_chunk_free(&look);
  sp_packer_destroy(packer);
  return good;
}

static void there_and_back(const sp_chunk_form *form, const char *rows, const recipe *r, bool lossless) {
  const size_t bytes = sp_chunk_bytes(form), room = sp_chunk_room(form);
  unsigned char *out = calloc(1, room);
  char *back = malloc(bytes);
  size_t n = 0;
  uint32_t skipped = 0;
  sp_packer *packer;
  FUZZ_CHECK(out && back && sp_packer_create(form, &packer) == SP_SUCCESS, "no memory");
  FUZZ_CHECK(sp_packer_pack(packer, rows, lossless, out, &n, &skipped) == SP_SUCCESS && n <= bytes, "cannot be packed");
  sp_packer_destroy(packer);
  FUZZ_CHECK(unpack(form, out, n, skipped, back), "what was packed is refused");
  const bool zfp = form->filter[0].id == SP_FILTER_ZFP && form->n_filters && !(skipped & 1);
  FUZZ_CHECK(zfp || !memcmp(rows, back, bytes), "other bytes come back");
  /* and with some bits turned, or its end missing */
  for (int i = 0; i < r->changes % 4; i++) out[r->value[i] % n] ^= (unsigned char)(1u << r->value[i] % 8);
  if (r->changes & 64) n = 1 + r->value[3] % n;
  unpack(form, out, n, skipped ^ (r->changes & 128 ? r->skipped : 0u), back);
  free(back);
  free(out);
}

/* Bytes that nobody packed. */
static void unpack_anything(const sp_chunk_form *form, const uint8_t *data, size_t size, const recipe *r) {
  const size_t room = sp_chunk_room(form), n = size < room ? size : room;
  unsigned char *bytes = exactly(data, n, room);
  char *back = malloc(sp_chunk_bytes(form));
  FUZZ_CHECK(back != NULL, "no memory");
  unpack(form, bytes, n, r->skipped, back);
  free(back);
  free(bytes);
}

/* Parameters as a file may have them. True: they are taken. */
static bool spoil_form(sp_chunk_form *form, const recipe *r) {
  char why[256];
  for (int i = 0; i < form->n_filters; i++) {
    sp_chunk_filter *f = &form->filter[i];
    f->n_values = r->value[0] % (SP_FILTER_VALUES + 2);
    f->value[r->value[1] % SP_FILTER_VALUES] = (unsigned)r->value[2] << (r->value[3] % 17);
  }
  return sp_chunk_form_check(form, why, sizeof why);
}

/* --- in a file ------------------------------------------------------------------------------------------------- */

static void put(hid_t file, const char *path, hid_t type, hsize_t n, const void *values) {
  const hid_t space = H5Screate_simple(1, &n, NULL), links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  const hid_t id = H5Dcreate2(file, path, type, space, links, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  H5Dclose(id);
  H5Pclose(links);
  H5Sclose(space);
}

static void name_it(hid_t file) {
  const double interval = 4000;
  const hid_t space = H5Screate(H5S_SCALAR), text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, sizeof "seisproc");
  hid_t id = H5Acreate2(file, "format", text, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(id, text, "seisproc");
  H5Aclose(id);
  const int version = 1;
  id = H5Acreate2(file, "format_version", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(id, H5T_NATIVE_INT, &version);
  H5Aclose(id);
  id = H5Acreate2(file, "sample_interval_us", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(id, H5T_NATIVE_DOUBLE, &interval);
  H5Aclose(id);
  H5Tclose(text);
  H5Sclose(space);
}

static void put_traces(hid_t file, const sp_chunk_form *form, const uint8_t *data, size_t size, const recipe *r) {
  const hsize_t dims[2] = {form->rows * 2, form->row_length}, chunk[2] = {form->rows, form->row_length};
  const hid_t space = H5Screate_simple(2, dims, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(creation, 2, chunk);
  for (int i = 0; i < form->n_filters; i++) {
    H5Pset_filter(creation, form->filter[i].id, H5Z_FLAG_OPTIONAL, form->filter[i].n_values % (SP_FILTER_VALUES + 1),
                  form->filter[i].value);
  }
  const hid_t id = H5Dcreate2(file, "/traces", H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  for (hsize_t c = 0; id >= 0 && c < 2 && size; c++) {
    const hsize_t at[2] = {c * form->rows, 0};
    if (c == 1 && r->changes & 1) break; /* it was never written */
    H5Dwrite_chunk(id, H5P_DEFAULT, r->skipped, at, size, data);
  }
  if (id >= 0) H5Dclose(id);
  H5Pclose(creation);
  H5Sclose(space);
}

static void read_survey(const char *path) {
  sp_survey *survey;
  sp_dataset *traces;
  if (sp_survey_open(MPI_COMM_NULL, path, false, &survey) != SP_SUCCESS) return;
  if (sp_dataset_open(survey, "/traces", &traces) == SP_SUCCESS) {
    const uint64_t n = sp_dataset_rows(traces);
    float *rows = malloc(n * sp_dataset_row_length(traces) * sizeof *rows);
    FUZZ_CHECK(rows != NULL, "no memory");
    sp_dataset_read_independent(traces, 0, (sp_local)n, rows);
    sp_dataset_read_independent(traces, n / 2, 1, rows);
    sp_dataset_read_independent(traces, n - 1, 1, rows);
    free(rows);
    sp_dataset_close(traces);
  }
  sp_survey_close(survey);
}

static void through_a_file(const sp_chunk_form *form, const uint8_t *data, size_t size, const recipe *r) {
  const char *path = fuzz_path("packed.h5");
  const uint64_t first[N_GATHERS + 1] = {0, form->rows, form->rows * 2};
  const int64_t key[N_GATHERS] = {1, 2};
  unsigned plugins = 0;
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  FUZZ_CHECK(file >= 0, "no file can be made");
  H5PLget_loading_state(&plugins);
  H5PLset_loading_state(0);
  name_it(file);
  put(file, "/gathers/first_trace", H5T_STD_U64LE, N_GATHERS + 1, first);
  put(file, "/gathers/key", H5T_STD_I64LE, N_GATHERS, key);
  put_traces(file, form, data, size, r);
  H5Fclose(file);
  H5PLset_loading_state(plugins);
  H5Eclear2(H5E_DEFAULT);
  read_survey(path);
  unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  recipe r = {0};
  if (size < sizeof r) return 0;
  memcpy(&r, data, sizeof r);
  data += sizeof r;
  size -= sizeof r;
  sp_chunk_form form = form_of(&r);
  switch (r.what % 16) {
  case 0:
    if (form.element == 4) through_a_file(&form, data, size, &r);
    break;
  case 1:
    if (form.element == 4) spoil_form(&form, &r);
    if (form.element == 4) through_a_file(&form, data, size, &r);
    break;
  case 2:
  case 3:
    if (spoil_form(&form, &r)) unpack_anything(&form, data, size, &r);
    break;
  case 4:
  case 5:
  case 6:
    unpack_anything(&form, data, size, &r);
    break;
  default: {
    char *rows = rows_of(data, size, sp_chunk_bytes(&form));
    there_and_back(&form, rows, &r, r.what & 64);
    free(rows);
  }
  }
  return 0;
}
