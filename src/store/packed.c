/* SPDX-License-Identifier: BSD-3-Clause */
/* Packed rows: chunks are read in two sets, one filled while the other is unpacked. */

/* HDF5 2 has another H5Dread_chunk by this name, unless told. */
#define H5Dread_chunk_vers 1

#include "src/store/packed.h"

#include <stdio.h>
#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "src/base/thread_team.h"

enum { N_SETS = 2, MOST_LOADS = 8, N_KEPT = 2, MAX_PATH = 256 };

/* A chunk that is kept unpacked. */
typedef struct kept {
  uint64_t chunk; /* UINT64_MAX: none */
  uint64_t used;  /* when */
  char *rows;
} kept;

/* A chunk on its way. */
typedef struct load {
  uint64_t chunk;
  unsigned char *bytes;
  size_t room;
  sp_packed_chunk look;
  uint32_t first_unit, end_unit;
  kept *keep; /* NULL: it goes to the caller's rows */
  bool bad;
} load;

typedef struct load_set {
  load loads[MOST_LOADS];
  int n;
  uint64_t n_items;
} load_set;

/* What the caller wants. */
typedef struct request {
  sp_global first, end;
  char *rows;
} request;

struct sp_packed {
  sp_survey *survey; /* borrowed */
  const char *path;
  sp_chunk_form form;
  uint64_t n_rows, n_chunks;
  size_t row_bytes;
  hid_t dataset; /* in survey->serial */
  uint32_t *crc; /* [n_chunks]; NULL: the file has none */
  kept kept[N_KEPT];
  uint64_t clock;
  load_set sets[N_SETS], *running;
  request request;
  int n_packers;
  sp_packer *packer[SP_STORE_THREADS]; /* one a thread */
  char *scratch[SP_STORE_THREADS];     /* for units of which only some rows are wanted */
  size_t scratch_bytes;
};

int sp_store_threads(const sp_ranks *ranks) {
  const int threads = sp_ranks_threads(ranks);
  return threads < SP_STORE_THREADS ? threads : SP_STORE_THREADS;
}

/* As make_packers, fill and oldest_kept take it. */
size_t sp_packed_memory(const sp_packed *p, int n_threads) {
  const size_t chunk = sp_chunk_bytes(&p->form), room = sp_chunk_room(&p->form);
  const size_t threads = (size_t)(n_threads < SP_STORE_THREADS ? n_threads : SP_STORE_THREADS);
  return N_SETS * (threads < MOST_LOADS ? threads : MOST_LOADS) * room + N_KEPT * chunk + threads * chunk;
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

bool sp_packed_describe(hid_t creation, int n_dims, uint64_t row_length, uint32_t element, sp_chunk_form *out,
                        char *why, size_t size) {
  hsize_t dims[2] = {0, 1};
  sp_chunk_form form = {.row_length = row_length, .element = element};
  const int n = H5Pget_nfilters(creation);
  if (H5Pget_chunk(creation, 2, dims) != n_dims || (n_dims == 2 && dims[1] != row_length)) {
    snprintf(why, size, "is stored in chunks of parts of rows, allowed are whole rows");
    return false;
  }
  if (n < 0 || n > SP_CHUNK_FILTERS) {
    snprintf(why, size, "is packed by %d filters, allowed are %d", n, SP_CHUNK_FILTERS);
    return false;
  }
  form.rows = dims[0];
  for (form.n_filters = 0; form.n_filters < n; form.n_filters++) {
    sp_chunk_filter *f = &form.filter[form.n_filters];
    size_t n_values = SP_FILTER_VALUES;
    unsigned flags, config;
    f->id = H5Pget_filter2(creation, (unsigned)form.n_filters, &flags, &n_values, f->value, 0, NULL, &config);
    f->n_values = n_values < UINT32_MAX ? (unsigned)n_values : UINT32_MAX;
  }
  *out = form;
  return sp_chunk_form_check(out, why, size);
}

/* A handle that this process has alone: chunks are read independently, whatever the survey was opened on. */
static sp_status open_serial(sp_survey *survey) {
  char why[256];
  if (survey->serial >= 0) return SP_SUCCESS;
  survey->serial = survey->comm == MPI_COMM_NULL ? survey->file : H5Fopen(survey->path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (survey->serial >= 0) return SP_SUCCESS;
  sp_h5_error_text(why, sizeof why);
  return SP_RAISE(SP_ERR_IO, "%s: cannot be opened: %s", survey->path, why);
}

/* A dataset of our own making, one block of as many uint32. */
static bool is_checksums(const sp_packed *p, hid_t dataset) {
  const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset), creation = H5Dget_create_plist(dataset);
  hsize_t n = 0;
  const bool good = H5Tequal(type, sp_h5_file_type(SP_UINT32)) > 0 && H5Sget_simple_extent_ndims(space) == 1 &&
                    H5Sget_simple_extent_dims(space, &n, NULL) == 1 && n == p->n_chunks &&
                    H5Pget_layout(creation) == H5D_CONTIGUOUS && H5Pget_external_count(creation) == 0 &&
                    n <= p->survey->identity.bytes / sizeof *p->crc;
  if (creation >= 0) H5Pclose(creation);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  return good;
}

static sp_status read_checksums(sp_packed *p) {
  char path[MAX_PATH];
  hid_t dataset;
  snprintf(path, sizeof path, "/packing/crc32c%s", p->path);
  if (sp_h5_presence_of(p->survey->serial, path) != SP_H5_PRESENT) return SP_SUCCESS;
  SP_TRY(SP_H5_ID(dataset, H5Dopen2(p->survey->serial, path, H5P_DEFAULT)));
  sp_status status = SP_SUCCESS;
  if (!is_checksums(p, dataset)) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: %s does not have a checksum for each chunk", p->survey->path, path);
  }
  if (status == SP_SUCCESS) status = sp_alloc(p->n_chunks * sizeof *p->crc, "checksums of chunks", &p->crc);
  if (status == SP_SUCCESS) {
    status = SP_H5(H5Dread(dataset, sp_h5_memory_type(SP_UINT32), H5S_ALL, H5S_ALL, H5P_DEFAULT, p->crc));
  }
  H5Dclose(dataset);
  H5Eclear2(H5E_DEFAULT);
  return status;
}

