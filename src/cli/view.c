/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc view: one picture of a survey, in seconds. */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/json.h"
#include "seisproc/memory.h"
#include "seisproc/report_file.h"
#include "src/cli/command.h"
#include "src/cli/option.h"
#include "src/qc/header_picture.h"
#include "src/qc/page.h"
#include "src/qc/slices.h"

typedef enum kind { TRIPTYCH, DIFFERENCE, FK, SPECTRUM, HEADERS, SLICE, SECTION, N_KINDS } kind;

static const char *const kind_names[N_KINDS] = {"triptych", "difference", "fk",     "spectrum",
                                                "headers",  "slice",      "section"};

typedef struct arguments {
  const char *path, *against, *gather, *gathers, *output, *json;
  kind kind;
  double window[2], offsets[2]; /* s; units of offset; NAN: no limit */
  char line_name[SP_NAME_LENGTH + 1];
  sp_slice_request slice;
  sp_panel_options options;
} arguments;

enum {
  KEY_GATHER = 'g',
  KEY_OUTPUT = 'o',
  KEY_AGAINST = 256,
  KEY_WHAT,
  KEY_TIME,
  KEY_LINE,
  KEY_WINDOW,
  KEY_OFFSETS,
  KEY_STYLE,
  KEY_MAP,
  KEY_POLARITY,
  KEY_PERCENT,
  KEY_AGC,
  KEY_SIZE,
  KEY_JSON,
  KEY_GATHERS
};

static const struct argp_option options[] = {
    {"gather", KEY_GATHER, "KEY", 0, "The gather: 840, fldr=840, 100,200 for two keys, or #12, its number from 0 (#0)",
     0},
    {"gathers", KEY_GATHERS, "WHICH", 0, SP_GATHERS_HELP "; #12 is then counted within them", 0},
    {"output", KEY_OUTPUT, "FILE", 0, "Where it goes: .svg, .html or, where cairo was there, .png", 0},
    {"against", KEY_AGAINST, "IN.h5", 0, "The input of the job that wrote the survey, where it is not found by itself",
     0},
    {"what", KEY_WHAT, "triptych|difference|fk|spectrum|headers|slice|section", 0,
     "triptych (before, after, noise), difference (with their local similarity), fk, spectrum, headers; of a survey of "
     "lines: slice, section",
     0},
    {"time", KEY_TIME, "MS", 0, "Of a slice", 0},
    {"line", KEY_LINE, "COLUMN=N", 0, "Of a section: iline=120 or xline=80; else all gathers, each a mean", 0},
    {"window", KEY_WINDOW, "T0,T1", 0, "Only these times, in ms", 0},
    {"offsets", KEY_OFFSETS, "X0,X1", 0, "Only traces with these offsets", 0},
    {"style", KEY_STYLE, "auto|density|wiggle", 0, "density, wiggle, or auto: wiggles where there is room", 0},
    {"map", KEY_MAP, "gray|diverging", 0, "gray, or diverging: blue, white, red", 0},
    {"polarity", KEY_POLARITY, "normal|reversed", 0, "normal: black (red) is positive; or reversed", 0},
    {"clip", KEY_PERCENT, "P", 0, "Percent of samples that have no more than full colour (98)", 0},
    {"agc", KEY_AGC, "MS", 0, "Gain by windows of this length, for display", 0},
    {"size", KEY_SIZE, "WxH", 0, "Of the picture in pixels (1200x620)", 0},
    {"json", KEY_JSON, "FILE", 0, "Write the numbers behind the picture", 0},
    {0}};

static size_t choose(struct argp_state *state, const char *option, const char *value, const char *const *names,
                     size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!strcmp(value, names[i])) return i;
  }
  char allowed[128] = "";
  for (size_t i = 0; i < n; i++) {
    const size_t used = strlen(allowed);
    snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "", names[i]);
  }
  argp_error(state, "%s: found '%s', allowed are %s", option, value, allowed);
  return 0;
}

/* "A,B", either of which may be empty. */
static void parse_line(struct argp_state *state, arguments *args, const char *value) {
  const char *equals = strchr(value, '=');
  if (!equals || equals == value || equals - value > SP_NAME_LENGTH) {
    argp_error(state, "--line: found '%s', allowed is COLUMN=NUMBER, such as iline=120", value);
    return;
  }
  snprintf(args->line_name, sizeof args->line_name, "%.*s", (int)(equals - value), value);
  args->slice.line = args->line_name;
  args->slice.value = sp_option_number(state, "--line", equals + 1, -1e12, 1e12);
}

