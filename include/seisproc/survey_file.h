/* SPDX-License-Identifier: BSD-3-Clause */
/* Survey files: one HDF5 file is a survey (docs/format.md). The only public way to HDF5.
 *
 * A file is opened on a communicator (then every function marked collective must be called by all its ranks, in the
 * same order) or by one process alone (comm MPI_COMM_NULL, or sp_survey_open_independent: no MPI-IO is used,
 * "collective" means nothing). Programs that do without MPI define SP_WITHOUT_MPI before the first header and need no
 * mpi.h.
 *
 * A new file has all its datasets from the start, contiguous, allocated early and never filled, and its metadata is
 * written and synced before the first sample is: from then on only raw data is written, so the file stays readable
 * whatever ends the program.
 */
#ifndef SEISPROC_SURVEY_FILE_H
#define SEISPROC_SURVEY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/file_identity.h"
#include "seisproc/gather_index.h"
#include "seisproc/job.h"
#include "seisproc/selection.h"
#include "seisproc/status.h"

#ifndef SP_WITHOUT_MPI
#include <mpi.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { SP_FORMAT_VERSION = 1, SP_UUID_LENGTH = 36, SP_NAME_LENGTH = 63 };

typedef enum sp_type {
  SP_UINT8,
  SP_INT32,
  SP_UINT32,
  SP_INT64,
  SP_UINT64,
  SP_FLOAT32,
  SP_FLOAT64,
  /* of a new /traces or /noise in a file alone: such are read and written as SP_FLOAT32 */
  SP_FLOAT16_SCALED,
  SP_INT16_SCALED
} sp_type;

size_t sp_type_size(sp_type type);

/* The n values at `rows`, of this type, as doubles; 64-bit integers are rounded. */
void sp_rows_to_double(sp_type type, const void *rows, size_t n, double *out);

/* A dataset of a new file: `rows` rows of row_length elements; row_length 0 makes it one-dimensional. */
typedef struct sp_dataset_spec {
  const char *path; /* "/traces", "/headers/offset", ...; groups on the way are made */
  sp_type type;
  uint64_t rows;
  uint64_t row_length;
  const char *units; /* attribute of that name; or NULL */
} sp_dataset_spec;

/* Where the factors of traces are whose samples have 16 bits: datasets of their own. */
#define SP_SCALE_GROUP "/scale"

/* An attribute of a new file. */
typedef struct sp_attribute_spec {
  const char *object; /* path of the group or dataset that bears it; "/" the file */
  const char *name;
  enum { SP_ATTR_TEXT, SP_ATTR_INT, SP_ATTR_REAL } kind;
  const char *text;
  int64_t integer;
  double real;
} sp_attribute_spec;

/* What every survey says of itself: the root attributes. */
typedef struct sp_survey_info {
  uint64_t n_traces;
  uint64_t n_gathers;
  uint32_t n_samples;
  double sample_interval_us;
  char uuid[SP_UUID_LENGTH + 1]; /* of this file; sp_uuid_create makes one */
  char created_by[SP_NAME_LENGTH + 1];
  char gather_key[SP_NAME_LENGTH + 1]; /* header names, "+" between them */
  char content[SP_NAME_LENGTH + 1];    /* of /traces: "input", "processed" or "noise" */
  char *history;                       /* what was done, a paragraph a step; owned, never NULL once opened */
} sp_survey_info;

typedef struct sp_survey sp_survey;
typedef struct sp_dataset sp_dataset;

/* A random (version 4) UUID as text. */
void sp_uuid_create(char uuid[SP_UUID_LENGTH + 1]);

/* A UUID (version 8) that is the hash of `name`: the same for the same name, so that a job run twice gives the same
 * bytes. */
void sp_uuid_derive(const char *name, char uuid[SP_UUID_LENGTH + 1]);

/* Creates the file at `path` with root attributes from `info` and the given datasets and attributes (besides them
 * nothing is made), syncs and closes it. It is made as path.new and then renamed, so that what is found at `path` can
 * be opened; an existing file is replaced, but no link, device or directory. One process calls it; not collective.
 * Errors: SP_ERR_USAGE, SP_ERR_IO. */
