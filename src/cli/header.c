/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc header: columns of a survey computed from others, in place or in a copy. One process.
 *
 * In place, the survey is what it was or what it is to be: FILE.undo is kept until all of the change is on the disk
 * (file_undo.h), and this command, given again, begins by taking back what was cut off.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/file_identity.h"
#include "seisproc/file_undo.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/quote.h"
#include "seisproc/side_file.h"
#include "seisproc/survey_undo.h"
#include "src/base/fault.h"
#include "src/cli/command.h"
#include "src/cli/header_set.h"
#include "src/cli/option.h"

enum { WHY_SIZE = 512, COPY_BYTES = 64 << 20 };

typedef struct arguments {
  const char *input, *output;
  sp_header_set sets[SP_MAX_SETS];
  int n_sets;
  const char *units[SP_MAX_SETS]; /* NAME=UNIT */
  int n_units;
} arguments;

static const struct argp_option options[] = {
    {"set", 's', "NAME=EXPRESSION", 0,
     "The column NAME, for each trace, from others: numbers, + - * / ^, comparisons, and, or, not, abs, sqrt, exp, "
     "log, "
     "sin, cos, tan, atan2, hypot, floor, ceil, round, min, max, pi. Columns count in their units, scalars applied. "
     "May "
     "be given again; later ones see what earlier ones set",
     0},
    {"unit", 'u', "NAME=UNIT", 0, "The unit of a column that is set, where neither SEG-Y nor the survey says it", 0},
    {"output", 'o', "OUT.h5", 0, "Write a copy with these columns; without it the survey is changed in place", 0},
    {0}};

static void add_set(struct argp_state *state, arguments *args, const char *text) {
  char why[WHY_SIZE] = "";
  if (args->n_sets == SP_MAX_SETS) argp_error(state, "--set: more than %d", SP_MAX_SETS);
  if (sp_header_set_parse(text, why, sizeof why, &args->sets[args->n_sets]) != SP_SUCCESS) {
    argp_error(state, "--set: %s", why);
  }
  args->n_sets++;
}

static void add_unit(struct argp_state *state, arguments *args, const char *text) {
  const char *equals = strchr(text, '=');
  const bool good = equals && equals > text && equals[1] && strlen(equals + 1) < SP_UNIT_SIZE;
  if (!good) argp_error(state, "--unit: found '%s', allowed is NAME=UNIT", text);
  if (args->n_units == SP_MAX_SETS) argp_error(state, "--unit: more than %d", SP_MAX_SETS);
  args->units[args->n_units++] = text;
}