static void parse_size(struct argp_state *state, arguments *args, const char *value) {
  unsigned width = 0, height = 0;
  int end = 0;
  if (sscanf(value, "%5ux%5u%n", &width, &height, &end) != 2 || value[end] || width < 300 || width > 20000 ||
      height < 250 || height > 20000) {
    argp_error(state, "--size: found '%s', allowed is WIDTHxHEIGHT from 300x250 to 20000x20000", value);
  }
  args->options.width = width;
  args->options.height = height;
}

static error_t parse_look(int key, char *value, struct argp_state *state) {
  static const char *const styles[] = {"auto", "density", "wiggle"}, *const maps[] = {"gray", "diverging"};
  static const char *const signs[] = {"normal", "reversed"};
  arguments *args = state->input;
  sp_panel_options *o = &args->options;
  switch (key) {
  case KEY_STYLE:
    o->style = (sp_panel_style)choose(state, "--style", value, styles, 3);
    return 0;
  case KEY_MAP:
    o->map = (sp_colour_map)choose(state, "--map", value, maps, 2);
    return 0;
  case KEY_POLARITY:
    o->reversed = choose(state, "--polarity", value, signs, 2);
    return 0;
  case KEY_PERCENT:
    o->share = sp_option_number(state, "--clip", value, 1, 100) / 100;
    return 0;
  case KEY_AGC:
    o->agc = 1e-3 * sp_option_number(state, "--agc", value, 1, 1e6);
    return 0;
  case KEY_SIZE:
    parse_size(state, args, value);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static void check(struct argp_state *state, const arguments *args) {
  if (!args->path) argp_error(state, "a survey is missing");
  if (!args->output) argp_error(state, "-o FILE is missing: where the picture goes, a .svg, .html or .png");
  if (args->kind == SLICE && isnan(args->slice.time)) argp_error(state, "--what slice needs --time");
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case KEY_GATHER:
    args->gather = value;
    return 0;
  case KEY_GATHERS:
    args->gathers = sp_option_check_gathers(state, value);
    return 0;
  case KEY_OUTPUT:
    args->output = value;
    return 0;
  case KEY_AGAINST:
    args->against = value;
    return 0;
  case KEY_WHAT:
    args->kind = (kind)choose(state, "--what", value, kind_names, N_KINDS);
    return 0;
  case KEY_TIME:
    args->slice.time = 1e-3 * sp_option_number(state, "--time", value, -1e9, 1e9);
    return 0;
  case KEY_LINE:
    parse_line(state, args, value);
    return 0;
  case KEY_WINDOW:
    sp_option_pair(state, "--window", value, 1e-3, args->window);
    return 0;
  case KEY_OFFSETS:
    sp_option_pair(state, "--offsets", value, 1, args->offsets);
    return 0;
  case KEY_JSON:
    args->json = value;
    return 0;
  case ARGP_KEY_ARG:
    if (args->path) argp_error(state, "one survey, found another: %s", value);
    args->path = value;
    return 0;
  case ARGP_KEY_END:
    check(state, args);
    return 0;
  default:
    return parse_look(key, value, state);
  }
}

/* --- drawing ----------------------------------------------------------------------------------------------------- */

static sp_status draw_gather(const arguments *args, const sp_view_source *source, sp_global gather,
                             const sp_panel_options *o, sp_panel_numbers *numbers, sp_picture **out) {
  sp_gather_view view;
  if (args->kind == HEADERS) return sp_draw_headers(source, gather, o, out);
  SP_TRY(sp_view_load(source, gather, &view));
  sp_status status = sp_view_crop(&view, args->window[0], args->window[1], args->offsets[0], args->offsets[1]);
  if (status == SP_SUCCESS && view.n_traces == 0) {
    status = SP_RAISE(SP_ERR_USAGE, "%s: %s has no traces", source->path, view.name);
  }
  if (status == SP_SUCCESS && args->kind == FK) {
    status = sp_draw_fk(&view, o, numbers, out);
  } else if (status == SP_SUCCESS && args->kind == SPECTRUM) {
    status = sp_draw_spectra(&view, o, out);
  } else if (status == SP_SUCCESS) {
    status = sp_draw_gather(&view, o, numbers, out);
  }
  sp_view_free(&view);
  return status;
}

static sp_status draw(const arguments *args, const sp_view_source *source, sp_panel_numbers *numbers,
                      sp_picture **out) {
  char footer[256];
  const sp_survey_info *info = sp_survey_get_info(source->survey);
  const char *name = strrchr(source->path, '/');
  sp_panel_options o = args->options;
  sp_global gather = 0;
  snprintf(footer, sizeof footer, "%.120s, %s", name ? name + 1 : source->path, info->uuid[0] ? info->uuid : "no uuid");
  o.footer = footer;
  o.unit = source->unit;
  o.similarity = args->kind == DIFFERENCE;
  if (args->kind == SLICE || args->kind == SECTION) {
    sp_slice_request request = args->slice;
    request.at_time = args->kind == SLICE;
    request.x0 = args->offsets[0];
    request.x1 = args->offsets[1];
    return sp_draw_slice(source, &request, &o, out);
  }
  SP_TRY(sp_view_find(source, args->gather ? args->gather : "#0", &gather));
  return draw_gather(args, source, gather, &o, numbers, out);
}

static bool ends_with(const char *text, const char *end) {
  const size_t n = strlen(text), m = strlen(end);
  return n > m && !strcmp(text + n - m, end);
}

/* Takes the picture. */
static sp_status write_picture(const arguments *args, sp_picture *picture) {
  FILE *stream = NULL;
  sp_status status = sp_report_file_open(args->output, &stream);
  if (status != SP_SUCCESS) {
    sp_picture_free(picture);
    return status;
  }
  if (ends_with(args->output, ".html")) {
    sp_page_begin(stream, picture->title);
    status = sp_page_picture(stream, picture, NULL);
    picture = NULL;
    sp_page_end(stream);
  } else if (ends_with(args->output, ".png")) {
    status = sp_picture_write_png(picture, stream);
  } else {
    status = sp_picture_write_svg(picture, stream);
  }
  sp_picture_free(picture);
  return sp_report_file_close(args->output, stream, status);
}

static sp_status write_numbers(const char *path, const sp_panel_numbers *n) {
  FILE *stream = NULL;
  SP_TRY(sp_report_file_open(path, &stream));
  sp_json json = sp_json_begin(stream);
  sp_json_open(&json, NULL, '{');
  sp_json_int(&json, "schema", 1);
  sp_json_real(&json, "clip", n->clip);
  sp_json_real(&json, "gain", n->gain);
  sp_json_real(&json, "removed_fraction", n->removed);
  sp_json_real(&json, "xcorr", n->correlation);
  sp_json_real(&json, "peak_frequency", n->peak_f);
  sp_json_real(&json, "peak_wavenumber", n->peak_k);
  sp_json_real(&json, "parseval", n->parseval);
  sp_json_real(&json, "step", n->step);
  sp_json_bool(&json, "regular", n->regular);
  sp_json_close(&json, '}');
  return sp_report_file_close(path, stream, SP_SUCCESS);
}

static sp_status check_output(const char *path) {
  if (ends_with(path, ".png") && !sp_picture_has_png()) return sp_picture_write_png(NULL, NULL);
  if (ends_with(path, ".svg") || ends_with(path, ".html") || ends_with(path, ".png")) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "-o %s: allowed are names that end in .svg, .html or .png", path);
}

