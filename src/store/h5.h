/* HDF5 calls, checked. Private to src/store. */
#ifndef SEISPROC_SRC_STORE_H5_H
#define SEISPROC_SRC_STORE_H5_H

#include <hdf5.h>

#include "seisproc/status.h"
#include "seisproc/survey_file.h"

/* Runs an HDF5 call that returns a negative value on failure, then logs the call and HDF5's own words once, and
 * yields SP_ERR_IO. */
#define SP_H5(call) sp_h5_check((int64_t)(call), #call, __FILE__, __LINE__)

/* The same for a call that makes an identifier: assigns it to `id`. */
#define SP_H5_ID(id, call) sp_h5_check((int64_t)((id) = (call)), #call, __FILE__, __LINE__)

sp_status sp_h5_check(int64_t result, const char *call, const char *file, int line);

/* The innermost description on HDF5's error stack, which it clears. */
void sp_h5_error_text(char *text, size_t size);

/* Before the first HDF5 call: no error printing, no file locks unless the environment asks for them. */
void sp_h5_start(void);

/* File type of a dataset element: little-endian, whatever the machine. The identifier is HDF5's own: not closed. */
hid_t sp_h5_file_type(sp_type type);

/* Type in memory; HDF5's own as well. */
hid_t sp_h5_memory_type(sp_type type);

/* Which of ours a dataset's type is; false for any other. */
bool sp_h5_known_type(hid_t type, sp_type *out);

/* Attributes of an object of a new file. */
sp_status sp_h5_write_text(hid_t file, const char *object, const char *name, const char *text);
sp_status sp_h5_write_int(hid_t file, const char *object, const char *name, int64_t value);
sp_status sp_h5_write_real(hid_t file, const char *object, const char *name, double value);

/* Makes one dataset of a new file: contiguous, allocated early, never filled. */
sp_status sp_h5_create_dataset(hid_t file, const sp_dataset_spec *spec);

/* Brings what `source` has below /gathers, /headers and /segy into a new file, as sp_survey_derive says. */
sp_status sp_h5_inherit(const sp_survey *source, hid_t file);

struct sp_survey {
  hid_t file;
  MPI_Comm comm; /* duplicate; MPI_COMM_NULL when opened alone */
  bool writable;
  char *path;
  sp_survey_info info;
};

#endif