/* An error has been said, and is met again where the survey is opened. */
static bool undo_is_due(const char *path) {
  bool due;
  return sp_file_undo_is_due(path, &due) != SP_SUCCESS || due;
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case 's':
    add_set(state, args, value);
    return 0;
  case 'u':
    add_unit(state, args, value);
    return 0;
  case 'o':
    args->output = value;
    return 0;
  case ARGP_KEY_ARG:
    if (args->input) argp_error(state, "one survey, found another: %s", value);
    args->input = value;
    return 0;
  case ARGP_KEY_END:
    if (!args->input) argp_error(state, "a survey is needed");
    if (!args->n_sets && (args->output || !undo_is_due(args->input))) argp_error(state, "nothing to --set");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const char *unit_given(const arguments *args, const sp_header_set *set) {
  for (int i = 0; i < args->n_units; i++) {
    const size_t n = strlen(set->name);
    if (!strncmp(args->units[i], set->name, n) && args->units[i][n] == '=') return args->units[i] + n + 1;
  }
  return NULL;
}

static sp_status check_units(const arguments *args) {
  for (int i = 0; i < args->n_units; i++) {
    bool used = false;
    for (int k = 0; k < args->n_sets; k++) {
      const char *unit = unit_given(args, &args->sets[k]);
      if (unit && unit > args->units[i] && unit <= args->units[i] + strlen(args->units[i])) used = true;
    }
    if (!used) return SP_RAISE(SP_ERR_USAGE, "--unit %s: no column of that name is set", args->units[i]);
  }
  return SP_SUCCESS;
}

/* A file for values of which nothing is left when the command ends, beside the survey. */
static sp_status open_spool(const char *path, int *fd) {
  char *spool = NULL;
  SP_TRY(sp_side_path(path, SP_SIDE_SPOOL, &spool));
  const int made = sp_side_create(spool);
  if (made >= 0) close(made);
  *fd = made >= 0 ? sp_side_open(spool, O_RDWR) : -1;
  const int error = errno;
  if (*fd >= 0) unlink(spool);
  const sp_status status =
      *fd >= 0 ? SP_SUCCESS : SP_RAISE(sp_file_status(error), "%s: cannot be created: %s", spool, sp_side_error(error));
  sp_free(spool);
  return status;
}

/* Reads the survey and computes; afterwards it is closed. In place, keeps what it was. */
static sp_status compute(arguments *args, int fd) {
  sp_survey *survey = NULL;
  const char *names[SP_MAX_SETS];
  sp_status status;
  SP_TRY(sp_survey_open_independent(args->input, false, &survey));
  for (int k = 0; k < args->n_sets; k++) {
    SP_TRY_GOTO(out, sp_header_set_resolve(survey, args->input, args->sets, k, unit_given(args, &args->sets[k])));
    names[k] = args->sets[k].name;
  }
  SP_TRY_GOTO(out, check_units(args));
  SP_TRY_GOTO(out, sp_header_compute(survey, args->sets, args->n_sets, fd));
  SP_TRY_GOTO(out, sp_survey_check_unchanged(survey));
  status = args->output ? SP_SUCCESS : sp_survey_undo_keep(survey, args->input, names, (size_t)args->n_sets);
out:
  for (int k = 0; k < args->n_sets; k++) sp_header_set_clear(&args->sets[k]);
  sp_survey_close(survey);
  return status;
}

static const char *type_text(sp_type type) {
  return type == SP_INT32 ? "int32" : type == SP_FLOAT64 ? "float64" : "another type";
}

static void report(const arguments *args) {
  for (int k = 0; k < args->n_sets; k++) {
    const sp_header_set *set = &args->sets[k];
    const char *unit = set->unit[0] ? set->unit : "no unit";
    if (!set->exists) {
      sp_info("%s: new, %s, %s, %g to %g", set->name, type_text(set->type), unit, set->least, set->most);
    } else if (set->type == set->old_type && !set->was_scaled) {
      sp_info("%s: %s, %s, %g to %g", set->name, type_text(set->type), unit, set->least, set->most);
    } else {
      sp_info("%s: %s, %s, %g to %g; it was %s%s", set->name, type_text(set->type), unit, set->least, set->most,
              type_text(set->old_type), set->was_scaled ? " with a scalar, which it no longer has" : "");
    }
  }
}

/* --- in place ----------------------------------------------------------------------------------------------------- */

static sp_status undo(const char *path) {
  bool undone = false;
  SP_TRY(sp_file_undo(path, &undone));
  if (undone) sp_info("%s: a change of its headers was cut off; it is what it was before", path);
  return SP_SUCCESS;
}

static sp_status change(arguments *args) {
  sp_lock *lock = NULL;
  char *lock_path = NULL;
  int fd = -1;
  sp_status status;
  bool undone;
  SP_TRY_GOTO(out, sp_part_check_replace(args->input));
  SP_TRY_GOTO(out, sp_side_path(args->input, SP_SIDE_LOCK, &lock_path));
  SP_TRY_GOTO(out, sp_lock_acquire(lock_path, &lock));
  SP_TRY_GOTO(out, undo(args->input));
  if (args->n_sets == 0) goto out;
  SP_TRY_GOTO(out, open_spool(args->input, &fd));
  SP_TRY_GOTO(out, compute(args, fd));
  status = sp_header_write(args->input, args->sets, args->n_sets, fd);
  if (status == SP_SUCCESS) status = sp_sync_file(args->input);
  SP_FAULT_POINT("headers_changed");
  if (status == SP_SUCCESS) {
    status = sp_file_undo_drop(args->input);
  } else {
    sp_file_undo(args->input, &undone);
  }
  if (status == SP_SUCCESS) report(args);
out:
  if (fd >= 0) close(fd);
  sp_lock_release(lock);
  sp_free(lock_path);
  return status;
}

/* --- a copy ------------------------------------------------------------------------------------------------------- */

static sp_status copy_file(const char *from, const char *to) {
  const int in = open(from, O_RDONLY | O_CLOEXEC), out = sp_side_create(to);
  int error = in < 0 || out < 0 ? errno : 0;
  char *block = NULL;
  if (out >= 0) fcntl(out, F_SETFL, 0); /* copy_file_range takes none that appends */
  bool by_kernel = true;
  for (ssize_t n = 1; n && !error;) {
    n = by_kernel ? copy_file_range(in, NULL, out, NULL, COPY_BYTES, 0) : 0;
    if (n < 0 && (errno == EXDEV || errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP)) by_kernel = false;
    if (by_kernel) {
      if (n < 0 && errno != EINTR) error = errno;
      continue;
    }
    if (!block && sp_alloc(1 << 20, "bytes of a file", &block) != SP_SUCCESS) error = ENOMEM;
    n = error ? 0 : read(in, block, 1 << 20);
    if (n < 0 && errno != EINTR) error = errno;
    for (ssize_t at = 0, more; at < n && !error; at += more > 0 ? more : 0) {
      more = write(out, block + at, (size_t)(n - at)); /* less than all where the disk is full: the next says why */
      if (more < 0 && errno != EINTR) error = errno;
    }
  }
  sp_free(block);
  if (in >= 0) close(in);
  if (out >= 0) close(out);
  if (!error) return SP_SUCCESS;
  return SP_RAISE(sp_file_status(error), "%s: cannot be copied to %s: %s", from, to, sp_side_error(error));
}

static sp_status write_copy(arguments *args) {
  char *part = NULL;
  sp_lock *lock = NULL;
  int fd = -1;
  sp_file_identity before;
  sp_status status;
  if (sp_is_one_file(args->input, args->output)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: is the survey to be read; without --output it is changed in place",
                    args->output);
  }
  SP_TRY_GOTO(out, sp_file_identify(args->input, &before));
  SP_TRY_GOTO(out, sp_part_begin(args->output, &part, &lock));
  SP_TRY_GOTO(out, open_spool(args->output, &fd));
  SP_TRY_GOTO(out, compute(args, fd));
  status = copy_file(args->input, part);
  if (status == SP_SUCCESS) status = sp_file_check_unchanged(args->input, &before);
  if (status == SP_SUCCESS) status = sp_header_write(part, args->sets, args->n_sets, fd);
  if (status == SP_SUCCESS) status = sp_part_publish(part, args->output);
  if (status != SP_SUCCESS) sp_part_discard(part);
  if (status == SP_SUCCESS) report(args);
out:
  if (fd >= 0) close(fd);
  sp_lock_release(lock);
  sp_free(part);
  return status;
}

const struct argp sp_argp_header = {
    options,
    parse_option,
    "SURVEY.h5",
    "Computes header columns of a survey, such as offset from coordinates: --set 'offset = sqrt((sx-gx)^2 + "
    "(sy-gy)^2)'. A column holds int32 where it did, or SEG-Y has one, unscaled, and all values are whole numbers; "
    "else "
    "float64, the value itself. `seisproc export` writes it into the trace headers. A change in place that was cut "
    "off "
    "is taken back when the command is given again, also without --set.",
    NULL,
    NULL,
    NULL};

int sp_cli_header(int argc, char **argv) {
  arguments args = {0};
  sp_option_parse(&sp_argp_header, argc, argv, 0, &args);
  return sp_status_exit_code(args.output ? write_copy(&args) : change(&args));
}
