/* SPDX-License-Identifier: BSD-3-Clause */
/* A driver of HDF5 (H5FD_class_t) over one file descriptor. Invariant: the bytes from SP_PLACED_BEGIN to data_end are
 * never written; HDF5 is given their addresses once each, for the allocation that `next` announces. */
#include "src/store/placed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/base/file_bytes.h"
#include "src/store/h5.h"

struct sp_placed_file {
  char *path;
  int fd;
  uint64_t data_end, end;    /* end: of all that was given out */
  uint64_t next, next_bytes; /* place of the next block of data; 0 bytes: it is HDF5's own */
  bool begun;                /* HDF5 has asked for room for the superblock; until then the file is an empty one to it */
  bool given_up;             /* HDF5 may close it, and nothing is written any more */
  int error;                 /* errno of the first call that failed */
  hid_t driver, id;
};

/* What HDF5 knows of an open file; ours behind its own. */
typedef struct driver_file {
  H5FD_t base; /* first */
  sp_placed_file *placed;
} driver_file;

static sp_placed_file *placed_of(const H5FD_t *file) {
  return ((const driver_file *)(const void *)file)->placed;
}

static H5FD_t *open_driver(const char *name, unsigned flags, hid_t access, haddr_t max_address) {
  sp_placed_file *const *info = H5Pget_driver_info(access);
  driver_file *file = NULL;
  if (!info || sp_calloc(1, sizeof *file, "a driver of HDF5", &file) != SP_SUCCESS) return NULL;
  file->placed = *info;
  return &file->base;
}

static herr_t close_driver(H5FD_t *file) {
  sp_free(file);
  return 0;
}

static herr_t query_driver(const H5FD_t *file, unsigned long *flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t give_room(H5FD_t *file, H5FD_mem_t type, hid_t transfer, hsize_t size) {
  sp_placed_file *p = placed_of(file);
  if (!p->begun) {
    p->begun = true; /* the superblock's, maybe with metadata behind it in the same block */
    return size <= SP_PLACED_BEGIN ? 0 : HADDR_UNDEF;
  }
  if (type == H5FD_MEM_DRAW && p->next_bytes) {
    if (size != p->next_bytes) return HADDR_UNDEF;
    p->next_bytes = 0;
    return p->next;
  }
  const haddr_t at = (p->end + 7) / 8 * 8;
  p->end = at + size;
  return at;
}

static haddr_t get_eoa(const H5FD_t *file, H5FD_mem_t type) {
  const sp_placed_file *p = placed_of(file);
  return p->begun ? p->end : 0;
}

/* HDF5 sets it on creating the file, to what it has given out until then. */
static herr_t set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t address) {
  sp_placed_file *p = placed_of(file);
  if (address > p->end) p->end = address;
  return 0;
}

static haddr_t get_eof(const H5FD_t *file, H5FD_mem_t type) {
  return get_eoa(file, type);
}

static herr_t read_bytes(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t n, void *to) {
  sp_placed_file *p = placed_of(file);
  size_t got;
  const int error = sp_read_all_at(p->fd, to, n, at, &got);
  if (error) return p->error = error, -1;
  memset((char *)to + got, 0, n - got);
  return 0;
}

static herr_t write_bytes(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t n, const void *from) {
  sp_placed_file *p = placed_of(file);
  if (p->given_up || (at >= SP_PLACED_BEGIN && at < p->data_end)) return 0; /* the latter is there */
  const int error = sp_write_all_at(p->fd, from, n, at);
  return error ? (p->error = error, -1) : 0;
}

static herr_t truncate_to_end(H5FD_t *file, hid_t transfer, hbool_t closing) {
  sp_placed_file *p = placed_of(file);
  if (p->given_up || !ftruncate(p->fd, (off_t)p->end)) return 0;
  return p->error = errno, -1;
}

