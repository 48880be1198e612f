/* SPDX-License-Identifier: BSD-3-Clause */
/* What MPI-IO is told of a file.
 *
 * By default each rank moves its own bytes: the rows of a task are one contiguous block, and gathering them on
 * aggregators would only copy them once more. Two-phase reads are never asked for: one in which an aggregator fails
 * cannot be left by the others. A two-phase write can, as long as an aggregator is done in one cycle of its buffer
 * (collective.c sees to that). */
#include <stdio.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/io_hints.h"
#include "seisproc/log.h"
#include "seisproc/ranks.h"
#include "src/store/h5.h"

enum { VALUE_SIZE = 32, HINT_SIZE = 128 };

/* --- "key=value, key=value" ------------------------------------------------------------------------------------- */

/* The next pair of *text, which moves on behind it; false where none is left. What is missing of a pair is "". */
static bool next_hint(const char **text, char key[HINT_SIZE], char value[HINT_SIZE]) {
  char pair[2 * HINT_SIZE];
  *text += strspn(*text, " ,");
  const int n = (int)strcspn(*text, ",");
  snprintf(pair, sizeof pair, "%.*s", n, *text);
  *text += n;
  key[0] = value[0] = '\0';
  sscanf(pair, "%127[^= ] = %127[^ ]", key, value);
  return n > 0;
}

sp_status sp_io_hints_check(const char *text) {
  /* what would make a transfer that fails one that cannot be left */
  static const char *const ours[] = {"romio_cb_read",  "romio_cb_write", "romio_ds_read",
                                     "romio_ds_write", "cb_nodes",       "cb_buffer_size"};
  char key[HINT_SIZE], value[HINT_SIZE];
  while (next_hint(&text, key, value)) {
    if (!key[0] || !value[0]) {
      return SP_RAISE(SP_ERR_USAGE, "mpi_hints: found '%s%s', allowed are KEY=VALUE, with commas between", key, value);
    }
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
      if (strcmp(key, ours[i])) continue;
      return SP_RAISE(SP_ERR_USAGE,
                      "mpi_hints: %s is not to be set: a transfer that fails could not be left by the other ranks; "
                      "`aggregators` asks for two-phase writes",
                      key);
    }
  }
  return SP_SUCCESS;
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

typedef sp_status (*hint_use)(void *context, const char *key, const char *value);

static sp_status use_number(hint_use use, void *context, const char *key, uint64_t value) {
  char text[VALUE_SIZE];
  snprintf(text, sizeof text, "%llu", (unsigned long long)value);
  return use(context, key, text);
}

static sp_status use_each(const sp_io_hints *hints, hint_use use, void *context) {
  SP_TRY(use(context, "romio_cb_read", "disable"));
  SP_TRY(use(context, "romio_cb_write", hints->aggregators ? "enable" : "disable"));
  SP_TRY(use(context, "romio_ds_read", "disable"));
  SP_TRY(use(context, "romio_ds_write", "disable"));
  if (hints->aggregators) {
    SP_TRY(use_number(use, context, "cb_nodes", (uint64_t)hints->aggregators));
    SP_TRY(use(context, "cb_config_list", "*:*"));
    SP_TRY(use_number(use, context, "cb_buffer_size", hints->cycle_bytes));
  }
  char key[HINT_SIZE], value[HINT_SIZE];
  for (const char *text = hints->more ? hints->more : ""; next_hint(&text, key, value);) {
    SP_TRY(use(context, key, value));
  }
  return SP_SUCCESS;
}

typedef struct list {
  char *text;
  size_t size, used;
} list;

static sp_status add_to_list(void *context, const char *key, const char *value) {
  list *l = context;
  if (l->used >= l->size) return SP_SUCCESS;
  const int n = snprintf(l->text + l->used, l->size - l->used, "%s%s=%s", l->used ? ", " : "", key, value);
  l->used += (size_t)n;
  return SP_SUCCESS;
}

void sp_io_hints_text(const sp_io_hints *hints, char *text, size_t size) {
  list l = {.text = text, .size = size};
  text[0] = '\0';
  (void)use_each(hints, add_to_list, &l);
}

