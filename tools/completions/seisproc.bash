# SPDX-License-Identifier: BSD-3-Clause
# Completion of seisproc for bash. The program itself says what may stand where (seisproc --complete WORD...).

# Files that end so, and folders to look for them in; any without an ending.
_seisproc_files() { # WORD ENDING...
  local word=$1 pattern shopt_was
  shift
  pattern=$(IFS='|'; echo "$*")
  shopt_was=$(shopt -p extglob)
  shopt -s extglob
  if [ -n "$pattern" ]; then compgen -f -X "!*.@($pattern)" -- "$word"; else compgen -f -- "$word"; fi
  compgen -d -- "$word"
  eval "$shopt_was"
}

# Bash breaks words at = and :, the program wants them whole.
_seisproc() {
  local program=${COMP_WORDS[0]} words=() whole i line
  for ((i = 1; i <= COMP_CWORD; i++)); do
    whole=${COMP_WORDS[i]}
    if ((${#words[@]})) && [[ $whole == [=:]* || ${words[-1]} == *[=:] && ${COMP_WORDS[i - 1]} == [=:] ]]; then
      words[-1]+=$whole
    else
      words+=("$whole")
    fi
  done
  local word=${words[-1]} head
  head=${word%"${word##*[=:]}"}
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files* ]]; then
      local value=$word endings
      [[ $word == --*=* ]] && value=${word#*=}
      read -ra endings <<<"${line#:files}"
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(_seisproc_files "$value" "${endings[@]}")
    else
      COMPREPLY+=("${line#"$head"}")
    fi
  done < <("$program" --complete "${words[@]}" 2>/dev/null)
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=:.] ]] && compopt -o nospace 2>/dev/null
  return 0
}

complete -o filenames -o bashdefault -F _seisproc seisproc