static const H5FD_class_t driver_class = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 513, /* of those that HDF5 leaves to programs for their own use */
#endif
    .name = "seisproc-placed",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(sp_placed_file *),
    .open = open_driver,
    .close = close_driver,
    .query = query_driver,
    .alloc = give_room,
    .get_eoa = get_eoa,
    .set_eoa = set_eoa,
    .get_eof = get_eof,
    .read = read_bytes,
    .write = write_bytes,
    .truncate = truncate_to_end,
    .fl_map = H5FD_FLMAP_DEFAULT,
};

/* --- the file ---------------------------------------------------------------------------------------------------- */

static sp_status failed(sp_placed_file *p) {
  char why[256];
  sp_h5_error_text(why, sizeof why);
  return SP_RAISE(SP_ERR_IO, "%s: cannot be written: %s", p->path, p->error ? strerror(p->error) : why);
}

static sp_status create(sp_placed_file *p) {
  sp_status status;
  hid_t access = H5I_INVALID_HID;
  SP_TRY_GOTO(out, SP_H5_ID(p->driver, H5FDregister(&driver_class)));
  SP_TRY_GOTO(out, SP_H5_ID(access, H5Pcreate(H5P_FILE_ACCESS)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_driver(access, p->driver, &p)));
  p->id = H5Fcreate(p->path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  if (p->id < 0) status = failed(p);
out:
  if (access >= 0) H5Pclose(access);
  return status;
}

sp_status sp_placed_file_begin(const char *path, uint64_t data_end, sp_placed_file **out) {
  sp_status status;
  sp_placed_file *p;
  sp_h5_start();
  SP_TRY(sp_calloc(1, sizeof *p, "a file", &p));
  p->driver = p->id = H5I_INVALID_HID;
  p->data_end = p->end = data_end < SP_PLACED_BEGIN ? SP_PLACED_BEGIN : data_end;
  p->fd = sp_side_open(path, O_RDWR);
  if (p->fd < 0) {
    SP_TRY_GOTO(fail, SP_RAISE(sp_file_status(errno), "%s: cannot be written: %s", path, sp_side_error(errno)));
  }
  SP_TRY_GOTO(fail, sp_strdup(path, &p->path));
  if (ftruncate(p->fd, (off_t)p->data_end)) {
    SP_TRY_GOTO(fail, SP_RAISE(SP_ERR_IO, "%s: cannot be written: %s", path, strerror(errno)));
  }
  SP_TRY_GOTO(fail, create(p));
  *out = p;
  return SP_SUCCESS;
fail:
  sp_placed_file_drop(p);
  return status;
}

hid_t sp_placed_file_id(const sp_placed_file *p) {
  return p->id;
}

/* HDF5 must be through with the file before its driver goes: what it could not write it tries again when it ends. */
void sp_placed_file_drop(sp_placed_file *p) {
  if (!p) return;
  p->given_up = true;
  if (p->id >= 0 && H5Iis_valid(p->id) > 0) H5Fclose(p->id);
  const bool held = p->id >= 0 && H5Iis_valid(p->id) > 0;
  H5Eclear2(H5E_DEFAULT);
  if (p->fd >= 0) close(p->fd);
  if (held) return;
  if (p->driver >= 0) H5FDunregister(p->driver);
  sp_free(p->path);
  sp_free(p);
}

sp_status sp_placed_file_finish(sp_placed_file *p) {
  const herr_t closed = H5Fclose(p->id);
  const sp_status status = closed < 0 || p->error ? failed(p) : SP_SUCCESS;
  if (closed >= 0) p->id = H5I_INVALID_HID;
  sp_placed_file_drop(p);
  return status;
}

/* --- datasets ---------------------------------------------------------------------------------------------------- */

sp_status sp_placed_file_add_block(sp_placed_file *p, const sp_dataset_spec *spec, uint64_t offset) {
  p->next = offset;
  p->next_bytes = spec->rows * (spec->row_length ? spec->row_length : 1) * sp_type_size(spec->type);
  const sp_status status = sp_h5_create_dataset(p->id, spec);
  if (status == SP_SUCCESS && p->next_bytes)
    return SP_RAISE(SP_ERR_INTERNAL, "%s: HDF5 took no room for it", spec->path);
  return status;
}

static sp_status make_creation(const sp_dataset_spec *spec, const sp_chunk_form *form, hid_t *out) {
  const hsize_t chunk[2] = {form->rows, form->row_length};
  hid_t creation;
  sp_status status;
  SP_TRY(SP_H5_ID(creation, H5Pcreate(H5P_DATASET_CREATE)));
  SP_TRY_GOTO(fail, SP_H5(H5Pset_chunk(creation, spec->row_length ? 2 : 1, chunk)));
  SP_TRY_GOTO(fail, SP_H5(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER)));
  SP_TRY_GOTO(fail, SP_H5(H5Pset_obj_track_times(creation, false)));
  for (int i = 0; i < form->n_filters; i++) {
    const sp_chunk_filter *f = &form->filter[i];
    SP_TRY_GOTO(fail, SP_H5(H5Pset_filter(creation, f->id, H5Z_FLAG_OPTIONAL, f->n_values, f->value)));
  }
  *out = creation;
  return SP_SUCCESS;
fail:
  H5Pclose(creation);
  return status;
}