/* --- to MPI and back -------------------------------------------------------------------------------------------- */

static sp_status set_in_info(void *context, const char *key, const char *value) {
  return SP_MPI(MPI_Info_set(*(MPI_Info *)context, key, value));
}

sp_status sp_io_hints_make(const sp_io_hints *hints, MPI_Info *out) {
  MPI_Info info;
  SP_TRY(SP_MPI(MPI_Info_create(&info)));
  const sp_io_hints none = {0};
  const sp_status status = use_each(hints ? hints : &none, set_in_info, &info);
  if (status == SP_SUCCESS) {
    *out = info;
  } else {
    MPI_Info_free(&info);
  }
  return status;
}

static int get_hint(MPI_Info info, const char *key, char value[MPI_MAX_INFO_VAL + 1]) {
  int found = 0;
#if MPI_VERSION >= 4
  int size = MPI_MAX_INFO_VAL + 1;
  MPI_Info_get_string(info, key, &size, value, &found);
#else
  MPI_Info_get(info, key, MPI_MAX_INFO_VAL, value, &found);
#endif
  return found;
}

/* Whether those that are in force have each of these hints, with its value. */
static bool holds(MPI_Info in_force, MPI_Info hints) {
  int n = 0;
  MPI_Info_get_nkeys(hints, &n);
  for (int i = 0; i < n; i++) {
    char key[MPI_MAX_INFO_KEY + 1], asked[MPI_MAX_INFO_VAL + 1], has[MPI_MAX_INFO_VAL + 1];
    MPI_Info_get_nthkey(hints, i, key);
    if (get_hint(hints, key, asked) && !(get_hint(in_force, key, has) && !strcmp(asked, has))) return false;
  }
  return true;
}

/* In the place of MPI's own, by the standard's profiling interface: Open MPI 5.0 takes most hints out of those that a
 * file is opened with before ROMIO sees them; given to the open file, they reach it. HDF5 takes what is in force then
 * for its views. Collective. */
int MPI_File_open(MPI_Comm comm, const char *name, int mode, MPI_Info info, MPI_File *file) {
  MPI_Info in_force;
  int code = PMPI_File_open(comm, name, mode, info, file);
  if (code != MPI_SUCCESS || info == MPI_INFO_NULL) return code;
  code = MPI_File_get_info(*file, &in_force);
  if (code == MPI_SUCCESS) {
    if (!holds(in_force, info)) code = MPI_File_set_info(*file, info);
    MPI_Info_free(&in_force);
  }
  if (code != MPI_SUCCESS) MPI_File_close(file);
  return code;
}

sp_status sp_io_hints_in_force(sp_survey *survey) {
  hid_t access = H5I_INVALID_HID;
  MPI_Info_free(&survey->hints);
  SP_TRY(SP_H5_ID(access, H5Fget_access_plist(survey->file)));
  const sp_status status = SP_H5(H5Pget_fapl_mpio(access, NULL, &survey->hints));
  H5Pclose(access);
  return status;
}

sp_status sp_h5_mpi_file(const sp_survey *survey, MPI_File *out) {
  void *handle = NULL; /* the driver looks at no access list; H5Fget_access_plist would be collective */
  SP_TRY(SP_H5(H5Fget_vfd_handle(survey->file, H5P_DEFAULT, &handle)));
  *out = *(MPI_File *)handle;
  return SP_SUCCESS;
}

void sp_io_hints_show(const sp_survey *survey) {
  MPI_File file;
  MPI_Info info = MPI_INFO_NULL;
  int n = 0;
  if (sp_ranks_of(survey->comm).rank || sp_h5_mpi_file(survey, &file) != SP_SUCCESS || MPI_File_get_info(file, &info))
    return;
  MPI_Info_get_nkeys(info, &n);
  for (int i = 0; i < n; i++) {
    char key[MPI_MAX_INFO_KEY + 1], value[MPI_MAX_INFO_VAL + 1];
    MPI_Info_get_nthkey(info, i, key);
    if (get_hint(info, key, value)) sp_debug("%s: MPI-IO hint %s=%s", survey->path, key, value);
  }
  MPI_Info_free(&info);
}