sp_status sp_packed_open(sp_survey *survey, const char *path, const sp_chunk_form *form, uint64_t rows,
                         sp_packed **out) {
  sp_status status;
  sp_packed *p;
  SP_TRY(sp_calloc(1, sizeof *p, "packed rows", &p));
  p->survey = survey;
  p->path = path;
  p->form = *form;
  p->n_rows = rows;
  p->n_chunks = (rows + form->rows - 1) / form->rows;
  p->row_bytes = form->row_length * form->element;
  p->dataset = H5I_INVALID_HID;
  for (int k = 0; k < N_KEPT; k++) p->kept[k].chunk = UINT64_MAX;
  SP_TRY_GOTO(fail, open_serial(survey));
  SP_TRY_GOTO(fail, read_checksums(p));
  SP_TRY_GOTO(fail, SP_H5_ID(p->dataset, H5Dopen2(survey->serial, path, H5P_DEFAULT)));
  *out = p;
  return SP_SUCCESS;
fail:
  sp_packed_close(p);
  return status;
}

void sp_packed_close(sp_packed *p) {
  if (!p) return;
  for (int s = 0; s < N_SETS; s++) {
    for (int i = 0; i < MOST_LOADS; i++) {
      sp_packed_chunk_free(&p->sets[s].loads[i].look);
      sp_free(p->sets[s].loads[i].bytes);
    }
  }
  for (int k = 0; k < N_KEPT; k++) sp_free(p->kept[k].rows);
  for (int t = 0; t < SP_STORE_THREADS; t++) {
    sp_packer_destroy(p->packer[t]);
    sp_free(p->scratch[t]);
  }
  if (p->dataset >= 0) H5Dclose(p->dataset);
  sp_free(p->crc);
  sp_free(p);
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

/* At the first read: a survey of which only the headers are looked at has no threads. */
static sp_status make_packers(sp_packed *p) {
  sp_survey *s = p->survey;
  if (p->n_packers) return SP_SUCCESS;
  const sp_ranks alone = sp_ranks_of(MPI_COMM_NULL);
  if (s->n_threads == 0) s->n_threads = sp_store_threads(&alone); /* of a survey that is open alone */
  if (!s->team && s->n_threads > 1) SP_TRY(sp_thread_team_create(s->n_threads, &s->team));
  for (int t = 0; t < s->n_threads; t++) SP_TRY(sp_packer_create(&p->form, &p->packer[t]));
  p->n_packers = s->n_threads;
  return SP_SUCCESS;
}

static sp_status make_scratch(sp_packed *p, size_t bytes) {
  if (bytes <= p->scratch_bytes) return SP_SUCCESS;
  for (int t = 0; t < p->n_packers; t++) {
    sp_free(p->scratch[t]);
    p->scratch[t] = NULL;
    SP_TRY(sp_alloc(bytes, "rows of a unit", &p->scratch[t]));
  }
  p->scratch_bytes = bytes;
  return SP_SUCCESS;
}

/* Of rows from `first` on at `from`, those that are wanted. */
static void copy_wanted(const sp_packed *p, const char *from, sp_global first, uint64_t n) {
  const request *r = &p->request;
  const sp_global begin = first > r->first ? first : r->first, end = first + n < r->end ? first + n : r->end;
  if (begin >= end) return;
  memcpy(r->rows + (begin - r->first) * p->row_bytes, from + (begin - first) * p->row_bytes,
         (end - begin) * p->row_bytes);
}

static bool unpack_unit(sp_packed *p, int thread, load *l, uint32_t unit) {
  const request *r = &p->request;
  const uint64_t within = unit * l->look.unit_rows, left = p->form.rows - within;
  const uint64_t n = l->look.unit_rows < left ? l->look.unit_rows : left;
  const sp_global first = l->chunk * p->form.rows + within;
  const bool whole = first >= r->first && first + n <= r->end;
  char *const to = l->keep ? l->keep->rows + within * p->row_bytes
                   : whole ? r->rows + (first - r->first) * p->row_bytes
                           : p->scratch[thread];
  if (!sp_packer_unpack(p->packer[thread], &l->look, unit, to)) return false;
  if (l->keep || !whole) copy_wanted(p, to, first, n);
  return true;
}

static void do_item(void *context, int thread, uint64_t item) {
  sp_packed *p = context;
  load *l = p->running->loads;
  for (; item >= l->end_unit - l->first_unit; l++) item -= l->end_unit - l->first_unit;
  if (!unpack_unit(p, thread, l, l->first_unit + (uint32_t)item)) __atomic_store_n(&l->bad, true, __ATOMIC_RELAXED);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static sp_status damaged(const sp_packed *p, uint64_t chunk, const char *what) {
  const uint64_t first = chunk * p->form.rows, left = p->n_rows - first;
  H5Eclear2(H5E_DEFAULT);
  return SP_RAISE(SP_ERR_INPUT, "%s: cannot read %s, rows %llu to %llu: the chunk %s", p->survey->path, p->path,
                  (unsigned long long)first,
                  (unsigned long long)(first + (left < p->form.rows ? left : p->form.rows)) - 1, what);
}

static sp_status read_chunk(sp_packed *p, load *l) {
  const hsize_t at[2] = {l->chunk * p->form.rows, 0};
  const size_t most = sp_chunk_room(&p->form);
  hsize_t n = 0;
  uint32_t skipped = 0;
  if (H5Dget_chunk_storage_size(p->dataset, at, &n) < 0) return damaged(p, l->chunk, "has no place in the file");
  if (n == 0) return damaged(p, l->chunk, "was never written");
  if (n > most || n > p->survey->identity.bytes) return damaged(p, l->chunk, "is longer than it can be");
  if (!l->bytes) SP_TRY(sp_alloc(most, "a packed chunk", &l->bytes));
  if (H5Dread_chunk(p->dataset, H5P_DEFAULT, at, &skipped, l->bytes) < 0) {
    char why[256];
    sp_h5_error_text(why, sizeof why);
    return SP_RAISE(SP_ERR_IO, "%s: cannot read %s, rows from %llu: %s", p->survey->path, p->path,
                    (unsigned long long)at[0], why);
  }
  if (p->crc && sp_crc32c(0, l->bytes, n) != p->crc[l->chunk]) {
    return damaged(p, l->chunk, "is not what was written: its checksum differs");
  }
  memset(l->bytes + n, 0, most - n < 64 ? most - n : 64);
  const bool good = sp_packed_chunk_look(&l->look, &p->form, l->bytes, n, skipped);
  return good ? SP_SUCCESS : damaged(p, l->chunk, "is damaged");
}

static kept *find_kept(sp_packed *p, uint64_t chunk) {
  for (int k = 0; k < N_KEPT; k++) {
    if (p->kept[k].chunk == chunk) return &p->kept[k];
  }
  return NULL;
}

static sp_status oldest_kept(sp_packed *p, kept **out) {
  kept *k = p->kept[0].used <= p->kept[1].used ? &p->kept[0] : &p->kept[1];
  if (!k->rows) SP_TRY(sp_alloc(sp_chunk_bytes(&p->form), "an unpacked chunk", &k->rows));
  k->chunk = UINT64_MAX;
  k->used = ++p->clock;
  *out = k;
  return SP_SUCCESS;
}

/* Which units of a chunk that was read are wanted, and where they go. One in which the rows end is kept: whoever reads
 * in order goes on there. */
static sp_status place(sp_packed *p, load *l) {
  const request *r = &p->request;
  const sp_global first = l->chunk * p->form.rows, end = first + p->form.rows;
  const sp_global from = r->first > first ? r->first : first, to = r->end < end ? r->end : end;
  const bool all = from == first && to == end, few = (to - from) * 4 < p->form.rows, ends = r->end < end;
  l->keep = NULL;
  l->bad = false;
  l->first_unit = 0;
  l->end_unit = l->look.n_units;
  if (all) return SP_SUCCESS;
  if (l->look.n_units == 1 || few || ends) return oldest_kept(p, &l->keep);
  l->first_unit = (uint32_t)((from - first) / l->look.unit_rows);
  l->end_unit = (uint32_t)((to - first + l->look.unit_rows - 1) / l->look.unit_rows);
  return make_scratch(p, l->look.unit_rows * p->row_bytes);
}

/* Waits for the set that is being unpacked. */
static sp_status finish(sp_packed *p) {
  load_set *set = p->running;
  if (!set) return SP_SUCCESS;
  if (p->survey->team) sp_thread_team_wait(p->survey->team);
  p->running = NULL;
  for (int i = 0; i < set->n; i++) {
    if (set->loads[i].bad) return damaged(p, set->loads[i].chunk, "is damaged");
    if (set->loads[i].keep) set->loads[i].keep->chunk = set->loads[i].chunk;
  }
  return SP_SUCCESS;
}

static void start(sp_packed *p, load_set *set) {
  p->running = set;
  if (p->survey->team) {
    sp_thread_team_start(p->survey->team, set->n_items, 1, do_item, p);
  } else {
    for (uint64_t i = 0; i < set->n_items; i++) do_item(p, 0, i);
  }
}

/* Reads chunks from *chunk on into the set, as many as it holds. */
static sp_status fill(sp_packed *p, load_set *set, uint64_t *chunk, uint64_t end) {
  const int most = p->n_packers < MOST_LOADS ? p->n_packers : MOST_LOADS;
  set->n = 0;
  set->n_items = 0;
  for (; *chunk < end && set->n < most; ++*chunk) {
    kept *known = find_kept(p, *chunk);
    if (known) {
      known->used = ++p->clock;
      copy_wanted(p, known->rows, *chunk * p->form.rows, p->form.rows);
      continue;
    }
    load *l = &set->loads[set->n];
    l->chunk = *chunk;
    SP_TRY(read_chunk(p, l));
    SP_TRY(place(p, l));
    set->n_items += l->end_unit - l->first_unit;
    set->n++;
  }
  return SP_SUCCESS;
}

sp_status sp_packed_read(sp_packed *p, sp_global first, sp_local n, void *rows) {
  const uint64_t end_chunk = n ? (first + n - 1) / p->form.rows + 1 : 0;
  sp_status status = make_packers(p);
  p->request = (request){first, first + n, rows};
  int next = 0;
  for (uint64_t chunk = first / p->form.rows; chunk < end_chunk && status == SP_SUCCESS; next = !next) {
    status = fill(p, &p->sets[next], &chunk, end_chunk);
    const sp_status before = finish(p);
    if (status == SP_SUCCESS) status = before;
    if (status == SP_SUCCESS) start(p, &p->sets[next]);
  }
  const sp_status last = finish(p);
  return status == SP_SUCCESS ? last : status;
}