sp_status sp_survey_create(const char *path, const sp_survey_info *info, const sp_dataset_spec *datasets,
                           size_t n_datasets, const sp_attribute_spec *attributes, size_t n_attributes);

/* What derived surveys do not inherit, since it belongs to the samples of the file that holds it. */
#define SP_EXACT_GROUP "/segy/exact"

/* How a new file lies on the storage targets of a Lustre file system. */
typedef struct sp_stripe {
  int count;      /* of targets; -1: all */
  uint64_t bytes; /* in a row on each; datasets begin at a multiple of it */
} sp_stripe;

enum { SP_STRIPE_MB = 4 /* where nobody says */ };

/* Creates a survey as sp_survey_create does, and in it everything that the open survey `source` has below /gathers,
 * /headers and /segy (but SP_EXACT_GROUP): attributes and all. Datasets with a row a trace, which are those of /headers
 * and those named /segy/trace_*, are left to be written (sp_survey_each_trace_dataset names them); the others are
 * copied. One process calls it, with a source opened alone.
 */
sp_status sp_survey_derive(const sp_survey *source, const char *path, const sp_survey_info *info,
                           const sp_dataset_spec *datasets, size_t n_datasets, const sp_attribute_spec *attributes,
                           size_t n_attributes);

/* The same with a layout of its own; stripe NULL: as the folder's files lie. */
sp_status sp_survey_derive_striped(const sp_survey *source, const char *path, const sp_stripe *stripe,
                                   const sp_survey_info *info, const sp_dataset_spec *datasets, size_t n_datasets,
                                   const sp_attribute_spec *attributes, size_t n_attributes);

/* Creates a survey of the shape of `source`, which one process has open, with its headers and its index, /traces still
 * to be written, and opens it for that (sp_trace_sink_open): for programs that write what they made of a survey's
 * traces. `content` is "processed", "noise" or "input"; `what` says what was done, and becomes a paragraph of the
 * history. An existing file is replaced, and what is at `path` is a whole survey only once all traces are written and
 * synced. The caller closes *out. Not collective. Errors: those of sp_survey_derive, sp_survey_open, SP_ERR_USAGE, also
 * where `path` is that of the source. */
sp_status sp_survey_create_like(sp_survey *source, const char *path, const char *content, const char *what,
                                sp_survey **out);

/* The same with traces of another length. */
sp_status sp_survey_create_shorter(sp_survey *source, const char *path, const char *content, const char *what,
                                   uint32_t n_samples, sp_survey **out);

/* Bytes of what sp_survey_derive takes over from `source`. Not collective. Errors: SP_ERR_INPUT, SP_ERR_IO. */
sp_status sp_survey_inherited_bytes(const sp_survey *source, double *bytes);

/* Adds datasets and attributes to the file at `path`, which nobody has open, syncs and closes it. A dataset that is
 * there already is replaced by the new one, and its place in the file stays unused; so is an attribute. One process
 * calls it. Errors: SP_ERR_IO; then the file is not to be used further. */
sp_status sp_survey_add(const char *path, const sp_dataset_spec *datasets, size_t n_datasets,
                        const sp_attribute_spec *attributes, size_t n_attributes);

/* Writes /time anew, where the file has it, after the column delrt was written. The survey is open for writing by this
 * process alone. */
sp_status sp_survey_write_times(sp_survey *survey);

/* The same with a start in ms that the caller knows. Collective; the rank with `writes` writes. */
sp_status sp_survey_start_times(sp_survey *survey, double start, bool writes);

/* Calls visit(path, context) for each of those datasets with a row a trace, in alphabetical order. Collective. */
sp_status sp_survey_each_trace_dataset(const sp_survey *survey, sp_status (*visit)(const char *path, void *context),
                                       void *context);

/* Opens a survey. Collective over comm. Errors: SP_ERR_INPUT, in one line from the lowest rank that saw it: not there,
 * a directory, not HDF5, HDF5 but of another program (names what it found), a newer format_version, shapes that
 * contradict each other. */
#ifndef SP_WITHOUT_MPI
sp_status sp_survey_open(MPI_Comm comm, const char *path, bool writable, sp_survey **out);
#endif

