/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc pack and unpack: the same survey in fewer bytes, and back. Under a launcher these are one of the ranks, else
 * they work alone. */
#include <argp.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/pack.h"
#include "seisproc/ranks.h"
#include "src/cli/command.h"
#include "src/cli/option.h"

int sp_cli_pack(int argc, char **argv);
int sp_cli_unpack(int argc, char **argv);
extern const struct argp sp_argp_pack, sp_argp_unpack;

static const double USUAL_BOUND = 1e-3; /* 60 dB below a gather's RMS */

static const struct argp_option pack_options[] = {
    {"codec", 'c', "lz4|zstd|zfp", 0,
     "lz4: fast, for work; zstd: smaller, for archives; both give back every bit. zfp: smaller still, with errors up "
     "to "
     "the bound",
     0},
    {"level", 'l', "N", 0, "lz4 1 to 12, 1 unless told; zstd 1 to 19, 3 unless told: higher is slower and smaller", 0},
    {"error-bound", 'e', "PART", 0,
     "zfp: largest error of a sample as a part of its gather's RMS; 0.001 unless told, 60 dB below it", 0},
    {"quiet", 'q', NULL, 0, "No progress and no closing line", 0},
    {0}};

static const struct argp_option unpack_options[] = {{"quiet", 'q', NULL, 0, "No progress and no closing line", 0}, {0}};

static error_t parse_file(int key, char *value, struct argp_state *state) {
  sp_pack_options *o = state->input;
  switch (key) {
  case ARGP_KEY_END:
    if (!o->output) argp_error(state, "a survey to read and the name of one to write are needed");
    return 0;
  default:
    return sp_option_conversion(key, value, state, &o->input, &o->output, &o->quiet);
  }
}

static error_t parse_pack(int key, char *value, struct argp_state *state) {
  sp_pack_options *o = state->input;
  switch (key) {
  case 'c':
    if (strcmp(value, "lz4") && strcmp(value, "zstd") && strcmp(value, "zfp")) {
      argp_error(state, "--codec: found '%.40s', allowed are lz4, zstd and zfp", value);
    }
    o->codec = value;
    return 0;
  case 'l':
    o->level = (int)sp_option_count(state, "--level", value, 1, 19);
    return 0;
  case 'e':
    o->error_bound = sp_option_number(state, "--error-bound", value, 1e-7, 0.5);
    return 0;
  case ARGP_KEY_END:
    if (!o->codec) argp_error(state, "--codec is needed: lz4, zstd or zfp");
    if (o->error_bound > 0 && strcmp(o->codec, "zfp")) argp_error(state, "--error-bound goes with --codec zfp alone");
    if (!(o->error_bound > 0)) o->error_bound = USUAL_BOUND;
    return parse_file(key, value, state);
  default:
    return parse_file(key, value, state);
  }
}

const struct argp sp_argp_pack = {
    pack_options,
    parse_pack,
    "IN.h5 OUT.h5",
    "Stores a survey in fewer bytes, in chunks of about a gather, packed by filters of HDF5 that are registered (h5py "
    "reads it with hdf5plugin).\v"
    "Packed surveys are read by all commands. Each chunk is unpacked again and compared before it counts. Cut off, the "
    "same command goes on, under any number of ranks, and ends with the same bytes. Under mpirun or srun all ranks "
    "take part.\n\n"
    "Exit status: 0 complete; 1 usage or input; 75 cut off by a write that failed, the same command goes on.",
    NULL,
    NULL,
    NULL};

const struct argp sp_argp_unpack = {unpack_options,
                                    parse_file,
                                    "IN.h5 OUT.h5",
                                    "Stores a packed survey plainly again: every dataset as one block.\v"
                                    "Goes on and ends as `seisproc pack` does.",
                                    NULL,
                                    NULL,
                                    NULL};

static int run(int argc, char **argv, const struct argp *argp) {
  sp_pack_options options = {0};
  sp_ranks ranks;
  sp_option_parse(argp, argc, argv, 0, &options);
  sp_status status = sp_ranks_start(&argc, &argv, &ranks);
  if (status != SP_SUCCESS) return sp_status_exit_code(status);
  status = sp_pack(ranks.comm, &options);
  return sp_ranks_finish(&ranks, status);
}

int sp_cli_pack(int argc, char **argv) {
  return run(argc, argv, &sp_argp_pack);
}

int sp_cli_unpack(int argc, char **argv) {
  return run(argc, argv, &sp_argp_unpack);
}