static sp_status create_chunked(sp_placed_file *p, const sp_dataset_spec *spec, const sp_chunk_form *form, hid_t *out) {
  const hsize_t dims[2] = {spec->rows, spec->row_length};
  hid_t space = H5I_INVALID_HID, links = H5I_INVALID_HID, creation = H5I_INVALID_HID;
  unsigned plugins = 0;
  sp_status status;
  SP_TRY_GOTO(out, SP_H5_ID(space, H5Screate_simple(spec->row_length ? 2 : 1, dims, NULL)));
  SP_TRY_GOTO(out, SP_H5_ID(links, H5Pcreate(H5P_LINK_CREATE)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_create_intermediate_group(links, 1)));
  SP_TRY_GOTO(out, make_creation(spec, form, &creation));
  /* a plugin of the filter, where there is one, would put its own parameters in the place of ours */
  H5PLget_loading_state(&plugins);
  H5PLset_loading_state(0);
  status =
      SP_H5_ID(*out, H5Dcreate2(p->id, spec->path, sp_h5_file_type(spec->type), space, links, creation, H5P_DEFAULT));
  H5PLset_loading_state(plugins);
out:
  if (creation >= 0) H5Pclose(creation);
  if (links >= 0) H5Pclose(links);
  if (space >= 0) H5Sclose(space);
  return status;
}

sp_status sp_placed_file_add_chunks(sp_placed_file *p, const sp_dataset_spec *spec, const sp_chunk_form *form,
                                    const sp_placed_chunk *chunks, uint64_t n_chunks) {
  hid_t dataset = H5I_INVALID_HID;
  SP_TRY(create_chunked(p, spec, form, &dataset));
  sp_status status = SP_SUCCESS;
  for (uint64_t c = 0; c < n_chunks && status == SP_SUCCESS; c++) {
    const hsize_t at[2] = {c * form->rows, 0};
    p->next = chunks[c].offset;
    p->next_bytes = chunks[c].bytes;
    /* HDF5 gets no byte to see: the driver writes nothing there, and the driver alone would read it */
    const char nothing[1] = "";
    if (H5Dwrite_chunk(dataset, H5P_DEFAULT, chunks[c].skipped, at, chunks[c].bytes, nothing) < 0) status = failed(p);
    if (status == SP_SUCCESS && p->next_bytes) {
      status = SP_RAISE(SP_ERR_INTERNAL, "%s: HDF5 took no room for a chunk", spec->path);
    }
  }
  if (status == SP_SUCCESS && spec->units) status = sp_h5_write_text(p->id, spec->path, "units", spec->units);
  H5Dclose(dataset);
  return status;
}