static sp_status view(const arguments *args) {
  sp_view_source source = {0};
  sp_picture *picture = NULL;
  sp_panel_numbers numbers = {.removed = NAN, .correlation = NAN, .peak_f = NAN, .peak_k = NAN, .parseval = NAN};
  SP_TRY(check_output(args->output));
  SP_TRY(sp_report_file_check(args->output));
  if (args->json) SP_TRY(sp_report_file_check(args->json));
  sp_status status = sp_view_open(args->path, args->gathers, args->against, &source);
  if (status == SP_SUCCESS) status = draw(args, &source, &numbers, &picture);
  if (status == SP_SUCCESS) status = write_picture(args, picture);
  if (status == SP_SUCCESS && args->json) status = write_numbers(args->json, &numbers);
  sp_view_close(&source);
  return status;
}

const struct argp sp_argp_view = {
    options,
    parse_option,
    "FILE.h5",
    "Draws a gather of a survey: before, after and noise of the job that wrote it, or the gather alone; or a "
    "slice of a survey of lines.\vWhat was before is in the survey itself (mode both) or in the job's input, "
    "which is found where the job read it. All panels have one clip; the noise is shown once more, times a "
    "power of two that its title says. The same survey gives the same bytes.",
    NULL,
    NULL,
    NULL};

int sp_cli_view(int argc, char **argv) {
  arguments args = {.window = {NAN, NAN},
                    .offsets = {NAN, NAN},
                    .slice = {.time = NAN},
                    .options = {.width = 1200, .height = 620, .share = 0.98}};
  sp_option_parse(&sp_argp_view, argc, argv, 0, &args);
  return sp_status_look_code(sp_status_exit_code(view(&args)));
}
