/* SPDX-License-Identifier: BSD-3-Clause */
/* HDF5 calls, checked, and what files of others are taken for. Private to src/store.
 *
 * Nothing in a file is trusted: objects are reached through hard links alone, of attributes and datasets the type, the
 * number of elements and the storage are looked at before anything is read or allocated.
 */
#ifndef SEISPROC_SRC_STORE_H5_H
#define SEISPROC_SRC_STORE_H5_H

#include <hdf5.h>

#include "seisproc/file_identity.h"
#include "seisproc/selection.h"
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

/* The same, and whether the stack holds `words` anywhere. */
bool sp_h5_error_names(const char *words, char *text, size_t size);

/* Before that, in a process whose files are all seisproc's: HDF5 does not try again at exit to close what could not be
 * closed before, as on a full disk, where it crashes. */
void sp_h5_own_process(void);

/* Before the first HDF5 call: no error printing, no file locks unless the environment asks for them. */
void sp_h5_start(void);

/* The versions that this was compiled with and that runs, "1.10.8"; returns whether it was built with MPI. */
bool sp_h5_versions(char *built, size_t built_size, char *runs, size_t runs_size);

/* --- types (h5_type.c) --- */

/* File type of a dataset element: little-endian, whatever the machine. The identifier is HDF5's own: not closed. */
hid_t sp_h5_file_type(sp_type type);

/* Type in memory; HDF5's own as well. */
hid_t sp_h5_memory_type(sp_type type);

/* The file type of samples of 16 bits; the caller closes it (H5Tclose). */
hid_t sp_h5_code_type(sp_sample_form form);

/* Which of ours holds every value of a dataset's type: the same for ours in any byte order, a larger one for others.
 * False for what is no number, or larger than any of ours. */
bool sp_h5_holding_type(hid_t type, sp_type *out);

enum { SP_H5_TYPE_TEXT = 64 };

/* "64-bit float", "big-endian 16-bit integer", "text", "compound": for refusals. Returns text. */
const char *sp_h5_type_name(hid_t type, char text[SP_H5_TYPE_TEXT]);

/* Returns `status`, but ends the job where this rank alone has no memory. What HDF5 reads of a file
 * that is open on several ranks it reads on all of them together, so none can leave by itself in between: whatever else
 * fails there fails on all, since all have read the same bytes. Every way out of a function that makes such calls leads
 * through here. Exit code SP_EXIT_RESUMABLE. */
sp_status sp_survey_forward(const sp_survey *survey, sp_status status);

/* --- links and names (h5_link.c) --- */

typedef enum sp_h5_presence { SP_H5_ABSENT, SP_H5_PRESENT, SP_H5_LINKED_ELSEWHERE } sp_h5_presence;

/* Whether an object is there; one that a soft, external or other link leads to is "elsewhere". Collective. */
sp_h5_presence sp_h5_presence_of(hid_t file, const char *path);

/* Names of what a group holds by hard links, in alphabetical order; NULL after the last. One block: sp_free. Takes time
 * linear in their number. Collective. Errors: SP_ERR_INPUT for names that cannot be ours: too long, or with control
 * characters. */
sp_status sp_h5_names(const sp_survey *survey, const char *group, char ***names);

/* --- attributes (h5_attribute.c) --- */

/* Text of an attribute whose only element is text of fixed or variable length: a new string without control characters
 * but newlines and tabs, for the caller to free. *out is NULL, and nothing is logged, where the attribute is not there.
 * Errors: SP_ERR_INPUT, one line, for an attribute of another kind. Collective. */
sp_status sp_h5_get_text(const sp_survey *survey, const char *object, const char *name, char **out);

/* The value of an attribute with one number, of any type that holds it. *found is whether it is there. */
sp_status sp_h5_get_int(const sp_survey *survey, const char *object, const char *name, int64_t *out, bool *found);
sp_status sp_h5_get_real(const sp_survey *survey, const char *object, const char *name, double *out, bool *found);

/* Attributes of an object of a new file. */
sp_status sp_h5_write_text(hid_t file, const char *object, const char *name, const char *text);
sp_status sp_h5_write_int(hid_t file, const char *object, const char *name, int64_t value);
sp_status sp_h5_write_real(hid_t file, const char *object, const char *name, double value);

/* Copies the attributes of an object that hold one number or text; others are not taken over. */
sp_status sp_h5_copy_attributes(const sp_survey *from, const char *path, hid_t to);

/* The same without those of which `but` says so. */
sp_status sp_h5_copy_attributes_but(const sp_survey *from, const char *path, hid_t to, bool (*but)(const char *name));