/* The same by this process alone; MPI need not be started. */
sp_status sp_survey_open_independent(const char *path, bool writable, sp_survey **out);

/* What MPI-IO is told of a file. All zero: each rank moves its own bytes (romio_cb_* and romio_ds_* disable). */
typedef struct sp_io_hints {
  int aggregators;      /* collective writes go through so many ranks; 0: none */
  uint64_t cycle_bytes; /* of an aggregator's buffer */
  const char *more;     /* "key=value, key=value": passed on as they are; NULL or "": none. Borrowed */
} sp_io_hints;

#ifndef SP_WITHOUT_MPI
/* As sp_survey_open, with hints; the debug log shows what MPI-IO made of them. */
sp_status sp_survey_open_hinted(MPI_Comm comm, const char *path, bool writable, const sp_io_hints *hints,
                                sp_survey **out);

/* Whether all ranks of `comm` have opened the file that its lowest rank did: on another node the same name may stand
 * for another one. Collective over comm, which may be larger than the survey's. Errors: SP_ERR_INPUT, on all ranks. */
sp_status sp_survey_check_same(const sp_survey *survey, MPI_Comm comm);

/* Opens the input of a job with the gathers that it asks for. Collective over comm; as sp_survey_open_hinted. */
sp_status sp_survey_open_input(MPI_Comm comm, const sp_job *job, const sp_io_hints *hints, sp_survey **out);
#endif

/* From now on the survey is one of some of its gathers (selection.h): info, index and the rows of every dataset that
 * has one a trace or a gather are theirs, numbered from 0; the uuid stays the file's. To be called before datasets are
 * opened; again on a survey of which gathers are selected already, it selects from these. NULL, "" and "all" select
 * nothing. For reading only: writing goes by the file's rows. Collective; all ranks give the same text. Errors:
 * SP_ERR_USAGE, one line, for text that says nothing, a column that is not there, and where no gather is taken. */
sp_status sp_survey_select(sp_survey *survey, const char *gathers);

/* Leaves every step-th trace of each gather that is selected, from its first on; nothing is to be selected after it.
 * Not collective. */
sp_status sp_survey_thin(sp_survey *survey, uint64_t step);

/* Selects those gathers of an input that `output`, made from it, is of: what its job says, and of these what is
 * selected of the output. Collective. */
sp_status sp_survey_select_as(sp_survey *input, const sp_survey *output);

/* Selects of a survey what is selected of `other`, the same file. Not collective where the survey is open alone. */
sp_status sp_survey_select_same(sp_survey *survey, const sp_survey *other);

/* Whether the file at the survey's path is still the one that was opened: its size, time of modification, device and
 * inode. Not collective; costs a stat(2). Errors: SP_ERR_INPUT, naming what changed. */
sp_status sp_survey_check_unchanged(const sp_survey *survey);

/* What the file was when it was opened. */
sp_file_identity sp_survey_identity(const sp_survey *survey);

/* Collective. Takes NULL. */
void sp_survey_close(sp_survey *survey);

/* Borrowed until the survey is closed. */
const sp_survey_info *sp_survey_get_info(const sp_survey *survey);

/* Whether /traces lie in the file as they do in memory, so that they are moved without a conversion. */
bool sp_survey_traces_are_native(const sp_survey *survey);

/* Whether the file has this object itself, not a link to one elsewhere. Collective. */
bool sp_survey_has(const sp_survey *survey, const char *path);

/* The gather index; the caller owns it. Collective over the survey's communicator: rank 0's reading is what counts for
 * errors. */
sp_status sp_survey_read_index(sp_survey *survey, bool with_keys, sp_gather_index **out);

/* Names of the header columns, in alphabetical order: calls visit(name, type, units, context) for each. Collective. */
sp_status sp_survey_each_header(const sp_survey *survey,
                                sp_status (*visit)(const char *name, sp_type type, const char *units, void *context),
                                void *context);

/* Attributes with one number, of any type that holds the value, or one text of fixed or variable length, whose control
 * characters but newlines and tabs become '?'. Errors: SP_ERR_INPUT when missing or of another kind. Text is owned by
 * the caller. Collective. */
