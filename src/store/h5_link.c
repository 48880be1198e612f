/* SPDX-License-Identifier: BSD-3-Clause */
/* Links and names. Objects are reached through hard links alone: a soft or external link may lead anywhere. */
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "src/store/h5.h"

enum { MAX_PATH = 256 };

static sp_h5_presence presence_of_link(hid_t file, const char *path) {
  H5L_info_t info;
  if (H5Lexists(file, path, H5P_DEFAULT) <= 0 || H5Lget_info(file, path, &info, H5P_DEFAULT) < 0) {
    H5Eclear2(H5E_DEFAULT);
    return SP_H5_ABSENT;
  }
  return info.type == H5L_TYPE_HARD ? SP_H5_PRESENT : SP_H5_LINKED_ELSEWHERE;
}

sp_h5_presence sp_h5_presence_of(hid_t file, const char *path) {
  char part[MAX_PATH];
  if (!strcmp(path, "/")) return SP_H5_PRESENT;
  if (strlen(path) >= sizeof part) return SP_H5_ABSENT;
  /* HDF5 wants every link on the way to be there */
  for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
    snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
    const sp_h5_presence presence = presence_of_link(file, part);
    if (presence != SP_H5_PRESENT) return presence;
  }
  return presence_of_link(file, path);
}

/* Names one after the other, each with its end. */
typedef struct name_list {
  const sp_survey *survey;
  const char *group;
  size_t n, bytes; /* so far */
  char *at;        /* where the next goes; NULL: only counted */
  sp_status status;
} name_list;

static bool is_printable(const char *name) {
  for (const char *c = name; *c;) {
    const size_t length = sp_utf8_length(c);
    if (length == 0 || sp_is_control(c)) return false;
    c += length;
  }
  return *name != '\0';
}

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *context) {
  name_list *list = context;
  if (info->type != H5L_TYPE_HARD) return 0;
  const size_t length = strlen(name);
  if (length > SP_NAME_LENGTH || !is_printable(name)) {
    char quoted[SP_QUOTE_SIZE];
    list->status = SP_RAISE(SP_ERR_INPUT, "%s: %s holds '%s', a name that is too long or not printable",
                            list->survey->path, list->group, sp_quote(name, quoted));
    return -1;
  }
  list->n++;
  list->bytes += length + 1;
  if (list->at) {
    memcpy(list->at, name, length + 1);
    list->at += length + 1;
  }
  return 0;
}

static sp_status iterate(name_list *list, hid_t group) {
  hsize_t at = 0;
  list->n = list->bytes = 0;
  const herr_t code = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, add_name, list);
  H5Eclear2(H5E_DEFAULT);
  if (list->status != SP_SUCCESS || code >= 0) return list->status;
  return SP_RAISE(SP_ERR_INPUT, "%s: what %s holds cannot be read", list->survey->path, list->group);
}

sp_status sp_h5_names(const sp_survey *survey, const char *group, char ***names) {
  name_list list = {.survey = survey, .group = group};
  char **out = NULL;
  sp_status status;
  const hid_t id = H5Gopen2(survey->file, group, H5P_DEFAULT);
  if (id < 0) {
    H5Eclear2(H5E_DEFAULT);
    return SP_RAISE(SP_ERR_INPUT, "%s: %s is no group", survey->path, group);
  }
  SP_TRY_GOTO(done, iterate(&list, id));
  const size_t pointers = (list.n + 1) * sizeof *out;
  SP_TRY_GOTO(done, sp_alloc(pointers + list.bytes, "names in a file", &out));
  char *name = list.at = (char *)out + pointers;
  SP_TRY_GOTO(done, iterate(&list, id));
  for (size_t i = 0; i < list.n; i++, name += strlen(name) + 1) out[i] = name;
  out[list.n] = NULL;
done:
  sp_survey_forward(survey, status);
  H5Gclose(id);
  if (status == SP_SUCCESS) {
    *names = out;
  } else {
    sp_free(out);
  }
  return status;
}
