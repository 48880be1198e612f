/* SPDX-License-Identifier: BSD-3-Clause */
/* Every subcommand, one line each: SP_COMMAND(name, summary) stands for `int sp_cli_<name>(int argc, char **argv)` and
 * for the table of its options, `const struct argp sp_argp_<name>`.
 * Included several times, so without a guard. The order is that of `seisproc --help`. */
SP_COMMAND(synth, "write a synthetic survey")
SP_COMMAND(import, "turn a SEG-Y or SU file into a survey")
SP_COMMAND(info, "tell what a file holds")
SP_COMMAND(plan, "tell what a job would do")
SP_COMMAND(sweep, "try values of a parameter on some gathers")
SP_COMMAND(run, "denoise a survey as a job file says")
SP_COMMAND(campaign, "run many surveys of a manifest, and tell how they stand")
SP_COMMAND(verify, "check that an output is what was computed")
SP_COMMAND(export, "turn a survey into a SEG-Y or SU file")
SP_COMMAND(view, "draw a gather, before and after, or a slice")
SP_COMMAND(qc, "write a report on what a job did")
SP_COMMAND(compare, "tell how far two surveys are apart")
SP_COMMAND(window, "take some gathers, traces and times of a survey")
SP_COMMAND(header, "compute header columns from others")
SP_COMMAND(pack, "store a survey in fewer bytes")
SP_COMMAND(unpack, "store a packed survey plainly again")
SP_COMMAND(regroup, "write a survey in other gathers")
SP_COMMAND(doctor, "look at the machine and say what is wrong")
SP_COMMAND(help, "tell about processors and the keys of a job file")