sp_status sp_survey_get_text(const sp_survey *survey, const char *object, const char *name, char **out);
sp_status sp_survey_get_int(const sp_survey *survey, const char *object, const char *name, int64_t *out);
sp_status sp_survey_get_real(const sp_survey *survey, const char *object, const char *name, double *out);

/* A text attribute that need not be there: *out is NULL where the object has none of that name. Owned by the caller.
 * Collective. */
sp_status sp_survey_find_text(const sp_survey *survey, const char *object, const char *name, char **out);

/* The same for an integer: `otherwise` where there is none. */
sp_status sp_survey_find_int(const sp_survey *survey, const char *object, const char *name, int64_t otherwise,
                             int64_t *out);

/* Opens a dataset for reading or writing rows. Errors: SP_ERR_INPUT, one line, for one that is not what docs/format.md
 * says of it: type, shape, or storage other than one contiguous block within this file. Collective; returned with
 * sp_dataset_close (collective, takes NULL). */
sp_status sp_dataset_open(sp_survey *survey, const char *path, sp_dataset **out);
void sp_dataset_close(sp_dataset *dataset);

const char *sp_dataset_file(const sp_dataset *dataset); /* path of the survey file */
const char *sp_dataset_path(const sp_dataset *dataset); /* within it, such as /traces */
sp_type sp_dataset_type(const sp_dataset *dataset);
uint64_t sp_dataset_rows(const sp_dataset *dataset);       /* of the gathers that are selected */
uint64_t sp_dataset_row_length(const sp_dataset *dataset); /* 1 where it has one dimension */

/* Rows of the file that are rows first ... of the selected gathers, as many as follow each other there, at most n. */
sp_selection_run sp_dataset_run(const sp_dataset *dataset, sp_global first, sp_local n);

/* Whether the file has the elements as they are in memory, byte for byte. */
bool sp_dataset_is_native(const sp_dataset *dataset);

/* How /traces or /noise are stored; SP_SAMPLES_FLOAT32 for any other dataset. Other than that rows are read as float32,
 * and written by a sink of traces alone. */
sp_sample_form sp_dataset_samples(const sp_dataset *dataset);

/* Factors of n traces from `first` on, powers of two, of a dataset whose samples have some. Not collective. */
sp_status sp_dataset_read_factors(sp_dataset *dataset, sp_global first, sp_local n, float *factors);

/* Bytes of a row in the file. */
uint64_t sp_dataset_file_row_bytes(const sp_dataset *dataset);

/* Byte offset of the first row in the file, for tools that go around HDF5 (page-cache read-ahead, sync). */
uint64_t sp_dataset_file_offset(const sp_dataset *dataset);

/* Bytes of all its rows in the file. */
uint64_t sp_dataset_file_bytes(const sp_dataset *dataset);

/* Reads or writes rows first ... first + n - 1, as sp_dataset_type says: files of others may have another type, whose
 * values HDF5 then converts, or refuses where they do not fit. A file that ends before the rows do is an error, since
 * HDF5 reads zeros from there. Collective over the
 * survey's communicator in one transfer; a rank with nothing to move passes n = 0. Allocates nothing itself.
 * Errors: SP_ERR_IO with file, dataset and range, on the ranks whose transfer failed; HDF5 leaves the others waiting in
 * it, so such a rank must end the job. */
sp_status sp_dataset_read(sp_dataset *dataset, sp_global first, sp_local n, void *rows);
sp_status sp_dataset_write(sp_dataset *dataset, sp_global first, sp_local n, const void *rows);

/* The same, not collective: any rank by itself, and its failure is its own. */
sp_status sp_dataset_read_independent(sp_dataset *dataset, sp_global first, sp_local n, void *rows);
sp_status sp_dataset_write_independent(sp_dataset *dataset, sp_global first, sp_local n, const void *rows);

/* Opens the dataset, writes its first n rows, of any number, and closes it. Not collective. */
sp_status sp_dataset_write_whole(sp_survey *survey, const char *path, uint64_t n, const void *rows);

/* Pushes what this communicator wrote to the file and waits until the device has it. Collective. */
sp_status sp_survey_sync(sp_survey *survey);

#ifdef __cplusplus
}
#endif

#endif