/* --- datasets --- */

/* Makes one dataset of a new file: contiguous, allocated early, never filled. */
sp_status sp_h5_create_dataset(hid_t file, const sp_dataset_spec *spec);

typedef sp_status (*sp_h5_visitor)(const sp_survey *survey, const char *path, void *context);

/* Calls visit for every dataset in a group, in alphabetical order; for none where there is no such group. */
sp_status sp_h5_each_dataset(const sp_survey *survey, const char *group, sp_h5_visitor visit, void *context);

/* Writes all rows of a dataset to the one of the same path in a new file. */
sp_status sp_h5_copy_rows(sp_dataset *from, hid_t file);

/* Brings what `source` has below /gathers, /headers and /segy into a new file, as sp_survey_derive says. */
sp_status sp_h5_inherit(const sp_survey *source, hid_t file);

/* --- names of dimensions (dimension_scales.c) --- */

/* Gives all datasets of a new survey file named dimensions, and it coordinates: docs/format.md. Times begin at the
 * delay that all traces of `source` (NULL: none) have. */
sp_status sp_h5_add_scales(hid_t file, const sp_survey *source, const sp_survey_info *info);

/* The same for datasets that were added to one that has such names; leaves others alone. */
sp_status sp_h5_add_missing_scales(hid_t file);

/* Before a dataset is removed: no scale is to refer to it. */
void sp_h5_detach_scales(hid_t file, const char *path);

/* What rows are, and so which of them a selection of gathers takes. */
typedef enum sp_row_unit { SP_ROWS_OTHER, SP_ROWS_TRACES, SP_ROWS_GATHERS, SP_ROWS_FIRST_TRACES } sp_row_unit;

/* What a dataset of this path must be in this file (survey_rules.c). */
typedef struct sp_dataset_rule {
  sp_type type;        /* in memory; where any_type, what holds the file's */
  bool any_type;       /* any number */
  bool exact;          /* only types all of whose values `type` holds */
  int n_dims;          /* 0: 1 or 2 */
  uint64_t rows;       /* UINT64_MAX: any number */
  uint64_t row_length; /* 0: any */
  sp_row_unit unit;
} sp_dataset_rule;

sp_dataset_rule sp_dataset_rule_for(const sp_survey *survey, const char *path);

/* --- MPI-IO's hints (io_hints.c) --- */

/* The caller frees *out (MPI_Info_free). hints NULL: as all zero. */
sp_status sp_io_hints_make(const sp_io_hints *hints, MPI_Info *out);

/* Replaces the survey's hints, with which it was opened, by those that HDF5 sets its views with: since 1.14 all that
 * MPI-IO has in force. Collective, after opening. Errors: SP_ERR_IO. */
sp_status sp_io_hints_in_force(sp_survey *survey);

/* Says in the debug log, on the lowest rank, which hints MPI-IO has of an open file. */
void sp_io_hints_show(const sp_survey *survey);

/* MPI's file of a survey that is opened on a communicator; borrowed. Not collective. */
sp_status sp_h5_mpi_file(const sp_survey *survey, MPI_File *out);

/* --- collective transfers (dataset.c, for collective.c) --- */

/* This rank's part of one collective transfer: n rows from `first`, or none, and no more than
 * sp_dataset_rows_a_transfer. *moved is whether they are there; where not, one line says why, and the other ranks can
 * go on. Errors: SP_ERR_IO, SP_ERR_INTERNAL: the other ranks are left in the transfer, and the job must end. */
sp_status sp_dataset_transfer(sp_dataset *dataset, bool writes, sp_global first, sp_local n, void *rows, bool *moved);

/* HDF5 1.10 counts the bytes of a transfer in an int. */
sp_local sp_dataset_rows_a_transfer(const sp_dataset *dataset);

struct sp_survey {
  hid_t file;
  MPI_Comm comm;  /* duplicate; MPI_COMM_NULL when opened by one process */
  MPI_Info hints; /* of HDF5's views; MPI_INFO_NULL when opened by one process */
  bool writable, native_traces;
  char *path;
  int fd;                    /* for looks at the length; -1 before it is open */
  sp_file_identity identity; /* when it was opened */
  sp_survey_info info;       /* of the gathers that are selected */
  sp_selection *selection;   /* NULL: all */
  uint64_t file_gathers, file_traces;
  /* for packed rows (packed.c) */
  hid_t serial;                /* this process's own handle; H5I_INVALID_HID before it is needed */
  int n_threads;               /* that may unpack; 0: not known yet */
  struct sp_thread_team *team; /* NULL: not needed yet */
};

#endif
